/**
 * The connections by which processes of worlds tell the fleet how they are: `/link`, on its private listener.
 *
 * Invariant: a process has one. A newer one replaces the older at once, so that connections which nobody holds
 * any more do not fill the bound.
 */
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ServiceGuard } from '../access/serviceTokens.ts';
import { Problem } from '../http/problem.ts';
import { CLOSE_SUPERSEDED, worldMessageSchema } from '../slots/linkMessages.ts';
import type { Fleet } from './fleet.ts';
import { type LinkName, linkSchema } from './slotNames.ts';

export interface LinkOptions {
  readonly fleet: Pick<Fleet, 'admits' | 'hear'>;
  readonly guard: ServiceGuard;
  /** Most connections at a time, those included whose token is being checked; beyond it, 503. */
  readonly maxLinks: number;
  readonly onFault: (error: unknown) => void;
}

const MAX_MESSAGE_BYTES = 1024;
const CLOSE_MALFORMED = 4400;

export class Links implements Disposable {
  readonly #options: LinkOptions;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  readonly #bySlot = new Map<string, WebSocket>();
  /** Connections whose token is being checked. */
  #checked = 0;
  #refused = 0;

  constructor(server: Server, options: LinkOptions) {
    this.#options = options;
    server.on('upgrade', (request, stream: Duplex, head) => {
      stream.on('error', () => stream.destroy());
      const url = new URL(request.url ?? '/', 'http://fleet');
      const name = linkSchema.safeParse(Object.fromEntries(url.searchParams));
      if (url.pathname !== '/link' || !name.success) return refuse(stream, '404 Not Found');
      if (this.open + this.#checked >= options.maxLinks) {
        this.#refused += 1;
        return refuse(stream, '503 Service Unavailable');
      }
      this.#checked += 1;
      options.guard
        .admit(request.headers.authorization ?? '', 'link.open')
        .then(() =>
          this.#sockets.handleUpgrade(request, stream, head, (socket) =>
            this.#follow(socket, name.data),
          ),
        )
        .catch((error: unknown) => {
          if (!(error instanceof Problem)) options.onFault(error);
          refuse(stream, error instanceof Problem ? `${error.status} Refused` : '500 Failed');
        })
        .finally(() => {
          this.#checked -= 1;
        });
    });
  }

  get open(): number {
    return this.#sockets.clients.size;
  }

  /** Connections that were refused because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  #follow(socket: WebSocket, { world, slot, epoch }: LinkName): void {
    const { fleet } = this.#options;
    socket.on('error', () => socket.terminate());
    if (!fleet.admits(world, slot, epoch)) {
      socket.close(CLOSE_SUPERSEDED);
      return;
    }
    const name = `${world}/${slot}`;
    this.#bySlot.get(name)?.terminate();
    this.#bySlot.set(name, socket);
    socket.on('close', () => {
      if (this.#bySlot.get(name) === socket) this.#bySlot.delete(name);
    });
    socket.on('message', (data) => {
      if (!fleet.admits(world, slot, epoch)) {
        socket.close(CLOSE_SUPERSEDED);
        return;
      }
      const message = worldMessageSchema.safeParse(jsonOf(data));
      if (message.success) fleet.hear(world, slot, epoch, message.data);
      else socket.close(CLOSE_MALFORMED);
    });
  }
}

function jsonOf(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
