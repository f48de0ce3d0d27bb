/**
 * Turns the changes on this node into events for watchers.
 *
 * Invariants: the feed follows the replica commit by commit and sweep by sweep, so that its vector, lsn
 * and mark are those of the last event. Entries that have expired by the time of a commit are told
 * before the rows of the commit. An event is made once, and only for prefixes that somebody watches. The timeline
 * holds every event that a live watcher is still to be told.
 */

import type { Committed, Replica } from '../../replica/replica.ts';
import { FollowedVector } from '../../rules/closings.ts';
import type { Swept } from '../../store/entryStore.ts';
import { type Cursor, encodePlace, encodeVector } from '../../words/cursor.ts';
import {
  compareMarks,
  type ExpiryMark,
  earlierMark,
  expiredBy,
  laterMark,
  markOfClock,
  NO_EXPIRIES,
} from '../../words/expiryMark.ts';
import { isOnKey, type KeyOp, type OpId, type PutHead, sameOp } from '../../words/op.ts';
import { covers, raise } from '../../words/vector.ts';
import type { EventSubject } from '../event.ts';
import { ExpiryRecord } from '../expiryRecord.ts';
import { judge, type KeyEventType, type WatchView } from '../position.ts';
import { relianceBeyond, relying } from '../reliance.ts';
import { SharedEvent } from '../sharedEvent.ts';
import { type Place, Timeline } from '../timeline.ts';
import { DeliveryPace } from './deliveryPace.ts';
import { type WatchGroup, WatchGroups } from './groups.ts';
import type { WatchHubOptions } from './options.ts';
import { watchViewOf } from './view.ts';

/** The listeners of the feed. */
export interface FeedListener {
  /** The pending events of the groups are to be delivered. */
  deliver(groups: Iterable<WatchGroup>): void;
  /** Something has happened, even if no watcher is told of it. */
  moved(): void;
  /** Entries that were told as expired may be alive again: only a reset mends that. */
  startAnew(): void;
  /** The replica has another log. */
  replaced(): void;
  /** Whether a watcher is to go on from its place in the timeline. */
  isSomebodyBehind(): boolean;
}

/** The number of entries that one sweep takes, beside those of the commit itself. */
const SWEPT_AT_ONCE = 1000;
/**
 * Each time that so many events have come, those before are forgotten unless somebody is behind. Kept until the timeline is full, they
 * would outlive young collections, which fills the old space of the heap (docs/performance.md).
 */
const KEPT_EVENTS = 64;

export class WatchFeed {
  readonly timeline: Timeline;
  readonly record: ExpiryRecord;
  readonly groups = new WatchGroups();
  readonly #replica: Replica;
  readonly #view: WatchView;
  readonly #maxClockSkewMs: number;
  readonly #listener: FeedListener;
  readonly #touched = new Set<WatchGroup>();
  readonly #pace: DeliveryPace;
  readonly #endings: (() => void)[];
  /** Whether somebody watches. `#vector`, `#vectorText` and `#lsn` are kept only then. */
  #isFollowing = false;
  /** The vector that all events so far cover. */
  #vector: FollowedVector;
  /** `#vector` as cursors encode it; null once the vector has changed. */
  #vectorText: string | null = null;
  #lsn = 0;
  #told: ExpiryMark = NO_EXPIRIES;
  #isOwnSweep = false;
  /** `KEPT_EVENTS`, or the limit if that is smaller. */
  readonly #keptEvents: number;
  /** The end of the timeline when it was last looked whether somebody is behind. */
  #lookedAt = 0;
  /** A cursor whose mark is before this time may lack expiries that this node does not know. */
  #unknownUntilMs = 0;

