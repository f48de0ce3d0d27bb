/**
 * One run: a pure function of the seed and the options. Each step runs one event and then everything
 * that follows from it without waiting; after each step the oracle looks at the node whose code ran.
 */
import { longestPullWait } from '../src/gossip/protocol/puller.ts';
import { HEARD_BY_ROUND_MS } from '../src/gossip/protocol/roundTimes.ts';
import { MINUTE_MS } from '../src/words/time.ts';
import { Apart, toChooseFrom } from './apart.ts';
import { Clients } from './clients.ts';
import { Timeline } from './clock.ts';
import {
  allSayThatTheyAgree,
  deadEntries,
  describeStatuses,
  describeVectors,
  isConverged,
  isMajority,
  lackedRows,
} from './convergence.ts';
import { Dice } from './dice.ts';
import { Faults } from './faults.ts';
import { Network } from './network.ts';
import { noCounts, type SimNode } from './node.ts';
import { CLAIM_PATIENCE_MS, MAX_CLOCK_SKEW_MS, makeNodes, PULL_INTERVAL_MS } from './nodes.ts';
import { Oracle } from './oracle.ts';
import type { RunCounts, RunOptions, RunResult } from './runs.ts';
import { worldOf } from './scenarios.ts';
import { Trace } from './trace.ts';
import type { Check, Violation } from './violation.ts';
import { SWEEP_LATE_MS, Watchers } from './watchers.ts';
import type { WorldOptions } from './worldOptions.ts';

/**
 * From healing on: a silent connection, a hello that never came, a last dial into nothing and a long
 * wait to redial fit in.
 */
const CONVERGENCE_LIMIT_MS = 25_000;
/** Nodes that went on under new origins twice, each alone, are strangers, and rejoin one after another. */
const STRANGERS_TIMEOUTS = 8;
/** For the first nodes to form a cluster. */
const FORMING_LIMIT_MS = 15_000;
const LATE_NODES_EVERY_MS = 2500;
/** For dead entries to be collected, beside what clocks are apart; and before it for the lost to be retired. */
const COLLECTION_LIMIT_MS = 15_000;
const RETIRING_LIMIT_MS = 30_000;
/** For watchers to read what they lack, an event or two at a time. */
const WATCHERS_LEVEL_MS = 30_000;
/** How long the healed world goes on at least: what is late still comes, and must change nothing. */
const AFTERMATH_MS = 5000;

