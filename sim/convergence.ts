/** Whether the nodes have come to hold, and to say, the same. */
import { readsAbsent } from './ledger.ts';
import type { SimNode } from './node.ts';
import { isSameVector } from './oracle.ts';

type Nodes = readonly SimNode[];

/** All take writes and hold the same ops. */
export function isConverged(nodes: Nodes): boolean {
  const [first, ...others] = nodes.map((node) => node.running?.replica.vector);
  return (
    first !== undefined &&
    nodes.every((node) => node.isReady) &&
    others.every((vector) => vector !== undefined && isSameVector(first, vector))
  );
}

/** What a person sees in `GET /_cluster`: each other survivor once, and it agrees. */
export function allSayThatTheyAgree(nodes: Nodes): boolean {
  const survivors = nodes.map(({ witness }) => witness.origin);
  return nodes.every(({ running, witness }) => {
    const agreeing = (running?.driver.status() ?? [])
      .filter(({ state, agrees }) => state === 'connected' && agrees === true)
      .map(({ origin }) => origin);
    const others = survivors.filter((origin) => origin !== witness.origin);
    return agreeing.sort().join() === others.sort().join();
  });
}

/** How many entries each node still holds that are dead by every clock. */
export function deadEntries(nodes: Nodes): number[] {
  const nowMs = Math.min(...nodes.map(({ clock }) => clock.nowMs()));
  return nodes.map(({ running }) => {
    let count = 0;
    for (const entry of running?.replica.map.entries() ?? [])
      if (readsAbsent(entry, nowMs)) count++;
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
