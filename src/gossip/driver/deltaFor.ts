/**
 * The delta that a digest lacks (rule 7), in bounded chunks: recent ops from memory, older ones from
 * the log. Origins take turns, so that one long history does not hold back the others.
 */

import type { Replica } from '../../replica/replica.ts';
import type { Range } from '../../words/delta.ts';
import { DamagedLogError } from '../../words/errors.ts';
import { add, carriedHash, type Hash, hasTrueHash, subtract } from '../../words/hash.ts';
import type { Op } from '../../words/op.ts';
import type { OriginRecord } from '../../words/row.ts';
import { seqOf, type Vector } from '../../words/vector.ts';
import { encodeOp } from '../protocol/opCodec.ts';

export interface WireDelta {
  readonly ranges: readonly Range[];
  /** Each op as `encodeOp` made it. */
  readonly wireOps: readonly string[];
  /** For each range, our sum up to its `after`: it must be the digest's sum. */
  readonly sumsBefore: ReadonlyMap<string, Hash>;
  /** Whether the digest lacks further ops. */
  readonly more: boolean;
}

/**
 * The last chunk sent to one peer, for each origin: the seq at which the chunk ended, and the sum
 * there. The next chunk starts there and adds to the sum, so that a long history is not summed again
 * for every chunk.
 */
export type ChunkEnds = Map<string, { readonly to: number; readonly sum: Hash }>;

interface WireOp {
  readonly op: Op;
  readonly wire: string;
}

/**
 * @param vector the peer's vector.
 * @param ends of the chunks that were sent to this peer before; it is changed.
 */
export async function deltaFor(
  replica: Replica,
  vector: Vector,
  ends: ChunkEnds,
): Promise<WireDelta> {
  const lacking = lackedRecords(replica, vector);
  const ranges: Range[] = [];
  const wireOps: string[] = [];
  const sumsBefore = new Map<string, Hash>();
  let { maxDeltaOps: opsLeft, maxDeltaBytes: bytesLeft } = replica.limits;
  let more = false;
  for (const [index, record] of lacking.entries()) {
    if (opsLeft <= 0 || bytesLeft <= 0) {
      more = true;
      break;
    }
    const turns = lacking.length - index;
    const share = { maxRows: Math.ceil(opsLeft / turns), maxBytes: Math.ceil(bytesLeft / turns) };
    const after = seqOf(vector, record.origin);
    const chunk = await readChunk(replica, record, after, share);
    const last = chunk.at(-1);
    if (last === undefined) continue;
    const to = last.op.seq;
    const sum = await sumAt(replica, record, after, chunk, ends);
    // Compaction has overtaken the reads: rows may be missing in the sum. The peer will ask again.
    if (replica.record(record.origin).reach > after) {
      ends.delete(record.origin);
      continue;
    }
    ranges.push({ origin: record.origin, after, to, sum });
    let sumBefore = sum;
    for (const { op, wire } of chunk) {
      wireOps.push(wire);
      sumBefore = subtract(sumBefore, carriedHash(op));
      opsLeft--;
      bytesLeft -= wire.length;
    }
    sumsBefore.set(record.origin, sumBefore);
    if (to < record.seq) more = true;
  }
  return { ranges, wireOps, sumsBefore, more };
}

/**
 * The records of origins of which the vector lacks ops. The one with the fewest comes first, so that
 * none starves.
 */
function lackedRecords(replica: Replica, vector: Vector): OriginRecord[] {
  const lacking: OriginRecord[] = [];
  for (const [origin, seq] of replica.vector)
    if (seqOf(vector, origin) < seq) lacking.push(replica.record(origin));
  const lacked = (record: OriginRecord): number => record.seq - seqOf(vector, record.origin);
  return lacking.sort((a, b) => lacked(a) - lacked(b));
}

async function readChunk(
  replica: Replica,
  record: OriginRecord,
  after: number,
  share: { maxRows: number; maxBytes: number },
): Promise<WireOp[]> {
  const recent = replica.recent.opsAfter(record.origin, after);
  const chunk: WireOp[] = [];
  let bytes = 0;
  const take = (op: Op, wire: string): boolean => {
    chunk.push({ op, wire });
    bytes += wire.length;
    return chunk.length < share.maxRows && bytes < share.maxBytes && op.seq < record.seq;
  };
  if (recent !== undefined) {
    for (const { op } of recent) if (!take(op, encodeOp(op))) break;
    return chunk;
  }
  for (const op of await replica.log.opsAfter(record.origin, after, share)) {
    if (!hasTrueHash(op))
      throw new DamagedLogError(
        replica.place,
        `${op.origin}/${op.seq} differs from the op that was written`,
        null,
      );
    const seq = after + chunk.length + 1;
    if (op.seq !== seq) {
      if (replica.record(op.origin).reach > after) break; // compacted meanwhile: the peer asks again
      throw new DamagedLogError(replica.place, `${op.origin}/${seq} is missing`, null);
    }
    if (op.seq > record.seq || !take(op, encodeOp(op))) break;
  }
  return chunk;
}

/** The sum of the origin's ops up to the end of the chunk. */
async function sumAt(
  replica: Replica,
  record: OriginRecord,
  after: number,
  chunk: readonly WireOp[],
  ends: ChunkEnds,
): Promise<Hash> {
  const to = chunk.at(-1)?.op.seq ?? after;
  const sum =
    to === record.seq ? record.sum : await sumWithin(replica, record, after, to, chunk, ends);
  ends.set(record.origin, { to, sum });
  return sum;
}

async function sumWithin(
  replica: Replica,
  record: OriginRecord,
  after: number,
  to: number,
  chunk: readonly WireOp[],
  ends: ChunkEnds,
): Promise<Hash> {
  const before = ends.get(record.origin);
  if (before?.to !== after)
    return subtract(record.sum, await replica.log.sumBetween(record.origin, to, record.seq));
  let { sum } = before;
  for (const { op } of chunk) sum = add(sum, carriedHash(op));
  return sum;
}
