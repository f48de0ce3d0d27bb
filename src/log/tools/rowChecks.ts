/**
 * The checks of rows, in order of lsn: true hashes, seqs that follow one another, stamps of births that rise, and won
 * bits that are those of the fold.
 */
import { SeqCheck } from '../../rules/seqCheck.ts';
import { hasTrueHash } from '../../words/hash.ts';
import { isFarAhead, isGivenBy } from '../../words/hlc.ts';
import { isOnKey } from '../../words/op.ts';
import { isPartOfSnapshot, type Row } from '../../words/row.ts';
import { seqOf } from '../../words/vector.ts';
import type { Finding, Findings } from './finding.ts';
import type { LogFacts } from './logSource.ts';
import { WonCheck } from './wonCheck.ts';

/** The facts of the log that its rows must meet. */
type CheckedFacts = Pick<LogFacts, 'header' | 'records' | 'lastLsn'>;

export class RowChecks {
  readonly won: WonCheck;
  readonly #facts: CheckedFacts;
  readonly #findings: Findings;
  /** Null while a snapshot is on its way into the log: only its end tells the records. */
  readonly #seqs: SeqCheck | null;
  #hlc = -1;
  #hlcLsn = 0;
  #lastLsn = 0;

  constructor(facts: CheckedFacts, findings: Findings) {
    this.#facts = facts;
    this.#findings = findings;
    const { header, records } = facts;
    const isPart = isPartOfSnapshot(header);
    this.#seqs = isPart
      ? null
      : new SeqCheck(
          records,
          (fault) => findings.add(fault),
          (origin) => findings.isAbout(origin),
        );
    // A row of a snapshot that was no entry at its sender did not win here, whatever came before it.
    const lacksRows = header.facts.snapshot !== null || records.some(({ reach }) => reach > 0);
    this.won = new WonCheck(header, lacksRows, findings);
  }

  /**
   * Offers keep the HLCs of the lost ops (rule 12), and so do ops that peers give back to an older log of this node. Such
   * rows of versions up to 0.5 show only by the clock of their commit.
   */
  #isBirth({ op: { origin, seq, hlc }, committedAt }: Row): boolean {
    const { header } = this.#facts;
    const { offered } = header.facts;
    if (origin !== header.origin || !isGivenBy(hlc, committedAt)) return false;
    return offered?.origin !== origin || seq < offered.from || seq > offered.to;
  }

  row(row: Row): void {
    const { lsn, committedAt, op } = row;
    this.#lastLsn = lsn;
    if (!hasTrueHash(op)) this.#tell('hash', row, 'has a hash that does not match its content');
    this.#seqs?.row(lsn, op);
    if (this.#isBirth(row) && op.hlc <= this.#hlc)
      this.#tell(
        'order',
        row,
        `was born here before lsn ${this.#hlcLsn}, which stands above it: rows were swapped`,
      );
    // As at the commit: no stamp of this node follows that of a wrong clock.
    const isFollowed = op.origin === this.#facts.header.origin || !isFarAhead(op.hlc, committedAt);
    if (isFollowed && op.hlc > this.#hlc) {
      this.#hlc = op.hlc;
      this.#hlcLsn = lsn;
    }
    if (isOnKey(op)) this.won.row(row, op);
    else if (row.won)
      this.#tell('won', row, `is marked as a winner, though a ${op.kind} is on no key`);
  }

  end(): void {
    this.#seqs?.end();
    const { header, records, lastLsn } = this.#facts;
    const held = new Map(records.map(({ origin, seq }) => [origin, seq]));
    for (const [origin, seq] of header.stable)
      if (seq > seqOf(held, origin)) {
        const text = `counts as stable up to ${origin}/${seq}, though the log holds it up to ${seqOf(held, origin)}`;
        this.#findings.add({ kind: 'header', lsn: null, origin, seq: null, text });
      }
    if (this.#lastLsn !== lastLsn && this.#findings.total === 0) {
      const text = `the last row is that of lsn ${this.#lastLsn}, not that of lsn ${lastLsn}`;
      this.#findings.add({ kind: 'missing', lsn: lastLsn, origin: null, seq: null, text });
    }
  }

  #tell(kind: Finding['kind'], { lsn, op: { origin, seq } }: Row, text: string): void {
    this.#findings.add({ kind, lsn, origin, seq, text });
  }
}
