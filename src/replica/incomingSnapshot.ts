/** Rule 10: what the parts of a snapshot come to, until its last one says what it stands for. */
import type { Batch } from '../rules/decide.ts';
import { add, carriedHash, type Hash, subtract, ZERO } from '../words/hash.ts';
import type { SnapshotEnd, SnapshotRow } from '../words/snapshot.ts';
import { seqOf } from '../words/vector.ts';

export class IncomingSnapshot {
  /** The sum of the rows that have come, by origin. */
  readonly #sums = new Map<string, Hash>();

  rows(batch: Batch, rows: readonly SnapshotRow[]): void {
    for (const { op, isEntry } of rows) {
      batch.snapshotRow(op, isEntry);
      this.#sums.set(op.origin, add(this.#sums.get(op.origin) ?? ZERO, carriedHash(op)));
    }
  }

  /** The vector and the sums become the sender's: what did not come counts as compacted away. */
  end(batch: Batch, { vector, sums, reach }: SnapshotEnd): void {
    for (const [origin, seq] of vector) {
      const sum = sums.get(origin) ?? ZERO;
      const compactedSum = subtract(sum, this.#sums.get(origin) ?? ZERO);
      batch.records.set(origin, { origin, seq, sum, reach: seqOf(reach, origin), compactedSum });
    }
  }
}
