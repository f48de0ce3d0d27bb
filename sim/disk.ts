/**
 * The disk of one node: its log, logs that were set aside, and what a restart finds of them. Commits
 * and reads take simulated time; a crash keeps the committed prefix, and of a commit under way all or
 * nothing. It is the store of the real NodeLogs, as src/node/dataDirectory.ts is with files.
 */

import type { Checkpoints } from '../src/log/checkpoints.ts';
import { type Commit, outlivesPowerCuts } from '../src/log/log.ts';
import {
  type AppendFailure,
  MemoryLog,
  type MemoryLogOptions,
  type StoredLog,
} from '../src/log/memory.ts';
import type { StoredFrames } from '../src/log/memoryCheckpoints.ts';
import type { LogStore } from '../src/node/nodeLogs.ts';
import { DiskFullError } from '../src/words/errors.ts';
import { add, carriedHash } from '../src/words/hash.ts';
import { SimCheckpoints } from './checkpoints.ts';
import type { Timeline } from './clock.ts';
import type { Dice, Span } from './dice.ts';
import type { Witness } from './witness.ts';

export interface DiskOptions {
  readonly commitMs: Span;
  readonly readMs: Span;
  /** How likely a commit fails so that its outcome is unknown; the node must stop. */
  readonly commitFailures: number;
  /** With `normal`, a crash takes back what was committed since the disk last was in step. */
  readonly durability: 'full' | 'normal';
  /** With `normal`, how likely the disk is in step after a commit. */
  readonly syncedCommits: number;
  /** Only to test the oracle: a crash also takes the last commit that was acknowledged. */
  readonly forgetsOnCrash: boolean;
}

/** A log as it is at one moment, with what the oracle knows of it. */
export interface LogCopy {
  readonly stored: StoredLog;
  readonly witness: Witness;
  /** The checkpoint beside it. */
  readonly checkpoint: StoredFrames | null;
}

export interface DiskHooks {
  readonly newOrigin: () => string;
  /** A commit is on the disk, for good. */
  readonly stored: (commit: Commit) => void;
  /** The log was opened. @param isNew whether there was none before. */
  readonly opened: (origin: string, isNew: boolean) => void;
  /** The oracle's own copy of the log. */
  readonly copyWitness: () => Witness;
  /** The log is about to be set aside. */
  readonly setAside: () => void;
  /** The log is another from now on: an older one, or none. @param aside of logs that went with it. */
  readonly replaced: (witness: Witness | null, aside: readonly Witness[]) => void;
}

interface LogHooks {
  readonly nextFailure: () => AppendFailure | null;
  readonly stored: (commit: Commit) => void;
  /** A commit has ended, and is stored. */
  readonly settled: (log: SimLog, commit: Commit) => void;
}

/** The real log in memory, which tells what of it is on the disk. */
export class SimLog extends MemoryLog {
  /** How many rows the last commit that is stored had. */
  lastCommitRows = 0;
  readonly #hooks: LogHooks;
  #underWay: { readonly commit: Commit; readonly failure: AppendFailure | null } | null = null;

  constructor(options: MemoryLogOptions, hooks: LogHooks) {
    super(options);
    this.#hooks = hooks;
  }

  override append(commit: Commit): Promise<void> {
    const failure = this.#hooks.nextFailure();
    if (failure !== null) this.failNextAppend(failure);
    const underWay = { commit, failure };
    this.#underWay = underWay;
    const ended = super.append(commit);
    const settled = (isStored: boolean): void => {
      if (this.#underWay === underWay) this.#underWay = null;
      if (!isStored) return;
      this.#store(commit);
      this.#hooks.settled(this, commit);
    };
    // First in line, so that every listener to the end of the commit finds this up to date.
    ended.then(
      () => settled(true),
      () => settled(failure === 'stored'),
    );
    return ended;
  }

  override crash(fate: 'lost' | 'kept'): StoredLog {
    const underWay = this.#underWay;
    this.#underWay = null;
    if (underWay !== null) {
      const { commit, failure } = underWay;
      if (failure === null ? fate === 'kept' : failure === 'stored') this.#store(commit);
    }
    return super.crash(fate);
  }

  #store(commit: Commit): void {
    this.lastCommitRows = commit.rows.length;
    this.#hooks.stored(commit);
  }
}

