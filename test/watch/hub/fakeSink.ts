/**
 * A watcher's socket in memory. It behaves as Node's response does: what is corked goes out at `uncork`,
 * and where the socket takes it at once, `drain` comes in the middle of that. While it is stalled,
 * everything waits until the test lets it through.
 */

import type { EndReason, Sink } from '../../../src/watch/hub/watcher.ts';
import type { Format } from '../../../src/watch/sharedEvent.ts';
import type { Cursor } from '../../../src/words/cursor.ts';

/** Events as lines, so that tests need no frames. */
export const lines = (withValues = true, withTouches = false): Format => ({
  index: (withValues ? 1 : 0) + (withTouches ? 2 : 0),
  withValues,
  withTouches,
  encode: (_type, _cursor, text) => Buffer.from(`${text}\n`),
});

export interface SeenEvent {
  readonly type: string;
  readonly key?: string;
  readonly value?: unknown;
  readonly version?: number;
  readonly expires_at?: string | null;
  readonly meta?: unknown;
  readonly cursor: string;
}

export class FakeSink implements Sink {
  /** Events that are through. */
  readonly events: SeenEvent[] = [];
  ended: EndReason | null = null;
  readonly drainsAboveBytes = 0;
  bufferedBytes = 0;
  writes = 0;
  /** Called from within `uncork`, where everything that waited has gone. */
  onDrain: () => void = () => {};
  #waiting: string[] = [];
  #isStalled = false;
  #isCorked = false;
  readonly #onWrite: (event: SeenEvent) => void;

  /** @param onWrite called with each event when it is written, whenever it gets through. */
  constructor(onWrite: (event: SeenEvent) => void = () => {}) {
    this.#onWrite = onWrite;
  }

  /** While it is stalled nothing gets through. */
  stall(): void {
    this.#isStalled = true;
  }

  /** @returns whether there was anything to let through. */
  drain(): boolean {
    this.#isStalled = false;
    const hadAny = this.#waiting.length > 0;
    this.#letThrough();
    return hadAny;
  }

  write(bytes: Buffer): void {
    this.writes++;
    this.#waiting.push(bytes.toString());
    for (const event of parsed(bytes.toString())) this.#onWrite(event);
    this.bufferedBytes += bytes.length;
    if (!this.#isStalled && !this.#isCorked) this.#letThrough();
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    if (this.#isStalled || this.#waiting.length === 0) return;
    this.#letThrough();
    this.onDrain();
  }

  end(reason: EndReason): void {
    this.ended = reason;
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  #letThrough(): void {
    this.events.push(...parsed(this.#waiting.join('')));
    this.#waiting = [];
    this.bufferedBytes = 0;
  }
}

const parsed = (text: string): SeenEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

export interface WatchOptions {
  readonly prefix?: string;
  readonly cursor?: Cursor | null;
  readonly withState?: boolean;
  readonly withValues?: boolean;
  readonly withTouches?: boolean;
  readonly startsAnew?: boolean;
}

export const watchRequest = (options: WatchOptions = {}) => ({
  prefix: options.prefix ?? '',
  cursor: options.cursor ?? null,
  withState: options.withState ?? false,
  startsAnew: options.startsAnew ?? false,
  format: lines(options.withValues ?? true, options.withTouches ?? false),
});
