/** Rule 6: how a row that won is folded, at a start and where a checkpoint is held against its log. */
import type { EntryHead, KeyOp } from '../words/op.ts';
import type { EntryStore } from './entryStore.ts';

/**
 * An op that won is the entry from then on. One that is greater had been collected by then: of two offers of one lost op
 * the lesser may come later.
 *
 * @param lsn the row that holds the op.
 * @param onDropped called with the greater entry.
 */
export function foldWinner(
  map: EntryStore,
  op: KeyOp,
  lsn: number,
  onDropped: (entry: EntryHead) => void,
): void {
  if (map.fold(op, lsn)) return;
  const collected = map.head(op.key);
  if (collected === undefined) return;
  map.drop(op.key);
  onDropped(collected);
  map.fold(op, lsn);
}
