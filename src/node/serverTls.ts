/** The TLS of the node's port: its certificate, and the authorities whose certificates clients may show. */
import type { Server as HttpServer } from 'node:http';
import { type SecureContextOptions, type TlsOptions, Server as TlsServer } from 'node:tls';
import { APPLICATION_PROTOCOLS, HANDSHAKE_TIMEOUT_MS, TLS_VERSIONS } from '../net/tlsOptions.ts';
import type { NodeTls } from './tls.ts';

/** @returns null if the node speaks no TLS to clients. */
export function serverTls(tls: NodeTls): TlsOptions | null {
  const context = contextOf(tls);
  if (context === null) return null;
  return {
    ...context,
    ALPNProtocols: [...APPLICATION_PROTOCOLS],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: context.ca !== undefined,
    // A client with another certificate, or without one, may still show a token, or ask for the health.
    rejectUnauthorized: false,
  };
}

/** From now on, new connections get the certificates that were read last. */
export function followCertificates(server: HttpServer, tls: NodeTls): void {
  if (!(server instanceof TlsServer)) return;
  tls.onChange(() => {
    const context = contextOf(tls);
    if (context !== null) server.setSecureContext(context);
  });
}

function contextOf({ clients: { pair, authorities } }: NodeTls): SecureContextOptions | null {
  if (pair === null) return null;
  const ca = authorities.length === 0 ? {} : { ca: authorities.map(String) };
  return { ...TLS_VERSIONS, ...pair, ...ca };
}
