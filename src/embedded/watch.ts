/**
 * A watch of an embedded node: the events that a client of the node would get, without a connection.
 *
 * Invariants: of the events that the program has not taken, no more wait in memory than the limits for one
 * watcher allow; the rest stays in the log. The watch goes on over a new origin of the node, from the
 * last event that the program took. Nothing that happens after the call of `watch` is missed.
 */
import { readEvent, type WatchEvent } from '../client/watch/watchEvents.ts';
import { Problem } from '../http/answer/problem.ts';
import type { VectorWaits } from '../http/wait/vectorWaits.ts';
import { admitCursor } from '../http/watch/cursorAdmission.ts';
import { FORMAT_COUNT } from '../http/watch/formats.ts';
import type { Replica } from '../replica/replica.ts';
import type { WatchHub } from '../watch/hub/hub.ts';
import type { EndReason, Sink, Watcher } from '../watch/hub/watcher.ts';
import type { Format } from '../watch/sharedEvent.ts';
import type { Cursor } from '../words/cursor.ts';
import { HearsayError, OverloadedError, StoppedError } from '../words/errors.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';
import { InvalidRequestError } from './errors.ts';
import type { CheckedWatch } from './requests.ts';
import type { NodeEvents } from './runningNode.ts';

/** The parts of a node that a watch needs. */
export interface WatchParts {
  readonly replica: Replica;
  readonly hub: WatchHub;
  readonly waits: VectorWaits;
  /** The longest wait for a cursor that is ahead of this node, in milliseconds. */
  readonly waitTimeoutMs: number;
}

/** How often to check whether a node that rejoins may be read again. */
const READY_INTERVAL_MS = 10;

/** The end of an event: no JSON text holds this byte. */
const END = 0;

const formatOf = (withValues: boolean): Format => ({
  index: FORMAT_COUNT + Number(withValues),
  withValues,
  withTouches: false,
  encode: (_type, _cursor, text) => Buffer.from(`${text}\0`),
});
const WITH_VALUES = formatOf(true);
const WITHOUT_VALUES = formatOf(false);

/** The events that the program has not taken yet. */
class WaitingEvents implements Sink {
  readonly drainsAboveBytes = 0;
  bufferedBytes = 0;
  /** Null while events may still come. */
  ended: EndReason | null = null;
  #events: Buffer[] = [];
  #taken = 0;
  #wake = () => {};

  /** @param bytes one event or several. */
  write(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(END, from);
      const event = bytes.subarray(from, end);
      this.#events.push(event);
      this.bufferedBytes += event.length;
      from = end + 1;
    }
    this.#wake();
  }

  cork(): void {}

  uncork(): void {}

  end(reason: EndReason): void {
    this.ended = reason;
    this.#wake();
  }

  /** @returns undefined if none waits. */
  take(): Buffer | undefined {
    const bytes = this.#events[this.#taken];
    if (bytes === undefined) return undefined;
    this.#taken++;
    this.bufferedBytes -= bytes.length;
    if (this.#taken === this.#events.length) {
      this.#events = [];
      this.#taken = 0;
    }
    return bytes;
  }

  /** Resolves once there is something new. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        this.#wake = () => {};
        before();
        resolve();
      };
    });
  }

  wake(): void {
    this.#wake();
  }
}

/** Leaving the loop, `close` and disposing end it, and so does the end of the node. */
export class NodeWatch<T = unknown> implements NodeEvents<T> {
  readonly #parts: WatchParts;
  readonly #options: CheckedWatch;
  readonly #closing = new AbortController();
  readonly #opening: Promise<void>;
  #events = new WaitingEvents();
  #watcher: Watcher | null = null;
  #cursor: string | null;

  /** @throws the errors of `OpenNode.watch`. */
  constructor(parts: WatchParts, options: CheckedWatch) {
    this.#parts = parts;
    this.#options = options;
    this.#cursor = options.cursor;
    this.#refuse();
    const { signal } = options;
    signal?.throwIfAborted();
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.cursor === null) this.#open(null, false);
    this.#opening = options.cursor === null ? Promise.resolve() : this.#goOnFrom(options.cursor);
    this.#opening.catch(() => {}); // the first `next` tells
  }

  /** The place after the last event that the program took; null before the first, unless one was given. */
  get cursor(): string | null {
    return this.#cursor;
  }

  async next(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    try {
      return await this.#next();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  return(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  async close(): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #next(): Promise<IteratorResult<WatchEvent<T>, undefined>> {
    await this.#opening;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      if (this.#closing.signal.aborted) return { done: true, value: undefined };
      const bytes = this.#events.take();
      if (bytes !== undefined) {
        this.#drain();
        const event = readEvent<T>(JSON.parse(bytes.toString()));
        if (event === null) continue;
        this.#cursor = event.cursor;
        return { done: false, value: event };
      }
      const { ended } = this.#events;
      if (ended === 'stopping') this.#end();
      else if (ended === 'failed')
        throw new HearsayError('The watch could not read the log: begin another from its cursor.');
      else if (ended === 'restarted') await this.#goOnAnew();
      else await this.#events.change();
    }
  }

  /** The hub goes on reading once nothing waits any more. */
  #drain(): void {
    const watcher = this.#watcher;
    if (this.#events.bufferedBytes === 0 && watcher !== null && watcher.standing.kind !== 'live')
      this.#parts.hub.drained(watcher);
  }

  /** The node has another origin. */
  async #goOnAnew(): Promise<void> {
    const { replica, hub } = this.#parts;
    while (!replica.readiness.isReadable && !hub.isStopped && !this.#closing.signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, READY_INTERVAL_MS));
    if (this.#closing.signal.aborted) return;
    if (hub.isStopped) this.#end();
    else if (this.#cursor === null) this.#open(null, false);
    else {
      try {
        await this.#goOnFrom(this.#cursor);
      } catch (error) {
        if (!(error instanceof InvalidRequestError)) throw error;
        // The cursor is of a cluster that is gone: the present one has another state.
        if (hub.isStopped) this.#end();
        else this.#open(null, true);
      }
    }
  }

  /** @throws InvalidRequestError for a cursor from which this node can't go on. */
  async #goOnFrom(text: string): Promise<void> {
    try {
      const { cursor, startsAnew } = await admitCursor(text, this.#parts, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      this.#refuse();
      this.#open(cursor, startsAnew);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      throw new InvalidRequestError(error.detail, { cause: error });
    }
  }

  #open(cursor: Cursor | null, startsAnew: boolean): void {
    const { prefix, initial, values } = this.#options;
    this.#events = new WaitingEvents();
    const format = values ? WITH_VALUES : WITHOUT_VALUES;
    const request = { prefix, format, cursor, startsAnew, withState: initial };
    this.#watcher = this.#parts.hub.open(request, this.#events);
  }

  /** @throws StoppedError, NotReadableError, OverloadedError. */
  #refuse(): void {
    const { hub, replica } = this.#parts;
    if (hub.isStopped) throw new StoppedError();
    replica.readiness.requireReadable();
    if (hub.isFull) throw new OverloadedError(RETRY_AFTER_MS, 'watchers');
  }

  readonly #abort = (): void => this.#end();

  #end(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    if (this.#watcher !== null) this.#parts.hub.remove(this.#watcher);
    this.#events.wake();
  }
}
