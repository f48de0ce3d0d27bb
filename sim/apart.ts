/**
 * Two clusters that formed apart (rule 8), before they meet and after it. If both have several members,
 * the nodes ask for a person, whose part the simulator plays.
 */
import type { Timeline } from './clock.ts';
import type { Network } from './network.ts';
import type { SimNode } from './node.ts';
import type { Report } from './violation.ts';

export class Apart {
  readonly #sides: readonly [readonly SimNode[], readonly SimNode[]];
  readonly #network: Network;
  readonly #report: Report;

  /** @param count how many of the nodes, the first, are on a side of their own. */
  constructor(nodes: readonly SimNode[], count: number, network: Network, report: Report) {
    this.#sides = [nodes.slice(0, count), nodes.slice(count)];
    this.#network = network;
    this.#report = report;
  }

  keepApart(): void {
    for (const [from, to] of this.#ways()) this.#network.cut(from, to);
  }

  meetLater(timeline: Timeline, delayMs: number): void {
    timeline.plan(delayMs, '', 'the clusters meet', () => {
      for (const [from, to] of this.#ways()) this.#network.mend(from, to);
    });
  }

  /**
   * Two that have several members each have refused each other, and nothing of one is in the other.
   *
   * @returns the nodes of one of them, for a person to start with empty disks; none where a cluster of
   *   one is there, which rejoins by itself.
   */
  toGiveUp(): readonly SimNode[] {
    if (this.#sides.some((side) => side.length < 2)) return [];
    for (const side of this.#sides) {
      const names = new Set(side.map(({ name }) => name));
      for (const { name, witness } of side)
        for (const origin of witness.vector.keys())
          if (!names.has(origin.slice(0, origin.lastIndexOf('.'))))
            this.#report('apart', `${name} holds ops of ${origin}, which is of another cluster`);
    }
    return this.#sides[0];
  }

  *#ways(): Iterable<readonly [from: string, to: string]> {
    const [left, right] = this.#sides;
    for (const { name } of left)
      for (const other of right) {
        yield [name, other.name];
        yield [other.name, name];
      }
  }
}

/**
 * Nodes that began anew while they reached nobody of their cluster form another (rule 8); where that has
 * several members as well, a person has to choose. @returns all but those of the largest cluster.
 */
export function toChooseFrom(nodes: readonly SimNode[]): readonly SimNode[] {
  const clusters = new Map<string, SimNode[]>();
  for (const node of nodes) {
    const { clusterId } = node.witness.header;
    if (clusterId == null || !node.witness.hasJoined) continue;
    const ofCluster = clusters.get(clusterId);
    if (ofCluster === undefined) clusters.set(clusterId, [node]);
    else ofCluster.push(node);
  }
  const hasSeveral = (node: SimNode): boolean => (node.running?.replica.members.size ?? 2) > 1;
  const large = [...clusters.values()].filter((cluster) => cluster.some(hasSeveral));
  const [, ...others] = large.sort((a, b) => b.length - a.length);
  return others.flat();
}
