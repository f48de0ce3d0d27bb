/**
 * Reads forward for watchers that are not at the end: from their place in the timeline while that place
 * is still there, else from their position in the log. One step tells expiries, a page of rows and,
 * while it is due, a page of the state, so that each of the three goes on however busy the others are.
 *
 * Invariant: a watcher that is not live waits only for its socket, for the log, for ops that are folded and
 * not told yet, or for the clock of this node.
 * Whether it waits is decided in `#mayGoOn` alone, after the flush, because a socket that takes
 * everything at once drains within the flush. Each step that takes a watcher away from the end also
 * pumps it.
 */

import type { Replica } from '../../replica/replica.ts';
import { encodePlace, encodeVector, STATE_START, type StatePlace } from '../../words/cursor.ts';
import { compareMarks, type ExpiryMark, laterMark } from '../../words/expiryMark.ts';
import { type ColdPut, isInLog, isOnKey, type Put, sameOp } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { includes, seqOf } from '../../words/vector.ts';
import type { ExpiryRecord } from '../expiryRecord.ts';
import { MissingRowError, Position, type WatchView } from '../position.ts';
import { relianceBeyond, relying } from '../reliance.ts';
import { isStillTold, type Place, type Timeline } from '../timeline.ts';
import type { WatchHubOptions, WatchPages } from './options.ts';
import { watchViewOf } from './view.ts';
import { NO_VALUES, type Watcher } from './watcher.ts';

const PAGES: WatchPages = { rows: 512, entries: 256 };
const PAGE_BYTES = 1024 * 1024;
/** Values that one page of the state reads from the log. */
const COLD_BYTES = 256 * 1024;
/** A cursor holds only the front of a longer key: the state then goes on a little before that key. */
const MAX_STATE_KEY_LENGTH = 2048;

/** The hub, as the reader needs it. */
export interface Ends {
  /** The end of the feed: the place of a live watcher. */
  readonly end: Place;
  /** The expiries that have happened by this node's clock. */
  readonly due: ExpiryMark;
  readonly timeline: Timeline;
  readonly record: ExpiryRecord;
  /** Tells the entries that have expired by now. */
  sweep(): void;
  /** The watcher goes on from its position. */
  startReading(watcher: Watcher): void;
  /** From now on the watcher is told each event as it happens. */
  goLive(watcher: Watcher): void;
  /** The watcher goes on from the item with that index once its socket drains. */
  fallBehind(watcher: Watcher, index: number): void;
  endOne(watcher: Watcher, reason: 'failed'): void;
}

export class WatchReader {
  /** The number of resets that watchers got. */
  resets = 0;
  readonly #hub: Ends;
  readonly #replica: Replica;
  readonly #options: WatchHubOptions;
  readonly #view: WatchView;
  readonly #pages: WatchPages;
  /**
   * Watchers that have read everything so far and wait: for ops that are folded but not told yet, or for this node's
   * clock. That is behind another's, which told them more expiries; or it was set back, so that those at the end were
   * told more than they.
   */
  readonly #waiting = new Set<Watcher>();

  constructor(hub: Ends, options: WatchHubOptions) {
    this.#hub = hub;
    this.#replica = options.replica;
    this.#options = options;
    this.#pages = options.pages ?? PAGES;
    this.#view = watchViewOf(options.replica);
  }

  /**
   * Goes on telling until the watcher is at the end or its socket is full. May be called at any time.
   */
  pump(watcher: Watcher): void {
    this.#waiting.delete(watcher);
    // The run under way looks at the watcher again before it ends.
    if (watcher.isPumped || watcher.isClosed) return;
    watcher.isPumped = true;
    void this.#run(watcher);
  }

