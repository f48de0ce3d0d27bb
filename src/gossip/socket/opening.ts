/**
 * A connection that is about to open, and the ways in which its other side has shown that it may speak.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ClusterSecret, ClusterSecrets } from '../../net/clusterSecrets.ts';
import { type Seal, sealOf } from '../../net/seal.ts';
import type { Proved } from '../../net/unproved.ts';
import { type Life, NONCE_BYTES } from '../protocol/proof.ts';
import type { ProvedPeer } from '../transport.ts';

export const GOSSIP_PATH = '/gossip';
/** The status of the answer to a peer that shows no certificate, where nothing else counts. */
export const ONLY_CERTIFIED = 403;

/** The way in which a peer shows that it may speak. */
export type ShownBy = 'challenge' | 'header' | 'mtls';

export interface Place {
  readonly dialledUrl: string | null;
  readonly address: string;
  /** The connection under the WebSocket. */
  readonly stream: Duplex;
}

export interface Opening extends Place {
  readonly socket: WebSocket;
  readonly shownBy: ShownBy;
  /** The secret that opened it; null if none did. */
  readonly secret: ClusterSecret | null;
  readonly seal: Seal | null;
  readonly proved: ProvedPeer | null;
}

export const BY_HEADER = { shownBy: 'header', seal: null, proved: null } as const;
export const BY_CERTIFICATE = { shownBy: 'mtls', seal: null, secret: null } as const;

/** Whether the proof is of the present life of the node, and by a secret that still counts. */
export const isCurrent = (
  { key }: Proved,
  provedIn: Life,
  secrets: ClusterSecrets,
  present: Life,
): boolean => present.origin === provedIn.origin && secrets.has(key);

/** The opening of a connection by a proof, whose messages are sealed by it. */
export const provedOpening = (
  socket: WebSocket,
  place: Place,
  { key, nonces, peer }: Proved,
): Opening => ({
  ...place,
  socket,
  shownBy: 'challenge',
  secret: key,
  seal: sealOf(key, nonces, place.dialledUrl === null ? 'acceptor' : 'dialler'),
  proved: peer,
});

/** The address of the other side; an IPv4 address in its own form, even if the socket is of IPv6. */
export const addressOf = ({ socket }: IncomingMessage): string =>
  (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');

export const newNonce = (): string => randomBytes(NONCE_BYTES).toString('base64url');
