/** When each op was born, and when each other node has committed it. */
import type { Commit } from '../../src/log/log.ts';
import { formatOpId, isOnKey } from '../../src/words/op.ts';
import type { ObservedNode } from '../observed.ts';
import { Oracle } from '../oracle.ts';

interface Spread {
  readonly bornMs: number;
  readonly delaysMs: number[];
}

export class Arrivals extends Oracle {
  #spreads = new Map<string, Spread>();

  override stored(node: ObservedNode, commit: Commit, nowMs: number): void {
    super.stored(node, commit, nowMs);
    for (const { op } of commit.rows) {
      if (!isOnKey(op)) continue;
      const id = formatOpId(op);
      const spread = this.#spreads.get(id);
      if (op.origin === node.witness.origin) this.#spreads.set(id, { bornMs: nowMs, delaysMs: [] });
      else spread?.delaysMs.push(nowMs - spread.bornMs);
    }
  }

  /** @returns the delays of all arrivals since the last call, in milliseconds, op by op; those of later arrivals are lost. */
  take(): (readonly number[])[] {
    const delays = [...this.#spreads.values()].map(({ delaysMs }) => delaysMs);
    this.#spreads = new Map();
    return delays;
  }
}