  /** Something has happened on this node. */
  wake(): void {
    for (const watcher of [...this.#waiting]) this.pump(watcher);
  }

  /** The watcher's copy can't be mended: it gets a reset, and then the whole state. */
  reset(watcher: Watcher): void {
    const { end, due } = this.#hub;
    this.resets++;
    const start = { vector: end.vector, told: due, state: STATE_START };
    watcher.position = new Position(watcher.prefix, end.lsn, start);
    watcher.goalLsn = end.lsn;
    watcher.isSynced = false;
    watcher.mayLack = null;
    this.#hub.startReading(watcher);
    watcher.writeStreamEvent('reset', this.cursorOf(watcher));
    // Later, because this can come while all other watchers are being told.
    this.#options.defer(() => this.pump(watcher));
  }

  /** The cursor of a watcher that is not live. */
  cursorOf({ position }: Watcher): string {
    return this.#cursorAt(position, this.#vectorText(position));
  }

  #cursorAt(position: Position, vectorText: string): string {
    const cursor = encodePlace(vectorText, position.told, statePlace(position));
    return relying(cursor, relianceBeyond(this.#replica, position.vector));
  }

  async #run(watcher: Watcher): Promise<void> {
    try {
      while (this.#mayGoOn(watcher)) {
        this.#hub.sweep();
        if (watcher.standing.kind === 'behind') this.#readTimeline(watcher, watcher.standing.index);
        else await this.#readLog(watcher);
        if (this.#mayGoOn(watcher)) await new Promise<void>((next) => this.#options.defer(next));
      }
    } catch {
      this.#hub.endOne(watcher, 'failed');
    } finally {
      watcher.isPumped = false;
    }
  }

  /** Whether there is something to tell, and the socket takes it. */
  #mayGoOn(watcher: Watcher): boolean {
    return watcher.isWritable && watcher.standing.kind !== 'live' && !this.#waiting.has(watcher);
  }

  // ---- from the timeline

  #readTimeline(watcher: Watcher, from: number): void {
    const { timeline, end } = this.#hub;
    if (from < timeline.first) {
      this.#hub.startReading(watcher);
      return;
    }
    const relies = relianceBeyond(this.#replica, watcher.position.vector);
    let { lsn } = watcher.position;
    watcher.sink.cork();
    let index = from;
    for (; index < timeline.end && watcher.isWritable; index++) {
      const item = timeline.at(index);
      lsn = item?.lsn ?? lsn;
      if (item === undefined || !item.event.subject.key.startsWith(watcher.prefix)) continue;
      const isTold = isStillTold(item, this.#view.entry(item.event.subject.key), end.told);
      // The put before a touch may have been passed over.
      const mayRely = relies !== null && lsn < watcher.liveFromLsn;
      const bytes = !isTold
        ? null
        : mayRely
          ? item.event.bytesRelying(watcher.format, relies)
          : item.event.bytesFor(watcher.format, false);
      if (bytes === null) this.#leaveOut(watcher);
      else watcher.write(bytes);
    }
    watcher.sink.uncork();
    if (index === timeline.end && end.lsn >= watcher.liveFromLsn) {
      this.#hub.goLive(watcher);
      return;
    }
    this.#hub.fallBehind(watcher, index);
    if (index === timeline.end) this.#waiting.add(watcher);
  }

  /**
   * Something is not told, since a greater op of its key has come. That op may be folded but not told yet, and may be a
   * touch, which is silent for live watchers: this one has to read it, as a put.
   */
  #leaveOut(watcher: Watcher): void {
    watcher.leftOut++;
    watcher.liveFromLsn = this.#replica.lastLsn;
  }

  // ---- from the log

  #recentRows({ lsn }: Position): Row[] | undefined {
    return this.#replica.recent.rowsAfter(lsn, this.#pages.rows);
  }

  #logRows({ lsn }: Position): Promise<Row[]> {
    return this.#replica.log.rowsAfter(lsn, { maxRows: this.#pages.rows, maxBytes: PAGE_BYTES });
  }

  async #readLog(watcher: Watcher): Promise<void> {
    const { position } = watcher;
    await this.#readValues(watcher);
    const { lsn } = this.#hub.end;
    const rows = this.#recentRows(position) ?? (await this.#logRows(position));
    this.#hub.sweep();
    // Meanwhile the watcher may have gone, or have been reset.
    if (watcher.isClosed || watcher.position !== position) return;
    if (rows.length === 0) position.lsn = Math.max(position.lsn, lsn);
    if (this.#mustReset(position)) this.reset(watcher);
    else this.#step(watcher, rows);
  }

