/**
 * A local copy of the keys with a prefix, kept current by a watch.
 *
 * Invariants: it holds the entries that the watch has told, without those that have expired by this
 * machine's clock. A key is never seen after its time. A touch moves its time, and tells no listener. While a full state comes in anew, the old one
 * stays readable; once the new one is complete, no entry of the old one is left.
 */
import { type Entry, plainEntry, withExpiry } from '../calls/entry.ts';
import { HearsayError, WatchRefusedError } from '../errors.ts';
import type { Watch } from '../watch/watch.ts';
import type { KeyEvent, TouchEvent, WatchEvent } from '../watch/watchEvents.ts';
import { ExpiryQueue } from './expiryQueue.ts';
import { type MirrorChange, MirrorListeners } from './mirrorListeners.ts';

/** Begins a watch that tells the present entries first. */
export type BeginWatch<T> = (onConnection: (isConnected: boolean) => void) => Watch<T>;

const MAX_TIMER_MS = 2 ** 31 - 1;

export class Mirror<T = unknown> implements AsyncDisposable, Iterable<Entry<T>> {
  /**
   * Resolves once the copy is complete for the first time. Rejects with the reason of `closed` if that
   * comes first.
   */
  readonly synced: Promise<void>;
  /** Resolves once the mirror has been closed. Rejects if its signal aborts or its watch fails. */
  readonly closed: Promise<void>;
  readonly #beginWatch: BeginWatch<T>;
  readonly #entries = new Map<string, Entry<T>>();
  /** Entries that have expired by this machine's clock, until the node says so too: a touch may come first. */
  readonly #lapsed = new Map<string, Entry<T>>();
  readonly #expiry = new ExpiryQueue((key, atMs) => this.#expiresAtMs(key) === atMs);
  readonly #listeners = new MirrorListeners<T>();
  /** Keys of an older state that the incoming state has not confirmed yet; null if none is coming in. */
  #unconfirmed: Set<string> | null = null;
  #watch: Watch<T>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the callers that wait until it is current; null if none does. */
  #waiting: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #isConnected = false;
  #isSynced = false;

  constructor(beginWatch: BeginWatch<T>) {
    this.#beginWatch = beginWatch;
    this.#watch = this.#begin();
    let onSynced = () => {};
    const complete = new Promise<void>((resolve) => {
      onSynced = resolve;
    });
    this.closed = this.#follow(onSynced);
    const early = this.closed.then(() => {
      throw new HearsayError('The mirror was closed before it was complete.');
    });
    this.synced = Promise.race([complete, early]);
    // Nobody has to wait for these promises.
    this.synced.catch(() => {});
    this.closed.catch(() => {});
  }

  /**
   * Whether the mirror, as far as it knows, has all entries of its node: it is connected, and caught
   * up.
   */
  get isCurrent(): boolean {
    return this.#isConnected && this.#isSynced && this.#unconfirmed === null;
  }

