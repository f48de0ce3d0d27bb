/** The faults that `verify` finds in a log: each names the row, or the origin, that it is about. */

import type { SeqFault } from '../../rules/seqCheck.ts';

export type FindingKind =
  | SeqFault['kind']
  /** SQLite finds the file itself damaged. */
  | 'file'
  /** Rows that can't be read. */
  | 'unreadable'
  /** The content of a row is not what its hash is of. */
  | 'hash'
  /** A won bit that folding in order of lsn does not give. */
  | 'won'
  /** The map is not the recorded one. */
  | 'map'
  /** Facts of the header that can't be together. */
  | 'header';

export interface Finding {
  readonly kind: FindingKind;
  /** Null where it is about no single row. */
  readonly lsn: number | null;
  readonly origin: string | null;
  readonly seq: number | null;
  /** A sentence without its row: that stands before it. */
  readonly text: string;
}

/** More are counted, not kept: a file that was overwritten has millions. */
const KEPT_FINDINGS = 100;

export class Findings {
  readonly #kept: Finding[] = [];
  readonly #origins = new Set<string>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(finding: Finding): void {
    this.#total++;
    if (finding.origin !== null) this.#origins.add(finding.origin);
    if (this.#kept.length < KEPT_FINDINGS) this.#kept.push(finding);
  }

  /** Whether something is wrong with an op of the origin. */
  isAbout(origin: string): boolean {
    return this.#origins.has(origin);
  }

  /** Those about the file first, then in order of lsn, then those about whole origins. */
  all(): Finding[] {
    const rank = ({ kind, lsn }: Finding): number =>
      kind === 'file' || kind === 'header' ? 0 : (lsn ?? Number.POSITIVE_INFINITY);
    return [...this.#kept].sort((a, b) => {
      const [first, second] = [rank(a), rank(b)];
      return first === second ? 0 : first < second ? -1 : 1;
    });
  }
}