  /** Reads the values that the last page of the state lacked. */
  async #readValues(watcher: Watcher): Promise<void> {
    const cold = watcher.cold.splice(0);
    if (cold.length === 0) return;
    const puts = await this.#replica.reads.wholePuts(cold);
    watcher.values = new Map(puts.map((put) => [put.key, put]));
  }

  #step(watcher: Watcher, rows: readonly Row[]): void {
    watcher.sink.cork();
    try {
      const isThrough =
        this.#tellExpiries(watcher) && this.#tellRows(watcher, rows) && this.#tellState(watcher);
      if (isThrough) this.#arrive(watcher);
    } catch (error) {
      if (!(error instanceof MissingRowError)) throw error;
      this.reset(watcher);
    } finally {
      watcher.sink.uncork();
    }
  }

  /**
   * Asked before every read: the watcher may lack rows that were compacted away, or expiries that are
   * too old.
   */
  #mustReset(position: Position): boolean {
    const { record } = this.#hub;
    return !this.#coversReach(position) || compareMarks(position.told, record.knownSince) < 0;
  }

  #coversReach({ vector }: Position): boolean {
    if (!includes(vector, this.#replica.reach())) return false;
    for (const { origin } of vector.openEnded())
      if (seqOf(vector, origin) < this.#replica.record(origin).reach) return false;
    return true;
  }

  /** @returns false if the socket is full; so do `#tellRows` and `#tellState`. */
  #tellExpiries(watcher: Watcher): boolean {
    const { record, due } = this.#hub;
    const { position } = watcher;
    for (;;) {
      const expiry = record.next(position.told);
      if (expiry === undefined || compareMarks(expiry.mark, due) > 0) break;
      if (!watcher.isWritable) return false;
      if (position.passExpiry(expiry, this.#view))
        watcher.writeKeyEvent('expire', expiry, this.cursorOf(watcher));
    }
    position.told = laterMark(position.told, due);
    return true;
  }

  #tellRows(watcher: Watcher, rows: readonly Row[]): boolean {
    const { position } = watcher;
    const { lsn } = this.#hub.end;
    for (const row of rows) {
      // The row is in the log and not told yet: all watchers are told in a moment.
      if (row.lsn > lsn) break;
      if (!watcher.isWritable) return false;
      const type = position.passRow(row, this.#view);
      if (type !== null && isOnKey(row.op))
        watcher.writeKeyEvent(type, row.op, this.cursorOf(watcher));
      else if (row.won && isOnKey(row.op) && row.op.key.startsWith(watcher.prefix))
        this.#leaveOut(watcher);
    }
    return true;
  }

  #tellState(watcher: Watcher): boolean {
    const { position } = watcher;
    if (position.state === null) return true;
    // Never less than the time up to which the watcher was told expiries.
    const nowMs = Math.max(this.#replica.nowMs(), position.told.untilMs - 1);
    const { after } = position.state;
    const limit = { entries: this.#pages.entries, bytes: PAGE_BYTES };
    const page = this.#replica.map.list(position.prefix, after, limit, nowMs);
    const values = watcher.values;
    watcher.values = NO_VALUES;
    const vectorText = this.#vectorText(position);
    for (const [index, entry] of page.entries.entries()) {
      if (!watcher.isWritable) return false;
      const put = watcher.format.withValues ? wholePut(entry, values) : entry;
      if (put === undefined) {
        watcher.cold = firstCold(page.entries.slice(index));
        return false;
      }
      if (position.passEntry(put))
        watcher.writeKeyEvent('put', put, this.#cursorAt(position, vectorText));
      else this.#leaveOut(watcher);
    }
    if (page.next === null) position.state = null;
    return true;
  }

  /** Moves on a watcher that was told everything a step has read. */
  #arrive(watcher: Watcher): void {
    const { position, goalLsn, liveFromLsn } = watcher;
    const { lsn, vector, told } = this.#hub.end;
    if (position.state !== null) return;
    if (!watcher.isSynced && position.lsn >= goalLsn) {
      watcher.isSynced = true;
      watcher.writeStreamEvent('synced', this.cursorOf(watcher));
    }
    if (position.lsn < lsn) return;
    // Rows that were being compacted were missing from the page.
    if (!position.vector.includesHeld(vector)) throw new MissingRowError();
    if (position.lsn >= liveFromLsn && compareMarks(position.told, told) === 0)
      this.#hub.goLive(watcher);
    else this.#waiting.add(watcher);
  }

  #vectorText({ vector }: Position): string {
    return encodeVector(this.#replica.header.clusterId ?? '', vector, vector.pair);
  }
}

/** @returns undefined if the value is still to be read from the log. */
function wholePut(entry: Put | ColdPut, values: ReadonlyMap<string, Put>): Put | undefined {
  if (!isInLog(entry)) return entry;
  const put = values.get(entry.key);
  return put !== undefined && sameOp(put, entry) ? put : undefined;
}

/** Cold entries of a page, up to the one that brings them to the bound: the socket may not take more. */
function firstCold(entries: readonly (Put | ColdPut)[]): ColdPut[] {
  const cold: ColdPut[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (!isInLog(entry)) continue;
    cold.push(entry);
    bytes += entry.textBytes;
    if (bytes >= COLD_BYTES) break;
  }
  return cold;
}

/** The place as a cursor has it. */
function statePlace({ state }: Position): StatePlace | null {
  const after = state?.after ?? null;
  if (after === null || after.length <= MAX_STATE_KEY_LENGTH) return state;
  // The front of a text that UTF-8 can hold must not end with half of a pair of surrogates.
  const front = after.slice(0, MAX_STATE_KEY_LENGTH);
  return { after: front.isWellFormed() ? front : front.slice(0, -1) };
}