  /** Resolves once it is current. Rejects with the reason of `closed` if that comes first. */
  current(): Promise<void> {
    if (this.isCurrent) return Promise.resolve();
    if (this.#waiting !== null) return this.#waiting.promise;
    let resolve = () => {};
    const current = new Promise<void>((done) => {
      resolve = done;
    });
    const ended = this.closed.then(() => {
      throw new HearsayError('The mirror was closed before it was current.');
    });
    const promise = Promise.race([current, ended]);
    promise.catch(() => {});
    this.#waiting = { promise, resolve };
    return promise;
  }

  /** The number of live entries. */
  get size(): number {
    this.#dropExpired();
    return this.#entries.size;
  }

  /** The live entry, as of now, without a round trip. Don't change it: it belongs to the mirror. */
  get(key: string): Entry<T> | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || isOver(entry, Date.now()) ? undefined : entry;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Live entries in no particular order. */
  *[Symbol.iterator](): IterableIterator<Entry<T>> {
    for (const entry of this.#entries.values()) if (!isOver(entry, Date.now())) yield entry;
  }

  /**
   * Calls the listener after every later change, in order. After a reset it may get an entry that it
   * knows. If the listener throws, that is an uncaught error, and disturbs no other listener.
   *
   * @returns a function that removes the listener.
   */
  onChange(listener: (change: MirrorChange<T>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Ends the mirror. Its entries stay readable until they expire. */
  async close(): Promise<void> {
    await this.#watch.return();
    await this.closed.catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(): Watch<T> {
    return this.#beginWatch((isConnected) => {
      this.#isConnected = isConnected;
      // It has to catch up with the changes that it missed.
      if (!isConnected) this.#isSynced = false;
    });
  }

  async #follow(onSynced: () => void): Promise<void> {
    try {
      for (;;) {
        try {
          for await (const event of this.#watch) this.#take(event, onSynced);
          return;
        } catch (error) {
          // The cursor is of a cluster that is gone: the present one has another state.
          if (!(error instanceof WatchRefusedError) || this.#watch.cursor === null) throw error;
          this.#watch = this.#begin();
          this.#startAnew();
        }
      }
    } finally {
      this.#isConnected = false;
      clearTimeout(this.#timer);
      this.#listeners.clear();
    }
  }

  #take(event: WatchEvent<T>, onSynced: () => void): void {
    this.#dropExpired();
    switch (event.type) {
      case 'put':
        this.#put(plainEntry(event));
        return;
      case 'touch':
        this.#touch(event);
        return;
      case 'delete':
      case 'expire':
        this.#lapsed.delete(event.key);
        this.#remove(event.key, event.type);
        return;
      case 'reset':
        this.#startAnew();
        return;
      case 'synced':
        this.#finishState();
        this.#isSynced = true;
        onSynced();
        this.#waiting?.resolve();
        this.#waiting = null;
        return;
      case 'bookmark':
        return;
    }
  }

  #put(entry: Entry<T>): void {
    const { key } = entry;
    const previous = this.get(key);
    this.#hold(entry);
    this.#listeners.tell({ type: 'put', key, entry, previous });
  }

  /** Listeners were told that a lapsed entry has expired, so they are told that it is there. */
  #touch({ key, version, expiresAt }: TouchEvent): void {
    const lapsed = this.#lapsed.get(key);
    const entry = this.#entries.get(key) ?? lapsed;
    if (entry?.version !== version) return;
    if (lapsed === undefined) this.#hold(withExpiry(entry, expiresAt));
    else this.#put(withExpiry(lapsed, expiresAt));
  }

  #hold(entry: Entry<T>): void {
    const { key, expiresAt } = entry;
    this.#unconfirmed?.delete(key);
    this.#lapsed.delete(key);
    this.#entries.set(key, entry);
    if (expiresAt === null) return;
    this.#expiry.add(key, expiresAt.getTime());
    this.#tidyExpiry();
    this.#setTimer();
  }

  #remove(key: string, type: Exclude<KeyEvent['type'], 'put'>): void {
    this.#unconfirmed?.delete(key);
    const previous = this.#entries.get(key);
    if (previous === undefined) return;
    this.#entries.delete(key);
    this.#listeners.tell({ type, key, entry: undefined, previous });
  }

  #startAnew(): void {
    this.#isSynced = false;
    this.#lapsed.clear();
    this.#unconfirmed = new Set(this.#entries.keys());
  }

  #finishState(): void {
    const gone = this.#unconfirmed ?? [];
    this.#unconfirmed = null;
    for (const key of gone) this.#remove(key, 'delete');
  }

  // ---- expiry

  #expiresAtMs(key: string): number | undefined {
    return this.#entries.get(key)?.expiresAt?.getTime();
  }

  #dropExpired(): void {
    for (const key of this.#expiry.takeDue(Date.now())) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#lapsed.set(key, entry);
      this.#remove(key, 'expire');
    }
  }

  /** One timer, for the next entry that expires. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const atMs = this.#expiry.nextAtMs();
    if (atMs === null) return;
    const delayMs = Math.min(Math.max(0, atMs - Date.now()), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#dropExpired();
      this.#setTimer();
    }, delayMs);
  }

  /**
   * Entries that are written again and again leave outdated items, so the queue is rebuilt when these
   * prevail.
   */
  #tidyExpiry(): void {
    if (this.#expiry.length <= 2 * this.#entries.size + 64) return;
    this.#expiry.clear();
    for (const { key, expiresAt } of this.#entries.values())
      if (expiresAt !== null) this.#expiry.add(key, expiresAt.getTime());
  }
}

const isOver = ({ expiresAt }: Entry, nowMs: number): boolean =>
  expiresAt !== null && expiresAt.getTime() <= nowMs;
