/** What a commit has brought, as the messages that push it to peers (rule 7). */

import type { RecentRow } from '../../rules/recentRows.ts';
import { add, carriedHash, type Hash, subtract } from '../../words/hash.ts';
import type { Limits } from '../../words/limits.ts';
import { encodeDelta } from '../protocol/messages.ts';
import { encodeOp } from '../protocol/opCodec.ts';

/**
 * Each op is encoded once, however many peers there are.
 *
 * @param rows of one origin, without a gap.
 * @param sumAtEnd the sum of the origin's ops up to the last of these.
 */
export function pushTexts(
  rows: readonly RecentRow[],
  sumAtEnd: Hash,
  { maxDeltaOps, maxDeltaBytes }: Pick<Limits, 'maxDeltaOps' | 'maxDeltaBytes'>,
): string[] {
  let sum = sumAtEnd;
  for (const { row } of rows) sum = subtract(sum, carriedHash(row.op));
  const texts: string[] = [];
  let wireOps: string[] = [];
  let bytes = 0;
  for (const [index, one] of rows.entries()) {
    one.wire ??= encodeOp(one.row.op);
    wireOps.push(one.wire);
    bytes += one.wire.length;
    sum = add(sum, carriedHash(one.row.op));
    const { origin, seq: to } = one.row.op;
    if (wireOps.length < maxDeltaOps && bytes < maxDeltaBytes && index < rows.length - 1) continue;
    texts.push(encodeDelta([{ origin, after: to - wireOps.length, to, sum }], wireOps, null));
    wireOps = [];
    bytes = 0;
  }
  return texts;
}
