/**
 * The map sum that a node writes down as a fact of its log when it stops, so that `verify` can tell
 * whether the log still folds to the map that the node served.
 */
import { formatHash, type Hash, parseHash } from '../words/hash.ts';

export interface RecordedMapSum {
  /** The last lsn then. */
  readonly lsn: number;
  /** Minutes since the epoch: what expired by then does not count (rule 11). */
  readonly asOf: number;
  readonly sum: Hash;
}

export const mapSumText = ({ lsn, asOf, sum }: RecordedMapSum): string =>
  `${lsn} ${asOf} ${formatHash(sum)}`;

/** @returns null where there is none. */
export function parseMapSum(text: string | undefined): RecordedMapSum | null {
  const [, lsn, asOf, digits] = /^(\d{1,16}) (\d{1,16}) (\S+)$/.exec(text ?? '') ?? [];
  const sum = digits === undefined ? undefined : parseHash(digits);
  return sum === undefined ? null : { lsn: Number(lsn), asOf: Number(asOf), sum };
}
