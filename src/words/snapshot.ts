/** The content of a snapshot (rule 10), for an empty log. */
import type { Hash } from './hash.ts';
import type { Op } from './op.ts';
import type { Vector } from './vector.ts';

/** A row of a snapshot (rule 10). */
export interface SnapshotRow {
  readonly op: Op;
  /** Whether it is an entry of its sender's map; a row that is none does not win here either. */
  readonly isEntry: boolean;
}

/** The part of a snapshot that is about origins: about some of them, or all. */
export interface SnapshotOrigins {
  readonly vector: Vector;
  readonly sums: ReadonlyMap<string, Hash>;
  /** Origin → seq up to which the snapshot's rows have holes. */
  readonly reach: Vector;
}

/** The history for which a snapshot stands once all its rows are there. */
export interface SnapshotEnd extends SnapshotOrigins {
  readonly horizon: number;
}
