/** Finds the lsn in this node's log from which a cursor, perhaps of another node, goes on. */
import type { Replica } from '../../replica/replica.ts';
import type { FollowedVector } from '../../rules/closings.ts';
import { seqOf } from '../../words/vector.ts';

/** The number of rows that one read of the log looks at. */
const PAGE_ROWS = 4096;

/**
 * The lsn before the first row that the vector does not cover.
 *
 * @throws HearsayError if the log can't be read.
 */
export async function startLsn(replica: Replica, vector: FollowedVector): Promise<number> {
  if (vector.includesHeld(replica.vector)) return replica.lastLsn;
  return fromRecent(replica, vector) ?? (await fromLog(replica, vector));
}

/** Undefined if rows that the vector does not cover are no longer in memory. */
function fromRecent(replica: Replica, vector: FollowedVector): number | undefined {
  let lsn = replica.lastLsn;
  const closed = Array.from(vector.openEnded(), ({ origin, seq }) => [origin, seq] as const);
  for (const [origin, seq] of [...replica.vector, ...closed]) {
    const held = seqOf(vector, origin);
    if (held >= seq) continue;
    const [first] = replica.recent.opsAfter(origin, held) ?? [];
    if (first === undefined) return undefined;
    lsn = Math.min(lsn, first.lsn - 1);
  }
  return lsn;
}

async function fromLog(replica: Replica, vector: FollowedVector): Promise<number> {
  let lsn = 0;
  for (;;) {
    const heads = await replica.log.headsAfter(lsn, PAGE_ROWS);
    for (const head of heads) {
      if (head.seq > seqOf(vector, head.origin)) return lsn;
      lsn = head.lsn;
    }
    if (heads.length === 0) return lsn;
  }
}
