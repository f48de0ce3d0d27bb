/**
 * The transport over WebSocket (RFC 6455), at the path `/gossip`. A peer shows `X-Internal-Token` on
 * the upgrade request; without the right one it gets 401 before the upgrade and learns nothing.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { ConnectionId, Transport, TransportEvent } from './transport.ts';

export const GOSSIP_PATH = '/gossip';
export const TOKEN_HEADER = 'x-internal-token';

export interface SocketSettings {
  readonly token: string;
  /** Longest message of a peer, in bytes; a longer one closes the connection. */
  readonly maxMessageBytes: number;
  /** Most connections that peers may hold open to this node. */
  readonly maxConnections: number;
  /** Time for a dial to be answered, milliseconds. */
  readonly dialTimeoutMs: number;
  /** Time between pings; a peer that has sent nothing for three of them is dropped. */
  readonly pingIntervalMs: number;
}

/** Time for a closing handshake before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 1000;
const POLICY_VIOLATION = 1008;
/** The longest reason that a close frame can carry (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

interface Connection {
  readonly socket: WebSocket;
  silentPings: number;
  closing: boolean;
}

export class SocketTransport implements Transport {
  readonly #settings: SocketSettings;
  readonly #note: (level: 'info' | 'warn', text: string) => void;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #dialling = new Set<WebSocket>();
  readonly #tokenDigest: Buffer;
  readonly #pings: NodeJS.Timeout;
  #listener: (event: TransportEvent) => void = () => {};
  #lastId = 0;
  #stopped = false;
  #strangers = new Set<string>();
  /** Upgrades refused for their token. */
  rejected = 0;

  constructor(settings: SocketSettings, note: (level: 'info' | 'warn', text: string) => void) {
    this.#settings = settings;
    this.#note = note;
    this.#tokenDigest = digestOf(settings.token);
    this.#server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: settings.maxMessageBytes,
      clientTracking: false,
    });
    this.#pings = setInterval(() => this.#ping(), settings.pingIntervalMs);
    this.#pings.unref();
  }

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  /** Handles the upgrade request of a peer. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.#authentic(request)) {
      this.rejected++;
      this.#reportStranger(request.socket.remoteAddress ?? 'unknown');
      refuseUpgrade(socket, '401 Unauthorized');
      return;
    }
    if (this.#stopped || this.#connections.size >= this.#settings.maxConnections) {
      refuseUpgrade(socket, '503 Service Unavailable');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, null));
  }

  dial(url: string): void {
    const socket = new WebSocket(gossipUrl(url), {
      headers: { [TOKEN_HEADER]: this.#settings.token },
      perMessageDeflate: false,
      maxPayload: this.#settings.maxMessageBytes,
      handshakeTimeout: this.#settings.dialTimeoutMs,
      followRedirects: false,
    });
    this.#dialling.add(socket);
    let reason = 'the connection was closed';
    const failed = (): void => {
      if (!this.#dialling.delete(socket)) return;
      if (!this.#stopped) this.#listener({ kind: 'dialFailed', url, reason });
    };
    socket.on('error', (error) => {
      reason = dialReason(error);
    });
    socket.on('close', failed);
    socket.on('open', () => {
      this.#dialling.delete(socket);
      socket.off('close', failed);
      this.#open(socket, url);
    });
  }

  send(connection: ConnectionId, text: string): void {
    this.#connections.get(connection)?.socket.send(text);
  }

  bufferedBytes(connection: ConnectionId): number {
    return this.#connections.get(connection)?.socket.bufferedAmount ?? 0;
  }

  close(connection: ConnectionId, reason: string): void {
    const open = this.#connections.get(connection);
    if (open === undefined || open.closing) return;
    open.closing = true;
    open.socket.close(POLICY_VIOLATION, shortened(reason));
    setTimeout(() => open.socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#pings);
    for (const socket of this.#dialling) socket.terminate();
    const closed = [...this.#connections.values()].map(
      ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const id of this.#connections.keys()) this.close(id, 'the node is stopping');
    await Promise.all(closed);
  }

  #open(socket: WebSocket, dialledUrl: string | null): void {
    if (this.#stopped) {
      socket.terminate();
      return;
    }
    const id = ++this.#lastId;
    const connection: Connection = { socket, silentPings: 0, closing: false };
    this.#connections.set(id, connection);
    let reason = 'the connection was closed';
    socket.on('message', (data, isBinary) => {
      connection.silentPings = 0;
      if (connection.closing || this.#stopped) return;
      const text = isBinary || !Buffer.isBuffer(data) ? '' : data.toString('utf8');
      this.#listener({ kind: 'message', connection: id, text });
    });
    socket.on('pong', () => {
      connection.silentPings = 0;
    });
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', (_code, text) => {
      this.#connections.delete(id);
      if (this.#stopped) return;
      this.#listener({ kind: 'closed', connection: id, reason: text.toString() || reason });
    });
    this.#listener({ kind: 'opened', connection: id, dialledUrl });
  }

  #ping(): void {
    for (const connection of this.#connections.values()) {
      if (connection.silentPings >= 3) connection.socket.terminate();
      else if (connection.socket.readyState === WebSocket.OPEN) connection.socket.ping();
      connection.silentPings++;
    }
  }

  #authentic(request: IncomingMessage): boolean {
    const shown = request.headers[TOKEN_HEADER];
    return typeof shown === 'string' && timingSafeEqual(digestOf(shown), this.#tokenDigest);
  }

  /** Once an address, so that a misconfigured peer that tries again does not fill the log. */
  #reportStranger(address: string): void {
    if (this.#strangers.has(address) || this.#strangers.size >= 1000) return;
    this.#strangers.add(address);
    this.#note(
      'warn',
      `${address} asked for gossip with a wrong or missing X-Internal-Token and was refused`,
    );
  }
}

/** Of one length whatever the token's, so that comparing tells nothing of it. */
const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

function gossipUrl(url: string): string {
  const target = new URL(url);
  target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
  target.pathname = `${target.pathname.replace(/\/$/, '')}${GOSSIP_PATH}`;
  return target.href;
}

function dialReason(error: Error): string {
  if (/Unexpected server response: 401/.test(error.message))
    return 'it refuses our X-Internal-Token (401)';
  return error.message || 'it can not be reached';
}

function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= MAX_REASON_BYTES
    ? reason
    : bytes
        .subarray(0, MAX_REASON_BYTES - 3)
        .toString('latin1')
        .replace(/[^\x20-\x7e]/g, '?');
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
