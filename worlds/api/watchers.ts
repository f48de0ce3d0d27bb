/**
 * `GET /worlds/watch`: server-sent events (WHATWG HTML, "Server-sent events") of the listing.
 *
 * Invariant: a watcher is told each change after the last one that it was told, and none twice. What waits
 * for a slow one is a place in the history and no queue: it is told the rest once it has read what was sent.
 */
import type { ServerResponse } from 'node:http';
import { Problem, retryAfter } from '../http/problem.ts';
import type { ListingFilter } from '../rules/listing.ts';
import { type WatchEvent, WatchedWorlds } from '../rules/watchedWorlds.ts';
import type { WorldsView } from './worldsView.ts';

export interface WatchLimits {
  /** Watchers at a time; beyond it, 503. */
  readonly maxWatchers: number;
  /** Watchers of one caller at a time; beyond it, 429. */
  readonly maxWatchersOfCaller: number;
  /** A watcher that has not read what was sent for so long is cut. */
  readonly slowMs: number;
  /** Between two events, in milliseconds: changes in between are told as one. */
  readonly paceMs: number;
  /** Between two signs of life; at each one, it is looked whether the caller may still watch. */
  readonly beatMs: number;
}

export const WATCH_LIMITS: WatchLimits = {
  maxWatchers: 1000,
  maxWatchersOfCaller: 4,
  slowMs: 10_000,
  paceMs: 100,
  beatMs: 2000,
};

export interface WatchRequest {
  /** A player or an operator. */
  readonly caller: string;
  readonly filter: ListingFilter;
  /** Of the last event that the caller has seen; empty for none. */
  readonly lastEventId: string;
  /** Whether the caller's token still counts. */
  readonly isAdmitted: () => Promise<boolean>;
}

type WatchedView = Pick<WorldsView, 'id' | 'listing' | 'isStale' | 'onChange' | 'synced'>;

interface Watcher extends WatchRequest {
  readonly response: ServerResponse;
  toldRevision: number;
  toldStale: boolean;
  /** Since when something waits to be read; null: nothing does. */
  waitingSinceMs: number | null;
}

const AGAIN_MS = 1000;
const HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' };

export class Watchers implements Disposable {
  readonly headers: Readonly<Record<string, string>> = HEADERS;
  readonly #view: WatchedView;
  readonly #limits: WatchLimits;
  readonly #worlds = new WatchedWorlds();
  readonly #watchers = new Set<Watcher>();
  /** The caller of each watcher. */
  readonly #admitted: string[] = [];
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #stopListening: () => void;
  #isSynced = false;
  #cut = 0;

