/** Between those who bring events and those who take them: `next` of an async iterator. */
import { type BufferLimits, EventBuffer } from './eventBuffer.ts';
import type { WatchEvent } from './watchEvents.ts';

export type NextEvent<T> = IteratorResult<WatchEvent<T>, undefined>;

interface Taker<T> {
  readonly resolve: (next: NextEvent<T>) => void;
  readonly reject: (reason: unknown) => void;
}

/** How it is over: with a reason that the next taker gets, once, or simply done. */
interface End {
  readonly isFailure: boolean;
  readonly reason: unknown;
}

export class EventQueue<T> {
  readonly #buffer: EventBuffer<T>;
  /** Those who wait: only while the buffer is empty. */
  #takers: Taker<T>[] = [];
  #end: End | null = null;
  #cursor: string | null;
  #onRoom: () => void = () => {};

  /** @param cursor where the events begin. */
  constructor(limits: BufferLimits, cursor: string | null) {
    this.#buffer = new EventBuffer(limits);
    this.#cursor = cursor;
  }

  /** The cursor of the last event that was taken. */
  get cursor(): string | null {
    return this.#cursor;
  }

  /** @param characters as in `EventBuffer.push`. @returns false where there is no room. */
  push(event: WatchEvent<T>, characters: number): boolean {
    const taker = this.#takers.shift();
    if (taker === undefined) return this.#buffer.push(event, characters);
    taker.resolve(this.#taken(event));
    return true;
  }

  next(): Promise<NextEvent<T>> {
    const event = this.#buffer.shift();
    if (event !== undefined) {
      if (this.#buffer.isHalfEmpty) this.#onRoom();
      return Promise.resolve(this.#taken(event));
    }
    if (this.#end !== null) return this.#takeEnd(this.#end);
    return new Promise((resolve, reject) => {
      this.#takers.push({ resolve, reject });
    });
  }

  /** Resolves once at most half of the room is used. */
  untilRoom(): Promise<void> {
    if (this.#buffer.isHalfEmpty) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** No more comes. What is buffered can still be taken, then the reason is thrown. */
  fail(reason: unknown): void {
    this.#endWith({ isFailure: true, reason });
  }

  /** Over at once. @param failure what the next taker gets, null where that is simply done. */
  stop(failure: { readonly reason: unknown } | null): void {
    this.#buffer.clear();
    this.#endWith({ isFailure: failure !== null, reason: failure?.reason });
    this.#onRoom();
  }

  #endWith(end: End): void {
    if (this.#end !== null) return;
    this.#end = end;
    const takers = this.#takers;
    this.#takers = [];
    for (const { resolve, reject } of takers) this.#takeEnd(end).then(resolve, reject);
  }

  /** An iterator throws once; after that it is done. */
  #takeEnd({ isFailure, reason }: End): Promise<NextEvent<T>> {
    this.#end = { isFailure: false, reason: undefined };
    return isFailure ? Promise.reject(reason) : Promise.resolve({ done: true, value: undefined });
  }

  #taken(event: WatchEvent<T>): NextEvent<T> {
    this.#cursor = event.cursor;
    return { done: false, value: event };
  }
}
