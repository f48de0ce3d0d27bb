/**
 * The watchers of this node.
 *
 * Invariants: an event is encoded once for each format, for any number of watchers. A watcher whose
 * socket is full costs nothing until it drains, and then reads forward from its position. No watcher is
 * dropped for being slow.
 */
import { FollowedVector } from '../../rules/closings.ts';
import { type Cursor, STATE_START } from '../../words/cursor.ts';
import { StoppedError } from '../../words/errors.ts';
import type { ExpiryMark } from '../../words/expiryMark.ts';
import type { ExpiryRecord } from '../expiryRecord.ts';
import { Position } from '../position.ts';
import type { Place, Timeline } from '../timeline.ts';
import { WatchFeed } from './feed.ts';
import { deliver, type WatchGroup } from './groups.ts';
import type { WatchHubOptions } from './options.ts';
import { type Ends, WatchReader } from './reader.ts';
import { startLsn } from './start.ts';
import {
  type EndReason,
  type Sink,
  type Standing,
  type WatchClient,
  Watcher,
  type WatchRequest,
} from './watcher.ts';

/** A watcher at one moment. */
export interface WatcherView {
  readonly prefix: string;
  readonly client: WatchClient;
  /** UTC milliseconds. */
  readonly sinceMs: number;
  readonly withValues: boolean;
  readonly standing: Standing['kind'];
  /** Ops of the log, or events of any key, that it has not passed yet. */
  readonly behindOps: number;
  readonly bufferedBytes: number;
  readonly fellBehind: number;
  readonly leftOut: number;
}

/** Ticks without an event after which a watcher gets a bookmark. */
export const SILENT_TICKS = 3;

export class WatchHub implements Ends {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Map<Watcher, WatchGroup>();
  readonly #feed: WatchFeed;
  readonly #reader: WatchReader;
  #isStopped = false;

