/** A queue of events between a connection and `next` of an async iterator. */
import type { WatchEvent } from './watchEvents.ts';

export interface BufferLimits {
  readonly maxBufferedEvents: number;
  readonly maxBufferedCharacters: number;
}

export type NextEvent<T> = IteratorResult<WatchEvent<T>, undefined>;

interface Taker<T> {
  readonly resolve: (next: NextEvent<T>) => void;
  readonly reject: (reason: unknown) => void;
}

/** The end of the queue. A failure rejects the next taker once; otherwise the next taker is done. */
interface End {
  readonly isFailure: boolean;
  readonly reason: unknown;
}

export class EventQueue<T> {
  readonly #buffer: EventBuffer<T>;
  /** Calls of `next` that wait for an event: there are some only while the buffer is empty. */
  #takers: Taker<T>[] = [];
  #end: End | null = null;
  #cursor: string | null;
  #onRoom: () => void = () => {};

  /** @param cursor the place where the events begin. */
  constructor(limits: BufferLimits, cursor: string | null) {
    this.#buffer = new EventBuffer(limits);
    this.#cursor = cursor;
  }

  /** The cursor of the last event that was taken. */
  get cursor(): string | null {
    return this.#cursor;
  }

  /** @param characters as in `EventBuffer.push`. @returns false if there is no room. */
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

  /** Ends the queue behind its events: they can still be taken, then the reason is thrown. */
  fail(reason: unknown): void {
    this.#endWith({ isFailure: true, reason });
  }

  /**
   * Ends the queue at once. @param failure the reason for the next taker; null if the taker is simply
   * done.
   */
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

interface Buffered<T> {
  readonly event: WatchEvent<T>;
  readonly characters: number;
}

/** Events that nobody has taken yet, bounded by number and by size. */
class EventBuffer<T> {
  readonly #limits: BufferLimits;
  #events: Buffered<T>[] = [];
  #head = 0;
  #characters = 0;

  constructor(limits: BufferLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#events.length - this.#head;
  }

  /** Whether there is room for the events of a new connection. */
  get isHalfEmpty(): boolean {
    const { maxBufferedEvents, maxBufferedCharacters } = this.#limits;
    return this.length <= maxBufferedEvents / 2 && this.#characters <= maxBufferedCharacters / 2;
  }

  /**
   * @param characters the length of the event's message.
   * @returns false if there is no room; an empty buffer always takes an event.
   */
  push(event: WatchEvent<T>, characters: number): boolean {
    const { maxBufferedEvents, maxBufferedCharacters } = this.#limits;
    const isFull =
      this.length >= maxBufferedEvents || this.#characters + characters > maxBufferedCharacters;
    if (isFull && this.length > 0) return false;
    // The last of several bookmarks in a row replaces the others.
    if (
      event.type === 'bookmark' &&
      this.#events.at(-1)?.event.type === 'bookmark' &&
      this.length > 0
    )
      this.#characters -= this.#events.pop()?.characters ?? 0;
    this.#events.push({ event, characters });
    this.#characters += characters;
    return true;
  }

  shift(): WatchEvent<T> | undefined {
    const first = this.#events[this.#head];
    if (first === undefined) return undefined;
    this.#head++;
    this.#characters -= first.characters;
    if (this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return first.event;
  }

  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.#characters = 0;
  }
}
