/** Large clusters whose members come, go and are replaced, many of them, on simulated time. */
import type { Engine } from '../../src/node/engine.ts';
import { LargeWorld, nameAt, type WorldChanges } from './world.ts';

const FORMING_LIMIT_MS = 300_000;
/** Silent members are retired after 76 s at least, and a round or two follow. */
const SETTLING_LIMIT_MS = 300_000;
const COLLECTING_LIMIT_MS = 120_000;
const KEPT = 50;
const DYING = 50;
const TTL_MS = 2000;

/** Each figure is null where it did not come about within its limit. */
export interface MembersChanged {
  /** Seconds from the first change until each node holds all, and counts those that run and nobody else. */
  readonly settledS: number | null;
  /** Seconds from the death of the last of some entries, after that, until no node holds any of them. */
  readonly deadGoneS: number | null;
  /** Live entries that some node lacks at the end. */
  readonly lost: number;
  /** `join` ops a member that ever was. */
  readonly joinsAMember: number;
  /** Times that a node began anew. */
  readonly rejoins: number;
  /** The most members that any node counted. */
  readonly mostMembers: number;
}

/** So many nodes start within a minute, each with one address, that of the first. */
export async function joinThroughOne(
  size: number,
  seed: number,
  settings: WorldChanges['settings'] = {},
): Promise<MembersChanged> {
  const changes = { addresses: 1, startsASecond: size / 60, settings };
  const world = new LargeWorld(size, seed, 0, changes);
  world.startAll();
  const startMs = world.timeline.nowMs;
  const settledMs = await world.until(FORMING_LIMIT_MS, () => world.isLevel);
  if (settledMs !== null) await world.write(KEPT, 10, null);
  return changed(world, startMs, size);
}

/** Each node of a cluster is stopped and started anew without its log, one after another. */
export async function replaceAll(size: number, seed: number): Promise<MembersChanged> {
  const world = await formed(size, seed, {});
  const startMs = world.timeline.nowMs;
  for (let index = 0; index < size; index++) {
    world.stop(nodeNamed(world, nameAt(index)));
    const begun = world.start(nameAt(index));
    let replaced: Engine | null = null;
    void begun.then((engine) => {
      replaced = engine;
    });
    const isIn = (): boolean => replaced?.replica.readiness.isWritable ?? false;
    if ((await world.until(SETTLING_LIMIT_MS, isIn)) === null) break;
  }
  return changed(world, startMs, size);
}

/** Most nodes are gone for good, a minority of those that are left at a time, until a few are left. */
export async function shrink(
  sizes: readonly [number, ...number[]],
  seed: number,
): Promise<MembersChanged> {
  const [first, ...others] = sizes;
  const world = await formed(first, seed, { settings: { memberTimeoutMs: 60_000 } });
  const startMs = world.timeline.nowMs;
  for (const size of others) {
    while (world.nodes.length > size) world.kill(world.dice.pick(world.nodes));
    const isSettled = (): boolean => world.isLevelAt(size);
    if ((await world.until(SETTLING_LIMIT_MS, isSettled)) === null) break;
  }
  return changed(world, startMs, others.at(-1) ?? first);
}

/** All but a few are gone at once, and a person retires each of them at one of the few. */
export async function shrinkByHand(
  size: number,
  left: number,
  seed: number,
): Promise<MembersChanged> {
  const world = await formed(size, seed, {});
  const startMs = world.timeline.nowMs;
  while (world.nodes.length > left) world.kill(world.dice.pick(world.nodes));
  await world.run(60_000);
  const [asked] = world.nodes;
  if (asked === undefined) throw new Error('no node is left');
  const alive = new Set(world.nodes.map(({ replica }) => replica.origin));
  for (const { origin } of [...asked.replica.members.all()]) {
    if (alive.has(origin)) continue;
    void asked.replica.membership.retire(origin);
    await world.run(500);
  }
  return changed(world, startMs, left);
}

/** A cluster that holds some entries. */
async function formed(size: number, seed: number, changes: WorldChanges): Promise<LargeWorld> {
  const world = new LargeWorld(size, seed, 0, changes);
  world.startAll();
  if ((await world.until(FORMING_LIMIT_MS, () => world.isLevel)) === null)
    throw new Error(`${size} nodes form no cluster`);
  await world.write(KEPT, 10, null);
  // A node that is killed takes nothing with it that others lack.
  await world.until(FORMING_LIMIT_MS, () => world.behind === 0);
  return world;
}

/** Waits until the nodes that run are a whole cluster, and looks at them. */
async function changed(world: LargeWorld, startMs: number, size: number): Promise<MembersChanged> {
  const isSettled = (): boolean => world.nodes.length === size && world.isLevelAt(size);
  const restMs = await world.until(SETTLING_LIMIT_MS, isSettled);
  const settledMs = restMs === null ? null : world.timeline.nowMs - startMs;
  const deadGoneMs = settledMs === null ? null : await deathOf(world);
  const ops = world.nodes[0]?.replica.members.ops() ?? [];
  const joins = ops.filter(({ kind }) => kind === 'join');
  return {
    settledS: settledMs === null ? null : settledMs / 1000,
    deadGoneS: deadGoneMs === null ? null : deadGoneMs / 1000,
    lost: world.nodes.reduce((most, node) => Math.max(most, KEPT - liveIn(node)), 0),
    joinsAMember: joins.length / new Set(joins.map(({ key }) => key)).size,
    rejoins: world.notes.filter(({ event }) => event === 'rejoins').length,
    mostMembers: world.mostMembers,
  };
}

async function deathOf(world: LargeWorld): Promise<number | null> {
  await world.write(DYING, 1, TTL_MS);
  await world.run(TTL_MS);
  return world.until(COLLECTING_LIMIT_MS, () => !world.holdsDead);
}

const liveIn = ({ replica }: Engine): number =>
  [...replica.map.entries()].filter(({ kind, expiresAt }) => kind === 'put' && expiresAt === null)
    .length;

function nodeNamed({ nodes }: LargeWorld, name: string): Engine {
  const named = nodes.find(({ replica }) => replica.nodeId === name);
  if (named === undefined) throw new Error(`${name} does not run`);
  return named;
}
