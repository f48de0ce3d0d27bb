/** Brings the faults of a schedule about, and ends them. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { WrongClock } from './history/evidence.ts';
import { type Links, SOUND } from './network/links.ts';
import type { Network } from './network/network.ts';
import { CLOCK_LAG_MS, setClock } from './nodes/clock.ts';
import { backUp, empty, fill, restore, wipe } from './nodes/disk.ts';
import type { ChaosNode } from './nodes/node.ts';
import { at } from './nodes/nodes.ts';
import type { Fault, LinkFault, NodeFault, Schedule, Step } from './schedule.ts';
import { stepText } from './schedule.ts';

/** The longest time until a started node answers, on a busy machine. */
export const SERVING_TIMEOUT_MS = 240_000;
const ORIGIN_INTERVAL_MS = 100;
/** The secret that nodes prove to one another in a run. */
export const RUN_TOKEN = 'the-token-of-chaos';

export interface Scene {
  readonly directory: string;
  readonly nodes: readonly ChaosNode[];
  readonly network: Network;
  readonly links: Links;
  /** Nodes whose data directory is a small disk of its own. */
  readonly smallDisks: ReadonlySet<number>;
  readonly hasClocks: boolean;
  /** The wrong clocks so far. */
  readonly wrongClocks: WrongClock[];
  readonly tell: (text: string) => void;
}

/** How often which fault was brought about, and why some were passed over. */
export interface FaultCounts {
  readonly done: Map<string, number>;
  readonly passedOver: Set<string>;
}

/** Runs both lanes of a schedule. It ends when all faults are over. */
export async function playSchedule(
  scene: Scene,
  { links, nodes }: Schedule,
  stopping: AbortSignal,
): Promise<FaultCounts> {
  const counts: FaultCounts = { done: new Map(), passedOver: new Set() };
  const startedAt = performance.now();
  const lane = async <F extends Fault>(
    steps: readonly Step<F>[],
    play: (step: Step<F>) => Promise<string | null>,
  ): Promise<void> => {
    for (const step of steps) {
      await pause(startedAt + step.atMs - performance.now(), stopping);
      if (stopping.aborted) return;
      scene.tell(stepText(step));
      const reason = await play(step);
      const { kind } = step.fault;
      if (reason === null) counts.done.set(kind, (counts.done.get(kind) ?? 0) + 1);
      else counts.passedOver.add(reason);
    }
  };
  await Promise.all([
    lane(links, (step) => playLinkFault(scene, step, stopping)),
    lane(nodes, (step) => playNodeFault(scene, step, stopping)),
  ]);
  return counts;
}

/** @returns null, or why the fault was passed over. */
async function playLinkFault(
  { network, links }: Scene,
  { fault, holdMs }: Step<LinkFault>,
  stopping: AbortSignal,
): Promise<string | null> {
  const lack = fault.kind === 'lossy' ? 'loss' : fault.kind === 'slow' ? 'delay' : null;
  if (lack !== null && network.lacks.includes(lack))
    return `${fault.kind} links were passed over: this machine's kernel can make none.`;
  setLinks(links, fault);
  await network.apply(links);
  await pause(holdMs, stopping);
  links.heal();
  await network.apply(links);
  return null;
}

export function setLinks(links: Links, fault: LinkFault): void {
  const cut = { ...SOUND, isCut: true };
  switch (fault.kind) {
    case 'cut pair':
      links.set(fault.a, fault.b, cut);
      links.set(fault.b, fault.a, cut);
      return;
    case 'cut one way':
      links.set(fault.from, fault.to, cut);
      return;
    case 'halves':
      links.cutWhere((a, b) => fault.side.includes(a) !== fault.side.includes(b));
      return;
    case 'isolate':
      links.cutWhere((a) => a === fault.node);
      return;
    case 'ring': {
      const { order } = fault;
      const placeOf = (node: number): number => order.indexOf(node);
      links.cutWhere((a, b) => {
        const distance = Math.abs(placeOf(a) - placeOf(b));
        return distance !== 1 && distance !== order.length - 1;
      });
      return;
    }
    case 'lossy':
      links.setAll({ ...SOUND, lossPercent: fault.lossPercent });
      return;
    case 'slow':
      links.setAll({ ...SOUND, delayMs: fault.delayMs, jitterMs: fault.jitterMs });
      return;
    default:
      throw new TypeError(`no such fault: ${String(fault satisfies never)}`);
  }
}

