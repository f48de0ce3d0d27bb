/** Whether the nodes hold the same ops, and say so. */

import type { PeerStatus } from '../src/gossip/protocol/peerStatus.ts';
import { MAX_LINKS } from '../src/rules/links.ts';
import type { EntryStore } from '../src/store/entryStore.ts';
import { isSameOp, type Ledger, readsAbsent } from './ledger.ts';
import type { SimNode } from './node.ts';
import { MAX_CLOCK_SKEW_MS } from './nodes.ts';
import { isSameMap } from './oracle.ts';
import { haveSameMembers } from './sameMembers.ts';
import { summedAfterMs } from './verdict.ts';

type Nodes = readonly SimNode[];

/**
 * All take writes, have offered the ops that they set aside, hold the same ops (except those of forked
 * origins), and show the same map and members.
 */
export function isConverged(nodes: Nodes, { forkedOrigins: forked, isDamaged }: Ledger): boolean {
  const [first, ...others] = nodes;
  return (
    first !== undefined &&
    nodes.every((node) => node.isReady && !node.isChanging && node.hasSettledOffers) &&
    others.every(({ witness }) =>
      isSameMap(without(first.witness.heads, forked), without(witness.heads, forked)),
    ) &&
    (!isDamaged || (haveSameMembers(nodes) && others.every((other) => showsTheSame(first, other))))
  );
}

const without = <T>(map: ReadonlyMap<string, T>, left: ReadonlySet<string>) =>
  left.size === 0 ? map : new Map([...map].filter(([origin]) => !left.has(origin)));

/** Rule 11: compares the entries that count in map sums. If logs were forked, entries that expire sooner may differ. */
function showsTheSame(one: SimNode, other: SimNode): boolean {
  const [ours, theirs] = [one.running?.replica.map, other.running?.replica.map];
  if (ours === undefined || theirs === undefined) return false;
  const asOfMs = summedAfterMs(
    Math.max(one.clock.latestMs, other.clock.latestMs),
    MAX_CLOCK_SKEW_MS,
  );
  const lackIn = (map: EntryStore, shown: EntryStore): boolean =>
    [...shown.entries()].some(
      (entry) => !readsAbsent(entry, asOfMs) && !isSameOp(entry, map.get(entry.key)),
    );
  return !lackIn(ours, theirs) && !lackIn(theirs, ours);
}

/**
 * The view of a person, in `GET /_cluster`: each other survivor once, and it agrees. Beyond a full mesh a node shows its
 * links only: all agree, they are not too many, and by them each node reaches each other one.
 *
 * @returns says whether it is so by now.
 */
export function allSayThatTheyAgree(nodes: Nodes, meshLimit: number): () => boolean {
  if (nodes.length <= meshLimit) return () => allNameOneAnother(nodes);
  // A status costs much where there are many nodes: the node that did not agree last is asked first.
  let last: SimNode | undefined;
  return () => {
    if (last !== undefined && !isSound(connectedTo(last))) return false;
    last = nodes.find((node) => !isSound(connectedTo(node)));
    return last === undefined && reachOneAnother(nodes);
  };
}

function allNameOneAnother(nodes: Nodes): boolean {
  const survivors = nodes.map(({ witness }) => witness.origin);
  return nodes.every(({ running, witness }) => {
    const agreeing = (running?.driver.status() ?? [])
      .filter(({ state, agrees }) => state === 'connected' && agrees === true)
      .map(({ origin }) => origin);
    const others = survivors.filter((origin) => origin !== witness.origin);
    return agreeing.sort().join() === others.sort().join();
  });
}

const connectedTo = ({ running }: SimNode): readonly PeerStatus[] =>
  (running?.driver.status() ?? []).filter(({ state }) => state === 'connected');

function reachOneAnother(nodes: Nodes): boolean {
  const links = new Map(nodes.map((node) => [node.witness.origin, connectedTo(node)]));
  const reached = new Set([...links.keys()].slice(0, 1));
  for (const origin of reached)
    for (const { origin: other } of links.get(origin) ?? []) if (other !== null) reached.add(other);
  return reached.size === nodes.length;
}

const isSound = (peers: readonly PeerStatus[]): boolean =>
  peers.length <= MAX_LINKS && peers.every(({ agrees }) => agrees === true);

/**
 * How many entries each node still holds that are dead by every clock. Those of forked origins are left
 * out of rule 9: nobody will ever have them whole.
 */
export function deadEntries(nodes: Nodes, forked: ReadonlySet<string>, atMs: number): number[] {
  return nodes.map(({ running }) => {
    let count = 0;
    for (const entry of running?.replica.map.entries() ?? [])
      if (readsAbsent(entry, atMs) && !forked.has(entry.origin)) count++;
    return count;
  });
}

/** Whether those that are left are a majority of the members, which alone may retire one (rule 8). */
export const isMajority = (nodes: Nodes): boolean =>
  nodes.length * 2 > (nodes[0]?.running?.replica.members.size ?? 0);

/** How many rows the node that has the fewest lacks, at most. */
export function lackedRows(nodes: Nodes, mayBeginWithNothing: boolean): number {
  const lsns = nodes.map(({ witness }) => witness.lastLsn);
  return Math.max(...lsns) - (mayBeginWithNothing ? 0 : Math.min(...lsns));
}

export const describeVectors = (nodes: Nodes): string =>
  nodes
    .map(({ name, isReady, running }) => {
      const vector = running && Object.fromEntries(running.replica.vector);
      return `${name}${isReady ? '' : ' (not ready)'} ${JSON.stringify(vector)}`;
    })
    .join(' ');

export const describeStatuses = (nodes: Nodes): string =>
  nodes
    .map(({ name, running }) => {
      const peers = (running?.driver.status() ?? []).map(({ origin, url, state, reason, agrees }) =>
        [origin ?? url, state, reason, agrees].filter((word) => word !== null).join(' '),
      );
      return `${name}: ${peers.join(', ')}`;
    })
    .join('; ');
