/** Whether the nodes count the same members. */
import type { ObservedNode } from './observed.ts';

export const haveSameMembers = (nodes: readonly Pick<ObservedNode, 'running'>[]): boolean =>
  new Set(
    nodes.map(({ running }) =>
      [...(running?.replica.members.all() ?? [])]
        .map(({ origin }) => origin)
        .sort()
        .join(),
    ),
  ).size === 1;
