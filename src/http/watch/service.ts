/** The watches of one node and its waiting requests, put together for the app and the wiring. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Replica } from '../../replica/replica.ts';
import type { WatchHub } from '../../watch/hub/hub.ts';
import type { Limits } from '../../words/limits.ts';
import type { Callers } from '../access/callers.ts';
import type { AddressOf } from '../limits/clientAddress.ts';
import type { Connections } from '../limits/connections.ts';
import type { AllowedPages } from '../request/pages.ts';
import { type Acks, AckWaits } from '../wait/acks.ts';
import type { AfterOptions } from '../wait/after.ts';
import { VectorWaits, WaitingRoom } from '../wait/vectorWaits.ts';
import { WatchAdmission } from './admission.ts';
import { WatchSockets } from './socket.ts';

export interface WatchServiceOptions {
  readonly replica: Replica;
  /** The creator of the hub ticks and stops it. */
  readonly hub: WatchHub;
  readonly limits: Limits;
  readonly acks: Acks;
  readonly pages: AllowedPages;
  readonly callers: Callers;
  /** The longest wait of a request for the writes that it names, in milliseconds. */
  readonly waitTimeoutMs: number;
  /** Time between pings to a watcher, in milliseconds. */
  readonly watchPingIntervalMs: number;
  /** Ends the connections of watchers that read nothing. */
  readonly connections: Pick<Connections, 'endWhenStalled'>;
  readonly addressOf: AddressOf;
}

export class WatchService {
  readonly hub: WatchHub;
  readonly acks: AckWaits;
  readonly after: AfterOptions;
  readonly admission: WatchAdmission;
  readonly room: WaitingRoom;
  readonly #waits: VectorWaits;
  readonly #sockets: WatchSockets;

  constructor(options: WatchServiceOptions) {
    const { replica, hub, pages, callers, limits, waitTimeoutMs } = options;
    const room = new WaitingRoom(limits.maxWaiting);
    this.room = room;
    const waits = new VectorWaits(replica, room);
    this.#waits = waits;
    this.acks = new AckWaits(options.acks, replica, room);
    this.hub = hub;
    this.after = { replica, waits, waitTimeoutMs };
    const { maxKeyBytes } = limits;
    const admission = new WatchAdmission({
      replica,
      hub,
      waits,
      pages,
      callers,
      maxKeyBytes,
      waitTimeoutMs,
    });
    this.admission = admission;
    this.#sockets = new WatchSockets({ ...options, admission });
  }

  /** Handles an upgrade request for WATCH_PATH. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.upgrade(request, socket, head);
  }

  /** Tells each watcher over a WebSocket to go elsewhere. The hub ends the streams. */
  endWatches(): void {
    this.#sockets.stop();
  }

  /** Ends every wait, after the hub has ended every watch. Later requests do not wait. */
  stop(): void {
    this.#sockets.stop();
    this.room.close();
    this.acks.stop();
    this.#waits.stop();
  }
}
