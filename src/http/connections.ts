/**
 * The connections of the server, and the bounds on each of them and on all together.
 *
 * Invariants: what a connection has sent without waiting for answers is read no further above its bound;
 * a client that takes nothing of what is sent to it loses its connection; and however many connections
 * clients hold, some are left for peers and for the health of the node.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits } from '../words/limits.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';
import { Problem } from './answer/problem.ts';

export interface ConnectionsOptions {
  readonly limits: Pick<
    Limits,
    'maxConnections' | 'maxConnectionsPerAddress' | 'maxPipelinedRequests' | 'maxAnswerBytes'
  >;
  /** A client that takes nothing of its answer for so long loses its connection, milliseconds. */
  readonly sendTimeoutMs: number;
}

const HEALTH_PATH = '/_health';
/** Connections above the bound, for peers and for the health of the node. */
const SPARE_CONNECTIONS = 32;
/** Node reads a chunk of 64 KiB to its end before it stops: some 2500 requests. */
const MAX_PARKED_REQUESTS = 4096;

interface Connection {
  readonly socket: Duplex;
  readonly isSpare: boolean;
  /** Requests that have come and are not answered, the parked among them. */
  pending: number;
  /** Requests that wait for those before them. */
  parked: number;
  /** Nothing more is read for now. */
  isHeld: boolean;
  /** The last answer is under way: what is sent behind its request is dropped. */
  isLast: boolean;
  isUpgraded: boolean;
  /** The request that came last, and its response. */
  last: ServerResponse | null;
  /** Called once, when all but so many requests are answered. */
  whenLeft: { readonly pending: number; readonly call: () => void } | null;
}

/** Why a connection was ended or refused. */
export type EndedFor = 'pipeline' | 'stalled' | 'full' | 'address' | 'upgrade';