  constructor(
    { replica, limits, maxClockSkewMs, timers }: WatchHubOptions,
    listener: FeedListener,
  ) {
    this.#replica = replica;
    this.#view = watchViewOf(replica);
    this.#vector = this.#held();
    this.#maxClockSkewMs = maxClockSkewMs;
    this.#listener = listener;
    this.timeline = new Timeline(limits);
    this.#keptEvents = Math.min(KEPT_EVENTS, limits.maxRecentEvents);
    this.#pace = new DeliveryPace(timers, limits.maxDeliveryPauseMs, () => this.#deliver());
    this.record = new ExpiryRecord(limits.maxRecentExpiries);
    this.#restart();
    this.#endings = [
      replica.onCommit((committed) => this.#onCommit(committed)),
      replica.onSweep((swept) => this.#onSweep(swept)),
      replica.onReplaced(() => {
        listener.replaced();
        this.#restart();
      }),
    ];
  }

  /** The number of deliveries that had to wait for the sake of requests. */
  get pauses(): number {
    return this.#pace.pauses;
  }

  /** The end of the feed: the place of a live watcher. */
  get end(): Place {
    return { lsn: this.#lsn, vector: this.#vector, told: this.#told };
  }

  /**
   * The mark of a watcher that begins or comes here: the expiries that have happened by this node's clock. Where that
   * was set back, the end is ahead of it, and entries between the two were told as expired to watchers at the end alone.
   */
  get due(): ExpiryMark {
    const happened = earlierMark(this.#told, markOfClock(this.#replica.nowMs()));
    return laterMark(happened, this.record.knownSince);
  }

  /** The cursor of a watcher at the end. */
  get endCursor(): string {
    const { clusterId } = this.#replica.header;
    this.#vectorText ??= encodeVector(clusterId ?? '', this.#vector, this.#vector.pair);
    const cursor = encodePlace(this.#vectorText, this.#told);
    // Of ops that are folded and not told yet one may have beaten an op before.
    if (this.#lsn >= this.#replica.lastLsn) return cursor;
    return relying(cursor, relianceBeyond(this.#replica, this.#vector));
  }

  /** Set when the first watcher comes and when the last one goes. */
  set isFollowing(isFollowing: boolean) {
    if (isFollowing && !this.#isFollowing) {
      this.#vector = this.#held();
      this.#vectorText = null;
      this.#lsn = this.#replica.lastLsn;
    }
    if (!isFollowing) this.#forgetEvents();
    this.#isFollowing = isFollowing;
  }

  /** Tells the entries that have expired by now, so that no later event shows a dead entry. */
  sweep(beside = 0): void {
    this.#isOwnSweep = true;
    this.#replica.sweep(SWEPT_AT_ONCE + beside);
    this.#isOwnSweep = false;
  }

  /**
   * Whether every expiry since the cursor is known, and none that the watcher was told is still in the
   * future here.
   */
  knowsSince({ told }: Cursor): boolean {
    const latestMs = this.#replica.nowMs() + this.#maxClockSkewMs + 1;
    return told.untilMs >= this.#unknownUntilMs && told.untilMs <= latestMs;
  }

  /** The events so far are told first. */
  stop(): void {
    this.#pace.deliverNow();
    for (const end of this.#endings) end();
  }

  #onCommit({ rows }: Committed): void {
    this.sweep(rows.length);
    /** Keys with rows that this commit beats; the entry of each whose value watchers know, or null. */
    const passedOver = new Map<string, PutHead | null>();
    for (const { row, touched } of rows) {
      const { op } = row;
      if (isOnKey(op) && this.record.has(op.key) && this.#isShown(op)) this.record.beat(op);
      // The first watcher got the ops folded before it came as a part of the state.
      if (!this.#isFollowing || row.lsn <= this.#lsn) continue;
      raise(this.#vector, op.origin, op.seq);
      this.#vectorText = null;
      this.#lsn = row.lsn;
      if (!isOnKey(op) || !row.won) continue;
      const groups = this.groups.matching(op.key);
      if (groups.length === 0) continue;
      const before = passedOver.get(op.key);
      const known = touched === null || before === undefined ? touched : before;
      const type = judge(op, this.#view, this.#told);
      if (type === null) passedOver.set(op.key, known);
      else if (type === 'put' && known !== null && !expiredBy(this.#told, known))
        this.#tell('touch', op, op, row.lsn, groups, known);
      else this.#tell(type, op, op, row.lsn, groups);
    }
    if (this.#isFollowing) this.#leaveOutClosed();
    this.#flush();
    this.#listener.moved();
  }

  /** Whether the entry of the op's key is the op. */
  #isShown(op: KeyOp): boolean {
    const entry = this.#view.entry(op.key);
    return entry !== undefined && sameOp(entry, op);
  }

  #held(): FollowedVector {
    const { vector, closings } = this.#replica;
    return FollowedVector.ofAll(vector, closings);
  }

  /** Rule 13: what was closed by the commit is covered now, since all of it was told. */
  #leaveOutClosed(): void {
    if (this.#vector.count === this.#replica.closings.count) return;
    this.#vector = this.#held();
    this.#vectorText = null;
  }

  #onSweep({ expired, upTo }: Swept): void {
    if (this.#clockWentBack()) this.#startAnew();
    for (const entry of expired) {
      const expiry = this.record.add(entry);
      // The op came after its time, and was told as expired then.
      if (compareMarks(expiry.mark, this.#told) <= 0) continue;
      const toldBefore = this.#told;
      this.#told = expiry.mark;
      // The row of the entry is in the commit under way, and is told next.
      if (!this.#isFollowing || !covers(this.#vector, entry)) continue;
      const groups = this.groups.matching(entry.key);
      if (groups.length > 0) this.#tell('expire', expiry, expiry, null, groups, null, toldBefore);
    }
    this.#told = laterMark(this.#told, upTo);
    this.#flush();
    if (!this.#isOwnSweep) this.#listener.moved();
  }

  /** @param touched of a touch: the entry whose value watchers know, and which has another expiry now. */
  #tell(
    type: KeyEventType,
    subject: EventSubject,
    { origin, seq }: OpId,
    lsn: number | null,
    groups: readonly WatchGroup[],
    touched: OpId | null = null,
    toldBefore = this.#told,
  ): void {
    const event = new SharedEvent(type, subject, this.endCursor, touched);
    this.timeline.append({ event, lsn, toldBefore, origin, seq });
    const indexAfter = this.timeline.end;
    for (const group of groups) {
      if (group.live.size === 0) continue;
      group.pending.push({ event, indexAfter });
      this.#touched.add(group);
    }
  }

  #flush(): void {
    if (this.#touched.size === 0) this.#dropEvents();
    else if (this.timeline.isFull) this.#pace.deliverNow();
    else this.#pace.ask();
  }

  /** @returns the most events that a watcher is told in one write. */
  #deliver(): number {
    let most = 0;
    for (const { pending } of this.#touched) most = Math.max(most, pending.length);
    this.#listener.deliver(this.#touched);
    this.#leaveNonePending();
    this.#dropEvents();
    return most;
  }

  /** Only while nothing is pending. */
  #dropEvents(): void {
    this.timeline.trim();
    if (this.timeline.end - this.#lookedAt < this.#keptEvents) return;
    this.#lookedAt = this.timeline.end;
    if (!this.#listener.isSomebodyBehind()) this.timeline.clear();
  }

  #leaveNonePending(): void {
    for (const group of this.#touched) group.pending.length = 0;
    this.#touched.clear();
  }

  /** For when no watcher is live, and when each is about to start anew. */
  #forgetEvents(): void {
    this.#leaveNonePending();
    this.timeline.clear();
  }

  /** Takes over another log. The expiries of entries collected from it before are not known. */
  #restart(): void {
    const { stableClock, facts } = this.#replica.header;
    // The log knows no rows that were compacted away by then; after a snapshot, by its sender's clock.
    const skewMs = facts.snapshot === null ? 0 : this.#maxClockSkewMs;
    this.#unknownUntilMs = facts.cutAtMs === null ? 0 : facts.cutAtMs + skewMs;
    const before = this.#replica.takeExpiredBefore()?.take();
    this.record.forget(before?.knownSince ?? NO_EXPIRIES);
    for (const expired of before?.expired ?? []) this.record.add(expired);
    this.#told = laterMark(this.#told, markOfClock(stableClock));
    this.#forgetEvents();
  }

  #startAnew(): void {
    this.#told = markOfClock(this.#replica.nowMs());
    this.record.forget(this.#told);
    this.#forgetEvents();
    this.#listener.startAnew();
  }

  #clockWentBack(): boolean {
    return this.#told.untilMs > this.#replica.nowMs() + this.#maxClockSkewMs + 1;
  }
}
