/** Replicas with a checkpoint in memory. */
import type { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Checkpointer } from '../../src/replica/checkpointing.ts';
import type { Replica } from '../../src/replica/replica.ts';
import type { Note } from '../../src/words/note.ts';
import { openReplica, stateOf, type TestReplica, type TestReplicaOptions } from './replicas.ts';

/**
 * @param note told of a checkpoint that could not be written; without it that fails the test.
 * @param steadyMs stands still without it.
 */
export const checkpointerOf = (
  replica: Replica,
  checkpoints: MemoryCheckpoints,
  note: Note = (_level, text) => {
    throw new Error(text);
  },
  steadyMs: () => number = () => 0,
): Checkpointer =>
  new Checkpointer({
    replica,
    checkpoints,
    aheadMs: 0,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    steadyMs,
    note,
  });

export interface Reopened extends TestReplica {
  /** The notes of the opening. */
  readonly notes: readonly string[];
}

/** Opens a log with its checkpoint. */
export async function reopened(
  checkpoints: MemoryCheckpoints,
  options: TestReplicaOptions,
): Promise<Reopened> {
  const notes: string[] = [];
  const note: Note = (_level, text) => notes.push(text);
  const opening = { checkpoints, note, onProgress: () => {} };
  return { ...(await openReplica({ ...options, opening })), notes };
}

/** Everything that a replay makes of a log, for comparison of two openings. */
export const openedStateOf = (replica: Replica) => ({
  ...stateOf(replica),
  vector: replica.vector,
  wholeVector: replica.wholeVector(),
  reach: [replica.reach(), replica.wholeReach()],
  members: [...replica.members.all()],
  memberships: replica.members.ops(),
  retired: replica.members.retiredAfter(0),
  retires: replica.members.retires,
  closings: [replica.closings.all(), replica.closings.pair],
  retiredSum: replica.retiredSum,
  retiredAtMs: replica.retiredAtMs,
  openedAtSeq: replica.openedAtSeq,
  bornHere: replica.bornHere,
  recent: recentOf(replica),
  expired: expiredOf(replica),
  deadSize: replica.map.deadSize,
  listed: replica.map.listHeads('', null, 10_000, 0),
  swept: replica.map.sweep(Number.MAX_SAFE_INTEGER, 10_000),
});

/** Cursors from before the cut are reset, so nobody is told of earlier expiries. */
function expiredOf(replica: Replica) {
  const { expired = [], knownSince } = replica.takeExpiredBefore()?.take() ?? {};
  const cutAtMs = replica.header.facts.cutAtMs ?? 0;
  return [knownSince, expired.filter(({ expiresAt }) => (expiresAt ?? 0) > cutAtMs)];
}

function recentOf({ recent, lastLsn }: Replica) {
  for (let lsn = 0; lsn < lastLsn; lsn++) {
    const rows = recent.rowsAfter(lsn, 10_000);
    if (rows !== undefined) return rows;
  }
  return [];
}
