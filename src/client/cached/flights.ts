/**
 * The loads of one process: at most one of a key is under way.
 *
 * Invariant: a call that finds no value gets the value of a load that is under way, or that has ended
 * since the call began, if that value may still be used; only otherwise does it load.
 */
import type { CachedFacts } from './cachedFacts.ts';

/** One load, with its value to come. */
export interface Flight {
  readonly value: Promise<unknown>;
  /** Resolves once the value is stored, or can't be: until then, calls get it from here. */
  stored: Promise<void>;
  /** The tags from before the load; null until they are known, which is before the load begins. */
  tags: Pick<CachedFacts, 'atMs' | 'tags'> | null;
  /** Whether it may yet leave the load to another process, which is no help to a call without a value. */
  isTentative: boolean;
  /** Whether the key was written, deleted or loaded anew meanwhile: then the value is not stored. */
  isOverruled: boolean;
}

interface Slot {
  calls: number;
  flight: Flight | null;
  /** The number of flights that have begun, and that have ended, and the last of these. */
  started: number;
  ended: number;
  last: Flight | null;
}

/** A call of `getOrSet`. */
export interface Call {
  /** @returns a flight whose value the call may give. */
  readonly flight: () => Flight | null;
  /** Whether a load of the key is under way, or has begun since the call did, that may store its value. */
  readonly isLoading: () => boolean;
  readonly start: (isTentative: boolean, fly: (flight: Flight) => Promise<unknown>) => Flight;
  readonly end: () => void;
}

export class Flights {
  readonly #slots = new Map<string, Slot>();
  /** Whether the value of a flight is as good as that of a new one. */
  readonly #isGood: (flight: Flight) => boolean;

  constructor(isGood: (flight: Flight) => boolean) {
    this.#isGood = isGood;
  }

  /** The number of keys with calls or loads. */
  get size(): number {
    return this.#slots.size;
  }

  begin(key: string): Call {
    const slot = this.#slots.get(key) ?? newSlot();
    this.#slots.set(key, slot);
    slot.calls++;
    const { started: startedBefore, ended: endedBefore } = slot;
    return {
      flight: () => {
        if (slot.flight !== null) return this.#isGood(slot.flight) ? slot.flight : null;
        const isOfNow = slot.ended > endedBefore && slot.last !== null;
        return isOfNow && slot.last !== null && this.#isGood(slot.last) ? slot.last : null;
      },
      isLoading: () =>
        slot.flight === null ? slot.started > startedBefore : !slot.flight.isOverruled,
      start: (isTentative, fly) => this.#start(key, slot, isTentative, fly),
      end: () => {
        slot.calls--;
        this.#tidy(key, slot);
      },
    };
  }

  /** This client writes these keys itself: no load that is under way may write after it. */
  overrule(isWritten: (key: string) => boolean): void {
    for (const [key, { flight, last }] of this.#slots) {
      if (!isWritten(key)) continue;
      if (flight !== null) flight.isOverruled = true;
      if (last !== null) last.isOverruled = true;
    }
  }

  #start(
    key: string,
    slot: Slot,
    isTentative: boolean,
    fly: (flight: Flight) => Promise<unknown>,
  ): Flight {
    let settle: (value: Promise<unknown>) => void = () => {};
    const value = new Promise<unknown>((resolve) => {
      settle = resolve;
    });
    const stored = Promise.resolve();
    const flight: Flight = { value, stored, tags: null, isTentative, isOverruled: false };
    // It loads from a later moment, so the older load must not write after it.
    if (slot.flight !== null) slot.flight.isOverruled = true;
    slot.flight = flight;
    slot.started++;
    settle(fly(flight));
    const ended = (last: Flight | null) => {
      if (slot.flight === flight) slot.flight = null;
      slot.ended++;
      slot.last = last;
      this.#tidy(key, slot);
    };
    value.then(
      () => flight.stored.then(() => ended(flight)),
      // The error belongs to the calls that have waited for it: the next one tries anew.
      () => ended(null),
    );
    return flight;
  }

  #tidy(key: string, slot: Slot): void {
    if (slot.calls === 0 && slot.flight === null && this.#slots.get(key) === slot)
      this.#slots.delete(key);
  }
}

const newSlot = (): Slot => ({ calls: 0, flight: null, started: 0, ended: 0, last: null });