/** How likely a crash takes nothing although it could. */
const KILLED_ONLY = 0.3;

export class SimDisk implements LogStore {
  isFull = false;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #node: string;
  readonly #hooks: DiskHooks;
  readonly #options: DiskOptions;
  /** Whether commits fail as the options say. */
  #isStormy = false;
  #stored: StoredLog | undefined;
  readonly #aside = new Map<string, LogCopy>();
  /** With durability=normal: what a power cut leaves. */
  #synced: LogCopy | null = null;
  #log: SimLog | null = null;
  readonly #checkpoints: SimCheckpoints;

  /** @param ofCheckpoints the chance of its checkpoints. */
  constructor(
    timeline: Timeline,
    { dice, ofCheckpoints }: { readonly dice: Dice; readonly ofCheckpoints: Dice },
    node: string,
    options: DiskOptions,
    hooks: DiskHooks,
  ) {
    this.#timeline = timeline;
    this.#dice = dice;
    const sleep = () =>
      timeline.sleep(ofCheckpoints.within(options.commitMs), node, 'disk writes a checkpoint');
    this.#checkpoints = new SimCheckpoints(ofCheckpoints, sleep);
    this.#node = node;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** The log that the next opening finds; undefined on an empty disk. */
  get stored(): StoredLog | undefined {
    return this.#stored;
  }

  /** The oracle's copies of the logs that were set aside. */
  get asideWitnesses(): Witness[] {
    return Array.from(this.#aside.values(), ({ witness }) => witness);
  }

  /** A copy of the log as it is now, its node running or not; undefined where there is none. */
  copy(): LogCopy | undefined {
    const stored = this.#log?.stored() ?? this.#stored;
    const checkpoint = this.#checkpoints.stored;
    return stored && { stored, witness: this.#hooks.copyWitness(), checkpoint };
  }

  /**
   * Puts another log in the place of the node's own. Only while no process has it open.
   *
   * @param byHand so that any checkpoint may lie beside it.
   */
  replace({ stored, witness, checkpoint }: LogCopy, byHand: boolean): void {
    if (byHand) this.#checkpoints.replace(checkpoint);
    else this.#checkpoints.remove();
    const aside = this.asideWitnesses;
    this.#stored = stored;
    this.#aside.clear();
    this.#synced = null;
    this.#hooks.replaced(witness, aside);
  }

  /** The log that a process has open; null where none has. */
  get log(): SimLog | null {
    return this.#log;
  }

  // ---- the store of the node's logs

  get checkpoints(): Checkpoints {
    return this.#checkpoints.ofProcess;
  }

  get hasCheckpoint(): boolean {
    return this.#checkpoints.stored !== null;
  }

  async open(): Promise<SimLog> {
    if (this.isFull && this.#stored === undefined) throw new DiskFullError();
    const log = this.#openNow(this.#stored);
    this.#hooks.opened(log.header.origin, this.#stored === undefined);
    this.#log = log;
    return log;
  }

  async close(): Promise<void> {
    const log = this.#log;
    if (log === null) return;
    await log.close();
    this.#log = null;
    this.#stored = log.stored();
  }

  async setAside(name: string): Promise<void> {
    this.#hooks.setAside();
    if (this.#stored !== undefined)
      this.#aside.set(name, {
        stored: this.#stored,
        witness: this.#hooks.copyWitness(),
        checkpoint: null,
      });
    await this.remove();
  }

  async remove(): Promise<void> {
    this.#checkpoints.remove();
    this.#stored = undefined;
    this.#synced = null;
  }

  async namesAside(): Promise<string[]> {
    return [...this.#aside.keys()];
  }

  async openAside(name: string): Promise<SimLog> {
    return this.#openNow(this.#aside.get(name)?.stored);
  }

  async dropAside(name: string): Promise<void> {
    this.#aside.delete(name);
  }

  /** Nothing damages what is set aside here. */
  keepDamaged(name: string): Promise<string> {
    throw new Error(`The log that was set aside as ${name} is damaged.`);
  }

  // ---- what the world does to it

  /**
   * The process has ended without closing its log; the disk decides about a commit under way.
   *
   * @returns whether it lost commits that had ended.
   */
  crash(): boolean {
    const log = this.#log;
    if (log === null) return false;
    this.#log = null;
    this.#checkpoints.crash();
    const stored = log.crash(this.#dice.chance(0.5) ? 'kept' : 'lost');
    this.#stored = this.#options.forgetsOnCrash ? withoutLastRows(stored, log) : stored;
    const synced = this.#synced;
    this.#synced = null;
    if (synced === null || this.#dice.chance(KILLED_ONLY)) return false;
    this.#stored = synced.stored;
    this.#hooks.replaced(synced.witness, []);
    return true;
  }

  /** Everything on it is gone. Only while no process has it open. */
  wipe(): void {
    const aside = this.asideWitnesses;
    this.#checkpoints.remove();
    this.#stored = undefined;
    this.#aside.clear();
    this.#synced = null;
    this.#hooks.replaced(null, aside);
  }

  /** No failures any more. */
  heal(): void {
    this.isFull = false;
    this.#isStormy = false;
  }

  /** From now on commits fail as the options say. */
  storm(): void {
    this.#isStormy = true;
  }

  #openNow(stored: StoredLog | undefined): SimLog {
    const { commitMs, readMs, durability } = this.#options;
    const sleep = (span: Span, what: string) =>
      this.#timeline.sleep(this.#dice.within(span), this.#node, what);
    return new SimLog(
      {
        clusterName: 'simulated',
        durability,
        newOrigin: this.#hooks.newOrigin,
        ...(stored === undefined ? {} : { stored }),
        commitDelay: () => sleep(commitMs, 'disk commits'),
        readDelay: () => sleep(readMs, 'disk reads'),
      },
      {
        nextFailure: () => this.#nextFailure(),
        stored: this.#hooks.stored,
        settled: (log, commit) => this.#sync(log, commit),
      },
    );
  }

  /**
   * With durability=normal the system writes back now and then. Only that outlives a power cut, and a commit
   * that must.
   */
  #sync(log: SimLog, commit: Commit): void {
    if (this.#options.durability === 'full' || this.#log !== log) return;
    if (
      this.#synced === null ||
      outlivesPowerCuts(commit) ||
      this.#dice.chance(this.#options.syncedCommits)
    )
      this.#synced = this.copy() ?? null;
  }

  #nextFailure(): AppendFailure | null {
    if (this.isFull) return 'full';
    if (!this.#isStormy || !this.#dice.chance(this.#options.commitFailures)) return null;
    return this.#dice.chance(0.5) ? 'stored' : 'lost';
  }
}

/** A log that looks sound and lacks the rows of its last commit. */
function withoutLastRows(stored: StoredLog, { lastCommitRows }: SimLog): StoredLog {
  if (lastCommitRows === 0) return stored;
  const rows = stored.rows.slice(0, -lastCommitRows);
  const lost = stored.rows.slice(-lastCommitRows);
  const origins = stored.origins.map((record) => {
    const isOfOrigin = ({ op }: { op: { origin: string } }) => op.origin === record.origin;
    const sum = rows
      .filter(isOfOrigin)
      .reduce((total, { op }) => add(total, carriedHash(op)), record.compactedSum);
    return { ...record, seq: record.seq - lost.filter(isOfOrigin).length, sum };
  });
  return { ...stored, rows, origins: origins.filter(({ seq }) => seq > 0) };
}