export async function run(options: RunOptions): Promise<RunResult> {
  const world = new World(options);
  // Nothing in the nodes may fail without anybody to see it; Node tells of it within the same step.
  const onRejection = (error: unknown): void =>
    world.report('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on('unhandledRejection', onRejection);
  try {
    return await world.run();
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}

class World {
  readonly timeline = new Timeline();
  readonly trace = new Trace();
  readonly network: Network;
  readonly oracle: Oracle;
  readonly counts = noCounts();
  readonly #options: WorldOptions;
  readonly #checks: readonly Check[] | undefined;
  readonly #nodes: SimNode[] = [];
  readonly #clients: Clients;
  readonly #faults: Faults;
  readonly #apart: Apart;
  readonly watchers: Watchers;
  #violation: Violation | null = null;
  #steps = 0;
  #stormEndsAt = 0;
  #convergenceMs = 0;

  constructor({ scenario, seed, nodes, steps, checks, change }: RunOptions) {
    const drawn = worldOf(scenario, new Dice(seed, scenario));
    const world = { ...drawn, nodes: nodes ?? drawn.nodes, steps: steps ?? drawn.steps };
    this.#options = change?.(world) ?? world;
    this.#checks = checks;
    const { network, clients, faults } = this.#options;
    const dice = (purpose: string): Dice => new Dice(seed, purpose);
    this.network = new Network(this.timeline, dice('network'), this.trace, network);
    const oracleOptions = {
      maxClockSkewMs: MAX_CLOCK_SKEW_MS,
      mayFork: this.#options.mayFork,
      mayDiffer: faults.allAheadEveryMs > 0,
    };
    this.oracle = new Oracle(this.#nodes, oracleOptions, (check, text) => this.report(check, text));
    this.watchers = new Watchers(
      this.#options.watchers,
      this.#nodes,
      { timeline: this.timeline, report: (check, text) => this.report(check, text) },
      dice('watchers'),
    );
    this.#nodes.push(...makeNodes(this.#options, seed, dice('nodes'), this));
    this.#apart = new Apart(this.#nodes, this.#options.apart, this.network, (check, text) =>
      this.report(check, text),
    );
    this.#clients = new Clients(clients, this.#nodes, this, dice('clients'));
    this.#faults = new Faults(faults, this.#nodes, this, dice('faults'));
  }

  /** Keeps the first violation: the ones after it may only follow from it. */
  report(check: Check, text: string): void {
    if (this.#violation !== null || this.#checks?.includes(check) === false) return;
    this.#violation = { check, text, step: this.#steps, atMs: this.timeline.nowMs };
    this.trace.add(this.timeline.nowMs, '', `VIOLATION (${check}): ${text}`);
  }

  restartLater(node: SimNode): void {
    this.#faults.restartLater(node);
  }

  async run(): Promise<RunResult> {
    await this.#form();
    this.#stormEndsAt = this.#steps + this.#options.steps;
    const { nodes, lateNodes, lateMs } = this.#options;
    for (const [index, node] of this.#nodes.slice(nodes - lateNodes).entries())
      this.#faults.startLater(node, lateMs + index * LATE_NODES_EVERY_MS);
    this.#clients.start(() => this.#isStorm);
    this.#faults.start();
    this.#apart.meetLater(this.timeline, this.#options.apartMs);
    this.watchers.start(() => this.#isStorm);
    while (this.#isStorm && this.#violation === null) await this.#step();
    if (this.#violation === null) this.#chooseCluster();
    this.#faults.heal();
    await this.#converge();
    await this.#restartAll();
    await this.#judgeWatchers();
    this.oracle.judgeEnd();
    const counts = this.#counts();
    this.#judgeFaultsOfPeers(counts);
    return {
      violation: this.#violation,
      digest: this.trace.digest(),
      counts,
      lastLines: (count) => this.trace.lastLines(count),
    };
  }

  /** The act of a person for two clusters that refuse each other, as both say. */
  #chooseCluster(): void {
    const { apart, mayFork } = this.#options;
    const emptied = apart > 0 ? this.#apart.toGiveUp() : mayFork ? toChooseFrom(this.#nodes) : [];
    this.#faults.startEmpty(emptied);
    if (emptied.length > 0) this.counts.emptied++;
  }

  get #isStorm(): boolean {
    return this.#steps < this.#stormEndsAt;
  }

  async #step(): Promise<void> {
    const event = this.timeline.next();
    if (event === undefined) throw new Error('nothing is planned any more');
    this.#steps++;
    this.trace.add(event.atMs, event.node, event.what);
    try {
      event.run();
    } catch (error) {
      this.report('error', String(error instanceof Error ? error.stack : error));
    }
    // Everything that the nodes do between two events is done in microtasks, all of which run first.
    await new Promise(setImmediate);
    const node = this.#nodes.find(({ name }) => name === event.node);
    if (node === undefined) return;
    node.lookAtPhase();
    this.oracle.afterStep(node);
  }

  async #until(limitMs: number, isReached: () => boolean): Promise<boolean> {
    const endMs = this.timeline.nowMs + limitMs;
    while (this.#violation === null && this.timeline.nowMs < endMs) {
      if (isReached()) return true;
      await this.#step();
    }
    return this.#violation !== null || isReached();
  }

  /** The nodes find one another and form a cluster, in peace; those that are late start in the storm. */
  async #form(): Promise<void> {
    const { nodes, lateNodes } = this.#options;
    const founders = this.#nodes.slice(0, nodes - lateNodes);
    this.#apart.keepApart();
    for (const node of founders) this.#faults.startLater(node, 0);
    if (!(await this.#until(FORMING_LIMIT_MS, () => founders.every((node) => node.isReady))))
      this.report(
        'convergence',
        `no cluster after ${FORMING_LIMIT_MS} ms: ${describeVectors(this.#nodes)}`,
      );
  }

  async #converge(): Promise<void> {
    const nodes = this.#nodes;
    const healedMs = this.timeline.nowMs;
    const limitMs = this.#convergenceLimitMs();
    const isSame = (): boolean => isConverged(nodes, this.oracle.ledger);
    await this.#require('convergence', isSame, limitMs, () => describeVectors(nodes));
    this.#convergenceMs = this.timeline.nowMs - healedMs;
    await this.#until(AFTERMATH_MS, () => false);
    const isSaid = allSayThatTheyAgree(nodes, this.#options.meshLimit);
    await this.#require('convergence', isSaid, this.#convergenceLimitMs(), () =>
      describeStatuses(nodes),
    );
    if (!this.#mayCollect()) return;
    const skewMs = 2 * this.#options.faults.maxSkewMs;
    const deadMs = COLLECTION_LIMIT_MS + skewMs + this.#retiringMs() + this.#roundsMs();
    // Others die meanwhile, up to the end of the run.
    const atMs = Math.min(...nodes.map(({ clock }) => clock.nowMs()));
    const dead = (): number[] => deadEntries(nodes, this.oracle.ledger.forkedOrigins, atMs);
    const isClean = (): boolean => dead().every((count) => count === 0);
    const describeDead = (): string => `dead entries that stay: ${dead().join(', ')}`;
    await this.#require('forgetting', isClean, deadMs, describeDead);
    if (this.#options.clients.waits > 0) await this.#requireAcks();
  }

  /** Every node hears that all members hold its last op. */
  async #requireAcks(): Promise<void> {
    const waits = new Set<string>();
    for (const { name, running } of this.#nodes) {
      const replica = running?.replica;
      const seq = replica?.vector.get(replica.origin) ?? 0;
      if (running === null || running.driver.isHeldByAll(seq)) continue;
      waits.add(name);
      running.driver.askAll(seq, this.#convergenceLimitMs());
      running.driver.onConfirmed(() => {
        if (running.driver.isHeldByAll(seq)) waits.delete(name);
      });
    }
    const areHeld = (): boolean => waits.size === 0;
    const describe = (): string => `acks of all, at ${[...waits].join(', ')}`;
    await this.#require('answer', areHeld, this.#convergenceLimitMs(), describe);
  }

  /** The replay of each log is the map that it made; and nobody needs what is only in memory. */
  async #restartAll(): Promise<void> {
    if (this.#violation !== null) return;
    const nodes = this.#nodes;
    for (const node of nodes) this.oracle.inspect(node);
    for (const node of nodes) node.crash();
    this.#faults.heal();
    const limitMs = this.#convergenceLimitMs();
    const isSame = (): boolean => isConverged(nodes, this.oracle.ledger);
    await this.#require('convergence', isSame, limitMs, () => describeVectors(nodes));
    for (const node of nodes) this.oracle.inspect(node);
  }

  /** All go on from their cursors, and are given the time that clocks are apart. */
  async #judgeWatchers(): Promise<void> {
    const { watchers, faults } = this.#options;
    if (watchers === 0 || this.#violation !== null) return;
    const skewMs = 2 * faults.maxSkewMs + SWEEP_LATE_MS;
    const sinceMs = this.timeline.nowMs;
    await this.#until(skewMs + WATCHERS_LEVEL_MS, () => {
      this.watchers.catchUp();
      return this.watchers.areLevel && this.timeline.nowMs > sinceMs + skewMs;
    });
    if (!this.watchers.areLevel) this.report('watch', `not level: ${this.watchers.describe()}`);
    else this.watchers.judge();
  }

  async #require(
    check: Check,
    isReached: () => boolean,
    limitMs: number,
    describe: () => string,
  ): Promise<void> {
    if (await this.#until(limitMs, isReached)) return;
    this.report(check, `not within ${Math.round(limitMs)} ms: ${describe()}`);
  }

  #convergenceLimitMs(): number {
    return CONVERGENCE_LIMIT_MS + this.#strangersMs() + this.#backlogMs();
  }

  /** The time until strangers have become members. */
  #strangersMs(): number {
    const { disk, faults, mayFork, mayRejoin, network, joinTimeoutMs } = this.#options;
    // A fresh node whose sponsor refuses it for such a text asks another one, under another origin. Who has done so five times
    // within a minute waits for its end.
    if (network.truncation > 0 && mayRejoin) return MINUTE_MS;
    if (mayFork || disk.durability === 'normal') return STRANGERS_TIMEOUTS * joinTimeoutMs;
    // Beyond a full mesh sides meet by visits alone.
    if (faults.sidesRetire) return MINUTE_MS / 2;
    // Who was retired six times within a minute waits for its end: a member lets in so many at one URL.
    if (!faults.retireInTurn) return MINUTE_MS;
    // Of two sides one follows the claim of one peer alone, in its patience. Its nodes may then let in one another,
    // and are strangers a second time, as two members say by then.
    return faults.retireEveryMs > 0 ? 2 * joinTimeoutMs + CLAIM_PATIENCE_MS : 0;
  }

  /** The time of the chunks that a node needs to catch up, where each waits for the one before. */
  #backlogMs(): number {
    const { limits, network, disk, mayRejoin } = this.#options;
    const chunkMs = 2 * network.delayMs[1] + 3 * disk.readMs[1] + disk.commitMs[1];
    return (lackedRows(this.#nodes, mayRejoin) / limits.maxDeltaOps) * chunkMs;
  }

  /** The longest time in which each node has asked each other one twice: collection waits for the clocks of all. */
  #roundsMs(): number {
    const peers = this.#nodes.length - 1;
    return 2 * peers * longestPullWait(peers) * PULL_INTERVAL_MS;
  }

  /** Beyond a full mesh nobody is retired for a shorter silence than certificates count for. */
  #retiringMs(): number {
    const isMesh = this.#nodes.length > this.#options.meshLimit;
    return RETIRING_LIMIT_MS + (isMesh ? 2 * HEARD_BY_ROUND_MS : 0);
  }

  /** Where a member is gone and nobody may retire it yet, nothing more is collected, and that is right. */
  #mayCollect(): boolean {
    const { memberTimeoutMs, mayRejoin } = this.#options;
    return !mayRejoin || (memberTimeoutMs < RETIRING_LIMIT_MS && isMajority(this.#nodes));
  }

  /** Each node keeps the protocol, so that only a text that was cut off is a fault, and each is one at most. */
  #judgeFaultsOfPeers({ peerFaults }: RunCounts): void {
    const { truncated } = this.network.counts;
    if (peerFaults > truncated)
      this.report(
        'false alarm',
        `${peerFaults} faults of peers, and ${truncated} texts were cut off`,
      );
  }

  #counts(): RunCounts {
    const { stored, conflicts, refused } = this.#clients.counts;
    for (const node of this.#nodes) node.countUp();
    return {
      ...this.counts,
      steps: this.#steps,
      ops: this.oracle.ledger.size,
      retirements: this.oracle.ledger.retirements,
      closed: this.oracle.ledger.sealed.count,
      messages: this.network.counts.sent,
      stored,
      conflicts,
      refused,
      simulatedMs: this.timeline.nowMs,
      convergenceMs: this.#convergenceMs,
      watchEvents: this.watchers.counts.events,
      watchResets: this.watchers.counts.resets,
      watchResumes: this.watchers.counts.resumes,
      watchTouches: this.watchers.counts.touches,
    };
  }
}
