/** Every change of the keys with a prefix, for as long as the program asks for the next. */

import { checkedText } from '../calls/ops.ts';
import { onAbort } from '../calls/timing.ts';
import { InvalidRequestError } from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import { type ClientSettings, whole } from '../options.ts';
import { EventQueue, type NextEvent } from './eventQueue.ts';
import type { WatchEvent } from './watchEvents.ts';
import { type ConnectionState, type RunnerOptions, WatchRunner } from './watchRunner.ts';

export interface WatchOptions {
  /** Only keys with this prefix; default: all. */
  readonly prefix?: string;
  /**
   * The cursor of an event, from any node: the watch goes on after it. Default: the watch begins now.
   */
  readonly cursor?: string;
  /** Whether a watch without a cursor tells the present entries first, as puts. Default false. */
  readonly initial?: boolean;
  /** Whether puts carry the value. Default true. */
  readonly values?: boolean;
  /**
   * Whether entries that only got another time to live are told, as `touch`. Default false: a touch wakes
   * nobody. (A node of 0.3.0 or older tells touches as puts.)
   */
  readonly touches?: boolean;
  /** Ends the watch when it aborts: `next` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The most events that may wait to be taken: 1 to 1,000,000, default 4,096. */
  readonly maxBufferedEvents?: number;
  /**
   * The most characters of JSON in these events: 1 to 2^31 − 1, default 4 Mi; a single event may be
   * longer.
   */
  readonly maxBufferedCharacters?: number;
  /**
   * The longest silence of a connection before another is made, in milliseconds: default 45,000, which
   * is three times the nodes' default (`BOOKMARK_INTERVAL`).
   */
  readonly idleTimeoutMs?: number;
  /**
   * The longest time that the watch goes on without a connection before it fails, in milliseconds;
   * default null: for ever.
   */
  readonly giveUpAfterMs?: number | null;
  /** Called for each connection that is made, and for each that is lost or can't be made. */
  readonly onConnection?: (state: ConnectionState) => void;
}

const NAMES: ReadonlySet<string> = new Set<keyof WatchOptions>([
  'prefix',
  'cursor',
  'initial',
  'values',
  'touches',
  'signal',
  'maxBufferedEvents',
  'maxBufferedCharacters',
  'idleTimeoutMs',
  'giveUpAfterMs',
  'onConnection',
]);
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * An async iterator that begins when the program asks for the first event, and connects again by
 * itself. It can be used once. Leaving the loop, `close`, disposing or closing the client ends it.
 */
export class Watch<T = unknown> implements AsyncIterableIterator<WatchEvent<T>, undefined> {
  readonly #queue: EventQueue<T>;
  readonly #runner: WatchRunner<T>;
  readonly #ending = new AbortController();
  readonly #releases: readonly (() => void)[];
  #hasBegun = false;

  /** @throws InvalidRequestError */
  constructor(settings: ClientSettings, closing: AbortSignal, options: WatchOptions) {
    checkNames('watch', options, NAMES);
    const { cursor = null, signal } = options;
    const characters = options.maxBufferedCharacters ?? 4 * 1024 * 1024;
    this.#queue = new EventQueue(
      {
        maxBufferedEvents: whole(
          'maxBufferedEvents',
          options.maxBufferedEvents ?? 4096,
          1,
          10 ** 6,
        ),
        maxBufferedCharacters: whole('maxBufferedCharacters', characters, 1, 2 ** 31 - 1),
      },
      cursor,
    );
    this.#runner = new WatchRunner(settings, runnerOptions(settings, options), this.#queue);
    this.#releases = [
      onAbort(signal, (reason) => this.#end({ reason })),
      onAbort(closing, () => this.#end(null)),
    ];
    if (signal?.aborted) this.#end({ reason: signal.reason });
    else if (closing.aborted) this.#end(null);
  }

  /** The cursor of the last event that was taken, or else the cursor with which the watch began. */
  get cursor(): string | null {
    return this.#queue.cursor;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next event. Rejects with the signal's reason once that has aborted, with WatchRefusedError if
   * no node serves the watch (the cursor, the token), with UnavailableError after `giveUpAfterMs`; is done once the
   * watch or its client has been closed.
   */
  next(): Promise<NextEvent<T>> {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      void this.#run();
    }
    return this.#queue.next();
  }

  /** Ends the watch. */
  return(): Promise<NextEvent<T>> {
    this.#end(null);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the watch, as `return` does. */
  close(): Promise<void> {
    this.#end(null);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    try {
      await this.#runner.run(this.#ending.signal);
    } catch (error) {
      this.#queue.fail(error);
      this.#release();
    }
  }

  #end(failure: { readonly reason: unknown } | null): void {
    this.#hasBegun = true;
    this.#queue.stop(failure);
    this.#ending.abort();
    this.#release();
  }

  #release(): void {
    for (const release of this.#releases) release();
  }
}

/** @throws InvalidRequestError */
function runnerOptions(settings: ClientSettings, options: WatchOptions): RunnerOptions {
  const { WebSocket } = settings;
  if (WebSocket === undefined)
    throw new InvalidRequestError('This platform has no WebSocket: pass one to the client.');
  const { giveUpAfterMs = null, idleTimeoutMs = 45_000 } = options;
  return {
    WebSocket,
    prefix: checkedText('A prefix', options.prefix ?? ''),
    cursor: options.cursor ?? null,
    initial: options.initial ?? false,
    values: options.values ?? true,
    touches: options.touches ?? false,
    idleTimeoutMs: whole('idleTimeoutMs', idleTimeoutMs, 1, MAX_TIMER_MS),
    giveUpAfterMs:
      giveUpAfterMs === null ? null : whole('giveUpAfterMs', giveUpAfterMs, 0, MAX_TIMER_MS),
    onConnection: options.onConnection ?? (() => {}),
  };
}
