/** The TLS of the node's port: its certificate, and the authorities whose certificates clients may show. */
import type { X509Certificate } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
  Server as TlsServer,
} from 'node:tls';
import type { KeyPair } from '../net/certificates.ts';
import { PEER_SERVER_NAME } from '../net/peerTls.ts';
import { APPLICATION_PROTOCOLS, HANDSHAKE_TIMEOUT_MS, TLS_VERSIONS } from '../net/tlsOptions.ts';
import type { NodeTls } from './tls.ts';
import type { TlsMaterial } from './tlsFiles.ts';

/** The present certificates of a port; null if it speaks plain http. */
type ContextOf = (tls: NodeTls) => SecureContextOptions | null;

/** The port for clients, to which peers come too unless they have one of their own. */
export const clientPort: ContextOf = ({ clients, peers }) => {
  if (clients.pair === null) return null;
  const ofPeers = peers.pair === null ? [] : peers.authorities;
  return contextFor(clients.pair, [...clients.authorities, ...ofPeers]);
};

/** The port for peers alone. */
export const peerPort: ContextOf = ({ clients, peers }) => {
  if (peers.pair !== null) return contextFor(peers.pair, peers.authorities);
  return clients.pair === null ? null : contextFor(clients.pair, []);
};

export function serverTls(tls: NodeTls, contextOf: ContextOf): TlsOptions | null {
  const context = contextOf(tls);
  if (context === null) return null;
  return {
    ...context,
    ALPNProtocols: [...APPLICATION_PROTOCOLS],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: context.ca !== undefined,
    // A client with another certificate, or without one, may still show a token, or ask for the health.
    rejectUnauthorized: false,
    SNICallback: certificateFor(tls),
  };
}

/** From now on, new connections get the certificates that were read last. */
export function followCertificates(server: HttpServer, tls: NodeTls, contextOf: ContextOf): void {
  if (!(server instanceof TlsServer)) return;
  tls.onChange(() => {
    const context = contextOf(tls);
    if (context !== null) server.setSecureContext(context);
  });
}

/** Peers ask for the certificate for peers, where there is one. */
function certificateFor(tls: NodeTls): NonNullable<TlsOptions['SNICallback']> {
  let made: { readonly of: TlsMaterial; readonly context: SecureContext } | null = null;
  return (name, answer) => {
    const { peers } = tls;
    if (name !== PEER_SERVER_NAME || peers.pair === null) {
      answer(null);
      return;
    }
    if (made?.of !== peers) {
      const { pair, authorities } = peers;
      made = { of: peers, context: createSecureContext(contextFor(pair, authorities)) };
    }
    answer(null, made.context);
  };
}

const contextFor = (
  pair: KeyPair,
  authorities: readonly X509Certificate[],
): SecureContextOptions => ({
  ...TLS_VERSIONS,
  ...pair,
  ...(authorities.length > 0 && { ca: authorities.map(String) }),
});
