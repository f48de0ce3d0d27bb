/**
 * The connection of an instance to the fleet of its region: it tells that the instance is ready, and each
 * second how it is. A world outlives its fleet, but not for long: without one it ends after half a minute.
 */
import { WebSocket } from 'ws';
import { CLOSE_SUPERSEDED, HEALTH_EVERY_MS, type WorldMessage } from '../slots/linkMessages.ts';
import { type Every, everyByTimer } from './beatWork.ts';

export interface FleetLinkTimes {
  readonly againMs: number;
  /** The longest silence of the fleet before the connection counts as dead. */
  readonly silentMs: number;
  /** How long the instance goes on without a fleet. */
  readonly aloneMs: number;
}

export const FLEET_LINK_TIMES: FleetLinkTimes = {
  againMs: 500,
  silentMs: 5000,
  aloneMs: 30_000,
};

export interface FleetLinkOptions {
  /** Of `/link`, with the slot and the epoch in its query. */
  readonly url: string;
  readonly token: () => Promise<string>;
  readonly ready: Extract<WorldMessage, { type: 'ready' }>;
  readonly health: () => Extract<WorldMessage, { type: 'health' }>;
  readonly onSuperseded: () => void;
  /** There was no fleet for too long. */
  readonly onAlone: () => void;
  readonly times?: FleetLinkTimes;
  /** Default: by a timer of its own. */
  readonly every?: Every;
}

export class FleetLink implements Disposable {
  readonly #options: FleetLinkOptions;
  readonly #times: FleetLinkTimes;
  readonly #stop: () => void;
  #socket: WebSocket | null = null;
  #again: NodeJS.Timeout | undefined;
  #heardAtMs = performance.now();
  #isOver = false;

  constructor(options: FleetLinkOptions) {
    this.#options = options;
    this.#times = options.times ?? FLEET_LINK_TIMES;
    this.#stop = (options.every ?? everyByTimer)(HEALTH_EVERY_MS, () => this.#beat());
    void this.#connect();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stop();
    clearTimeout(this.#again);
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    const token = await this.#options.token();
    if (this.#isOver) return;
    const socket = new WebSocket(this.#options.url, {
      headers: { Authorization: `Bearer ${token}` },
      handshakeTimeout: this.#times.silentMs,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on('open', () => {
      this.#heard();
      this.#send(this.#options.ready);
      this.#send(this.#options.health());
    });
    socket.on('pong', () => this.#heard());
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => {
      if (this.#isOver) return;
      if (code === CLOSE_SUPERSEDED) {
        this.#end(this.#options.onSuperseded);
        return;
      }
      this.#again = setTimeout(() => void this.#connect(), this.#times.againMs);
    });
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
  }

  #beat(): void {
    const silentMs = performance.now() - this.#heardAtMs;
    if (silentMs >= this.#times.aloneMs) {
      this.#end(this.#options.onAlone);
      return;
    }
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (silentMs >= this.#times.silentMs) {
      this.#socket.terminate();
      return;
    }
    this.#socket.ping();
    this.#send(this.#options.health());
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    // The fleet goes on to be told how the instance ends, where it can be.
    this.#isOver = true;
    this.#stop();
    clearTimeout(this.#again);
    tell();
  }

  #send(message: WorldMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
