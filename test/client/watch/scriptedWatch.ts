/**
 * A server of watches over a history that the test writes: event number n has the cursor `n`, and a
 * connection that names a cursor goes on after it. What it does wrong, the test tells it to.
 */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { HearsayClient, Watch, WatchEvent } from '../../../src/client/index.ts';
import { withClient } from '../support.ts';

export interface Connection {
  readonly query: URLSearchParams;
  readonly socket: WebSocket;
  /** Events sent to it. */
  sent: number;
}

/** An event without its cursor. */
export type Scripted = Readonly<Record<string, unknown>>;

export class ScriptedWatch {
  readonly history: Scripted[] = [];
  /** Every connection that there was. */
  readonly connections: Connection[] = [];
  /** Called first for each connection. @returns whether it is served. */
  onConnect: (connection: Connection) => boolean = () => true;
  /** Called before an event is sent. @returns false where the connection is to break instead. */
  onSend: (connection: Connection, index: number) => boolean = () => true;
  /** Whether it is a node of 0.3.0, which knows no touches. */
  isOld = false;
  readonly #server = http.createServer(({ url }, response) =>
    response.writeHead(this.#refuses(url) ? 422 : 404).end(),
  );
  readonly #sockets = new WebSocketServer({
    server: this.#server,
    path: '/watch',
    perMessageDeflate: false,
    verifyClient: ({ req }, done) => done(!this.#refuses(req.url), 422),
  });

  static async start(history: readonly Scripted[] = []): Promise<ScriptedWatch> {
    const server = new ScriptedWatch();
    server.history.push(...history);
    server.#sockets.on('connection', (socket, { url }) => {
      const query = new URL(url ?? '', 'http://localhost').searchParams;
      const connection = { query, socket, sent: 0 };
      server.connections.push(connection);
      if (server.onConnect(connection)) server.#serve(connection, Number(query.get('cursor') ?? 0));
    });
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): Connection[] {
    return this.connections.filter(({ socket }) => socket.readyState <= socket.OPEN);
  }

  /** Adds to the history and tells every connection that has come to its end. */
  tell(...events: Scripted[]): void {
    const from = this.history.length;
    this.history.push(...events);
    for (const connection of this.open) this.#serve(connection, from);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #refuses(url = ''): boolean {
    return this.isOld && url.includes('touches=');
  }

  #serve(connection: Connection, from: number): void {
    for (let index = from; index < this.history.length; index++) {
      if (!this.onSend(connection, index)) {
        connection.socket.terminate();
        return;
      }
      connection.sent++;
      connection.socket.send(JSON.stringify({ ...this.history[index], cursor: String(index + 1) }));
    }
  }
}

export const putOf = (key: string, value: unknown, fields: Scripted = {}): Scripted => ({
  type: 'put',
  key,
  value,
  version: 1,
  expires_at: null,
  ...fields,
});

export const deleteOf = (key: string): Scripted => ({
  type: 'delete',
  key,
  value: null,
  version: Number.MAX_SAFE_INTEGER,
  expires_at: null,
});

export const touchOf = (key: string, members: Scripted = {}): Scripted => ({
  type: 'touch',
  key,
  version: 1,
  expires_at: null,
  ...members,
});

export const expireOf = (key: string): Scripted => ({
  type: 'expire',
  key,
  value: null,
  version: 1,
  expires_at: '2026-11-24T12:00:00.000Z',
});

export const SYNCED: Scripted = { type: 'synced' };
export const RESET: Scripted = { type: 'reset' };
export const BOOKMARK: Scripted = { type: 'bookmark' };

/** So many puts, of another key each. */
export const numbers = (count: number): Scripted[] =>
  Array.from({ length: count }, (_, index) => putOf(`k${index}`, index));

/** Runs with a server that has this history and a client of it, both closed afterwards. */
export const withWatch =
  (
    history: readonly Scripted[],
    run: (client: HearsayClient, server: ScriptedWatch) => Promise<void>,
  ): (() => Promise<void>) =>
  async () => {
    const server = await ScriptedWatch.start(history);
    try {
      await withClient({ endpoints: [server.url] }, (client) => run(client, server));
    } finally {
      await server.close();
    }
  };

/** The next events, so many; fewer where the watch ends before. */
export async function take<T>(events: Watch<T>, count: number): Promise<WatchEvent<T>[]> {
  const taken: WatchEvent<T>[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

export const cursorsOf = (events: readonly WatchEvent[]): number[] =>
  events.map(({ cursor }) => Number(cursor));
