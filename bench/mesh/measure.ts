/** The measurements of one size of cluster, on simulated time. */
import { percentile } from '../figures.ts';
import type { Followed, Traffic } from './meter.ts';
import { LargeWorld } from './world.ts';

const FORMING_LIMIT_MS = 300_000;
/** The trees settle for so long, while each node writes once. */
const SETTLING_MS = 10_000;
/** Rounds come every 10 s, and entries die at other moments between two of them each time. Above this size a run has fewer writes and less time in each part: all that it does grows with the square of the size. */
const WHOLE_UP_TO = 300;
const WHOLE = { idleBeforeMs: 15_000, idleMs: 30_000, writes: 100, deaths: 4 };
const BRIEF = { idleBeforeMs: 15_000, idleMs: 20_000, writes: 30, deaths: 1 };
const WRITES_EVERY_MS = 100;
const FAST_WRITES = 1000;
const FAST_EVERY_MS = 10;
const LOSS = 0.02;
const SPREAD_LIMIT_MS = 20_000;
const TTL_MS = 2000;
const DYING = 50;
const COLLECTING_LIMIT_MS = 120_000;

/** A part is null where it did not come about within its limit. */
export interface Measured {
  readonly nodes: number;
  /** Seconds from the first start until each node is a member and holds all ops. */
  readonly formedS: number | null;
  /** Bytes a second and node that are sent while nobody writes, in all and by kind of message. */
  readonly idleBytes: number;
  readonly idleByKind: Readonly<Record<string, number>>;
  /** Hops of an op until it is at a node, and until it is at all: the 99th percentiles. */
  readonly hopsP99: number;
  readonly hopsToAllP99: number;
  /** Pushes an op and other node, without loss and where a part of the texts is lost. */
  readonly pushes: number;
  readonly pushesAtLoss: number;
  /**
   * Links that were made eager, a node and minute, while the cluster was idle and at 10 writes a second without loss. Absent
   * in results from before they were counted.
   */
  readonly grafts?: number;
  /** Texts of all kinds an op and other node, beyond those of an idle cluster. */
  readonly texts: number;
  /** Nodes that lacked an op after a further 20 s, where a part of the texts was lost. */
  readonly missedAtLoss: number;
  /** Seconds from the last write until all had all, there. */
  readonly levelAtLossS: number | null;
  /** Bytes a node sends at 100 writes a second in all, as a multiple of the ops' own, each of which a node needs once. */
  readonly bytesOverOps: number;
  readonly busyByKind: Readonly<Record<string, number>>;
  /** Seconds from the death of the last of some entries until no node holds any of them: the greatest of some times. */
  readonly deadGoneS: number | null;
  /** Seconds of this machine's time for all of it. */
  readonly tookS: number;
}

/**
 * Measures a cluster of so many nodes. A large one takes its time, so each part is told before it begins.
 * @throws Error if the cluster never forms.
 */
export async function measure(
  size: number,
  seed: number,
  begins: (part: string) => void = () => {},
): Promise<Measured> {
  const startedAt = performance.now();
  const parts = partsOf(size);
  const world = new LargeWorld(size, seed, LOSS);
  const formedMs = await form(world, begins);
  const idle = await idleOf(world, parts);
  begins('10 writes a second');
  const quiet = await writesOf(world, parts.writes, WRITES_EVERY_MS);
  begins('100 writes a second');
  const busy = await writesOf(world, FAST_WRITES, FAST_EVERY_MS);
  begins('deaths');
  const goneMs: (number | null)[] = [];
  for (let time = 0; time < parts.deaths; time++) goneMs.push(await deathOf(world));
  begins('loss');
  world.meter.storm();
  const lossy = await writesOf(world, parts.writes, WRITES_EVERY_MS);
  const idleTexts = (idle.texts * quiet.durationMs) / parts.idleMs;
  return {
    nodes: size,
    formedS: formedMs / 1000,
    idleBytes: idle.bytes,
    idleByKind: idle.byKind,
    hopsP99: percentile(quiet.hops, 0.99),
    hopsToAllP99: percentile(quiet.hopsToAll, 0.99),
    pushes: quiet.pushes,
    pushesAtLoss: lossy.pushes,
    grafts: ((idle.grafts + quiet.grafts) * 60_000) / size / (parts.idleMs + quiet.durationMs),
    texts: (quiet.textsInAll - idleTexts) / parts.writes / (size - 1),
    missedAtLoss: lossy.missed,
    levelAtLossS: lossy.levelMs === null ? null : lossy.levelMs / 1000,
    bytesOverOps: busy.bytesANode / busy.opBytes,
    busyByKind: busy.byKind,
    deadGoneS: goneMs.includes(null) ? null : Math.max(...goneMs.map(Number)) / 1000,
    tookS: (performance.now() - startedAt) / 1000,
  };
}

