/** Entries as they were when they were kept: their rows in the log. Nothing of them stays in memory. */
import type { InLog } from '../words/op.ts';
import type { KeptEntries } from './entryStore.ts';
import { NumberStack } from './numberStack.ts';

export class KeptRows implements KeptEntries {
  readonly #lsns = new NumberStack();
  readonly #lsnOf: (key: string) => number | null;

  /** @param lsnOf the row of the present entry of a key; null if there is none. */
  constructor(lsnOf: (key: string) => number | null) {
    this.#lsnOf = lsnOf;
  }

  get length(): number {
    return this.#lsns.length;
  }

  keep(key: string): void {
    const lsn = this.#lsnOf(key);
    if (lsn !== null) this.#lsns.push(lsn);
  }

  pop(): InLog | undefined {
    const lsn = this.#lsns.pop();
    return lsn === undefined ? undefined : { lsn };
  }
}
