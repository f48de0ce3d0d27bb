/**
 * A node without its surfaces: the replica, the gossip, compaction, the watches and their timers, with
 * the order in which they start and stop. The simulator runs this very engine: it hands in the clock,
 * transport, logs, timers and randomness.
 */

import { Driver } from '../gossip/driver/driver.ts';
import type { CoreSettings } from '../gossip/protocol/inputOutput.ts';
import type { Transport } from '../gossip/transport.ts';
import { Checkpointer } from '../replica/checkpointing.ts';
import type { QueueTimes } from '../replica/commitQueue.ts';
import { Compactor } from '../replica/compact.ts';
import { FROM_ROWS, type Opening } from '../replica/opening.ts';
import { Proving } from '../replica/proving.ts';
import { Replica } from '../replica/replica.ts';
import type { SetAside } from '../replica/setAside.ts';
import type { EntryStore } from '../store/entryStore.ts';
import type { DeliveryTimers } from '../watch/hub/deliveryPace.ts';
import { SILENT_TICKS, WatchHub } from '../watch/hub/hub.ts';
import { DamagedLogError, HearsayError, WrongCheckpointError } from '../words/errors.ts';
import type { Limits } from '../words/limits.ts';
import type { Note } from '../words/note.ts';
import type { Random } from '../words/random.ts';
import { MIB } from '../words/size.ts';
import { NO_TRACER, type Tracer } from '../words/trace.ts';
import {
  clusterFacts,
  DISK_FULL,
  DISK_LOW,
  heldBackFault,
  LEAST_FREE_BYTES,
  LOG_LOST,
  MEMORY_FULL,
} from './health.ts';
import type { NodeLogs } from './nodeLogs.ts';

/** Time between two looks at the disk, in milliseconds. */
const DISK_LOOK_INTERVAL_MS = 1000;
/** Time between two pages of the log that are proved, in milliseconds: some 12,000 rows a second at most. */
const PROVE_INTERVAL_MS = 20;
/** Time between two looks for members that hold back collection, in milliseconds. */
const HELD_BACK_INTERVAL_MS = 5000;

/** Bytes of entries looked at before others have their turn: about a millisecond. */
const TRIM_SLICE_BYTES = MIB;
/** The longest time that a stop waits for its checkpoint, in milliseconds: the next start can do without. */
export const LAST_CHECKPOINT_MS = 8000;

export interface Timers extends DeliveryTimers {
  /**
   * Calls the function at each interval. @param purpose for traces. @returns a function that ends the
   * calls.
   */
  every(intervalMs: number, purpose: string, run: () => void): () => void;
  /** Calls the function in a later turn of the event loop. */
  defer(run: () => void): void;
}

export interface OpenOptions {
  readonly nodeId: string;
  readonly logs: NodeLogs;
  /** The log's name in messages to people. */
  readonly place: string;
  /** UTC milliseconds. */
  readonly clock: () => number;
  readonly limits: Limits;
  /** Makes an empty store for a map. */
  readonly newEntries: () => EntryStore;
  readonly note: Note;
  /** By default nothing is traced. */
  readonly tracer?: Tracer;
  readonly times?: QueueTimes;
  /** Called again and again while the log is read. */
  readonly onProgress?: (lsn: number, lastLsn: number) => void;
}

/** A replica on the node's own log, and the logs that rejoins before this start had set aside. */
export interface Opened {
  readonly replica: Replica;
  readonly logs: NodeLogs;
  readonly setAside: readonly SetAside[];
}

/** @throws DamagedLogError, and the errors of the store of the logs. */
export async function openLogs(options: OpenOptions): Promise<Opened> {
  const { logs, nodeId, place, clock, limits, newEntries, note } = options;
  const { onProgress = () => {}, tracer = NO_TRACER, times } = options;
  const log = await logs.open();
  const open = (one: typeof log, opening: Opening): Promise<Replica> =>
    Replica.open({
      nodeId,
      log: one,
      place,
      clock,
      limits,
      entries: newEntries(),
      opening,
      tracer,
      ...(times && { times }),
    });
  const replica = await open(log, { checkpoints: logs.checkpoints, note, onProgress });
  if (log.stoppedUncleanly) replica.membership.markForNewOrigin();
  const setAside = await logs.setAside(
    (one) => open(one, FROM_ROWS),
    (text) => note('warn', text),
  );
  return { replica, logs, setAside };
}

export interface Intervals {
  readonly tickMs: number;
  readonly sweepMs: number;
  /** Null: the log is not compacted. */
  readonly compactMs: number | null;
  /** Null: no checkpoints are written. */
  readonly checkpointMs: number | null;
  /** The time without an event after which a watcher gets a bookmark, in milliseconds. */
  readonly bookmarkMs: number;
}

