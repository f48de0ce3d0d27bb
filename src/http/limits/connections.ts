/**
 * The connections of the server, and the bounds on all together.
 *
 * Invariants: a client that reads nothing of its answers loses its connection; and however many connections clients
 * hold, some are reserved for peers and for the health of the node: a reserved one without a request under
 * way is closed when the next connection comes.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { holderOf } from '../../access/addressHolder.ts';
import type { Networks } from '../../net/networks.ts';
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { Problem } from '../answer/problem.ts';
import { type AddressOf, clientAddress } from './clientAddress.ts';
import { Connection, type EndedFor, type UnreadableFor } from './connection.ts';
import { HolderCounts } from './holderCounts.ts';
import { REDUCED_CAPACITY } from './problems.ts';
import { tooManyAnswers } from './quotas.ts';
import { ALWAYS_ANSWERED } from './shedding.ts';
import { LOOK_INTERVAL_MS } from './silenceTimer.ts';
import { UnreadAnswers } from './unreadAnswers.ts';

export interface ConnectionsOptions {
  readonly limits: Pick<
    Limits,
    | 'maxConnections'
    | 'maxSpareConnections'
    | 'maxConnectionsPerAddress'
    | 'maxPipelinedRequests'
    | 'maxAnswerBytes'
    | 'minAnswerBytesPerSecond'
  >;
  /** A client that reads nothing of its answer for this many milliseconds loses its connection. */
  readonly sendTimeoutMs: number;
  /** Many clients share the addresses of these: their connections count in all, and not by address. */
  readonly trustedProxies: Networks;
}

/** The reason why a request was refused. */
export type RefusedFor = 'connections' | 'answers' | 'address';

