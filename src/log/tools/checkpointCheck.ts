/**
 * Holds a checkpoint against its log (rule 6): the checkpoint and the rows after it must fold to the map of all
 * rows. One that its node would not use is no fault of the log: the node replays it.
 */
import { whyNotBelieved } from '../../rules/checkpoint.ts';
import type { CheckpointFacts } from '../../rules/checkpointFacts.ts';
import { collectedUntil } from '../../rules/stability.ts';
import type { EntryStore } from '../../store/entryStore.ts';
import { foldWinner } from '../../store/foldWinner.ts';
import { formatHash, type Hash, sameHash } from '../../words/hash.ts';
import { isOnKey } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import type { LogFacts } from './logSource.ts';

export interface ReadCheckpoint {
  readonly facts: CheckpointFacts;
  /** Its entries; the rows after it are folded into them. */
  readonly entries: EntryStore;
}

export interface CheckedCheckpoint {
  /** Null if it can't be read. */
  readonly lsn: number | null;
  /** The reason why the next start would not use it, or null. */
  readonly unused: string | null;
  /** A sentence without its full stop, or null. */
  readonly fault: string | null;
}

export class CheckpointCheck {
  readonly #checkpoint: ReadCheckpoint | Error;
  readonly #log: LogFacts;
  #unused: string | null = null;
  #lsn: number;

  constructor(checkpoint: ReadCheckpoint | Error, log: LogFacts) {
    this.#checkpoint = checkpoint;
    this.#log = log;
    this.#lsn = checkpoint instanceof Error ? 0 : checkpoint.facts.lsn;
    const { header, records, lastLsn } = log;
    if (!(checkpoint instanceof Error))
      this.#unused = whyNotBelieved(checkpoint.facts, { header, origins: records, lastLsn });
  }

  /** Called with each row, in order. */
  row({ lsn, won, op }: Row): void {
    if (this.#checkpoint instanceof Error || this.#unused !== null || lsn <= this.#lsn) return;
    if (lsn !== this.#lsn + 1) this.#unused = `the rows after lsn ${this.#lsn} were compacted away`;
    this.#lsn = lsn;
    if (won && isOnKey(op)) foldWinner(this.#checkpoint.entries, op, lsn, () => {});
  }

  /** @param mapSum the sum of the fold of all rows, as of a minute. */
  end(asOf: number, mapSum: (asOf: number) => Hash): CheckedCheckpoint {
    const checkpoint = this.#checkpoint;
    if (checkpoint instanceof Error) {
      const fault = `the checkpoint beside the log can't be used, because ${checkpoint.message}: remove it`;
      return { lsn: null, unused: null, fault };
    }
    const { lsn } = checkpoint.facts;
    if (this.#unused !== null) return { lsn, unused: this.#unused, fault: null };
    const minute = Math.max(asOf, collectedUntil(this.#log.header));
    const [expected, found] = [mapSum(minute), checkpoint.entries.sumAt(minute)];
    const fault = sameHash(expected, found)
      ? null
      : `the checkpoint and the rows after it fold to the map sum ${formatHash(found)}, and the log to ` +
        `${formatHash(expected)}: remove the checkpoint`;
    return { lsn, unused: null, fault };
  }
}
