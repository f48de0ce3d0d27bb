/**
 * One node of the simulated cluster: the real replica, driver, core, messages and codec, between a
 * simulated disk, network and clock, as src/node/startNode.ts puts them together. Its disk outlives its crashes,
 * and so does what the oracle knows of it; nothing else does.
 */

import { Driver } from '../src/gossip/driver/driver.ts';
import type { CoreSettings } from '../src/gossip/protocol/inputOutput.ts';
import type { Log } from '../src/log/log.ts';
import { Compactor } from '../src/replica/compact.ts';
import { type SetAside, setAside } from '../src/replica/offer.ts';
import { Replica } from '../src/replica/replica.ts';
import { WatchHub } from '../src/watch/hub/hub.ts';
import { HearsayError } from '../src/words/errors.ts';
import type { Limits } from '../src/words/limits.ts';
import { isOnKey, type KeyOp } from '../src/words/op.ts';
import type { CatchUp } from './catchUp.ts';
import type { NodeClock, Timeline } from './clock.ts';
import { Dice } from './dice.ts';
import { type DiskOptions, type LogCopy, SimDisk } from './disk.ts';
import type { Network } from './network.ts';
import type { Oracle } from './oracle.ts';
import type { Trace } from './trace.ts';
import type { SimTransport } from './transport.ts';
import { raiseAll, type Witness } from './witness.ts';

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
  /** Whether anything happens in this world that makes a member start again with an empty log. */
  readonly mayRejoin: boolean;
  /** Whether logs are copied by hand in this world. */
  readonly mayFork: boolean;
  /** Watchers in this world; without any, nodes serve none. */
  readonly watchers: number;
}

/** What nodes did, and what was done to them, in all. */
export interface NodeCounts {
  crashes: number;
  rejoins: number;
  snapshots: number;
  /** Entries collected and rows compacted. */
  collected: number;
  compacted: number;
  repaired: number;
  /** Logs put back, copied to another node, and short of their end after a crash. */
  restores: number;
  clones: number;
  lostTails: number;
  /** Clusters whose nodes a person has started with empty disks. */
  emptied: number;
}

export const noCounts = (): NodeCounts => ({
  crashes: 0,
  rejoins: 0,
  snapshots: 0,
  collected: 0,
  compacted: 0,
  repaired: 0,
  restores: 0,
  clones: 0,
  lostTails: 0,
  emptied: 0,
});

export interface NodeWorld {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly trace: Trace;
  readonly counts: NodeCounts;
  /** Told of every op that is on a disk. */
  readonly watchers: { committed(op: KeyOp): void };
  /** Somebody will start the node again. */
  restartLater(node: SimNode): void;
}

export interface RunningNode {
  readonly replica: Replica;
  readonly driver: Driver;
  /** Null where nobody watches. */
  readonly hub: WatchHub | null;
}

const SWEPT_AT_ONCE = 64;
const HUB_TICK_MS = 500;
/** What a node says when it finds others' data at odds with its own; here it must never be so. */
const ALARMS = ['malformed message', 'does not hold what its ranges say'];
/** And what it says where a log is not of its cluster. */
const REJOIN_ALARMS = ['is of another cluster'];
/** And what it says where two ops bear one id, or one was born in a log that had lost others. */
const DAMAGE_ALARMS = [
  'the same ops but another map',
  'under the same ids',
  'other ops of this very origin',
];
/** And what it says where a log was copied by hand. */
const COPY_ALARMS = ['later ops of this very origin', 'copies of one database'];

