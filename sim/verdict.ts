/**
 * The verdict on a healed world: whether each node shows, for each key, the greatest op that any
 * survivor holds, and whether every write that a node took is accounted for.
 */

import type { KeyOp } from '../src/words/op.ts';
import { MINUTE_MS } from '../src/words/time.ts';
import { lostOps } from './fates.ts';
import {
  greatestOf,
  heldLinks,
  isSameOp,
  kindAndId,
  type Ledger,
  type Link,
  type OpHead,
  readsAbsent,
} from './ledger.ts';
import type { ObservedNode } from './observed.ts';
import type { Report } from './violation.ts';
import type { Witness } from './witness.ts';

/** Rule 11: what expires by then may be in no map sum. */
export const summedAfterMs = (clockMs: number, maxClockSkewMs: number): number =>
  (Math.ceil((clockMs + maxClockSkewMs) / MINUTE_MS) + 1) * MINUTE_MS;

/** The ops that any of the logs holds. */
export const heldBy = (logs: readonly Witness[]): Set<Link> =>
  heldLinks(logs.flatMap(({ heads }) => [...heads.values()]));

export const isDeadSomewhere = (entry: KeyOp, nodes: readonly ObservedNode[]): boolean =>
  nodes.some(({ clock }) => readsAbsent(entry, clock.latestMs));

export function judgeEnd(
  nodes: readonly ObservedNode[],
  ledger: Ledger,
  maxClockSkewMs: number,
  report: Report,
): void {
  const held = heldBy(nodes.map(({ witness }) => witness));
  const nowMs = Math.max(...nodes.map(({ clock }) => clock.latestMs));
  const missedMs = ledger.isDamaged ? summedAfterMs(nowMs, maxClockSkewMs) : nowMs;
  const clusterId = nodes[0]?.witness.header.clusterId ?? null;
  for (const op of lostOps(ledger, { clusterId, held, expiredAtMs: missedMs }))
    if (!isUntold(op))
      report('fate', `${kindAndId(op)} of ${JSON.stringify(op.key)} was stored, and is gone`);
  const greatest = greatestOf(held);
  for (const node of nodes) {
    const map = node.running?.replica.map;
    if (map === undefined) continue;
    for (const entry of map.entries())
      if (!greatest.has(entry.key))
        report('greatest op', `${node.name} shows ${kindAndId(entry)}, which nobody wrote`);
    for (const [key, op] of greatest) {
      const entry = map.get(key);
      if (isSameOp(entry, op)) continue;
      if (entry === undefined && readsAbsent(op, node.clock.latestMs)) continue;
      if (isOfDamage(entry, op)) continue;
      const text = `${node.name} shows ${kindAndId(entry)} for ${JSON.stringify(key)}`;
      report('greatest op', `${text}, and ${kindAndId(op)} is the greatest`);
    }
  }

  /** Whether another op bears its id and was compacted away, so that nobody can tell that it is another. */
  function isUntold({ origin, seq }: KeyOp): boolean {
    if (!ledger.forkedOrigins.has(origin)) return false;
    return nodes.some(({ running }) => (running?.replica.record(origin).reach ?? 0) >= seq);
  }

  /** Damage after rule 11: a repair puts live entries again, and lets go those that soon expire. */
  function isOfDamage(entry: OpHead | undefined, op: KeyOp): boolean {
    if (entry !== undefined && ledger.isBehind(entry) && isDeadSomewhere(op, nodes)) return true;
    return ledger.forkedOrigins.has(op.origin) && readsAbsent(op, missedMs);
  }
}
