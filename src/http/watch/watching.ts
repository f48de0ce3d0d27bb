/** All that watches and waits on one node, put together, for the app and the wiring. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Replica } from '../../replica/replica.ts';
import { SILENT_TICKS, WatchHub } from '../../watch/hub/hub.ts';
import type { Limits } from '../../words/limits.ts';
import type { AllowedOrigins } from '../request/pages.ts';
import { type Acks, AckWaits } from '../wait/acks.ts';
import type { AfterOptions } from '../wait/after.ts';
import { VectorWaits, WaitingRoom } from '../wait/waiting.ts';
import type { WatchParts } from './request.ts';
import { WatchSockets } from './socket.ts';

export interface WatchingOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly acks: Acks;
  readonly origins: AllowedOrigins;
  /** How far the clocks of two nodes may be apart, milliseconds. */
  readonly maxClockSkewMs: number;
  /** How long a request waits for a write that it names, milliseconds. */
  readonly waitTimeoutMs: number;
  /** How long a watcher is told nothing before it is sent a bookmark, milliseconds. */
  readonly bookmarkIntervalMs: number;
  /** Time between pings to a watcher, milliseconds. */
  readonly watchPingIntervalMs: number;
}

export class Watching {
  readonly hub: WatchHub;
  readonly acks: AckWaits;
  readonly after: AfterOptions;
  readonly parts: WatchParts;
  readonly #room: WaitingRoom;
  readonly #waits: VectorWaits;
  readonly #sockets: WatchSockets;
  readonly #ticks: NodeJS.Timeout;

  constructor(options: WatchingOptions) {
    const { replica, limits } = options;
    const room = new WaitingRoom(limits.maxWaiting);
    this.#room = room;
    const waits = new VectorWaits(replica, room);
    this.#waits = waits;
    this.acks = new AckWaits(options.acks, replica, room);
    this.hub = new WatchHub({ ...options, defer: (next) => setImmediate(next) });
    this.after = { ...options, waits };
    this.parts = { ...options, hub: this.hub, waits };
    this.#sockets = new WatchSockets({ ...options, hub: this.hub, waits });
    this.#ticks = setInterval(() => this.hub.tick(), options.bookmarkIntervalMs / SILENT_TICKS);
    this.#ticks.unref();
  }

  /** Handles an upgrade request for WATCH_PATH. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.upgrade(request, socket, head);
  }

  /** Ends every watch, and answers whoever waits. Requests that come later don't wait. */
  stop(): void {
    clearInterval(this.#ticks);
    this.hub.stop();
    this.#sockets.stop();
    this.#room.close();
    this.acks.stop();
    this.#waits.stop();
  }
}
