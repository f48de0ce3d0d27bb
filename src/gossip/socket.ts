/**
 * The transport over WebSocket (RFC 6455), at the path `/gossip`. A peer shows `X-Internal-Token` on
 * the upgrade request. Without the right token it gets 401 before the upgrade and learns nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, type WebSocketServer } from 'ws';
import { TOKEN_HEADER, tokenCheck } from '../net/internalToken.ts';
import { ReadPace } from '../net/readPace.ts';
import { refuse } from '../net/refusal.ts';
import { closeWebSocket, PingWatchdog, webSocketServer } from '../net/webSockets.ts';
import { memberUrl } from '../words/opRules.ts';
import type { ConnectionId, Transport, TransportEvent } from './transport.ts';

export const GOSSIP_PATH = '/gossip';

export interface SocketSettings {
  readonly token: string;
  /** The longest message of a peer, in bytes; a longer one closes the connection. */
  readonly maxMessageBytes: number;
  /** The most messages per second that are read from one peer. */
  readonly maxMessagesPerSecond: number;
  /** The most connections that peers may hold open to this node. */
  readonly maxConnections: number;
  /** The time in which a dial must be answered, in milliseconds. */
  readonly dialTimeoutMs: number;
  /**
   * The time between pings, in milliseconds; a peer that has sent nothing for three of them is dropped.
   */
  readonly pingIntervalMs: number;
}

const POLICY_VIOLATION = 1008;
const MAX_SILENT_PINGS = 3;

interface Connection {
  readonly socket: WebSocket;
  closing: boolean;
}

export class SocketTransport implements Transport {
  readonly #settings: SocketSettings;
  readonly #note: (level: 'info' | 'warn', text: string) => void;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #dialling = new Set<WebSocket>();
  readonly #showsToken: (request: IncomingMessage) => boolean;
  readonly #watchdog: PingWatchdog;
  readonly #pace: ReadPace;
  #listener: (event: TransportEvent) => void = () => {};
  #lastId = 0;
  #stopped = false;
  #strangers = new Set<string>();
  /** The number of upgrades refused for their token. */
  rejected = 0;

  constructor(settings: SocketSettings, note: (level: 'info' | 'warn', text: string) => void) {
    this.#settings = settings;
    this.#note = note;
    this.#showsToken = tokenCheck(settings.token);
    this.#server = webSocketServer(settings.maxMessageBytes);
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
    if (!this.#showsToken(request)) {
      this.rejected++;
      this.#reportStranger(addressOf(request));
      refuse(socket, { status: 401 });
      return;
    }
    if (this.#stopped || this.#connections.size >= this.#settings.maxConnections) {
      refuse(socket, { status: 503 });
      return;
    }
    const address = addressOf(request);
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#open(webSocket, null, address),
    );
  }

  dial(url: string): void {
    const socket = this.#socketTo(url);
    if (socket === null) {
      setImmediate(() => {
        if (this.#stopped) return;
        this.#listener({ kind: 'dialFailed', url, reason: 'it is no URL that a node can dial' });
      });
      return;
    }
    this.#dialling.add(socket);
    let reason = 'the connection was closed';
    let address = '';
    const failed = (): void => {
      if (!this.#dialling.delete(socket)) return;
      if (!this.#stopped) this.#listener({ kind: 'dialFailed', url, reason });
    };
    socket.on('error', (error) => {
      reason = dialReason(error);
    });
    socket.on('close', failed);
    socket.on('upgrade', (response) => {
      address = addressOf(response);
    });
    socket.on('open', () => {
      this.#dialling.delete(socket);
      socket.off('close', failed);
      this.#open(socket, url, address);
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
    closeWebSocket(open.socket, POLICY_VIOLATION, reason);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watchdog.stop();
    this.#pace.stop();
    for (const socket of this.#dialling) socket.terminate();
    const closed = [...this.#connections.values()].map(
      ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const id of this.#connections.keys()) this.close(id, 'the node is stopping');
    await Promise.all(closed);
  }

  /** The number of times that a peer sent more than is read per second. */
  get pauses(): number {
    return this.#pace.pauses;
  }

  /** Null if the URL is malformed: a peer may have named it. */
  #socketTo(url: string): WebSocket | null {
    const target = memberUrl(url);
    if (target === null) return null;
    try {
      return new WebSocket(target.replace(/^http/, 'ws') + GOSSIP_PATH, {
        headers: { [TOKEN_HEADER]: this.#settings.token },
        perMessageDeflate: false,
        maxPayload: this.#settings.maxMessageBytes,
        handshakeTimeout: this.#settings.dialTimeoutMs,
        followRedirects: false,
      });
    } catch {
      return null;
    }
  }

  #open(socket: WebSocket, dialledUrl: string | null, address: string): void {
    if (this.#stopped) {
      socket.terminate();
      return;
    }
    const id = ++this.#lastId;
    const connection: Connection = { socket, closing: false };
    this.#connections.set(id, connection);
    this.#watchdog.watch(socket);
    this.#pace.watch(socket);
    let reason = 'the connection was closed';
    socket.on('message', (data, isBinary) => {
      if (connection.closing || this.#stopped) return;
      const text = isBinary || !Buffer.isBuffer(data) ? '' : data.toString('utf8');
      this.#listener({ kind: 'message', connection: id, text });
    });
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', (_code, text) => {
      this.#connections.delete(id);
      if (this.#stopped) return;
      this.#listener({ kind: 'closed', connection: id, reason: text.toString() || reason });
    });
    this.#listener({ kind: 'opened', connection: id, dialledUrl, address });
  }

  /** Once for each address, so that a misconfigured peer that tries again does not fill the log. */
  #reportStranger(address: string): void {
    if (this.#strangers.has(address) || this.#strangers.size >= 1000) return;
    this.#strangers.add(address);
    this.#note(
      'warn',
      `${address} asked for gossip with a wrong or missing X-Internal-Token and was refused`,
    );
  }
}

/** The address of the other side; an IPv4 address in its own form, even if the socket is of IPv6. */
const addressOf = ({ socket }: IncomingMessage): string =>
  (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');

/** Ends a sentence about a peer. */
export const TOKEN_REFUSED =
  'it has another token; start both nodes with the same --internal-token-file or --internal-token';

function dialReason(error: Error): string {
  if (/Unexpected server response: 401/.test(error.message)) return TOKEN_REFUSED;
  return error.message || 'it can not be reached';
}
