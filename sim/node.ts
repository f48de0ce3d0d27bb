/**
 * One node of the simulated cluster: the real engine (src/node/engine.ts) between a simulated disk,
 * network and clock. Only its disk and the oracle's knowledge of it outlive its crashes.
 */

import type { CoreSettings } from '../src/gossip/protocol/inputOutput.ts';
import { Engine, type Opened, openLogs, type Timers } from '../src/node/engine.ts';
import { NodeLogs } from '../src/node/nodeLogs.ts';
import type { Replica } from '../src/replica/replica.ts';
import { PagedEntries } from '../src/store/pagedEntries.ts';
import { DiskFullError, HearsayError } from '../src/words/errors.ts';
import type { Limits } from '../src/words/limits.ts';
import type { NoteLevel } from '../src/words/note.ts';
import { type EntryHead, isDead, isOnKey } from '../src/words/op.ts';
import { compareWithReplay } from './checkpoints.ts';
import type { NodeClock, Timeline } from './clock.ts';
import { Dice, type Span } from './dice.ts';
import { type DiskOptions, type LogCopy, SimDisk } from './disk.ts';
import type { Network } from './network.ts';
import type { ObservedNode, WriteGuard } from './observed.ts';
import type { Oracle } from './oracle.ts';
import { checkIsSound } from './soundLog.ts';
import type { Trace } from './trace.ts';
import type { SimTransport } from './transport.ts';
import { raiseAll, type Witness } from './witness.ts';

/** Nobody attacks the simulator. */
const HASH_SEED = { first: 1, second: 2 };

/** Drops each value that it may at the next compaction, and takes new keys all the same. */
class ForgetfulEntries extends PagedEntries {
  constructor() {
    super({ seed: HASH_SEED, maxBytes: 1 });
  }

  override get isFullOfKeys(): boolean {
    return false;
  }
}

export interface NodeOptions {
  readonly name: string;
  readonly url: string;
  readonly seed: number;
  readonly settings: Omit<CoreSettings, 'instance'>;
  readonly limits: Limits;
  readonly disk: DiskOptions;
  readonly tickMs: number;
  readonly sweepMs: number;
  readonly compactMs: number;
  readonly retentionMs: number;
  readonly holdMs: number;
  readonly writesCheckpoints: boolean;
  /** Whether anything happens in this world that makes a member start again with an empty log. */
  readonly mayRejoin: boolean;
  /** Whether logs are copied by hand in this world. */
  readonly mayFork: boolean;
  /** Watchers in this world; without any, nodes serve none. */
  readonly watchers: number;
  /** Whether the map drops every value that it may. */
  readonly dropsValues: boolean;
}

/** Counts of the acts of nodes, and of the faults that they met. */
export interface NodeCounts {
  crashes: number;
  rejoins: number;
  snapshots: number;
  /** Starts from a checkpoint. */
  checkpoints: number;
  /** Entries collected and rows compacted. */
  collected: number;
  compacted: number;
  repaired: number;
  /** Pushes, each to one peer. */
  pushes: number;
  /** Logs put back, copied to another node, and short of their end after a crash. */
  restores: number;
  clones: number;
  lostTails: number;
  /** Faults of peers, and refusals that they brought. */
  peerFaults: number;
  peerRefusals: number;
  /** Clusters whose nodes a person has started with empty disks. */
  emptied: number;
}

export const noCounts = (): NodeCounts => ({
  crashes: 0,
  rejoins: 0,
  snapshots: 0,
  checkpoints: 0,
  collected: 0,
  compacted: 0,
  repaired: 0,
  pushes: 0,
  restores: 0,
  clones: 0,
  lostTails: 0,
  peerFaults: 0,
  peerRefusals: 0,
  emptied: 0,
});

const sumOf = (counts: Readonly<Record<string, number>> = {}): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

export interface NodeWorld {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly trace: Trace;
  readonly counts: NodeCounts;
  /** Told of every op that is on a disk. */
  readonly watchers: { committed(op: EntryHead): void };
  /** Somebody will start the node again. */
  restartLater(node: SimNode): void;
}

