/**
 * The transport over WebSocket (RFC 6455), at the path `/gossip`. Both sides prove that they know the secret of the
 * cluster before a connection counts as open; the messages that follow are sealed. A peer that proves nothing learns nothing.
 *
 * Nodes up to 0.3.0 show the secret itself in the upgrade request instead. This node takes that from them, and does it
 * itself only if its settings say `header`, and only at a node that refuses the proof.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, type WebSocketServer } from 'ws';
import { type ClusterSecret, type ClusterSecrets, TOKEN_HEADER } from '../net/clusterSecrets.ts';
import {
  CHANGED,
  PeerRefusals,
  PROOF_UNKNOWN,
  type RefusalPorts,
  type RefusedPeers,
  reasonOf,
  TOKEN_REFUSED,
} from '../net/peerRefusals.ts';
import { certificateEnd, NOT_CERTIFIED, type PeerTls, tlsFaultOf } from '../net/peerTls.ts';
import { ReadPace } from '../net/readPace.ts';
import { refuse } from '../net/refusal.ts';
import { SEAL_BYTES, type Seal, sealOf } from '../net/seal.ts';
import { type Proved, prove, Unproved } from '../net/unproved.ts';
import {
  closeWebSocket,
  PingWatchdog,
  POLICY_VIOLATION,
  webSocketServer,
} from '../net/webSockets.ts';
import { memberUrl } from '../words/opRules.ts';
import {
  AcceptorProof,
  DiallerProof,
  type Life,
  NONCE_BYTES,
  PROOF_SUBPROTOCOL,
} from './protocol/proof.ts';
import type { ConnectionId, ProvedPeer, Transport, TransportEvent } from './transport.ts';

export const GOSSIP_PATH = '/gossip';

export interface SocketSettings {
  readonly peerAuth: 'challenge' | 'header' | 'mtls';
  readonly secrets: ClusterSecrets;
  /** Absent: peers have no certificates, but for those that the system trusts. */
  readonly tls?: PeerTls;
  /** The name of the cluster. */
  readonly cluster: string;
  /** The longest message of a peer, in bytes; a longer one closes the connection. */
  readonly maxMessageBytes: number;
  /** The most messages per second that are read from one peer. */
  readonly maxMessagesPerSecond: number;
  /** The most connections that peers may hold open to this node. */
  readonly maxConnections: number;
  /** The most connections whose other side has not proved itself yet. */
  readonly maxUnproved: number;
  /** The time in which the other side must prove itself, in milliseconds. */
  readonly proofTimeoutMs: number;
  /** The time in which a dial must be answered, in milliseconds. */
  readonly dialTimeoutMs: number;
  /**
   * The time between pings, in milliseconds; a peer that has sent nothing for three of them is dropped.
   */
  readonly pingIntervalMs: number;
}

export interface SocketPorts extends RefusalPorts {
  /** The present life of this node. */
  readonly life: () => Life;
}

const MAX_SILENT_PINGS = 3;

/** The way in which a peer shows that it may speak. */
export type ShownBy = 'challenge' | 'header' | 'mtls';

interface Place {
  readonly dialledUrl: string | null;
  readonly address: string;
  /** The connection under the WebSocket. */
  readonly stream: Duplex;
}

interface Opening extends Place {
  readonly socket: WebSocket;
  readonly shownBy: ShownBy;
  /** The secret that opened it; null if none did. */
  readonly secret: ClusterSecret | null;
  readonly seal: Seal | null;
  readonly proved: ProvedPeer | null;
}

interface Connection extends Opening {
  closing: boolean;
}

const BY_HEADER = { shownBy: 'header', seal: null, proved: null } as const;
const BY_CERTIFICATE = { shownBy: 'mtls', seal: null, secret: null } as const;

export class SocketTransport implements Transport {
  readonly #refusals: PeerRefusals;
  readonly #settings: SocketSettings;
  readonly #ports: SocketPorts;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #dialling = new Set<WebSocket>();
  readonly #unproved: Unproved;
  readonly #watchdog: PingWatchdog;
  readonly #pace: ReadPace;
  #listener: (event: TransportEvent) => void = () => {};
  #lastId = 0;
  #stopped = false;