export interface EngineOptions extends Opened {
  readonly transport: Transport;
  readonly settings: CoreSettings;
  readonly retentionMs: number;
  /**
   * For this long after a retirement, in milliseconds, compaction keeps the rows that a member on its
   * way back may need.
   */
  readonly holdMs: number;
  readonly intervals: Intervals;
  /**
   * The number of entries that one sweep takes; the rest follow in later turns, so that requests come
   * in between.
   */
  readonly sweptAtOnce: number;
  readonly timers: Timers;
  readonly random: Random;
  /** Draws a random id for a new cluster. */
  readonly newId: () => string;
  /** Draws a new origin for this node. */
  readonly newOrigin: () => string;
  readonly note: Note;
  /** Whether a restart would find the log that is open; always, if it is no file. */
  readonly isLogInPlace?: () => boolean;
  /** Bytes that the log may still grow by; null or absent if nobody knows. */
  readonly freeBytes?: () => number | null;
  /** Called when the node can't go on. */
  readonly fail: (error: unknown) => void;
  /** Called once for each pull that was answered by a delta. @param durationMs until its ops were in the log. */
  readonly pulled?: (durationMs: number) => void;
  /** By default nothing is traced. */
  readonly tracer?: Tracer;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

export class Engine {
  readonly replica: Replica;
  readonly driver: Driver;
  readonly compactor: Compactor;
  readonly checkpointer: Checkpointer;
  readonly proving: Proving;
  readonly hub: WatchHub;
  readonly #options: EngineOptions;
  readonly #ends: (() => void)[] = [];
  #wasDiskFull = false;
  #isDiskLow = false;
  #isTrimming = false;
  #wasFullOfKeys = false;
  #nextDiskLookAt = 0;
  #heldBack: string | null = null;
  #nextHeldBackAt = 0;

  /** Listens on the transport; nothing is dialled or written before `start`. */
  constructor(options: EngineOptions) {
    const { replica, logs, timers, settings, retentionMs, holdMs, fail } = options;
    this.#options = options;
    this.replica = replica;
    replica.onFailure(fail);
    const defer = (run: () => void): void => timers.defer(run);
    this.driver = new Driver({
      ...options,
      logs,
      steadyMs: () => timers.steadyMs(),
      pause: () => new Promise(defer),
    });
    this.compactor = new Compactor(replica, retentionMs, holdMs);
    const { maxClockSkewMs } = settings;
    this.checkpointer = new Checkpointer({
      replica,
      checkpoints: logs.checkpoints,
      aheadMs: maxClockSkewMs,
      pause: () => new Promise(defer),
      steadyMs: () => timers.steadyMs(),
      note: options.note,
    });
    this.proving = new Proving(replica);
    this.hub = new WatchHub({ replica, limits: replica.limits, maxClockSkewMs, defer, timers });
  }

  get settings(): CoreSettings {
    return this.#options.settings;
  }

  /** Whether the next writes may find no room. */
  get isDiskLow(): boolean {
    return this.#isDiskLow;
  }

