/** The simulation of an instance with the connections that follow it: ticks, and frames at their pace. */
import { decidePace, type Pace, usualPace } from '../rules/delivery.ts';
import { type CoinRow, type FigureRow, FrameMaker, isQuiet } from '../rules/frames.ts';
import {
  type Figure,
  Simulation,
  type Taking,
  TICK_MS,
  type WorldMemory,
} from '../rules/simulation.ts';
import type { MapName } from '../rules/worldConfiguration.ts';
import { encodeToCopy } from './messagePack.ts';
import type { PlayConnection } from './playConnection.ts';
import { readyFrame } from './readyFrame.ts';

/** Frames are the heartbeat: a client that hears nothing for three seconds goes elsewhere. */
const HEARTBEAT_MS = 1000;
/** Timers leave out the part of a millisecond: a beat that came so early would only wait once more. */
const EARLY_MS = 1;
/** After a longer stop, ticks are skipped instead of caught up. */
const MAX_BEHIND_MS = 10 * TICK_MS;

export interface GameEvents {
  readonly onTakings: (takings: readonly Taking[]) => void;
  readonly onSlow: (connection: PlayConnection) => void;
  /** @param lateMs how late the tick came, in milliseconds. */
  readonly onTick: (lateMs: number) => void;
  /** After the ticks of a beat, of which there are some twenty a second. */
  readonly onBeat: () => void;
}

export class Game implements Disposable {
  readonly simulation: Simulation;
  readonly #frames: FrameMaker;
  readonly #events: GameEvents;
  readonly #followers = new Set<PlayConnection>();
  #pace: Pace;
  #frameAtMs = 0;
  #dueAtMs: number;
  #timer: NodeJS.Timeout;
  #lateMs = 0;
  #skipped = 0;
  #sentBytes = 0;

  constructor(map: MapName, memory: WorldMemory, events: GameEvents) {
    this.simulation = new Simulation(map, memory);
    this.#frames = new FrameMaker(this.simulation);
    this.#events = events;
    const nowMs = performance.now();
    this.#pace = usualPace(nowMs);
    this.#dueAtMs = nowMs + TICK_MS;
    this.#timer = setTimeout(() => this.#beat(), TICK_MS);
  }

  /** The greatest lateness of a tick since the last call, in milliseconds. */
  takeLateMs(): number {
    const lateMs = this.#lateMs;
    this.#lateMs = 0;
    return lateMs;
  }

  get skippedTicks(): number {
    return this.#skipped;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** The state that the next frame of changes follows. */
  shown(): { readonly tick: number; players: readonly FigureRow[]; coins: readonly CoinRow[] } {
    const [, tick, players, coins] = this.#frames.whole();
    return { tick, players, coins };
  }

  follow(connection: PlayConnection): void {
    this.#followers.add(connection);
  }

  unfollow(connection: PlayConnection): void {
    this.#followers.delete(connection);
  }

  figure(id: number): Figure | undefined {
    return this.simulation.figure(id);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** Timers come late: each beat does the ticks that are due by the clock. */
  #beat(): void {
    const nowMs = performance.now();
    if (nowMs - this.#dueAtMs > MAX_BEHIND_MS) {
      const skipped = Math.floor((nowMs - this.#dueAtMs) / TICK_MS);
      this.#skipped += skipped;
      this.#dueAtMs += skipped * TICK_MS;
    }
    while (this.#dueAtMs <= nowMs + EARLY_MS) {
      const lateMs = Math.max(0, nowMs - this.#dueAtMs);
      this.#lateMs = Math.max(this.#lateMs, lateMs);
      this.#events.onTick(lateMs);
      this.#tick();
      this.#dueAtMs += TICK_MS;
    }
    this.#timer = setTimeout(() => this.#beat(), Math.max(0, this.#dueAtMs - performance.now()));
    this.#events.onBeat();
  }

  #tick(): void {
    const startedAtMs = performance.now();
    const takings = this.simulation.step();
    this.#frames.took(takings);
    if (takings.length > 0) this.#events.onTakings(takings);
    if (this.simulation.tick % this.#pace.ticksOfFrame === 0) this.#sendFrames(startedAtMs);
    const nowMs = performance.now();
    this.#pace = decidePace(this.#pace, nowMs - startedAtMs, TICK_MS, nowMs);
  }

  #sendFrames(nowMs: number): void {
    const changes = this.#frames.changes();
    if (isQuiet(changes) && nowMs - this.#frameAtMs < HEARTBEAT_MS) return;
    this.#frameAtMs = nowMs;
    if (this.#followers.size === 0) return;
    const ready = readyFrame(encodeToCopy(changes));
    let readyWhole: Buffer | null = null;
    const whole = (): Buffer => {
      readyWhole ??= readyFrame(encodeToCopy(this.#frames.whole()));
      return readyWhole;
    };
    for (const connection of this.#followers) {
      const bytes = connection.sendFrame(ready, whole, nowMs);
      if (bytes === null) this.#events.onSlow(connection);
      else this.#sentBytes += bytes;
    }
  }
}