  constructor(settings: SocketSettings, ports: SocketPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#refusals = new PeerRefusals(ports);
    this.#server = webSocketServer(settings.maxMessageBytes + SEAL_BYTES, PROOF_SUBPROTOCOL);
    this.#unproved = new Unproved(settings.maxUnproved);
    this.#pace = new ReadPace(settings.maxMessagesPerSecond);
    this.#watchdog = new PingWatchdog({
      intervalMs: settings.pingIntervalMs,
      maxSilentPings: MAX_SILENT_PINGS,
    });
  }

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  /** Handles the upgrade request of a peer. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = addressOf(request);
    const { secrets, tls, peerAuth } = this.#settings;
    const isOffer = offersProof(request);
    const certified = isOffer ? null : (tls?.peerOn(socket) ?? null);
    if (peerAuth === 'mtls' && certified === null) {
      this.#refusals.add('certificate', address);
      refuse(socket, { status: ONLY_CERTIFIED });
      return;
    }
    const secret = isOffer || certified !== null ? null : secrets.shownBy(request);
    if (!isOffer && certified === null && secret === null) {
      this.#refusals.add('token', address);
      refuse(socket, { status: 401 });
      return;
    }
    if (this.#isFull) {
      this.#refusals.add('full', address);
      refuse(socket, { status: 503 });
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const place = { socket: webSocket, dialledUrl: null, address, stream: socket };
      if (isOffer) this.#accept(webSocket, socket, address);
      else if (certified !== null) this.#open({ ...BY_CERTIFICATE, ...place, proved: certified });
      else this.#open({ ...BY_HEADER, ...place, secret });
    });
  }

  dial(url: string): void {
    this.#dial(url, this.#settings.peerAuth === 'mtls' ? 'mtls' : 'challenge');
  }

  send(connection: ConnectionId, text: string): void {
    const open = this.#connections.get(connection);
    if (open === undefined || open.closing) return;
    open.socket.send(open.seal === null ? text : open.seal.seal(text));
  }

  bufferedBytes(connection: ConnectionId): number {
    return this.#connections.get(connection)?.socket.bufferedAmount ?? 0;
  }

  close(connection: ConnectionId, reason: string): void {
    const open = this.#connections.get(connection);
    if (open === undefined || open.closing) return;
    open.closing = true;
    closeWebSocket(open.socket, POLICY_VIOLATION, reason);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watchdog.stop();
    this.#pace.stop();
    this.#unproved.stop();
    for (const socket of this.#dialling) socket.terminate();
    const closed = [...this.#connections.values()].map(
      ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const id of this.#connections.keys()) this.close(id, 'the node is stopping');
    await Promise.all(closed);
  }

  /** The secrets were replaced: a connection that an earlier one opened does not outlive it. */
  closeUnknown(): void {
    const { secrets } = this.#settings;
    for (const [id, { secret }] of this.#connections)
      if (secret !== null && !secrets.has(secret))
        this.close(id, 'the secret by which it was opened has been replaced');
  }

  /** The certificates were replaced: a connection that was opened by one that counts no more does not outlive it. */
  closeUncertified(): void {
    const { tls } = this.#settings;
    for (const [id, { shownBy, stream }] of this.#connections)
      if (shownBy === 'mtls' && (tls?.peerOn(stream) ?? null) === null)
        this.close(id, 'the certificate by which it was opened counts no more');
  }

  /** Peers that were refused before they had proved themselves. */
  get refused(): RefusedPeers {
    return this.#refusals.counts;
  }

  /** The number of times that a peer sent more than is read per second. */
  get pauses(): number {
    return this.#pace.pauses;
  }

  /** The number of connections whose other side has not proved itself yet. */
  get unproved(): number {
    return this.#unproved.size;
  }

  /** Open connections, by the way in which the peers were let in. */
  get openBy(): Readonly<Record<ShownBy, number>> {
    const count = { challenge: 0, header: 0, mtls: 0 };
    for (const { shownBy } of this.#connections.values()) count[shownBy]++;
    return count;
  }

  get #isFull(): boolean {
    return this.#stopped || this.#connections.size >= this.#settings.maxConnections;
  }

  #accept(webSocket: WebSocket, stream: Duplex, address: string): void {
    const life = this.#ports.life();
    this.#unproved.add({
      webSocket,
      stream,
      proof: new AcceptorProof(life, this.#settings.secrets.all, newNonce()),
      timeoutMs: this.#settings.proofTimeoutMs,
      refusal: TOKEN_REFUSED,
      proved: (proved) => {
        if (this.#isFull) this.#refusals.add('full', address);
        else if (this.#isCurrent(proved, life)) {
          this.#openProved(webSocket, { dialledUrl: null, address, stream }, proved);
          return;
        }
        webSocket.terminate();
      },
      failed: (fault) => {
        if (!this.#stopped) this.#refusals.add(fault, address);
      },
    });
  }

  #dial(url: string, way: ShownBy): void {
    const socket = this.#socketTo(url, way);
    if (typeof socket === 'string') {
      setImmediate(() => {
        if (!this.#stopped) this.#listener({ kind: 'dialFailed', url, reason: socket });
      });
      return;
    }
    this.#dialling.add(socket);
    let reason = 'the connection was closed';
    let isRefused = false;
    let stream: Duplex | null = null;
    let address = '';
    const failed = (): void => {
      if (!this.#dialling.delete(socket) || this.#stopped) return;
      // An older node: the settings say whether it is shown the secret.
      if (isRefused && way === 'challenge' && this.#settings.peerAuth === 'header')
        this.#dial(url, 'header');
      else this.#listener({ kind: 'dialFailed', url, reason });
    };
    socket.on('error', (error) => {
      isRefused = /Unexpected server response: 401/.test(error.message);
      reason = dialReason(error, way, url);
    });
    socket.on('close', failed);
    socket.on('upgrade', (response) => {
      stream = response.socket;
      address = addressOf(response);
    });
    socket.on('open', () => {
      socket.off('close', failed);
      if (stream === null) return;
      const place = { dialledUrl: url, address, stream };
      const fail = (why: string | undefined): void => {
        reason = why ?? reason;
        failed();
      };
      if (way === 'header') {
        this.#dialling.delete(socket);
        const [secret] = this.#settings.secrets.all;
        this.#open({ ...BY_HEADER, ...place, socket, secret });
      } else if (way === 'mtls') this.#openCertified(socket, place, fail);
      else this.#proveTo(socket, stream, place, fail);
    });
  }

  #proveTo(
    socket: WebSocket,
    stream: Duplex,
    place: Place,
    failed: (reason: string | undefined) => void,
  ): void {
    const life = this.#ports.life();
    const { cluster, secrets } = this.#settings;
    const proof = new DiallerProof(life, cluster, secrets.all, newNonce());
    prove({
      webSocket: socket,
      stream,
      proof,
      timeoutMs: this.#settings.proofTimeoutMs,
      refusal: TOKEN_REFUSED,
      proved: (proved) => {
        if (this.#isCurrent(proved, life)) {
          this.#dialling.delete(socket);
          this.#openProved(socket, place, proved);
        } else {
          socket.terminate();
          failed(CHANGED);
        }
      },
      failed: (fault) => failed(reasonOf(fault)),
    });
    socket.send(proof.opening);
  }

  /** The node at the URL must be one of this cluster by its certificate, too. */
  #openCertified(socket: WebSocket, place: Place, failed: (reason: string) => void): void {
    const proved = this.#settings.tls?.peerOn(place.stream) ?? null;
    if (proved === null) {
      socket.terminate();
      failed(NOT_CERTIFIED);
      return;
    }
    this.#dialling.delete(socket);
    this.#open({ ...BY_CERTIFICATE, ...place, socket, proved });
  }

  /** A text with the reason why the URL is not dialled: it is malformed, for a peer may have named it, or plain. */
  #socketTo(url: string, way: ShownBy): WebSocket | string {
    const { tls } = this.#settings;
    const target = memberUrl(url);
    if (target === null) return NOT_DIALLED;
    const refusal = tls?.refusalOf(target) ?? null;
    if (refusal !== null) return refusal;
    const headers = way === 'header' ? { [TOKEN_HEADER]: this.#settings.secrets.shown } : {};
    try {
      return new WebSocket(
        target.replace(/^http/, 'ws') + GOSSIP_PATH,
        way === 'challenge' ? [PROOF_SUBPROTOCOL] : [],
        {
          headers,
          perMessageDeflate: false,
          maxPayload: this.#settings.maxMessageBytes + SEAL_BYTES,
          handshakeTimeout: this.#settings.dialTimeoutMs,
          followRedirects: false,
          ...(tls && target.startsWith('https:') && { createConnection: tls.connection(target) }),
        },
      );
    } catch {
      return NOT_DIALLED;
    }
  }

  /** Whether the proof is of this life of the node, and by a secret that still counts. */
  #isCurrent({ key }: Proved, { origin }: Life): boolean {
    return this.#ports.life().origin === origin && this.#settings.secrets.has(key);
  }

  #openProved(socket: WebSocket, place: Place, { key, nonces, peer }: Proved): void {
    const seal = sealOf(key, nonces, place.dialledUrl === null ? 'acceptor' : 'dialler');
    this.#open({ ...place, socket, shownBy: 'challenge', secret: key, seal, proved: peer });
  }

  #open(opening: Opening): void {
    const { socket, dialledUrl, address, proved, seal } = opening;
    if (this.#stopped) {
      socket.terminate();
      return;
    }
    const id = ++this.#lastId;
    const connection: Connection = { ...opening, closing: false };
    this.#connections.set(id, connection);
    let reason = 'the connection was closed';
    const endsAt = certificateEnd(opening.stream);
    this.#watchdog.watch(socket, null, () => {
      if (endsAt === null || endsAt > Date.now()) return false;
      reason = 'its certificate has ended';
      return true;
    });
    this.#pace.watch(socket);
    socket.on('message', (data, isBinary) => {
      if (connection.closing || this.#stopped) return;
      const text = textOf(data, isBinary, seal);
      if (text === null) {
        reason = 'a message of it was changed on its way';
        socket.terminate();
      } else this.#listener({ kind: 'message', connection: id, text });
    });
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', (_code, text) => {
      this.#connections.delete(id);
      if (this.#stopped) return;
      this.#listener({ kind: 'closed', connection: id, reason: text.toString() || reason });
    });
    const facts = { kind: 'opened', connection: id, dialledUrl, address } as const;
    this.#listener(proved === null ? facts : { ...facts, proved });
  }
}

