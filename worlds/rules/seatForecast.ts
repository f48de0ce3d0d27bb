/**
 * The seats that an api knows to be taken before the listing shows it. A session tells its world's seats at most every
 * 200 ms, and reaches the apis some time later: until then all who join would choose the same instances, and be refused
 * by three that are full while others are empty.
 */
import type { Candidate } from './instanceChoice.ts';

/** By then a listing shows the seat of a join: five times the pace of a session. */
export const SHOWN_AFTER_MS = 1000;

/** Remembers what it was told for `SHOWN_AFTER_MS`, so it grows no longer than joins come in that time. */
export class SeatForecast {
  /** Instance → when seats were asked for there, oldest first. */
  readonly #asks = new Map<string, number[]>();
  /** Instance → when it answered that it is full. */
  readonly #fullAtMs = new Map<string, number>();

  /** A seat is asked for now. @param nowMs never less than in a call before; so everywhere here. */
  ask(instance: string, nowMs: number): void {
    this.#forget(nowMs);
    const asks = this.#asks.get(instance);
    if (asks === undefined) this.#asks.set(instance, [nowMs]);
    else asks.push(nowMs);
  }

  /**
   * @param askedMs when the seat was asked for.
   * @param isFull whether that is why the instance gave none.
   */
  refused(instance: string, askedMs: number, isFull: boolean, nowMs: number): void {
    this.#forget(nowMs);
    const asks = this.#asks.get(instance) ?? [];
    const index = asks.indexOf(askedMs);
    if (index !== -1) asks.splice(index, 1);
    if (isFull) this.#fullAtMs.set(instance, nowMs);
  }

  /** @returns the instance with the seats that are probably taken; those that the listing shows already may count twice. */
  of<T extends Candidate>(candidate: T, nowMs: number): T {
    this.#forget(nowMs);
    const { instance, max, taken } = candidate;
    const asked = this.#asks.get(instance)?.length ?? 0;
    return { ...candidate, taken: this.#fullAtMs.has(instance) ? max : taken + asked };
  }

  #forget(nowMs: number): void {
    const sinceMs = nowMs - SHOWN_AFTER_MS;
    for (const [instance, asks] of this.#asks) {
      const kept = asks.findIndex((askedMs) => askedMs > sinceMs);
      if (kept === -1) this.#asks.delete(instance);
      else if (kept > 0) asks.splice(0, kept);
    }
    for (const [instance, atMs] of this.#fullAtMs)
      if (atMs <= sinceMs) this.#fullAtMs.delete(instance);
  }
}
