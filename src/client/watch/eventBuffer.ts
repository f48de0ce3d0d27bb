/** Events that have come and that nobody has taken yet: bounded, by number and by size. */
import type { WatchEvent } from './watchEvents.ts';

export interface BufferLimits {
  readonly maxBufferedEvents: number;
  readonly maxBufferedCharacters: number;
}

interface Buffered<T> {
  readonly event: WatchEvent<T>;
  readonly characters: number;
}

export class EventBuffer<T> {
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

  /** Whether there is room for what comes in while a connection is made. */
  get isHalfEmpty(): boolean {
    const { maxBufferedEvents, maxBufferedCharacters } = this.#limits;
    return this.length <= maxBufferedEvents / 2 && this.#characters <= maxBufferedCharacters / 2;
  }

  /**
   * @param characters the length of the message that the event came in.
   * @returns false where there is no room; an event is always taken while the buffer is empty.
   */
  push(event: WatchEvent<T>, characters: number): boolean {
    const { maxBufferedEvents, maxBufferedCharacters } = this.#limits;
    const isFull =
      this.length >= maxBufferedEvents || this.#characters + characters > maxBufferedCharacters;
    if (isFull && this.length > 0) return false;
    // Of bookmarks in a row only the last says anything.
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
