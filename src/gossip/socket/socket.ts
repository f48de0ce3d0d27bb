/**
 * The transport over WebSocket (RFC 6455), at the path `/gossip`. Both sides prove that they know the secret of the
 * cluster before a connection counts as open; the messages that follow are sealed. A peer that proves nothing learns nothing.
 *
 * Nodes up to 0.3.0 show the secret itself in the upgrade request instead. This node takes that from them, and does it
 * itself only if its settings say `header`, and only at a node that refuses the proof.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import {
  PeerRefusals,
  type RefusalPorts,
  type RefusedPeers,
  TOKEN_REFUSED,
} from '../../net/peerRefusals.ts';
import { certificateEnd } from '../../net/peerTls.ts';
import { ReadPace } from '../../net/readPace.ts';
import { refuse } from '../../net/refusal.ts';
import { SEAL_BYTES, type Seal } from '../../net/seal.ts';
import { Unproved } from '../../net/unproved.ts';
import {
  closeWebSocket,
  PingWatchdog,
  POLICY_VIOLATION,
  webSocketServer,
} from '../../net/webSockets.ts';
import { AcceptorProof, type Life, PROOF_SUBPROTOCOL } from '../protocol/proof.ts';
import type { ConnectionId, Transport, TransportEvent } from '../transport.ts';
import { Dialler, type DiallerSettings } from './dialler.ts';
import {
  addressOf,
  BY_CERTIFICATE,
  BY_HEADER,
  isCurrent,
  newNonce,
  ONLY_CERTIFIED,
  type Opening,
  provedOpening,
  type ShownBy,
} from './opening.ts';

export interface SocketSettings extends DiallerSettings {
  /** The most messages per second that are read from one peer. */
  readonly maxMessagesPerSecond: number;
  /** The most connections that peers may hold open to this node. */
  readonly maxConnections: number;
  /** The most connections whose other side has not proved itself yet. */
  readonly maxUnproved: number;
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

interface Connection extends Opening {
  closing: boolean;
}

export class SocketTransport implements Transport {
  readonly #refusals: PeerRefusals;
  readonly #settings: SocketSettings;
  readonly #ports: SocketPorts;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #dialler: Dialler;
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
    this.#dialler = new Dialler(settings, {
      life: ports.life,
      open: (opening) => this.#open(opening),
      failed: (url, reason) => this.#listener({ kind: 'dialFailed', url, reason }),
    });
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
    this.#dialler.dial(url);
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
    this.#dialler.stop();
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
        else if (isCurrent(proved, life, this.#settings.secrets, this.#ports.life())) {
          this.#open(provedOpening(webSocket, { dialledUrl: null, address, stream }, proved));
          return;
        }
        webSocket.terminate();
      },
      failed: (fault) => {
        if (!this.#stopped) this.#refusals.add(fault, address);
      },
    });
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
    const isEnded = (): boolean => {
      if (endsAt === null || endsAt > Date.now()) return false;
      reason = 'its certificate has ended';
      return true;
    };
    this.#watchdog.watch(socket, null, isEnded, () => {
      reason = 'it answered no pings, as a node that hangs';
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

const offersProof = ({ headers }: IncomingMessage): boolean =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .some((name) => name.trim() === PROOF_SUBPROTOCOL);

/** @returns null if the message did not come whole from the other side. */
function textOf(data: unknown, isBinary: boolean, seal: Seal | null): string | null {
  if (seal === null) return isBinary || !Buffer.isBuffer(data) ? '' : data.toString('utf8');
  return isBinary && Buffer.isBuffer(data) ? seal.open(data) : null;
}