  constructor(view: WatchedView, limits: WatchLimits = WATCH_LIMITS) {
    this.#view = view;
    this.#limits = limits;
    const take = (region: string, world: string): void =>
      void this.#worlds.set(region, world, view.listing.world(region, world) ?? null);
    for (const { region, world } of view.listing.list()) take(region, world);
    this.#stopListening = view.onChange(take);
    const onSynced = (): void => {
      this.#isSynced = true;
    };
    // A view that is closed before never is complete.
    void view.synced().then(onSynced, () => {});
    this.#timers = [
      setInterval(() => this.#tellAll(), limits.paceMs),
      setInterval(() => this.#beat(), limits.beatMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  get count(): number {
    return this.#admitted.length;
  }

  /** Watchers that were cut because they read too slowly. */
  get cut(): number {
    return this.#cut;
  }

  /**
   * Counts a watcher in.
   *
   * @returns begins to tell; it must be called, and takes the watcher out once the response is over.
   * @throws Problem 429 or 503 if there are too many watchers, or the copy is not complete yet.
   */
  admit(request: WatchRequest): (response: ServerResponse) => void {
    const { caller } = request;
    const { maxWatchers, maxWatchersOfCaller } = this.#limits;
    if (!this.#isSynced)
      throw new Problem(503, 'starting', 'The api is starting: try again.', retryAfter(1));
    if (this.count >= maxWatchers)
      throw new Problem(503, 'busy', 'Too many watch: try again.', retryAfter(5));
    const own = this.#admitted.filter((one) => one === caller).length;
    if (own >= maxWatchersOfCaller)
      throw new Problem(429, 'watches', 'You watch too often: end another one.', retryAfter(5));
    this.#admitted.push(caller);
    return (response) => {
      const leave = (): void => void this.#admitted.splice(this.#admitted.indexOf(caller), 1);
      if (response.closed || response.destroyed) leave();
      else this.#follow(response, request, leave);
    };
  }

  #follow(response: ServerResponse, request: WatchRequest, leave: () => void): void {
    const watcher: Watcher = {
      ...request,
      response,
      waitingSinceMs: null,
      toldRevision: this.#worlds.revision,
      toldStale: this.#view.isStale,
    };
    this.#watchers.add(watcher);
    response.on('error', () => response.destroy());
    response.on('close', () => {
      this.#watchers.delete(watcher);
      leave();
    });
    const seen = this.#revisionOf(request.lastEventId);
    const missed = seen === null ? null : this.#worlds.since(seen, request.filter);
    const events = missed === null ? this.#wholeText(request.filter) : this.#textOf(missed);
    const synced = this.#syncedText(watcher, missed !== null);
    this.#send(watcher, `retry: ${AGAIN_MS}\n\n${events}${synced}`);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopListening();
    for (const { response } of this.#watchers) response.destroy();
  }

  #revisionOf(lastEventId: string): number | null {
    const { id } = this.#view;
    if (!lastEventId.startsWith(`${id}.`)) return null;
    const text = lastEventId.slice(id.length + 1);
    return /^\d{1,15}$/.test(text) ? Number(text) : null;
  }

  #tellAll(): void {
    const { revision } = this.#worlds;
    // Most watchers have seen the same and ask for the same: their text is made once.
    const texts = new Map<string, string>();
    for (const watcher of this.#watchers) {
      if (watcher.waitingSinceMs !== null) continue;
      const name = JSON.stringify([watcher.toldRevision, watcher.filter]);
      const text = texts.get(name) ?? this.#changesFor(watcher);
      texts.set(name, text);
      watcher.toldRevision = revision;
      const isStale = this.#view.isStale;
      const hasTurned = isStale !== watcher.toldStale;
      watcher.toldStale = isStale;
      if (text !== '' || hasTurned)
        this.#send(watcher, hasTurned ? text + this.#syncedText(watcher, true) : text);
    }
  }

  #changesFor({ toldRevision, filter }: Watcher): string {
    if (toldRevision === this.#worlds.revision) return '';
    const events = this.#worlds.since(toldRevision, filter);
    if (events !== null) return this.#textOf(events);
    // So much is gone since that only a whole list tells it.
    return this.#wholeText(filter) + syncedText(this.#idNow, false, this.#view.isStale);
  }

  #textOf(events: readonly WatchEvent[]): string {
    return events.map((event) => textOf(event, this.#view.id)).join('');
  }

  /** Without ids, so that who is cut in the midst of a whole list begins with a whole list again. */
  #wholeText(filter: ListingFilter): string {
    return this.#worlds
      .all(filter)
      .map((event) => textOf(event, null))
      .join('');
  }

  get #idNow(): string {
    return `${this.#view.id}.${this.#worlds.revision}`;
  }

  #syncedText({ toldStale }: Watcher, resumed: boolean): string {
    return syncedText(this.#idNow, resumed, toldStale);
  }

  #send(watcher: Watcher, text: string): void {
    const { response } = watcher;
    if (response.destroyed || response.write(text)) return;
    watcher.waitingSinceMs = performance.now();
    response.once('drain', () => {
      watcher.waitingSinceMs = null;
    });
  }

  #beat(): void {
    const nowMs = performance.now();
    for (const watcher of this.#watchers) {
      const { waitingSinceMs, response } = watcher;
      if (waitingSinceMs === null) this.#send(watcher, ':\n\n');
      else if (nowMs - waitingSinceMs >= this.#limits.slowMs) {
        this.#cut += 1;
        response.destroy();
        continue;
      }
      void watcher.isAdmitted().then(
        (isAdmitted) => {
          if (!isAdmitted) response.end();
        },
        () => response.end(),
      );
    }
  }
}

/** @param idPrefix null: the event has no id. */
function textOf(event: WatchEvent, idPrefix: string | null): string {
  const data = event.type === 'world' ? event.world : { region: event.region, world: event.world };
  const id = idPrefix === null ? '' : `id: ${idPrefix}.${event.revision}\n`;
  return `event: ${event.type}\n${id}data: ${JSON.stringify(data)}\n\n`;
}

/** @param resumed false: the watcher is to forget each world that was not told just before. */
const syncedText = (id: string, resumed: boolean, stale: boolean): string =>
  `event: synced\nid: ${id}\ndata: ${JSON.stringify({ resumed, stale })}\n\n`;
