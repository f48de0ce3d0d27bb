/**
 * Rules 9 and 10: a replica drops dead, stable entries from its map, and unneeded rows from its log.
 * Each command waits in the commit queue and rejects as `Replica.submit` does.
 */

import { mayCollect, type Stable, stableAfter, storedStable } from '../rules/stability.ts';
import type { Hash } from '../words/hash.ts';
import { type EntryHead, horizonAbove, sameOp } from '../words/op.ts';
import type { FactChanges } from '../words/row.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Fold } from './fold.ts';

/** A row that compaction removes. */
export interface GoingRow {
  readonly lsn: number;
  readonly seq: number;
  readonly hash: Hash;
}

export class Forgetting {
  readonly #fold: Fold;
  readonly #queue: CommitQueue;
  readonly #clock: () => number;

  /** @param clock UTC milliseconds. */
  constructor(fold: Fold, queue: CommitQueue, clock: () => number) {
    this.#fold = fold;
    this.#queue = queue;
    this.#clock = clock;
  }

  /** Takes over a peer's horizon: new generations are no smaller. */
  raiseHorizon(horizon: number): void {
    if (horizon > this.#fold.header.horizon) this.#fold.changeHeader({ horizon });
  }

  /**
   * Rule 9: drops entries that are dead and stable, and raises the horizon above them in the same
   * commit that moves the stable vector and clock. If the clock goes back, every entry up to its
   * former time goes: a restart would drop it too.
   *
   * @param next decided before this waited for its turn: the clock may have been set back since.
   * @param limit the most entries to look at.
   * @returns the dropped entries.
   */
  collect(next: Stable, limit: number): Promise<EntryHead[]> {
    const { map } = this.#fold;
    return this.#queue.enqueue(
      { ops: 0, bytes: 0 },
      (batch) => {
        const before = this.#fold.header;
        const clock = Math.min(next.clock, this.#clock());
        const stable = stableAfter(storedStable(before), { ...next, clock });
        const goesBack = stable.clock < before.stableClock;
        const looked = goesBack ? [...map.heads()] : map.examineDead(limit);
        const dead = looked.filter((entry) => mayCollect(entry, stable));
        let { horizon = before.horizon } = batch.header;
        for (const { generation } of dead) horizon = horizonAbove(horizon, generation);
        batch.header = {
          ...batch.header,
          stable: stable.vector,
          stableClock: stable.clock,
          horizon,
        };
        if (stable.reached.length > 0 || (before.facts.reached ?? []).length > 0)
          batch.changeFacts({ reached: stable.reached });
        return dead;
      },
      {
        folded: (dead) => {
          for (const entry of dead) {
            const present = map.head(entry.key);
            if (present !== undefined && sameOp(present, entry)) this.#fold.drop(present);
          }
        },
      },
    );
  }

  /** Compaction: removes rows that `src/replica/compact.ts` found to be unneeded. */
  removeRows(rows: ReadonlyMap<string, readonly GoingRow[]>, facts: FactChanges): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      for (const [origin, ofOrigin] of rows) batch.removeRows(origin, ofOrigin);
      batch.changeFacts(facts);
    });
  }
}
