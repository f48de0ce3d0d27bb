/**
 * Measures a cluster of many nodes in the simulator: the real nodes on simulated time, network and disks. Each link takes
 * LINK_MS and each commit COMMIT_MS, so that a delay tells the number of hops. Nothing fails but for the texts that
 * the loss of one part of it takes.
 */
import type { Request } from '../../src/words/requests.ts';
import { Timeline } from '../clock.ts';
import { Dice } from '../dice.ts';
import { noCounts, type SimNode } from '../node.ts';
import { MAX_CLOCK_SKEW_MS, makeNodes } from '../nodes.ts';
import { Trace } from '../trace.ts';
import { quiet, type WorldOptions } from '../worldOptions.ts';
import { Arrivals } from './arrivals.ts';
import { MeteredNetwork, type Traffic } from './meteredNetwork.ts';

const LINK_MS = 10;
const COMMIT_MS = 1;
const HOP_MS = LINK_MS + COMMIT_MS;
const SECOND_MS = 1000;
const START_EVERY_MS = 20;
const FORMING_LIMIT_MS = 600_000;
const IDLE_MS = 30_000;
/** After their joins nodes choose links anew, and trees prune themselves. */
const SETTLING_MS = 60_000;
const SETTLING_OPS = 60;
const SPREAD_OPS = 100;
const ARRIVAL_LIMIT_MS = 30_000;
const BUSY_MS = 10_000;
const BUSY_OPS_A_SECOND = 100;
const LOSS = 0.02;
const VALUE = `"${'x'.repeat(98)}"`;
const COLLECTION_LIMIT_MS = 120_000;

export interface Measured {
  readonly nodes: number;
  /** Simulated seconds from the start of the first node until all take writes. */
  readonly formedSeconds: number;
  /** Hops until an op is on a node, at the 99th percentile and at most. */
  readonly hopsMedian: number;
  readonly hopsP90: number;
  readonly hopsP99: number;
  readonly hopsMost: number;
  /** Copies of an op that were pushed, a node that gets it. */
  readonly pushesAnOpAndNode: number;
  /** Of ops at a loss of 2 % of all texts: those that some node lacked 30 s later. */
  readonly missedAtLoss: number;
  readonly hopsP99AtLoss: number;
  /** Bytes that a node sends a second while nothing is written, by the kind of message. */
  readonly idleBytes: Readonly<Record<string, number>>;
  readonly idleBytesInAll: number;
  /** Bytes that a node sends a second at 100 writes a second in all, beside the bytes of those ops. */
  readonly busyBytesInAll: number;
  readonly busyBytes: Readonly<Record<string, number>>;
  readonly opBytes: number;
  /** Seconds from the last delete until no node holds a dead entry; null if not within two minutes. */
  readonly collectedSeconds: number | null;
}

class Quiet extends Trace {
  override add(): void {}
  override detail(): void {}
}

/** @param nodes how many. @param note called with the part that begins. */
export async function measureMesh(
  nodes: number,
  seed: number,
  note: (text: string) => void,
): Promise<Measured> {
  const cluster = new Cluster(nodes, seed);
  note('they form a cluster');
  const formedSeconds = await cluster.form();
  note('their trees settle');
  await cluster.write(SETTLING_OPS, SECOND_MS / 2);
  await cluster.pass(SETTLING_MS);
  cluster.network.take();
  note('nothing is written');
  await cluster.pass(IDLE_MS);
  const idle = cluster.bytesANodeAndSecond(cluster.network.take(), IDLE_MS);
  note('ops spread');
  const spread = await cluster.spread(SPREAD_OPS);
  note('ops spread at a loss of 2 %');
  cluster.network.storm();
  const lossy = await cluster.spread(SPREAD_OPS);
  cluster.network.heal();
  await cluster.pass(ARRIVAL_LIMIT_MS);
  note('100 ops a second are written');
  cluster.network.take();
  const count = (BUSY_MS / SECOND_MS) * BUSY_OPS_A_SECOND;
  const opBytes = await cluster.write(count, SECOND_MS / BUSY_OPS_A_SECOND);
  const busy = cluster.bytesANodeAndSecond(cluster.network.take(), BUSY_MS);
  await cluster.pass(ARRIVAL_LIMIT_MS);
  note('all is deleted, and collected');
  const collectedSeconds = await cluster.deleteAll();
  return {
    nodes,
    formedSeconds,
    hopsMedian: percentile(spread.hops, 0.5),
    hopsP90: percentile(spread.hops, 0.9),
    hopsP99: percentile(spread.hops, 0.99),
    hopsMost: Math.max(...spread.hops),
    pushesAnOpAndNode: spread.pushes,
    missedAtLoss: lossy.missed,
    hopsP99AtLoss: percentile(lossy.hops, 0.99),
    idleBytes: Object.fromEntries(idle),
    idleBytesInAll: sum(idle.values()),
    busyBytesInAll: sum(busy.values()),
    busyBytes: Object.fromEntries(busy),
    opBytes: Math.round(opBytes / (BUSY_MS / SECOND_MS)),
    collectedSeconds,
  };
}

class Cluster {
  readonly timeline = new Timeline();
  readonly network: MeteredNetwork;
  readonly #nodes: SimNode[] = [];
  readonly #arrivals: Arrivals;
  readonly #dice: Dice;
  #written = 0;

