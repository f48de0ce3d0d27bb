/**
 * The map as it would be if ops had never been: the history folded again without them.
 *
 * Invariant: the entry of a key is the greatest of its ops by rule 1, whatever their order, once with all ops and once
 * with those that stay. An op that lost may win then. Ops keep the generations and versions that they were born with:
 * no request is decided anew.
 */
import { compareKeys } from '../../words/keyOrder.ts';
import { compareOps, isDead, type OpId } from '../../words/op.ts';
import { isKeyHead, type KeyHead } from '../../words/row.ts';
import type { Head } from './logSource.ts';
import { isOf, type Moment } from './moment.ts';

/** The ops that are left out; all conditions count. */
export interface LeftOut {
  readonly ops: readonly OpId[];
  /** Origins, or node ids, whose ops are all left out. */
  readonly origins: readonly string[];
  /** Ops that came after this moment are left out; null if time leaves none out. */
  readonly until: Moment | null;
}

/** A key whose live entry would be another. */
export interface WhatIfDifference {
  readonly key: string;
  /** The live entry that it has; null if it is absent. */
  readonly now: KeyHead | null;
  /** The live entry that it would have. */
  readonly instead: KeyHead | null;
}

export class WhatIfFold {
  readonly #isLeftOut: (head: Head) => boolean;
  /** The greatest op of each key. */
  readonly #entries = new Map<string, KeyHead>();
  /** The greatest op that stays, or null, of the keys of which an op is left out. */
  readonly #stays = new Map<string, KeyHead | null>();
  #leftOut = 0;

  constructor(leftOut: LeftOut) {
    this.#isLeftOut = leavesOut(leftOut);
  }

  /** The number of ops on keys that are left out. */
  get leftOutOps(): number {
    return this.#leftOut;
  }

  /** @param head any row, also one that lost; those of members do not change the map. */
  take(head: Head): void {
    if (!isKeyHead(head)) return;
    const { key } = head;
    const before = this.#entries.get(key) ?? null;
    if (this.#isLeftOut(head)) {
      this.#leftOut++;
      // Until now all ops of the key stayed.
      if (!this.#stays.has(key)) this.#stays.set(key, before);
    } else {
      const stays = this.#stays.get(key);
      if (stays !== undefined) this.#stays.set(key, greater(stays, head));
    }
    this.#entries.set(key, greater(before, head));
  }

  /** In the order of keys. @param nowMs the time at which entries count as live, UTC milliseconds. */
  *differences(nowMs: number): Generator<WhatIfDifference> {
    for (const key of [...this.#stays.keys()].sort(compareKeys)) {
      const [entry, stays] = [this.#entries.get(key) ?? null, this.#stays.get(key) ?? null];
      const [now, instead] = [liveOf(entry, nowMs), liveOf(stays, nowMs)];
      if (now !== instead) yield { key, now, instead };
    }
  }
}

function leavesOut({ ops, origins, until }: LeftOut): (head: Head) => boolean {
  const seqs = new Map<string, Set<number>>();
  for (const { origin, seq } of ops) seqs.set(origin, (seqs.get(origin) ?? new Set()).add(seq));
  const isNamed = (origin: string): boolean =>
    origins.some((one) => origin === one || origin.startsWith(`${one}.`));
  return (head) =>
    seqs.get(head.origin)?.has(head.seq) === true ||
    isNamed(head.origin) ||
    (until !== null && !isOf(until, head));
}

const greater = (a: KeyHead | null, b: KeyHead): KeyHead =>
  a === null || compareOps(b, a) > 0 ? b : a;

const liveOf = (entry: KeyHead | null, nowMs: number): KeyHead | null =>
  entry === null || isDead(entry, nowMs) ? null : entry;