  constructor(options: WatchHubOptions) {
    this.#options = options;
    this.#feed = new WatchFeed(options, {
      deliver: (groups) => {
        for (const group of groups)
          deliver(group, (watcher, index) => this.fallBehind(watcher, index));
      },
      moved: () => this.#reader.wake(),
      startAnew: () => {
        for (const watcher of this.#watchers.keys()) this.#reader.reset(watcher);
      },
      replaced: () => this.#endAll('restarted'),
      isSomebodyBehind: () => this.#isSomebodyBehind(),
    });
    this.#reader = new WatchReader(this, options);
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** The number of watchers that have not read to the end. */
  get behind(): number {
    let behind = 0;
    for (const { standing } of this.#watchers.keys()) if (standing.kind !== 'live') behind++;
    return behind;
  }

  #isSomebodyBehind(): boolean {
    for (const { standing } of this.#watchers.keys()) if (standing.kind === 'behind') return true;
    return false;
  }

  /** The watchers for people, those furthest behind first. @param limit the most of them. */
  watcherViews(limit: number): WatcherView[] {
    const views = [...this.#watchers.keys()].map((watcher) => this.#viewOf(watcher));
    views.sort((a, b) => b.behindOps - a.behindOps || a.sinceMs - b.sinceMs);
    return views.slice(0, limit);
  }

  #viewOf(watcher: Watcher): WatcherView {
    const { prefix, client, sinceMs, format, standing, position, fellBehind, leftOut } = watcher;
    const { timeline, end } = this;
    const behind = standing.kind === 'behind' ? timeline.end - standing.index : 0;
    return {
      prefix,
      client,
      sinceMs,
      withValues: format.withValues,
      standing: standing.kind,
      behindOps: standing.kind === 'reading' ? Math.max(0, end.lsn - position.lsn) : behind,
      bufferedBytes: watcher.sink.bufferedBytes,
      fellBehind,
      leftOut,
    };
  }

  /** The number of deliveries that had to wait for the sake of requests. */
  get pauses(): number {
    return this.#feed.pauses;
  }

  /** The number of resets that watchers got. */
  get resets(): number {
    return this.#reader.resets;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isFull(): boolean {
    return this.#watchers.size >= this.#options.limits.maxWatchers;
  }

  /** The bound of one watcher, or its share of the bound of all. */
  get maxBufferedBytes(): number {
    const { maxWatcherBufferBytes, maxAllWatchersBufferBytes } = this.#options.limits;
    return Math.min(maxWatcherBufferBytes, maxAllWatchersBufferBytes / Math.max(1, this.size));
  }

  /** Bytes that wait for all watchers together. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const { sink } of this.#watchers.keys()) bytes += sink.bufferedBytes;
    return bytes;
  }

  get record(): ExpiryRecord {
    return this.#feed.record;
  }

  get end(): Place {
    return this.#feed.end;
  }

  get due(): ExpiryMark {
    return this.#feed.due;
  }

  get timeline(): Timeline {
    return this.#feed.timeline;
  }

  /**
   * Starts a watch. A cursor must be of this cluster, and the replica must include its vector.
   *
   * @param sink may be written to before this returns.
   * @throws StoppedError after `stop`: expiries are not followed any more, so that a watcher would pass them untold.
   */
  open(request: WatchRequest, sink: Sink): Watcher {
    if (this.#isStopped) throw new StoppedError();
    this.#feed.isFollowing = true;
    this.#feed.sweep();
    const { cursor, withState, prefix, startsAnew = false } = request;
    const { lsn, vector } = this.end;
    const followed = cursor === null ? null : this.#followed(cursor);
    const start = { vector, told: this.due, state: withState ? STATE_START : null };
    const from = cursor === null || followed === null ? start : { ...cursor, vector: followed };
    const position = new Position(prefix, lsn, from);
    const watcher = new Watcher(request, sink, position, this, this.#options.replica.nowMs());
    watcher.mayLack = followed;
    this.#watchers.set(watcher, this.#feed.groups.join(prefix));
    const isLost = cursor !== null && (followed === null || !this.#feed.knowsSince(cursor));
    if (startsAnew || isLost) this.#reader.reset(watcher);
    void this.#start(watcher);
    return watcher;
  }

  /** The watcher's socket has drained, perhaps in the middle of a flush. */
  drained(watcher: Watcher): void {
    this.#reader.pump(watcher);
  }

  /** The watcher is gone. */
  remove(watcher: Watcher): void {
    const group = this.#watchers.get(watcher);
    if (group === undefined) return;
    watcher.isClosed = true;
    this.#watchers.delete(watcher);
    this.#feed.groups.leave(group, watcher);
    if (this.#watchers.size === 0) this.#feed.isFollowing = false;
  }

  endOne(watcher: Watcher, reason: EndReason): void {
    if (watcher.isClosed) return;
    this.remove(watcher);
    watcher.sink.end(reason);
  }

  /** Ends every watcher and takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#feed.stop();
    this.#endAll('stopping');
  }

  /** Called at a third of the time after which a silent watcher gets a bookmark. */
  tick(): void {
    for (const [watcher, group] of this.#watchers) {
      watcher.silentTicks++;
      if (watcher.silentTicks < SILENT_TICKS || !watcher.isWritable) continue;
      const isLive = watcher.standing.kind === 'live';
      // The cursor of the end covers events that are about to be told.
      if (isLive && group.pending.length > 0) continue;
      const cursor = isLive ? this.#feed.endCursor : this.#reader.cursorOf(watcher);
      watcher.writeStreamEvent('bookmark', cursor);
    }
  }

  sweep(): void {
    this.#feed.sweep();
  }

  goLive(watcher: Watcher): void {
    watcher.stand('live');
    watcher.toldIndex = this.timeline.end;
    this.#watchers.get(watcher)?.live.add(watcher);
  }

  startReading(watcher: Watcher): void {
    this.#watchers.get(watcher)?.live.delete(watcher);
    watcher.stand('reading');
  }

  fallBehind(watcher: Watcher, index: number): void {
    this.#watchers.get(watcher)?.live.delete(watcher);
    if (watcher.standing.kind === 'live') watcher.fellBehind++;
    const place = this.timeline.placeAt(index, this.end);
    watcher.position = new Position(watcher.prefix, place.lsn, { ...place, state: null });
    watcher.standing = { kind: 'behind', index };
  }

  /** The vector of a cursor; null where this node does not know what was closed when it was given. */
  #followed({ vector, closed }: Cursor): FollowedVector | null {
    const { closings } = this.#options.replica;
    if (closings.since(closed) === undefined) return null;
    const { count } = closed;
    const listed = [...vector].filter(
      ([origin, seq]) => seq > 0 || closings.lastSeqOf(origin, count) !== undefined,
    );
    return new FollowedVector(listed, closings, count);
  }

  async #start(watcher: Watcher): Promise<void> {
    const { position } = watcher;
    if (!position.vector.includesHeld(this.#options.replica.vector)) {
      // No watcher reads before its beginning is known.
      watcher.isPumped = true;
      try {
        position.lsn = await startLsn(this.#options.replica, position.vector);
      } catch {
        this.endOne(watcher, 'failed');
        return;
      } finally {
        watcher.isPumped = false;
      }
    }
    this.#reader.pump(watcher);
  }

  /** The client of each watcher may go on at another node, from its cursor. */
  #endAll(reason: EndReason): void {
    for (const watcher of [...this.#watchers.keys()]) this.endOne(watcher, reason);
  }
}
