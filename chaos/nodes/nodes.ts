/** The node with a valid index. @throws RangeError if there is none. */
import type { ChaosNode } from './node.ts';

export function at(nodes: readonly ChaosNode[], index: number): ChaosNode {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`there is no node ${index + 1}`);
  return node;
}
