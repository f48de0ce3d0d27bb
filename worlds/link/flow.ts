/** A delay line in real time: it hands over what has arrived, while the link is whole and the receiver takes more. */
import { DelayLine, type DelayLineSettings, type Sent } from '../rules/delayLine.ts';

export interface FlowSettings extends DelayLineSettings {
  readonly isCut: () => boolean;
  /** Milliseconds of a clock that never runs backwards. */
  readonly now: () => number;
}

export interface FlowEnds {
  /** @returns false: the receiver takes no more until `advance` is called. */
  readonly onArrival: (sent: Sent) => boolean;
  /** There is room again for the sender. */
  readonly onRoom: () => void;
}

export class Flow {
  readonly #line: DelayLine;
  readonly #settings: FlowSettings;
  readonly #ends: FlowEnds;
  #timer: NodeJS.Timeout | undefined;
  #isBlocked = false;

  constructor(settings: FlowSettings, ends: FlowEnds) {
    this.#line = new DelayLine(settings);
    this.#settings = settings;
    this.#ends = ends;
  }

  get heldBytes(): number {
    return this.#line.heldBytes;
  }

  /** @returns false: the sender should wait for room. */
  send(sent: Sent): boolean {
    this.#line.send(sent, this.#settings.now());
    this.#wait();
    return !this.#line.isFull;
  }

  /** The link was healed, or the receiver takes more. */
  advance(): void {
    this.#isBlocked = false;
    this.#handOver();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isBlocked = true;
  }

  #handOver(): void {
    const { isCut, now } = this.#settings;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (!this.#isBlocked && !isCut()) {
      const sent = this.#line.take(now());
      if (sent === null) break;
      this.#isBlocked = !this.#ends.onArrival(sent);
      if (!this.#line.isFull) this.#ends.onRoom();
    }
    this.#wait();
  }

  #wait(): void {
    const { nextAtMs } = this.#line;
    if (this.#timer !== undefined || nextAtMs === null) return;
    if (this.#isBlocked || this.#settings.isCut()) return;
    const restMs = Math.max(0, Math.ceil(nextAtMs - this.#settings.now()));
    this.#timer = setTimeout(() => this.#handOver(), restMs);
  }
}
