/** A node as the oracle and the verdict look at it from outside. */
import type { Engine } from '../src/node/engine.ts';
import type { EntryHead } from '../src/words/op.ts';
import type { NodeClock } from './clock.ts';
import type { Witness } from './witness.ts';

/** Rule 8, seen from outside: whether a member that has started may write yet. */
export interface WriteGuard {
  mayWrite(
    vector: ReadonlyMap<string, number>,
    forked: ReadonlySet<string>,
    isAlone: boolean,
    nowMs: number,
  ): boolean;
}

export interface ObservedNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly disk: { readonly asideWitnesses: readonly Witness[] };
  /** Of the log that the node has now. */
  readonly witness: Witness;
  /** The process that runs; null while there is none, or it is still opening its log. */
  readonly running: Engine | null;
  /** The entries that its last process showed when it ended. */
  readonly shownAtEnd: readonly EntryHead[];
  /** Of a member that has started; null for one that is fresh. */
  readonly catchUp: WriteGuard | null;
  /** Whether what the replica shows is not that of its log: that is being exchanged, or has failed. */
  readonly isChanging: boolean;
}
