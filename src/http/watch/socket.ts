/**
 * A watch as a WebSocket (RFC 6455): GET /watch with an upgrade. Each event is one text message.
 * Messages of the client are ignored. A dead client is found by its silence on pings, but only while no
 * bytes wait for it: a slow client has not come to the pings behind them.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, type WebSocketServer } from 'ws';
import { closeWebSocket, PingWatchdog, webSocketServer } from '../../net/webSockets.ts';
import type { WatchHub } from '../../watch/hub/hub.ts';
import type { EndReason, Sink, WatchClient, Watcher } from '../../watch/hub/watcher.ts';
import type { Callers, Identity } from '../access/callers.ts';
import { WATCH_PROTOCOL } from '../access/shown.ts';
import { answerRaw } from '../answer/answer.ts';
import { Problem, plannedProblem } from '../answer/problem.ts';
import type { AddressOf } from '../limits/clientAddress.ts';
import type { Connections } from '../limits/connections.ts';
import { ticketIn } from '../request/target.ts';
import type { WatchAdmission, WatchQuery } from './admission.ts';
import { END_SENTENCES } from './ends.ts';
import { formatFor } from './formats.ts';

export interface WatchSocketOptions {
  readonly hub: WatchHub;
  readonly admission: WatchAdmission;
  readonly connections: Pick<Connections, 'endWhenStalled'>;
  readonly callers: Callers;
  readonly addressOf: AddressOf;
  /** Time between pings, in milliseconds. */
  readonly watchPingIntervalMs: number;
}

/** Pings in a row that a client may leave unanswered while no bytes wait for it. */
const MAX_SILENT_PINGS = 4;
/** The longest message of a client, in bytes: it has nothing to say. */
const MAX_MESSAGE_BYTES = 4096;
const CODES = { goingAway: 1001, refused: 1008, failed: 1011, restarted: 1012, later: 1013 };

const ENDS: Readonly<Record<EndReason, readonly [code: number, reason: string]>> = {
  stopping: [CODES.goingAway, END_SENTENCES.stopping],
  restarted: [CODES.restarted, END_SENTENCES.restarted],
  failed: [CODES.failed, END_SENTENCES.failed],
};

/** The client can't go on with its token, here or elsewhere. */
const REVOKED = [CODES.refused, 'The token was revoked, or has expired.'] as const;

interface Client {
  readonly webSocket: WebSocket;
  readonly socket: Duplex;
}

/** Writes frames past the WebSocket, which would make them once for each client. */
class SocketSink implements Sink {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  get bufferedBytes(): number {
    return this.#client.socket.writableLength;
  }

  get drainsAboveBytes(): number {
    return this.#client.socket.writableHighWaterMark;
  }

  write(bytes: Buffer): void {
    // No frame may follow a close frame.
    if (this.#client.webSocket.readyState === WebSocket.OPEN) this.#client.socket.write(bytes);
  }

  cork(): void {
    this.#client.socket.cork();
  }

  uncork(): void {
    this.#client.socket.uncork();
  }

  end(reason: EndReason): void {
    closeWebSocket(this.#client.webSocket, ...ENDS[reason]);
  }
}

export class WatchSockets {
  readonly #options: WatchSocketOptions;
  readonly #server: WebSocketServer;
  readonly #clients = new Set<Client>();
  readonly #watchdog: PingWatchdog;

  constructor(options: WatchSocketOptions) {
    this.#options = options;
    this.#server = webSocketServer(MAX_MESSAGE_BYTES, WATCH_PROTOCOL);
    this.#server.on('wsClientError', ({ message }, socket) =>
      answerRaw(socket, new Problem(400, `The upgrade is malformed: ${message}.`)),
    );
    this.#watchdog = new PingWatchdog({
      intervalMs: options.watchPingIntervalMs,
      maxSilentPings: MAX_SILENT_PINGS,
    });
  }

  /** Handles an upgrade request for the path of the watch. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const go = (identity: Identity): void => this.#admit(identity, request, socket, head);
    const identity = this.#options.callers.identify(request, ticketIn(request.url ?? ''));
    if (identity instanceof Promise) identity.then(go, (error) => refuse(socket, error));
    else go(identity);
  }

  #admit(identity: Identity, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { admission, callers } = this.#options;
    try {
      const caller = callers.require(identity, 'watch');
      const query = admission.readQuery(request);
      callers.requirePace(caller, null);
      callers.requireWithin(caller, query.prefix);
      admission.requireValues(caller, query);
      admission.refuse(request);
      let webSocket: WebSocket | null = null;
      const release = callers.holdWatch(caller, () => {
        if (webSocket === null) socket.destroy();
        else closeWebSocket(webSocket, ...REVOKED);
      });
      // Also where the upgrade is malformed, and no WebSocket comes.
      socket.once('close', release);
      this.#server.handleUpgrade(request, socket, head, (opened) => {
        webSocket = opened;
        const client = { webSocket: opened, socket };
        this.#clients.add(client);
        this.#watchdog.watch(opened, socket);
        this.#options.connections.endWhenStalled(socket);
        const told = { caller: caller.proof.id, address: this.#options.addressOf(request) };
        void this.#serve(client, query, { over: 'socket', ...told });
      });
    } catch (error) {
      refuse(socket, error);
    }
  }

  /** Tells every client that the node is stopping. The hub ends the watches. */
  stop(): void {
    this.#watchdog.stop();
    for (const { webSocket } of this.#clients) closeWebSocket(webSocket, ...ENDS.stopping);
  }

  /** A cursor's fault is told once the connection is open: a page can't see it before. */
  async #serve(client: Client, query: WatchQuery, who: WatchClient): Promise<void> {
    const { webSocket, socket } = client;
    const { hub, admission } = this.#options;
    const closed = new AbortController();
    let watcher: Watcher | null = null;
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => {
      this.#clients.delete(client);
      closed.abort();
      if (watcher !== null) hub.remove(watcher);
    });
    try {
      const admitted = await admission.admitCursor(query.cursor, closed.signal);
      if (closed.signal.aborted || webSocket.readyState !== WebSocket.OPEN) return;
      admission.requireServing();
      const format = formatFor('socket', query);
      const opened = hub.open(
        { ...query, ...admitted, format, client: who },
        new SocketSink(client),
      );
      watcher = opened;
      socket.on('drain', () => hub.drained(opened));
    } catch (error) {
      const problem = plannedProblem(error);
      if (problem === undefined) closeWebSocket(webSocket, ...ENDS.failed);
      else if (problem.status === 503) closeWebSocket(webSocket, CODES.later, problem.detail);
      else closeWebSocket(webSocket, CODES.refused, problem.detail);
    }
  }
}

/** Answers the upgrade in HTTP. */
function refuse(socket: Duplex, error: unknown): void {
  answerRaw(
    socket,
    plannedProblem(error) ?? new Problem(500, 'The node could not answer; its log says why.'),
  );
}