/** @returns null, or why the fault was passed over. */
async function playNodeFault(
  scene: Scene,
  { fault, holdMs }: Step<NodeFault>,
  stopping: AbortSignal,
): Promise<string | null> {
  const { nodes, directory } = scene;
  switch (fault.kind) {
    case 'pause':
    case 'kill':
      await pauseOrKill(
        fault.kind,
        fault.nodes.map((index) => at(nodes, index)),
        () => pause(holdMs, stopping),
      );
      return null;
    case 'roll':
      for (const node of nodes) await restart(node);
      return null;
    case 'wipe':
      await replaceLog(at(nodes, fault.node), () => wipe(at(nodes, fault.node).dataDirectory));
      return null;
    case 'restore': {
      const node = at(nodes, fault.node);
      const file = join(directory, `${node.name}.backup`);
      await backUp(node.dataDirectory, file);
      await pause(holdMs, stopping);
      await replaceLog(node, async () => {
        await wipe(node.dataDirectory);
        await restore(file, node.dataDirectory);
      });
      return null;
    }
    case 'full disk':
      if (!scene.smallDisks.has(fault.node))
        return 'Full disks were passed over: they need root, and a network of namespaces.';
      await fillDisk(at(nodes, fault.node), () => pause(holdMs, stopping));
      return null;
    case 'retire':
      return retire(scene, at(nodes, fault.node));
    case 'clock': {
      if (!scene.hasClocks) return 'Wrong clocks were passed over: libfaketime is not installed.';
      const fromMs = Date.now();
      setClock(directory, fault.node, fault.offsetMs);
      await pause(holdMs, stopping);
      setClock(directory, fault.node, 0);
      const toMs = Date.now() + CLOCK_LAG_MS;
      scene.wrongClocks.push({ node: fault.node, offsetMs: fault.offsetMs, fromMs, toMs });
      return null;
    }
    default:
      throw new TypeError(`no such fault: ${String(fault satisfies never)}`);
  }
}

async function pauseOrKill(
  kind: 'pause' | 'kill',
  hit: readonly ChaosNode[],
  hold: () => Promise<void>,
): Promise<void> {
  for (const node of hit) node.beginTrouble();
  if (kind === 'pause') for (const node of hit) node.signal('SIGSTOP');
  else await Promise.all(hit.map((node) => node.kill()));
  await hold();
  if (kind === 'pause') for (const node of hit) node.signal('SIGCONT');
  else await Promise.all(hit.map((node) => node.start()));
  await Promise.all(hit.map(untilWell));
}

async function restart(node: ChaosNode): Promise<void> {
  node.beginTrouble();
  if (!(await node.stop())) node.unexpectedEnds.push('did not stop within three minutes');
  await node.start();
  await untilWell(node);
}

async function replaceLog(node: ChaosNode, replace: () => Promise<void>): Promise<void> {
  node.beginTrouble();
  await node.kill();
  node.endLife('lost');
  await replace();
  await node.start();
  await untilWell(node);
}

async function fillDisk(node: ChaosNode, hold: () => Promise<void>): Promise<void> {
  node.beginTrouble();
  await fill(node.dataDirectory);
  await hold();
  await empty(node.dataDirectory);
  // Where it ended for it, that is told as an unexpected end.
  await node.start();
  await untilWell(node);
}

/**
 * Retires a healthy member while clients write to it. Its life ends when it has begun anew, so that clients go on with
 * their keys through the time in which it does not know yet that it is retired.
 */
async function retire({ nodes }: Scene, node: ChaosNode): Promise<string | null> {
  const other = nodes.find((one) => one !== node && !one.isTroubled);
  const origin = await node.askOrigin();
  if (other === undefined || origin === null)
    return 'A retirement was passed over: no other node was well.';
  const { life } = node;
  node.beginTrouble();
  const response = await fetch(`${other.clientUrl}/_cluster/retire`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Internal-Token': RUN_TOKEN },
    body: JSON.stringify({ member: origin }),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null);
  const endAt = performance.now() + SERVING_TIMEOUT_MS;
  while (response?.ok && performance.now() < endAt) {
    const now = await node.askOrigin();
    if (now !== null && now !== origin) break;
    await wait(ORIGIN_INTERVAL_MS);
  }
  await node.untilServing(SERVING_TIMEOUT_MS);
  if (node.life === life) node.endLife('retired');
  node.endTrouble();
  return response?.ok ? null : 'A retirement was passed over: it was not carried out.';
}

async function untilWell(node: ChaosNode): Promise<void> {
  await node.untilServing(SERVING_TIMEOUT_MS);
  node.endTrouble();
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  if (ms > 0) await wait(ms, undefined, { signal: stopping }).catch(() => {});
}
