/**
 * Rule 12: finds ops that a log which was set aside had collected. Its map lacks them, and its rows hold them
 * until compaction removes them. A side of a cluster that gives way may have collected, by its own members,
 * what no member of the other side ever held.
 *
 * The last row of a key that won holds the greatest op of the key that the log had: compaction removes no row
 * of a key that won and leaves an older one.
 */
import type { Log } from '../log/log.ts';
import { isOnKey, type KeyOp, type OpId } from '../words/op.ts';
import { isKeyHead } from '../words/row.ts';

const HEADS_A_PAGE = 4096;
const ONE = { maxRows: 1, maxBytes: 1 };

/**
 * @param isEntry whether the map of the log holds an entry of the key.
 * @param isKnown whether the cluster surely knows the op.
 * @returns for each key without an entry the greatest op that the log held, unless it is known.
 */
export async function collectedOps(
  old: Log,
  isEntry: (key: string) => boolean,
  isKnown: (id: OpId) => boolean,
): Promise<KeyOp[]> {
  const found = new Map<string, OpId>();
  let lsn = 0;
  for (;;) {
    const heads = await old.headsAfter(lsn, HEADS_A_PAGE);
    const last = heads.at(-1);
    if (last === undefined) break;
    lsn = last.lsn;
    for (const head of heads) {
      if (!head.won || !isKeyHead(head) || isEntry(head.key)) continue;
      if (isKnown(head)) found.delete(head.key);
      else found.set(head.key, { origin: head.origin, seq: head.seq });
    }
  }
  const ops: KeyOp[] = [];
  for (const { origin, seq } of found.values()) {
    const [op] = await old.opsAfter(origin, seq - 1, ONE);
    if (op?.seq === seq && isOnKey(op)) ops.push(op);
  }
  return ops;
}