  start(): void {
    const { timers, intervals } = this.#options;
    const { tickMs, sweepMs, compactMs, checkpointMs, bookmarkMs } = intervals;
    const every = (intervalMs: number, purpose: string, run: () => void): void => {
      this.#ends.push(timers.every(intervalMs, purpose, run));
    };
    every(tickMs, 'tick', () => {
      this.driver.tick();
      this.#trim();
      this.#tellOfMemory();
      this.#tellOfDisk();
      this.#lookAtDisk();
      this.#tellOfHeldBack();
    });
    every(sweepMs, 'sweep', () => this.#sweep());
    every(bookmarkMs / SILENT_TICKS, 'bookmarks', () => this.hub.tick());
    if (compactMs !== null) every(compactMs, 'compact', () => this.#compact());
    this.#ends.push(this.replica.onCommit(() => this.#trim()));
    if (checkpointMs !== null) every(checkpointMs, 'checkpoint', () => this.#writeCheckpoint());
    if (!this.proving.isDone) {
      const end = timers.every(PROVE_INTERVAL_MS, 'prove', () => void this.#prove(end));
      this.#ends.push(end);
    }
    this.driver.tick();
    this.#lookAtDisk();
  }

  /** Ends the timers and the watches. The peers stay connected, for the pushes of the last writes. */
  quiesce(): void {
    for (const end of this.#ends.splice(0)) end();
    this.hub.stop();
  }

  /**
   * After `quiesce`: leaves the peers and lets the commit under way end. Then the logs may be closed.
   */
  async stop(): Promise<void> {
    const { settings } = this.#options;
    await this.driver.stop();
    // Only `verify` reads this sum, so a full disk keeps no node from ending.
    await this.replica.recordMapSum(settings.maxClockSkewMs).catch(() => {});
    await this.replica.suspend();
    const { checkpointMs } = this.#options.intervals;
    if (checkpointMs !== null) await this.checkpointer.end(LAST_CHECKPOINT_MS);
  }

  #sweep(): void {
    const { sweptAtOnce, timers } = this.#options;
    if (this.replica.sweep(sweptAtOnce).expired.length === sweptAtOnce)
      timers.defer(() => this.#sweep());
  }

  /** Drops values in later turns for as long as the map is above its bound, so that requests come in between. */
  #trim(): void {
    const { map } = this.replica;
    if (this.#isTrimming || !map.isOverBound) return;
    this.#isTrimming = true;
    this.#options.timers.defer(() => {
      this.#isTrimming = false;
      if (map.compactSlice(TRIM_SLICE_BYTES) > 0) this.#trim();
    });
  }

  /** Logs each change once. */
  #tellOfMemory(): void {
    const { note } = this.#options;
    const { isFullOfKeys } = this.replica.map;
    if (isFullOfKeys === this.#wasFullOfKeys) return;
    this.#wasFullOfKeys = isFullOfKeys;
    if (isFullOfKeys) note('warn', MEMORY_FULL, { event: 'memory-full' });
    else note('info', 'Memory has room for new keys again.', { event: 'memory-has-room' });
  }

  /** Damage that is found now is treated like damage that a start finds, and the next start finds it again. */
  async #prove(end: () => void): Promise<void> {
    const { fail, note } = this.#options;
    try {
      await this.proving.step();
      if (!this.proving.isDone) return;
      end();
      note('info', 'Every row of the log is proved.', { event: 'proved' });
    } catch (error) {
      // A log that is closed, or that can't be read now, is no damaged one.
      const isDamage = error instanceof DamagedLogError || error instanceof WrongCheckpointError;
      if (!isDamage && error instanceof HearsayError) return;
      end();
      await this.checkpointer.giveUp().catch(() => {});
      fail(error);
    }
  }

  #writeCheckpoint(): void {
    this.checkpointer.run().catch((error: unknown) => this.#options.fail(error));
  }

  #compact(): void {
    const { note, fail } = this.#options;
    // It would begin anew with each removed row.
    if (!this.proving.isDone) return;
    this.compactor.run().catch((error: unknown) => {
      if (error instanceof HearsayError) note('info', `Compaction goes on later: ${error.message}`);
      else fail(error);
    });
  }

  /** Logs each change once. */
  #tellOfDisk(): void {
    const { note } = this.#options;
    const { isDiskFull } = this.replica;
    if (isDiskFull === this.#wasDiskFull) return;
    this.#wasDiskFull = isDiskFull;
    if (isDiskFull) note('warn', DISK_FULL, { event: 'disk-full' });
    else note('info', 'The disk has room again: writes are stored.', { event: 'disk-has-room' });
  }

  #lookAtDisk(): void {
    const { timers } = this.#options;
    if (timers.steadyMs() < this.#nextDiskLookAt) return;
    this.#nextDiskLookAt = timers.steadyMs() + DISK_LOOK_INTERVAL_MS;
    this.#lookForLog();
    this.#lookForRoom();
  }

  /** Each change is told once. A start on a full disk would otherwise seem well until the first write. */
  #lookForRoom(): void {
    const { freeBytes = () => null, note } = this.#options;
    const isLow = (freeBytes() ?? LEAST_FREE_BYTES) < LEAST_FREE_BYTES;
    if (isLow && !this.#isDiskLow && !this.replica.isDiskFull)
      note('warn', DISK_LOW, { event: 'disk-low' });
    this.#isDiskLow = isLow;
  }

  /** Each change is told once. */
  #lookForLog(): void {
    const { isLogInPlace = () => true, note } = this.#options;
    const isLost = !isLogInPlace();
    const { readiness } = this.replica;
    if (isLost === readiness.isLogLost) return;
    readiness.isLogLost = isLost;
    if (isLost) note('warn', LOG_LOST, { event: 'log-lost' });
    else note('info', 'The database is in its place again.');
  }

  /** Logs once for each set of members: nobody else notices that collection has stopped. */
  #tellOfHeldBack(): void {
    const { note, timers, settings } = this.#options;
    if (timers.steadyMs() < this.#nextHeldBackAt) return;
    this.#nextHeldBackAt = timers.steadyMs() + HELD_BACK_INTERVAL_MS;
    const heldBack = heldBackFault(clusterFacts(this.replica, this.driver), settings);
    if (heldBack !== null && heldBack !== this.#heldBack) note('warn', heldBack);
    this.#heldBack = heldBack;
  }
}