export class SimNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly disk: SimDisk;
  /** Of the log that the node has now. */
  witness: Witness;
  /** The process that runs; null while there is none, or it is still opening its log. */
  running: RunningNode | null = null;
  /** Of a member that has started; null for one that is fresh. */
  catchUp: CatchUp | null = null;
  /** What it ever told that it holds, with whatever log. */
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
    const dice = new Dice(seed, `disk of ${name}`);
    this.disk = new SimDisk(world.timeline, dice, name, disk, {
      newOrigin: () => `${name}.${dice.text(6)}`,
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

  /**
   * Rule 12: whether it must not take a client's write yet: it has not offered again what was set aside,
   * and not had the join timeout for that.
   */
  get owesOffers(): boolean {
    if (this.#readySinceMs === null || !this.disk.hasSetAside) return false;
    const readyMs = this.#world.timeline.nowMs - this.#readySinceMs;
    return readyMs < this.#options.settings.joinTimeoutMs;
  }

  /** Opens the log, replays it, and joins in the gossip. */
  async start(): Promise<void> {
    const { oracle, network } = this.#world;
    const { name, url, settings } = this.#options;
    const life = ++this.#life;
    this.#hasFailed = false;
    const log = this.disk.open();
    const stored = this.disk.stored?.rows ?? [];
    const replica = await this.#open(log);
    if (log.stoppedUncleanly) replica.membership.markForNewOrigin();
    const aside: SetAside[] = [];
    for (const old of this.disk.openSetAside())
      aside.push({ ...setAside(await this.#open(old)), trustedSeq: 0 });
    if (life !== this.#life) return;
    const fail = (error: unknown): void => this.#failed(life, error);
    replica.onCommit(({ rows }) =>
      oracle.told(
        this,
        rows.map(({ row }) => row),
      ),
    );
    replica.onFailure(fail);
    this.#transport = network.attach(name, url);
    const driver = this.#newDriver(life, replica, this.#transport, aside, fail);
    this.running = { replica, driver, hub: this.#newHub(life, replica) };
    oracle.reopened(this, replica, stored);
    this.catchUp = oracle.catchUpOf(this, this.#world.timeline.nowMs, settings.joinTimeoutMs);
    this.#startTimers(life, replica, driver);
    driver.tick();
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
    await running.driver.stop();
    await running.replica.suspend();
    if (life !== this.#life) return;
    this.#world.oracle.inspect(this);
    await this.disk.close();
    if (life !== this.#life) return;
    this.#life++;
    this.#ends();
    this.#transport = null;
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
  replaceLog({ stored, witness }: LogCopy, byCommand: boolean): void {
    if (witness.node === this.name) this.#world.counts.restores++;
    else this.#world.counts.clones++;
    const facts = { ...stored.header.facts, ...(byCommand && { renewOrigin: 'yes' }) };
    this.disk.replace({ stored: { ...stored, header: { ...stored.header, facts } }, witness });
  }

  #open(log: Log): Promise<Replica> {
    const { name, limits } = this.#options;
    const clock = (): number => this.clock.nowMs();
    return Replica.open({ nodeId: name, log, place: `${name}.db`, clock, limits });
  }

  #newDriver(
    life: number,
    replica: Replica,
    transport: SimTransport,
    setAsideBefore: readonly SetAside[],
    fail: (error: unknown) => void,
  ): Driver {
    const { name, seed, settings, mayRejoin } = this.#options;
    const dice = new Dice(seed, `${name} gossips, life ${life}`);
    return new Driver({
      replica,
      transport,
      settings: { ...settings, instance: dice.text(8) },
      random: dice.random,
      steadyMs: () => this.#world.timeline.nowMs,
      pause: () => this.#world.timeline.sleep(0, name, 'goes on after a pause'),
      note: (level, text) => this.#note(level, text),
      newId: () => dice.text(16),
      newOrigin: () => `${name}.${dice.text(6)}`,
      logs: {
        renew: (keep) => {
          this.#world.counts.rejoins++;
          if (keep && !mayRejoin && this.witness.hasJoined)
            this.#world.oracle.report('false alarm', `${name} rejoins, and nothing was lost`);
          return this.disk.renew(keep);
        },
        dropSetAside: () => this.disk.dropSetAside(),
      },
      setAside: setAsideBefore,
      fail,
    });
  }

  #newHub(life: number, replica: Replica): WatchHub | null {
    const { watchers, limits, settings, name } = this.#options;
    if (watchers === 0) return null;
    const defer = (next: () => void): void =>
      this.#world.timeline.plan(0, name, 'goes on telling a watcher', () => {
        if (life === this.#life) next();
      });
    const hub = new WatchHub({ replica, limits, maxClockSkewMs: settings.maxClockSkewMs, defer });
    this.#repeat(life, HUB_TICK_MS, 'bookmarks', () => hub.tick());
    return hub;
  }

  #startTimers(life: number, replica: Replica, driver: Driver): void {
    const { tickMs, sweepMs, compactMs, retentionMs } = this.#options;
    this.#readySinceMs = null;
    this.#repeat(life, tickMs, 'tick', () => {
      driver.tick();
      if (driver.phase !== 'ready') this.#readySinceMs = null;
      else this.#readySinceMs ??= this.#world.timeline.nowMs;
    });
    this.#repeat(life, sweepMs, 'sweep', () => replica.sweep(SWEPT_AT_ONCE));
    if (compactMs === 0) return;
    const compactor = new Compactor(replica, retentionMs);
    this.#repeat(life, compactMs, 'compact', () => {
      compactor.run().catch((error: unknown) => {
        if (!(error instanceof HearsayError)) this.#failed(life, error);
      });
    });
  }

  #repeat(life: number, everyMs: number, what: string, run: () => void): void {
    this.#world.timeline.plan(everyMs, this.name, what, () => {
      if (life !== this.#life) return;
      run();
      this.#repeat(life, everyMs, what, run);
    });
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

  #note(level: 'info' | 'warn', text: string): void {
    const { trace, timeline, oracle } = this.#world;
    trace.add(timeline.nowMs, this.name, `notes: ${text}`);
    const alarms = [
      ...ALARMS,
      ...(this.#options.mayRejoin ? [] : REJOIN_ALARMS),
      ...(this.#options.mayFork ? [] : COPY_ALARMS),
      ...(oracle.ledger.isDamaged ? [] : DAMAGE_ALARMS),
    ];
    if (level === 'warn' && alarms.some((alarm) => text.includes(alarm)))
      oracle.report('false alarm', `${this.name} says: ${text}`);
  }
}