const SWEPT_AT_ONCE = 64;
const BOOKMARK_MS = 1500;
const CHECKPOINT_MS = 1700;
/** The note of a node that finds others' data at odds with its own; here it must never come. */
const ALARMS = ['does not hold the ops of its ranges'];
/** And what it says where no text was cut off. */
const TEXT_ALARMS = ['malformed message', 'is refused for'];
/** And what it says where a log is not of its cluster. */
const REJOIN_ALARMS = ['is of another cluster'];
/** And what it says where two ops bear one id, or one was born in a log that had lost others. */
const DAMAGE_ALARMS = [
  'the same ops but another map',
  'under the same ids',
  'other ops of this very origin',
];
/** And what it says where a log was copied by hand. */
/** The share of deliveries to watchers after which others wait. */
const SLOW_DELIVERIES = 0.3;
const SLOW_DELIVERY_MS: Span = [1, 100];
const COPY_ALARMS = ['later ops of this very origin', 'copies of one database'];

export class SimNode implements ObservedNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly disk: SimDisk;
  /** Of the log that the node has now. */
  witness: Witness;
  /** The process that runs; null while there is none, or it is still opening its log. */
  running: Engine | null = null;
  shownAtEnd: readonly EntryHead[] = [];
  /** Of a member that has started; null for one that is fresh. */
  catchUp: WriteGuard | null = null;
  /** The seqs that it ever told that it holds, with any log. */
  readonly #everHeld = new Map<string, number>();
  readonly #options: NodeOptions;
  readonly #world: NodeWorld;
  #transport: SimTransport | null = null;
  /** Counts processes: what was planned for an earlier one is left out. */
  #life = 0;
  /** As of the last tick; null where it was not ready. */
  #readySinceMs: number | null = null;
  /** Whether a commit has failed, so that the process no longer knows what its log holds. */
  #hasFailed = false;

  constructor(options: NodeOptions, clock: NodeClock, world: NodeWorld) {
    const { name, seed, disk } = options;
    this.name = name;
    this.clock = clock;
    this.#options = options;
    this.#world = world;
    this.witness = world.oracle.newWitness(name);
    const dice = {
      dice: new Dice(seed, `disk of ${name}`),
      ofCheckpoints: new Dice(seed, `checkpoints of ${name}`),
    };
    this.disk = new SimDisk(world.timeline, dice, name, disk, {
      newOrigin: () => `${name}.${dice.dice.text(6)}`,
      stored: (commit) => {
        world.oracle.stored(this, commit, world.timeline.nowMs);
        world.counts.compacted += commit.removed?.length ?? 0;
        for (const { op } of commit.rows) if (isOnKey(op)) world.watchers.committed(op);
      },
      opened: (origin, isNew) => {
        if (isNew) this.#beginsAnew();
        this.witness.origin = origin;
      },
      copyWitness: () => this.witness.copy(),
      setAside: () => {
        if (!options.mayRejoin && this.witness.hasJoined)
          world.oracle.report('false alarm', `${name} rejoins, and nothing was lost`);
      },
      replaced: (witness, aside) => {
        const before = this.witness;
        this.witness = witness?.copy(name) ?? world.oracle.newWitness(name);
        this.witness.isClone = witness !== null && (witness.isClone || witness.node !== name);
        if (this.witness.isClone) world.oracle.ledger.clonedOrigins.add(this.witness.origin);
        raiseAll(this.#everHeld, before.vector);
        raiseAll(this.witness.everHeld, this.#everHeld);
        world.oracle.gaveUp(this, [before, ...aside]);
      },
    });
  }

  /** Whether what the replica shows is not that of its log: that is being exchanged, or has failed. */
  get isChanging(): boolean {
    return this.#hasFailed || (this.running !== null && this.running.replica.log !== this.disk.log);
  }

  get isReady(): boolean {
    return this.running?.replica.readiness.isWritable ?? false;
  }

  /** Rule 12: whether all that it had set aside is offered for good. */
  get hasSettledOffers(): boolean {
    return this.running?.driver.areOffersSettled ?? false;
  }

  /**
   * Rule 12: whether it must not take a client's write yet: it has not offered again what was set aside,
   * and not had the join timeout for that.
   */
  get owesOffers(): boolean {
    if (this.#readySinceMs === null || !this.running?.driver.owesOffers) return false;
    const readyMs = this.#world.timeline.nowMs - this.#readySinceMs;
    return readyMs < this.#options.settings.joinTimeoutMs;
  }

  /** Opens the log, replays it, and joins in the gossip. */
  async start(): Promise<void> {
    const { oracle, network } = this.#world;
    const { name, url, settings, limits, dropsValues } = this.#options;
    const life = ++this.#life;
    this.#hasFailed = false;
    const logs = new NodeLogs(this.disk);
    const opened = await openLogs({
      nodeId: name,
      logs,
      place: `${name}.db`,
      clock: () => this.clock.nowMs(),
      limits,
      newEntries: () =>
        dropsValues ? new ForgetfulEntries() : new PagedEntries({ seed: HASH_SEED }),
      note: (level, text) => this.#note(level, text),
    }).catch((error: unknown) => {
      // A new log finds no room: the process ends, and somebody starts it again.
      if (!(error instanceof DiskFullError)) throw error;
      this.#world.restartLater(this);
      return null;
    });
    if (life !== this.#life || opened === null) return;
    const stored = this.disk.stored?.rows ?? [];
    const { replica } = opened;
    this.checkLog();
    if (replica.restoredLsn !== null) await this.#compareWithReplay(replica);
    if (life !== this.#life) return;
    replica.onCommit(({ rows }) =>
      oracle.told(
        this,
        rows.map(({ row }) => row),
      ),
    );
    this.#transport = network.attach(name, url);
    this.#readySinceMs = null;
    this.running = this.#newEngine(life, opened, this.#transport);
    oracle.reopened(this, replica, stored);
    this.catchUp = oracle.catchUpOf(this, this.#world.timeline.nowMs, settings.joinTimeoutMs);
    this.running.start();
  }

  /** As `hearsay backup` does of the copy that it makes. */
  checkLog(): void {
    const stored = this.disk.log?.stored();
    if (stored !== undefined) checkIsSound(this.name, stored, this.#world.oracle.report);
  }

  /** Rule 6: the state from a checkpoint and the rows after it is the state from all rows. */
  async #compareWithReplay(replica: Replica): Promise<void> {
    const { oracle, counts } = this.#world;
    counts.checkpoints++;
    const stored = this.disk.log?.stored();
    if (stored === undefined) return;
    const { limits } = this.#options;
    const entries = new PagedEntries({ seed: HASH_SEED });
    await compareWithReplay(replica, { stored, limits, entries }, oracle.report);
  }

  /**
   * kill -9.
   *
   * @param life only this process; the one that runs where it is left out.
   * @returns whether there was one to kill.
   */
  crash(life = this.#life): boolean {
    const { oracle, network, counts } = this.#world;
    if (this.disk.log === null || life !== this.#life) return false;
    oracle.inspect(this);
    this.#keepShown();
    counts.crashes++;
    if (this.disk.crash()) counts.lostTails++;
    this.#life++;
    this.#ends();
    if (this.#transport !== null) network.detach(this.#transport);
    this.#transport = null;
    return true;
  }

  /** As on SIGTERM: peers are told, the commit under way ends, the log is closed. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === null) return;
    const life = this.#life;
    running.quiesce();
    await running.stop();
    if (life !== this.#life) return;
    this.#world.oracle.inspect(this);
    this.#keepShown();
    await this.disk.close();
    if (life !== this.#life) return;
    this.#life++;
    this.#ends();
    this.#transport = null;
  }

  #keepShown(): void {
    const entries = this.isChanging ? [] : (this.running?.replica.map.entries() ?? []);
    const nowMs = this.clock.nowMs();
    this.shownAtEnd = [...entries].filter((entry) => !isDead(entry, nowMs));
  }

  /** The process is gone, or the run is over. */
  #ends(): void {
    this.countUp();
    this.running = null;
  }

  /** Adds what the process that runs has done; to be called once a process. */
  countUp(): void {
    const { counts } = this.#world;
    const done = this.running?.driver.counts;
    counts.snapshots += done?.snapshotsSent ?? 0;
    counts.collected += done?.collected ?? 0;
    counts.repaired += done?.repaired ?? 0;
    counts.pushes += done?.pushesSent ?? 0;
    counts.rejoins += done?.rejoins ?? 0;
    const { faults, refused } = this.running?.driver.conduct ?? {};
    counts.peerFaults += sumOf(faults);
    counts.peerRefusals += sumOf(refused);
  }

  /** With an empty log. */
  #beginsAnew(): void {
    raiseAll(this.#everHeld, this.witness.vector);
    this.witness = this.#world.oracle.newWitness(this.name);
    this.catchUp = null;
  }

  /**
   * Another log is put in the place of the node's own, while it is down.
   *
   * @param byCommand by `hearsay restore`, so that it goes on under a new origin; else by hand.
   */
  replaceLog({ stored, witness, checkpoint }: LogCopy, byCommand: boolean): void {
    if (witness.node === this.name) this.#world.counts.restores++;
    else this.#world.counts.clones++;
    const facts = { ...stored.header.facts, ...(byCommand && { owesOrigin: true }) };
    const header = { ...stored.header, facts };
    this.disk.replace({ stored: { ...stored, header }, witness, checkpoint }, !byCommand);
  }

  #newEngine(life: number, opened: Opened, transport: SimTransport): Engine {
    const { name, seed, settings, retentionMs, holdMs } = this.#options;
    const { tickMs, sweepMs, compactMs, writesCheckpoints } = this.#options;
    const dice = new Dice(seed, `${name} gossips, life ${life}`);
    return new Engine({
      ...opened,
      transport,
      settings: { ...settings, instance: dice.text(8) },
      retentionMs,
      holdMs,
      intervals: {
        tickMs,
        sweepMs,
        compactMs: compactMs === 0 ? null : compactMs,
        checkpointMs: writesCheckpoints ? CHECKPOINT_MS : null,
        bookmarkMs: BOOKMARK_MS,
      },
      sweptAtOnce: SWEPT_AT_ONCE,
      timers: this.#timers(life),
      random: dice.random,
      newId: () => dice.text(16),
      newOrigin: () => `${name}.${dice.text(6)}`,
      note: (level, text) => this.#note(level, text),
      fail: (error) => this.#failed(life, error),
    });
  }

  /** Of one process: nothing of them runs after its end. */
  #timers(life: number): Timers {
    const { timeline } = this.#world;
    const dice = new Dice(this.#options.seed, `${this.name} delivers, life ${life}`);
    const later = (delayMs: number, purpose: string, run: () => void): void =>
      timeline.plan(delayMs, this.name, purpose, () => {
        if (life !== this.#life) return;
        run();
      });
    return {
      steadyMs: () => timeline.nowMs,
      every: (intervalMs, purpose, run) => {
        let isEnded = false;
        const repeat = (): void =>
          later(intervalMs, purpose, () => {
            if (isEnded) return;
            run();
            repeat();
          });
        repeat();
        return () => {
          isEnded = true;
        };
      },
      after: (delayMs, run) => {
        let isTakenBack = false;
        later(delayMs, 'delivers events', () => {
          if (!isTakenBack) run();
        });
        return () => {
          isTakenBack = true;
        };
      },
      // The time of a run is simulated too: nearly always too short for a pause.
      took: (run) => {
        run();
        return dice.chance(SLOW_DELIVERIES) ? dice.within(SLOW_DELIVERY_MS) : 0;
      },
      defer: (run) => later(0, 'goes on in a later turn', run),
    };
  }

  /** Called after each event of the node, as it may have become ready by any. */
  lookAtPhase(): void {
    if (this.running?.driver.phase !== 'ready') this.#readySinceMs = null;
    else this.#readySinceMs ??= this.#world.timeline.nowMs;
  }

  /** The node can not go on: its process ends. Only a failing disk may bring that about. */
  #failed(life: number, error: unknown): void {
    const { timeline, oracle } = this.#world;
    this.#hasFailed = true;
    this.#note('info', `stops: ${error}`);
    if (!(error instanceof HearsayError)) oracle.report('error', `${this.name} fails: ${error}`);
    timeline.plan(0, this.name, 'the process ends', () => {
      if (this.crash(life)) this.#world.restartLater(this);
    });
  }

  #note(level: NoteLevel, text: string): void {
    const { trace, timeline, oracle, network } = this.#world;
    trace.add(timeline.nowMs, this.name, `notes: ${text}`);
    const [, origin, seq, fate] = /\((\S+)\/(\d+)\) is (left out|not put again)/.exec(text) ?? [];
    if (origin !== undefined) {
      const id = { origin, seq: Number(seq) };
      if (fate === 'left out') oracle.ledger.leaveOut(id);
      else oracle.ledger.giveWay(id);
    }
    const alarms = [
      ...ALARMS,
      ...(network.counts.truncated > 0 ? [] : TEXT_ALARMS),
      ...(this.#options.mayRejoin ? [] : REJOIN_ALARMS),
      ...(this.#options.mayFork ? [] : COPY_ALARMS),
      ...(oracle.ledger.isDamaged ? [] : DAMAGE_ALARMS),
    ];
    if (level === 'warn' && alarms.some((alarm) => text.includes(alarm)))
      oracle.report('false alarm', `${this.name} says: ${text}`);
  }
}
