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
import { isKeyHead, type KeyHead } from '../words/row.ts';

const HEADS_A_PAGE = 4096;
const ONE = { maxRows: 1, maxBytes: 1 };

/**
 * @param isWanted asked for each row that won.
 * @returns for each key the greatest op that the log held, if that one is wanted.
 */
export async function collectedOps(
  old: Log,
  isWanted: (head: KeyHead) => boolean,
): Promise<KeyOp[]> {
  const found = new Map<string, OpId>();
  let lsn = 0;
  for (;;) {
    const heads = await old.headsAfter(lsn, HEADS_A_PAGE);
    const last = heads.at(-1);
    if (last === undefined) break;
    lsn = last.lsn;
    for (const head of heads) {
      if (!head.won || !isKeyHead(head)) continue;
      if (isWanted(head)) found.set(head.key, { origin: head.origin, seq: head.seq });
      else found.delete(head.key);
    }
  }
  const ops: KeyOp[] = [];
  for (const { origin, seq } of found.values()) {
    const [op] = await old.opsAfter(origin, seq - 1, ONE);
    if (op?.seq === seq && isOnKey(op)) ops.push(op);
  }
  return ops;
}