export class Connections {
  readonly ended: Record<EndedFor, number> = {
    pipeline: 0,
    stalled: 0,
    full: 0,
    address: 0,
    upgrade: 0,
  };
  /** Bytes of answers that clients have not taken yet. */
  answerBytes = 0;
  readonly #options: ConnectionsOptions;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #byAddress = new Map<string, number>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Follows the server's connections from now on. */
  attach(server: Server): void {
    server.timeout = this.#options.sendTimeoutMs;
    server.on('connection', (socket) => this.#open(socket));
    server.on('timeout', (socket) => this.#onSilence(socket));
  }

  /**
   * Takes a request, and calls the handler when those before it are answered: so a GET after a PUT on one
   * connection reads what the PUT wrote (RFC 9112, section 9.3.2).
   */
  take(request: IncomingMessage, response: ServerResponse, handle: () => void): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return;
    connection.pending++;
    connection.last = response;
    response.once('close', () => this.#answered(connection));
    // Node gives a response its socket when those before it have been sent.
    if (response.socket !== null) {
      handle();
      return;
    }
    connection.parked++;
    this.#bound(connection);
    response.once('socket', () => {
      connection.parked--;
      if (connection.isHeld && connection.parked < this.#options.limits.maxPipelinedRequests / 2)
        this.#release(connection);
      if (!connection.isLast) handle();
    });
  }

  /** The answer that is under way is the connection's last. */
  dropBehind(socket: Duplex | null): void {
    const connection = socket === null ? undefined : this.#connections.get(socket);
    if (connection !== undefined) connection.isLast = true;
  }

  /**
   * Refuses requests on connections above the bound, and reads while too much is still being sent.
   *
   * @throws Problem 503
   */
  requireRoom({ socket, method }: IncomingMessage, path: string): void {
    if (path === HEALTH_PATH) return;
    if (this.#connections.get(socket)?.isSpare)
      throw overloaded('There are too many connections: try again, or ask another node.');
    const isRead = method === 'GET' || method === 'POST';
    if (isRead && this.answerBytes > this.#options.limits.maxAnswerBytes)
      throw overloaded('Too many answers are still being sent: try again.');
  }

  /** Counts what is left to send of an answer that was just written. */
  sending(response: ServerResponse): void {
    const bytes = response.writableLength;
    // A watch goes on, and has a bound of its own.
    if (bytes === 0 || !response.writableEnded || response.closed) return;
    this.answerBytes += bytes;
    response.once('close', () => {
      this.answerBytes -= bytes;
    });
  }

  /**
   * An upgrade has come.
   *
   * @returns false where an answer is still due on the connection, which would come in the middle of the
   *   other protocol: the connection is destroyed.
   */
  upgrade(socket: Duplex): boolean {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return !socket.destroyed;
    connection.isUpgraded = true;
    if (connection.pending === 0) return true;
    this.#end(connection, 'upgrade');
    return false;
  }

  /** Ends an upgraded connection whose other side takes nothing of what waits for it. */
  endWhenStalled(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !(socket instanceof Socket)) return;
    socket.setTimeout(this.#options.sendTimeoutMs, () => {
      if (socket.writableLength > 0) this.#end(connection, 'stalled');
    });
  }

  /**
   * Something came that can't be read. What came before it is answered first.
   *
   * @param answer called when its turn has come, with the response that it takes the place of, if any.
   */
  unreadable(socket: Duplex, answer: (instead: ServerResponse | null) => void): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.whenLeft !== null) return;
    const { last, pending, isLast } = connection;
    const isOwnBody = pending > 0 && last !== null && !last.req.complete;
    const left = isOwnBody ? 1 : 0;
    const isWithinAnswer = isOwnBody && pending === 1 && last.headersSent;
    if (isLast || isWithinAnswer) {
      socket.destroy();
      return;
    }
    const call = (): void => answer(isOwnBody ? last : null);
    connection.whenLeft = { pending: left, call };
    this.#hold(connection);
    if (pending === left) call();
  }

  #open(socket: Socket): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#options.limits;
    const address = socket.remoteAddress ?? '';
    const ofAddress = (this.#byAddress.get(address) ?? 0) + 1;
    const isFull = this.size >= maxConnections + SPARE_CONNECTIONS;
    if (isFull || ofAddress > maxConnectionsPerAddress) {
      this.ended[isFull ? 'full' : 'address']++;
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
      isSpare: this.size >= maxConnections,
      pending: 0,
      parked: 0,
      isHeld: false,
      isLast: false,
      isUpgraded: false,
      last: null,
      whenLeft: null,
    };
    this.#connections.set(socket, connection);
    this.#byAddress.set(address, ofAddress);
    socket.once('close', () => {
      this.#connections.delete(socket);
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
    // Node itself resumes a socket after each answer.
    socket.on('resume', () => {
      if (connection.isHeld) socket.pause();
    });
  }

  #answered(connection: Connection): void {
    connection.pending--;
    const { whenLeft } = connection;
    if (whenLeft !== null && connection.pending === whenLeft.pending) whenLeft.call();
  }

  #bound(connection: Connection): void {
    if (connection.parked > MAX_PARKED_REQUESTS) this.#end(connection, 'pipeline');
    else if (connection.parked > this.#options.limits.maxPipelinedRequests) this.#hold(connection);
  }

  #hold(connection: Connection): void {
    if (connection.isHeld) return;
    connection.isHeld = true;
    connection.socket.pause();
  }

  #release(connection: Connection): void {
    if (connection.whenLeft !== null) return;
    connection.isHeld = false;
    connection.socket.resume();
  }

  /** Nothing has come, and nothing has gone out, for a while. */
  #onSilence(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isUpgraded) return;
    if (socket.writableLength > 0) this.#end(connection, 'stalled');
    // Between requests: the time for which a connection is kept is over.
    else if (connection.pending === 0) socket.destroy();
  }

  #end(connection: Connection, reason: EndedFor): void {
    if (connection.socket.destroyed) return;
    this.ended[reason]++;
    connection.socket.destroy();
  }
}

const overloaded = (detail: string): Problem =>
  new Problem(503, detail, {
    headers: ['Retry-After', String(RETRY_AFTER_MS / 1000), 'Connection', 'close'],
  });