const NOT_DIALLED = 'it is no URL that a node can dial';
/** The status of the answer to a peer that shows no certificate, where nothing else counts. */
const ONLY_CERTIFIED = 403;

/** A node that speaks TLS hangs up without a word, and so does one that ends. */
const HUNG_UP = 'it hung up without an answer: if it speaks TLS, name it by https';

function dialReason(error: Error, way: ShownBy, url: string): string {
  const [, status] = /Unexpected server response: (\d+)/.exec(error.message) ?? [];
  if (Number(status) === ONLY_CERTIFIED) return NOT_CERTIFIED;
  if (status === '401')
    return { header: TOKEN_REFUSED, challenge: PROOF_UNKNOWN, mtls: NOT_CERTIFIED }[way];
  if (error.message === 'socket hang up' && url.startsWith('http:')) return HUNG_UP;
  return tlsFaultOf(error) ?? (error.message || 'it can not be reached');
}

/** The address of the other side; an IPv4 address in its own form, even if the socket is of IPv6. */
const addressOf = ({ socket }: IncomingMessage): string =>
  (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');

const offersProof = ({ headers }: IncomingMessage): boolean =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .some((name) => name.trim() === PROOF_SUBPROTOCOL);

/** @returns null if the message did not come whole from the other side. */
function textOf(data: unknown, isBinary: boolean, seal: Seal | null): string | null {
  if (seal === null) return isBinary || !Buffer.isBuffer(data) ? '' : data.toString('utf8');
  return isBinary && Buffer.isBuffer(data) ? seal.open(data) : null;
}

const newNonce = (): string => randomBytes(NONCE_BYTES).toString('base64url');