/**
 * Measures only the traffic of an idle cluster, which takes a third of the time of all.
 * @throws Error if the cluster never forms.
 */
export async function measureIdle(
  size: number,
  seed: number,
  begins: (part: string) => void = () => {},
): Promise<Pick<Measured, 'nodes' | 'idleBytes' | 'idleByKind'>> {
  const world = new LargeWorld(size, seed, LOSS);
  await form(world, begins);
  const { bytes, byKind } = await idleOf(world, partsOf(size));
  return { nodes: size, idleBytes: bytes, idleByKind: byKind };
}

const partsOf = (size: number) => (size <= WHOLE_UP_TO ? WHOLE : BRIEF);

/** @returns how long it took from the first start until each node was a member and held all ops, in milliseconds. */
async function form(world: LargeWorld, begins: (part: string) => void): Promise<number> {
  const { size } = world;
  begins('forming');
  world.startAll();
  const formedMs = await world.until(FORMING_LIMIT_MS, () => world.isLevel);
  if (formedMs === null) throw new Error(`${size} nodes form no cluster`);
  begins('settling');
  await world.writeOnEach(Math.floor(SETTLING_MS / size));
  begins('idle');
  return formedMs;
}

async function idleOf(
  world: LargeWorld,
  { idleBeforeMs, idleMs }: Pick<typeof WHOLE, 'idleBeforeMs' | 'idleMs'>,
) {
  await world.run(idleBeforeMs);
  world.meter.take();
  await world.run(idleMs);
  const { traffic } = world.meter.take();
  const byKind = bytesByKind(traffic, world.size, idleMs);
  const bytes = sumOf(Object.values(byKind));
  return { byKind, bytes, texts: textsOf(traffic), grafts: graftsOf(traffic) };
}

/** @returns the milliseconds from the death of the last entry until nobody holds one. */
async function deathOf(world: LargeWorld): Promise<number | null> {
  await world.write(DYING, 1, TTL_MS);
  await world.run(TTL_MS);
  return world.until(COLLECTING_LIMIT_MS, () => !world.holdsDead);
}

/** Writes, and waits until all nodes have all; the traffic of the wait counts too. */
async function writesOf(world: LargeWorld, number: number, everyMs: number) {
  const { meter, size } = world;
  meter.take();
  meter.follow();
  const pushesBefore = world.pushes;
  const startMs = world.timeline.nowMs;
  await world.write(number, everyMs, null);
  const levelMs = await world.until(SPREAD_LIMIT_MS, () => world.behind === 0);
  const durationMs = world.timeline.nowMs - startMs;
  const { traffic, followed } = meter.take();
  const byKind = bytesByKind(traffic, size, durationMs);
  return {
    durationMs,
    levelMs,
    missed: world.behind,
    byKind,
    bytesANode: (sumOf(Object.values(byKind)) * durationMs) / 1000,
    opBytes: sumOf(followed.map(({ bytes }) => bytes)),
    textsInAll: textsOf(traffic),
    grafts: graftsOf(traffic),
    pushes: (world.pushes - pushesBefore) / number / (size - 1),
    hops: followed.flatMap(({ hops }) => [...hops.values()].filter((count) => count > 0)),
    hopsToAll: followed.map(greatestHop),
  };
}

const greatestHop = ({ hops }: Followed): number => Math.max(...hops.values());

const textsOf = (traffic: Traffic): number =>
  sumOf([...traffic.values()].map(({ texts }) => texts));

const graftsOf = (traffic: Traffic): number => traffic.get('graft')?.texts ?? 0;

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** Bytes a second and node. */
function bytesByKind(traffic: Traffic, nodes: number, durationMs: number): Record<string, number> {
  const kinds = [...traffic].sort(([, a], [, b]) => b.bytes - a.bytes);
  return Object.fromEntries(
    kinds.map(([kind, { bytes }]) => [kind, (bytes * 1000) / nodes / durationMs]),
  );
}
