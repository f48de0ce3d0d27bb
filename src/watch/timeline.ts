/**
 * The latest events of this node, as all watchers at its end were told them. A watcher whose socket was
 * full for a while goes on from its place here, with events that are encoded already. The oldest events
 * go first; a watcher that is further behind reads the log.
 */

import type { FollowedVector } from '../rules/closings.ts';
import { type ExpiryMark, expiredBy } from '../words/expiryMark.ts';
import { type EntryHead, type OpId, sameOp } from '../words/op.ts';
import { Queue } from '../words/queue.ts';
import { seqOf } from '../words/vector.ts';

import type { EventSubject } from './event.ts';
import type { SharedEvent } from './sharedEvent.ts';

export interface TimelineItem extends OpId {
  readonly event: SharedEvent;
  /** The lsn of the row that it tells; null if it tells an expiry. */
  readonly lsn: number | null;
  /** The mark up to which expiries had been told before it. */
  readonly toldBefore: ExpiryMark;
}

/** A place between two events, as a position has it. */
export interface Place {
  readonly lsn: number;
  readonly vector: FollowedVector;
  readonly told: ExpiryMark;
}

export interface TimelineLimits {
  readonly maxRecentEvents: number;
  readonly maxRecentEventBytes: number;
}

/** The bytes of an event in memory beside its texts: its cursor, its objects and its frame. */
const EVENT_BYTES = 400;
/** The part of the room that is left after the oldest have gone. */
const LEFT_SHARE = 0.75;

const bytesOf = ({ key, value, meta }: EventSubject): number =>
  // The value counts twice: as the op has it, and encoded.
  EVENT_BYTES + 2 * (key.length + (value?.length ?? 0) + (meta?.length ?? 0));

export class Timeline {
  readonly #limits: TimelineLimits;
  readonly #items = new Queue<TimelineItem>();
  /** The index of the first item, counted from the first item ever. */
  #first = 0;
  #bytes = 0;

  constructor(limits: TimelineLimits) {
    this.#limits = limits;
  }

  /** A reader with an index below this one has missed events. */
  get first(): number {
    return this.#first;
  }

  /** The index that the next item gets. */
  get end(): number {
    return this.#first + this.#items.length;
  }

  get size(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(item: TimelineItem): void {
    this.#items.push(item);
    this.#bytes += bytesOf(item.event.subject);
  }

  at(index: number): TimelineItem | undefined {
    return this.#items.at(index - this.#first);
  }

  /** Whether items are to be dropped. */
  get isFull(): boolean {
    return this.#isOver(1);
  }

  /** Drops the oldest items, many at once, so that watchers slightly behind rarely lose their place. */
  trim(): void {
    if (!this.isFull) return;
    while (this.#isOver(LEFT_SHARE)) {
      const item = this.#items.shift();
      if (item === undefined) break;
      this.#bytes -= bytesOf(item.event.subject);
      this.#first++;
    }
  }

  #isOver(share: number): boolean {
    const { maxRecentEvents, maxRecentEventBytes } = this.#limits;
    return (
      this.#items.length > maxRecentEvents * share || this.#bytes > maxRecentEventBytes * share
    );
  }

  clear(): void {
    this.#first = this.end;
    this.#items.clear();
    this.#bytes = 0;
  }

  /**
   * The place before the item with that index, computed by going back from the end. Rows without an
   * event count as read: a watcher would be told nothing of them either.
   */
  placeAt(index: number, end: Place): Place {
    const vector = end.vector.copy();
    let { lsn, told } = end;
    for (let later = this.end - 1; later >= index; later--) {
      const item = this.at(later);
      if (item === undefined) break;
      told = item.toldBefore;
      if (item.lsn === null) continue;
      lsn = item.lsn - 1;
      if (seqOf(vector, item.origin) >= item.seq) vector.set(item.origin, item.seq - 1);
    }
    return { lsn, vector, told };
  }
}

/**
 * Whether the item is still to be told to a watcher that comes to it later: nothing later of its key
 * has won and, for a put, its time has not passed. Otherwise the event that replaces it stands further
 * on in the timeline.
 */
export function isStillTold(
  item: TimelineItem,
  entry: EntryHead | undefined,
  told: ExpiryMark,
): boolean {
  const isEntry = entry !== undefined && sameOp(entry, item);
  const { type } = item.event;
  if (type === 'delete' || type === 'expire') return entry === undefined || isEntry;
  return isEntry && !expiredBy(told, entry);
}
