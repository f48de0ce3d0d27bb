/**
 * The network between regions, as a TCP relay with a delay, which can be cut and healed.
 *
 * A passage leads to one target, such as a node of another region. A crossing leads to any port of one host: its
 * callers name the port by CONNECT (RFC 9110, section 9.3.6). The link is a network and no guard: the listeners behind it
 * ask for tokens.
 */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Relay, type Target } from './relay.ts';

export interface LinkOptions {
  /** In each direction, in milliseconds. */
  readonly delayMs: number;
  /** Bytes under way in one direction of a connection beyond which the sender waits. */
  readonly maxHeldBytes: number;
  /** Connections at one time; further ones are closed at once. */
  readonly maxConnections: number;
}

export interface LinkCounts {
  readonly connections: number;
  /** Bytes under way. */
  readonly heldBytes: number;
  /** Connections that were closed at once, for there were too many. */
  readonly refused: number;
}

export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #relays = new Set<Relay>();
  readonly #servers: Server[] = [];
  #isCut = false;
  #refused = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (!isCut) for (const relay of this.#relays) relay.advance();
  }

  get counts(): LinkCounts {
    let heldBytes = 0;
    for (const relay of this.#relays) heldBytes += relay.heldBytes;
    return { connections: this.#relays.size, heldBytes, refused: this.#refused };
  }

  /**
   * @param port 0: any that is free.
   * @returns the port.
   */
  async openPassage(host: string, port: number, target: Target): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (dialler) =>
      this.#relay(dialler, target, NOTHING, {
        onOpened: () => {},
        onRefused: () => dialler.resetAndDestroy(),
      }),
    );
    return this.#listen(server, host, port);
  }

  /** @param targetHost the only one that callers may name. */
  async openCrossing(host: string, port: number, targetHost: string): Promise<number> {
    const server = createHttpServer((_request, response) => {
      response.writeHead(405, { Allow: 'CONNECT' }).end();
    });
    server.on('connect', (request, stream: Duplex, first: Buffer) => {
      const target = targetOf(request.url ?? '');
      const dialler = stream as Socket;
      if (target?.host !== targetHost) {
        dialler.on('error', () => {});
        dialler.end(answer('403 Forbidden'));
        return;
      }
      dialler.allowHalfOpen = true;
      this.#relay(dialler, target, first, {
        onOpened: () => dialler.write('HTTP/1.1 200 Connection Established\r\n\r\n'),
        onRefused: () => {
          dialler.write(answer('502 Bad Gateway'));
          dialler.destroySoon();
        },
      });
    });
    return this.#listen(server, host, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const relay of this.#relays) relay.destroy();
    await Promise.all(closed);
  }

  #relay(
    dialler: Socket,
    target: Target,
    first: Uint8Array,
    events: { readonly onOpened: () => void; readonly onRefused: () => void },
  ): void {
    const { delayMs, maxHeldBytes, maxConnections } = this.#options;
    if (this.#relays.size >= maxConnections) {
      this.#refused += 1;
      dialler.on('error', () => {});
      dialler.resetAndDestroy();
      return;
    }
    const settings = {
      delayMs,
      maxHeldBytes,
      isCut: () => this.#isCut,
      now: () => performance.now(),
    };
    const relay: Relay = new Relay(dialler, target, first, settings, {
      ...events,
      onEnd: () => this.#relays.delete(relay),
    });
    this.#relays.add(relay);
  }

  async #listen(server: Server, host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.#servers.push(server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }
}

const NOTHING = new Uint8Array();

const answer = (status: string): string =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;

/** @param authority a host and a port, as CONNECT names them. */
function targetOf(authority: string): Target | null {
  const [, host, digits] = /^([\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(authority) ?? [];
  if (host === undefined || digits === undefined) return null;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { host, port } : null;
}
