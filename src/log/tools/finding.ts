/** The faults that `verify` finds in a log: each names its row or its origin. */

import type { SeqFault } from '../../rules/seqCheck.ts';

export type FindingKind =
  | SeqFault['kind']
  /** SQLite finds the file itself damaged. */
  | 'file'
  /** Rows that can't be read. */
  | 'unreadable'
  /** The hash of a row does not match its content. */
  | 'hash'
  /** The won bit of a row differs from the fold in order of lsn. */
  | 'won'
  /** The fold does not give the recorded map sum. */
  | 'map'
  /** Facts of the header that contradict each other. */
  | 'header'
  /** The checkpoint beside the log can't be read, or holds another map. */
  | 'checkpoint';

export interface Finding {
  readonly kind: FindingKind;
  /** Null if it is about no single row. */
  readonly lsn: number | null;
  readonly origin: string | null;
  readonly seq: number | null;
  /** A sentence without its subject, the row, which is printed before it. */
  readonly text: string;
}

/** More findings are counted and not kept: an overwritten file has millions. */
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

  /** Whether a finding is about an op of the origin. */
  isAbout(origin: string): boolean {
    return this.#origins.has(origin);
  }

  /**
   * Findings about the file first, then those about rows in order of lsn, then those about whole
   * origins.
   */
  all(): Finding[] {
    const rank = ({ kind, lsn }: Finding): number =>
      kind === 'file' || kind === 'header' ? 0 : (lsn ?? Number.POSITIVE_INFINITY);
    return [...this.#kept].sort((a, b) => {
      const [first, second] = [rank(a), rank(b)];
      return first === second ? 0 : first < second ? -1 : 1;
    });
  }
}