  constructor(count: number, seed: number) {
    const options = worldFor(count);
    const trace = new Quiet();
    this.#dice = new Dice(seed, 'clients');
    this.network = new MeteredNetwork(
      this.timeline,
      new Dice(seed, 'network'),
      trace,
      options.network,
    );
    const limits = { maxClockSkewMs: MAX_CLOCK_SKEW_MS, mayFork: false, mayDiffer: false };
    this.#arrivals = new Arrivals(this.#nodes, limits, (check, text) => {
      throw new Error(`${check}: ${text}`);
    });
    const world = {
      timeline: this.timeline,
      network: this.network,
      oracle: this.#arrivals,
      trace,
      counts: noCounts(),
      watchers: { committed: () => {} },
      restartLater: () => {},
    };
    this.#nodes.push(...makeNodes(options, seed, new Dice(seed, 'nodes'), world));
  }

  /** Starts all nodes, one after another. @returns the seconds until all take writes. */
  async form(): Promise<number> {
    for (const [index, node] of this.#nodes.entries())
      this.timeline.plan(index * START_EVERY_MS, node.name, 'start', () => void node.start());
    const isFormed = (): boolean =>
      this.#nodes.every(
        ({ running }) =>
          running?.replica.readiness.isWritable === true &&
          running.replica.members.size === this.#nodes.length,
      );
    const formedMs = await this.#until(FORMING_LIMIT_MS, isFormed);
    if (formedMs === null) throw new Error(`no cluster within ${FORMING_LIMIT_MS} ms`);
    return formedMs / SECOND_MS;
  }

  /** Puts on nodes that are drawn. @returns the bytes of the ops as a push would bear them. */
  async write(count: number, everyMs: number): Promise<number> {
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      const key = `key/${++this.#written}`;
      bytes += key.length + VALUE.length + OP_HEAD_BYTES;
      this.#submit({ kind: 'put', key, version: 1, ttlMs: null, value: VALUE, meta: null });
      await this.pass(everyMs);
    }
    return bytes;
  }

  async spread(
    count: number,
  ): Promise<{ hops: readonly number[]; pushes: number; missed: number }> {
    this.#arrivals.take();
    this.network.take();
    await this.write(count, SECOND_MS / 2);
    await this.pass(ARRIVAL_LIMIT_MS);
    const delays = this.#arrivals.take();
    const others = this.#nodes.length - 1;
    const hops = delays.flat().map((delayMs) => Math.max(1, Math.round(delayMs / HOP_MS)));
    const missed = delays.filter(({ length }) => length < others).length;
    return { hops, pushes: this.network.take().pushedOps / (count * others), missed };
  }

  async deleteAll(): Promise<number | null> {
    const keys = Array.from({ length: this.#written }, (_, index) => `key/${index + 1}`);
    for (const key of keys) this.#submit({ kind: 'delete', key, upToVersion: null });
    const deletedMs = this.timeline.nowMs;
    await this.pass(SECOND_MS);
    const isClean = (): boolean =>
      this.#nodes.every(({ running }) => running?.replica.map.size === 0);
    const cleanMs = await this.#until(COLLECTION_LIMIT_MS, isClean);
    return cleanMs === null ? null : (cleanMs - deletedMs) / SECOND_MS;
  }

  bytesANodeAndSecond({ bytes }: Traffic, overMs: number): Map<string, number> {
    const times = (this.#nodes.length * overMs) / SECOND_MS;
    const rates = [...bytes].map(([kind, count]): [string, number] => [
      kind,
      Math.round((count / times) * 10) / 10,
    ]);
    return new Map(rates.sort(([, one], [, other]) => other - one));
  }

  async pass(timeMs: number): Promise<void> {
    await this.#until(timeMs, () => false);
  }

  #submit(request: Request): void {
    const node = this.#dice.pick(this.#nodes);
    this.timeline.plan(0, node.name, 'client', () => void node.running?.replica.submit([request]));
  }

  /** @returns the time at which it was so, as a look each second tells; null if it never was. */
  async #until(limitMs: number, isReached: () => boolean): Promise<number | null> {
    const endMs = this.timeline.nowMs + limitMs;
    // Time stands still between events, so that one is planned for the end.
    this.timeline.plan(limitMs, '', 'time is over', () => {});
    let lookMs = this.timeline.nowMs + SECOND_MS;
    while (this.timeline.nowMs < endMs) {
      this.timeline.next()?.run();
      await new Promise(setImmediate);
      if (this.timeline.nowMs < lookMs) continue;
      lookMs = this.timeline.nowMs + SECOND_MS;
      if (isReached()) return this.timeline.nowMs;
    }
    return null;
  }
}

/** Kind, origin, seq, HLC, generation, version and hash of an op, as they stand in a message, in bytes. */
const OP_HEAD_BYTES = 75;

function worldFor(nodes: number): WorldOptions {
  const drawn = quiet(new Dice(1, 'options'));
  return {
    ...drawn,
    nodes,
    meshLimit: 8,
    network: { ...drawn.network, delayMs: [LINK_MS, LINK_MS], loss: LOSS },
    disk: { ...drawn.disk, commitMs: [COMMIT_MS, COMMIT_MS], readMs: [0, 0] },
    faults: { ...drawn.faults, maxSkewMs: 0 },
    limits: {
      ...drawn.limits,
      maxDeltaOps: 512,
      maxDeltaBytes: 262_144,
      maxRecentOps: 4096,
      maxPeerBufferBytes: 4_194_304,
      maxQueuedOps: 10_000,
    },
    compactMs: 0,
    writesCheckpoints: false,
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const sum = (values: Iterable<number>): number =>
  Math.round([...values].reduce((total, value) => total + value, 0));
