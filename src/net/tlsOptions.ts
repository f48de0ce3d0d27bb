/**
 * The TLS that a node speaks, to clients and to peers: TLS 1.2 and 1.3 with forward secrecy alone (RFC 9325,
 * section 4.2).
 */
import type { SecureContextOptions } from 'node:tls';

/** The suites of TLS 1.3, then those of TLS 1.2. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

export const TLS_VERSIONS = {
  minVersion: 'TLSv1.2',
  ciphers: CIPHERS,
} as const satisfies SecureContextOptions;

/** The only protocol that a node speaks in TLS (RFC 7301). */
export const APPLICATION_PROTOCOLS: readonly string[] = ['http/1.1'];

/** A handshake that has not ended by then is cut off, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
