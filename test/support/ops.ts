/** Builds ops for tests: what a test does not name has a plain default, and the hash is always true. */

import { add, carriedHash, type Hash, hashOp, ZERO } from '../../src/words/hash.ts';
import type { Delete, KeyOp, Membership, Op, Put, Unhashed } from '../../src/words/op.ts';
import type { Row } from '../../src/words/row.ts';

const BIRTH = { origin: 'node1.aaaaaa', seq: 1, hlc: 1_000_000 };
const ON_KEY = { ...BIRTH, key: 'key', generation: 0, version: 1 };

export function withHash<O extends Op>(unhashed: Unhashed<O>): O {
  const { high, low } = hashOp(unhashed);
  return { ...unhashed, hashHigh: high, hashLow: low } as unknown as O;
}

/** The op with some of its fields changed, and the hash made again. */
export function changed<O extends Op>(op: O, fields: Partial<O>): O {
  const { hashHigh: _high, hashLow: _low, ...unhashed } = { ...op, ...fields };
  return withHash(unhashed as unknown as Unhashed<O>);
}

export const put = (fields: Partial<Unhashed<Put>> = {}): Put =>
  withHash<Put>({ ...ON_KEY, kind: 'put', expiresAt: null, value: '1', meta: null, ...fields });

export const tombstone = (fields: Partial<Unhashed<Delete>> = {}): Delete =>
  withHash<Delete>({
    ...ON_KEY,
    kind: 'delete',
    expiresAt: null,
    value: null,
    meta: null,
    ...fields,
  });

export const membership = (fields: Partial<Unhashed<Membership>> = {}): Membership =>
  withHash<Membership>({
    ...ON_KEY,
    kind: 'join',
    key: 'node1.aaaaaa',
    version: 0,
    expiresAt: null,
    value: null,
    meta: null,
    ...fields,
  });

export const row = (lsn: number, op: Op, won = true): Row => ({ lsn, committedAt: 1, won, op });

export const sumOf = (ops: readonly Op[]): Hash => ops.map(carriedHash).reduce(add, ZERO);

/** A run of one origin's puts with the seqs `from` to `to`, each on a key of its own. */
export function history(origin: string, from: number, to: number): Put[] {
  const ops: Put[] = [];
  for (let seq = from; seq <= to; seq++)
    ops.push(put({ origin, seq, hlc: seq, key: `${origin}-${seq}`, value: `${seq}` }));
  return ops;
}

/** The entries that a map must show after these ops, in any order: per key the greatest by rule 1. */
export function naiveFold(ops: readonly KeyOp[]): Map<string, KeyOp> {
  const winners = new Map<string, KeyOp>();
  for (const op of ops) {
    const winner = winners.get(op.key);
    if (winner === undefined || isGreater(op, winner)) winners.set(op.key, op);
  }
  return winners;
}

/** Rule 1 once more, by the text of the rule: the first of the six that differs decides. */
function isGreater(op: KeyOp, other: KeyOp): boolean {
  const rank = (of: KeyOp) =>
    [of.generation, of.version, of.kind === 'delete' ? 1 : 0, of.hlc, of.origin, of.seq] as const;
  const [ranks, others] = [rank(op), rank(other)];
  const first = ranks.findIndex((value, index) => value !== others[index]);
  const [value, otherValue] = [ranks[first], others[first]];
  return value !== undefined && otherValue !== undefined && value > otherValue;
}