export class Connections {
  readonly ended: Record<EndedFor, number> = {
    pipeline: 0,
    stalled: 0,
    idle: 0,
    slow: 0,
    answers: 0,
    dropped: 0,
    full: 0,
    address: 0,
    upgrade: 0,
  };
  /** Requests that were refused, by the reason. */
  readonly refused: Record<RefusedFor, number> = { connections: 0, answers: 0, address: 0 };
  /** Requests that could not be read, by the reason. */
  readonly unread: Record<UnreadableFor, number> = { header: 0, chunk: 0, time: 0, form: 0 };
  readonly answers: UnreadAnswers;
  /** The node is about to stop: each answer ends its connection, so that no client is left on one. */
  isLeaving = false;
  readonly #options: ConnectionsOptions;
  readonly #addressOf: AddressOf;
  readonly #connections = new Map<Duplex, Connection>();
  /** By the holder of the address of the other end. */
  readonly #byHolder = new HolderCounts();
  /** By the two addresses and ports, those whose handshake of TLS is under way among them. */
  readonly #byPair = new Map<string, Connection>();
  /** Those above the bound, the oldest first. */
  readonly #spare = new Set<Connection>();
  /** Requests that have come and are not answered yet. */
  #pending = 0;
  #becameIdle: (() => void) | null = null;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.answers = new UnreadAnswers(options);
    this.#addressOf = clientAddress(options.trustedProxies);
  }

  /** A client that takes and sends nothing for this many milliseconds loses its connection. */
  get sendTimeoutMs(): number {
    return this.#options.sendTimeoutMs;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Follows the server's connections from now on. */
  attach(server: Server): void {
    server.timeout = this.#options.sendTimeoutMs;
    server.on('connection', (socket) => this.#open(socket));
    // Of a server that speaks TLS, after the handshake.
    server.on('secureConnection', (socket: Socket) => this.#secured(socket));
    server.on('timeout', (socket) => this.#onSilence(socket));
    const timer = setInterval(() => {
      for (const connection of this.#connections.values()) connection.lookForSilence();
    }, LOOK_INTERVAL_MS);
    timer.unref();
    server.once('close', () => clearInterval(timer));
  }

  /**
   * Takes a request, and calls the handler once the requests before it are answered. So a GET after a
   * PUT on one connection reads the value of the PUT (RFC 9112, section 9.3.2).
   */
  take(request: IncomingMessage, response: ServerResponse, handle: () => void): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return;
    this.#pending++;
    if (this.isLeaving) response.shouldKeepAlive = false;
    connection.take(response, handle);
  }

  /**
   * The body under way has a bound on its silence, and none on its length in time.
   *
   * @returns a function to call once its answer is complete.
   */
  streams(socket: Duplex): () => void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return () => {};
    connection.isStreaming = true;
    return () => {
      connection.isStreaming = false;
    };
  }

  /** Whether the time that Node gives a whole request does not count. */
  isStreaming(socket: Duplex): boolean {
    return this.#connections.get(socket)?.isStreaming ?? false;
  }

  /** Resolves once no request is under way. To be called once. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return;
    const idle = Promise.withResolvers<void>();
    this.#becameIdle = idle.resolve;
    await idle.promise;
  }

  /** The answer that is under way is the connection's last. */
  dropBehind(socket: Duplex | null): void {
    if (socket !== null) this.#connections.get(socket)?.dropBehind();
  }

  /**
   * Refuses requests on connections above the bound, and reads while too many bytes of answers wait.
   *
   * @throws Problem 429 if too many of them wait for the address of the client, 503
   */
  requireRoom(request: IncomingMessage, path: string): void {
    if (this.#spare.size === 0 && this.answers.bytes === 0) return;
    if (ALWAYS_ANSWERED.has(path)) return;
    if (this.#connections.get(request.socket)?.isSpare) {
      this.refused.connections++;
      throw overloaded('There are too many connections: try again, or ask another node.');
    }
    if (request.method === 'GET' || request.method === 'POST') this.requireRoomForAnswer(request);
  }

  /** To be asked again where a while has passed since the request came. @throws Problem 429, 503 */
  requireRoomForAnswer(request: IncomingMessage): void {
    if (this.answers.bytes === 0) return;
    if (!this.answers.hasShare(this.#addressOf(request))) {
      this.refused.address++;
      throw tooManyAnswers();
    }
    if (this.answers.isFull) {
      this.refused.answers++;
      throw overloaded('Too many answers are still being sent: try again.');
    }
  }

  /** Counts the unsent bytes of an answer that was just written. */
  sending(response: ServerResponse): void {
    // A watch goes on, and has a bound of its own.
    if (response.writableLength === 0 || !response.writableEnded || response.closed) return;
    this.answers.add(response, this.#addressOf(response.req), (reason) => {
      this.end(response.req.socket, reason);
    });
  }

  /** Ends a connection that is still open, and counts it. */
  end(socket: Duplex, reason: EndedFor): void {
    this.#connections.get(socket)?.end(reason);
  }

  /**
   * Notes an upgrade of the connection.
   *
   * @returns false if an answer is still due on the connection. It would come in the middle of the
   *   other protocol, so the connection is destroyed.
   */
  upgrade(socket: Duplex): boolean {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return !socket.destroyed;
    return connection.upgrade();
  }

  /** Ends an upgraded connection whose other side reads nothing of the waiting bytes. */
  endWhenStalled(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !(socket instanceof Socket)) return;
    socket.setTimeout(this.#options.sendTimeoutMs, () => {
      if (socket.writableLength > 0) connection.end('stalled');
    });
  }

  /**
   * Handles bytes that can't be read as HTTP. The requests before them are answered first.
   *
   * @param answer called when its turn has come, with the response that it replaces, if there is one.
   */
  unreadable(
    socket: Duplex,
    reason: UnreadableFor,
    answer: (instead: ServerResponse | null) => void,
  ): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.unreadable(answer)) this.unread[reason]++;
  }

  #open(socket: Socket): void {
    const { limits, trustedProxies } = this.#options;
    const { maxConnections, maxSpareConnections, maxConnectionsPerAddress } = limits;
    const { remoteAddress = '' } = socket;
    const holder = holderOf(remoteAddress);
    const ofHolder = this.#byHolder.of(holder) + 1;
    const isShared = trustedProxies.has(remoteAddress);
    const isSpare = this.size >= maxConnections;
    const isFull = isSpare && this.#spare.size >= maxSpareConnections && !this.#makeRoom();
    if (isFull || (ofHolder > maxConnectionsPerAddress && !isShared)) {
      this.ended[isFull ? 'full' : 'address']++;
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, isSpare, limits, {
      answered: () => this.#answered(),
      ended: (reason) => {
        this.ended[reason]++;
      },
    });
    const pair = pairOf(socket);
    this.#byPair.set(pair, connection);
    this.#byHolder.add(holder, 1);
    if (isSpare) this.#spare.add(connection);
    this.#serve(connection, socket);
    socket.once('close', () => {
      this.#connections.delete(connection.socket);
      this.#byPair.delete(pair);
      this.#spare.delete(connection);
      this.#byHolder.add(holder, -1);
    });
  }

  /** The connection speaks TLS from now on. */
  #secured(socket: Socket): void {
    const connection = this.#byPair.get(pairOf(socket));
    // It may have been closed meanwhile, to make room.
    if (connection === undefined || connection.socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#connections.delete(connection.socket);
    this.#serve(connection, socket);
  }

  #serve(connection: Connection, socket: Socket): void {
    this.#connections.set(socket, connection);
    connection.serve(socket);
  }

  /** Closes the oldest spare connection that has no request under way. @returns false where there is none. */
  #makeRoom(): boolean {
    for (const connection of this.#spare) {
      if (connection.pending > 0 || connection.isUpgraded) continue;
      this.#connections.delete(connection.socket);
      this.#spare.delete(connection);
      connection.end('full');
      return true;
    }
    return false;
  }

  #answered(): void {
    this.#pending--;
    if (this.#pending === 0) this.#becameIdle?.();
  }

  /** The connection has been silent in both directions for a while. */
  #onSilence(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isUpgraded) return;
    if (socket.writableLength > 0) connection.end('stalled');
    // Between two requests: the keep-alive time is over.
    else if (connection.pending === 0) connection.end('idle');
  }
}

const pairOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  [remoteAddress, remotePort, localAddress, localPort].join();

const overloaded = (detail: string): Problem =>
  new Problem(503, detail, {
    type: REDUCED_CAPACITY,
    headers: ['Retry-After', String(RETRY_AFTER_MS / 1000), 'Connection', 'close'],
  });
