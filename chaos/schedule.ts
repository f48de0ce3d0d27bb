/**
 * The faults and their times, as a pure function of the seed: the same seed gives the same schedule on
 * every machine, even if one of its faults can't be brought about there and is skipped.
 *
 * Two lanes run side by side, one of faults of links and one of faults of nodes; within a lane one
 * fault ends before the next begins.
 */
import { Dice, type Span } from '../sim/dice.ts';
import { shuffled } from '../src/words/random.ts';

export type LinkFault =
  | { readonly kind: 'cut pair'; readonly a: number; readonly b: number }
  | { readonly kind: 'cut one way'; readonly from: number; readonly to: number }
  | { readonly kind: 'halves'; readonly side: readonly number[] }
  | { readonly kind: 'isolate'; readonly node: number }
  /** Each node reaches only its two neighbours. */
  | { readonly kind: 'ring'; readonly order: readonly number[] }
  | { readonly kind: 'lossy'; readonly lossPercent: number }
  | { readonly kind: 'slow'; readonly delayMs: number; readonly jitterMs: number };

export type NodeFault =
  | { readonly kind: 'pause' | 'kill'; readonly nodes: readonly number[] }
  | { readonly kind: 'roll' }
  | { readonly kind: 'wipe' | 'restore' | 'full disk' | 'retire'; readonly node: number }
  | { readonly kind: 'clock'; readonly node: number; readonly offsetMs: number };

export type Fault = LinkFault | NodeFault;

export interface Step<F extends Fault = Fault> {
  /** From the beginning of the load. */
  readonly atMs: number;
  readonly holdMs: number;
  readonly fault: F;
}

export interface Schedule {
  readonly links: readonly Step<LinkFault>[];
  readonly nodes: readonly Step<NodeFault>[];
  /** Settings of all nodes that the seed has drawn. */
  readonly settings: Readonly<Record<string, string>>;
}

export const LINK_FAULTS = [
  'cut pair',
  'cut one way',
  'halves',
  'isolate',
  'ring',
  'lossy',
  'slow',
] as const satisfies readonly LinkFault['kind'][];

export const NODE_FAULTS = [
  'kill',
  'pause',
  'roll',
  'wipe',
  'restore',
  'full disk',
  'retire',
  'clock',
] as const satisfies readonly NodeFault['kind'][];

const FIRST_FAULT_MS: Span = [2_000, 5_000];
const GAP_MS: Span = [500, 4_000];
const HOLD_MS: Span = [2_000, 9_000];
/** Time at the end in which no fault begins. */
const CALM_END_MS = 5_000;
/** Well within the default of `--max-clock-skew`, a minute, also between two wrong clocks. */
const MAX_CLOCK_OFFSET_MS = 25_000;

/** @param kinds the faults to draw from; a kind that is named twice comes twice as often. */
export function scheduleOf(
  seed: number,
  nodes: number,
  lengthMs: number,
  kinds: readonly Fault['kind'][],
): Schedule {
  const linkKinds = LINK_FAULTS.filter((kind) => kinds.includes(kind));
  const nodeKinds = NODE_FAULTS.filter((kind) => kinds.includes(kind));
  const linkDice = new Dice(seed, 'links');
  const nodeDice = new Dice(seed, 'nodes');
  return {
    // With one node there are no links.
    links:
      nodes < 2
        ? []
        : laneOf(linkDice, lengthMs, linkKinds, (kind) => linkFault(kind, nodes, linkDice)),
    nodes: laneOf(nodeDice, lengthMs, nodeKinds, (kind) => nodeFault(kind, nodes, nodeDice)),
    settings: settingsOf(new Dice(seed, 'settings')),
  };
}

function laneOf<Kind, F extends Fault>(
  dice: Dice,
  lengthMs: number,
  kinds: readonly Kind[],
  draw: (kind: Kind) => F,
): Step<F>[] {
  const steps: Step<F>[] = [];
  // Every kind comes once before any comes twice, so that a short run sees many.
  let bag: Kind[] = [];
  let atMs = dice.within(FIRST_FAULT_MS);
  while (kinds.length > 0 && atMs < lengthMs - CALM_END_MS) {
    if (bag.length === 0) bag = shuffled(kinds, dice.random);
    const kind = bag.pop();
    if (kind === undefined) break;
    const step = { atMs, holdMs: dice.within(HOLD_MS), fault: draw(kind) };
    steps.push(step);
    atMs += step.holdMs + dice.within(GAP_MS);
  }
  return steps;
}

function linkFault(kind: LinkFault['kind'], nodes: number, dice: Dice): LinkFault {
  const order = shuffled(
    Array.from({ length: nodes }, (_unused, node) => node),
    dice.random,
  );
  const [first = 0, second = 0] = order;
  switch (kind) {
    case 'cut pair':
      return { kind, a: first, b: second };
    case 'cut one way':
      return { kind, from: first, to: second };
    case 'halves':
      return { kind, side: order.slice(0, Math.ceil(nodes / 2)) };
    case 'isolate':
      return { kind, node: first };
    case 'ring':
      return { kind, order };
    case 'lossy':
      return { kind, lossPercent: dice.within([5, 30]) };
    case 'slow':
      return { kind, delayMs: dice.within([20, 300]), jitterMs: dice.within([0, 200]) };
    default:
      throw new TypeError(`no such fault: ${String(kind satisfies never)}`);
  }
}

function nodeFault(kind: NodeFault['kind'], nodes: number, dice: Dice): NodeFault {
  const order = shuffled(
    Array.from({ length: nodes }, (_unused, node) => node),
    dice.random,
  );
  const [node = 0] = order;
  // One, most or all.
  const hit = order.slice(0, dice.pick([1, 1, Math.max(1, nodes - 1), nodes]));
  switch (kind) {
    case 'kill':
    case 'pause':
      return { kind, nodes: hit };
    case 'roll':
      return { kind };
    case 'wipe':
    case 'restore':
    case 'full disk':
    case 'retire':
      return { kind, node };
    case 'clock':
      return { kind, node, offsetMs: dice.within([-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS]) };
    default:
      throw new TypeError(`no such fault: ${String(kind satisfies never)}`);
  }
}

function settingsOf(dice: Dice): Record<string, string> {
  return {
    ...(dice.chance(0.3) ? { RETENTION: '3s', PULL_INTERVAL: '500ms' } : {}),
    ...(dice.chance(0.25) ? { DURABILITY: 'normal' } : {}),
    ...(dice.chance(0.3) ? { MAX_WATCHER_BUFFER_BYTES: '4KiB' } : {}),
  };
}

/** A line that tells a step to a person. */
export function stepText({ atMs, holdMs, fault }: Step): string {
  const { kind, ...details } = fault;
  const told = Object.entries(details).map(([name, value]) => {
    if (name === 'nodes' || name === 'side' || name === 'order')
      return `${name} ${[value].flat().map((node) => Number(node) + 1)}`;
    const isNode = ['node', 'a', 'b', 'from', 'to'].includes(name);
    return isNode ? `${name} node${Number(value) + 1}` : `${name} ${value}`;
  });
  return `${(atMs / 1000).toFixed(1)}s for ${(holdMs / 1000).toFixed(1)}s: ${[kind, ...told].join(', ')}`;
}
