/** Facts about the log and its map on which a decision rests. */
import { ZERO } from '../words/hash.ts';
import type { Entry, EntryHead } from '../words/op.ts';
import type { LogHeader, OriginRecord } from '../words/row.ts';
import type { Vector } from '../words/vector.ts';
import type { Closings } from './closings.ts';
import type { Members } from './members.ts';

/** The state that a batch is decided against: the one after the last commit. */
export interface Basis {
  /** The entry without its value. */
  readonly head: (key: string) => EntryHead | undefined;
  readonly entry: (key: string) => Entry | undefined;
  /** Is told the keys that are asked for next, which then costs less. */
  readonly foresee: (keys: readonly string[]) => void;
  /** Whether keys fill the memory, so that a client's put of a new key is refused. */
  readonly isFullOfKeys: () => boolean;
  readonly record: (origin: string) => OriginRecord;
  readonly vector: Vector;
  /** This node's own origin. */
  readonly origin: string;
  readonly lastLsn: number;
  /** The last HLC that this node gave or saw. */
  readonly hlc: number;
  readonly horizon: number;
  readonly members: Pick<Members, 'has' | 'isRetired'>;
  readonly closings: Pick<Closings, 'lastSeqOf'>;
  /** Whether a snapshot is on its way into this log, or has come. */
  readonly snapshot: LogHeader['facts']['snapshot'];
  /** Seqs of this node's own origin among which some ops were not born in their place. */
  readonly offered: LogHeader['facts']['offered'];
}

/** The record of an origin without ops here. */
export const emptyRecord = (origin: string): OriginRecord => ({
  origin,
  seq: 0,
  sum: ZERO,
  reach: 0,
  compactedSum: ZERO,
});
