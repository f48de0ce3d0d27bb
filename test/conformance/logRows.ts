/** Rows and what else tests of the log are made of. */

import type { Commit, PageLimit } from '../../src/log/log.ts';
import { add, carriedHash, type Hash, hashOp, ZERO } from '../../src/words/hash.ts';
import type { Op, Put, Unhashed } from '../../src/words/op.ts';
import type { HeaderChanges, OriginRecord, Row } from '../../src/words/row.ts';

/** The origin that places give to new logs. */
export const OWN_ORIGIN = 'node1.a';
export const CLUSTER = 'hearsay';
export const ALL: PageLimit = { maxRows: 1_000_000, maxBytes: 1_000_000_000 };

const withHash = <O extends Op>(unhashed: Unhashed<O>): O => {
  const { high, low } = hashOp(unhashed);
  return { ...unhashed, hashHigh: high, hashLow: low } as unknown as O;
};

/** A put that differs from the others by its seq; whatever is given stands. */
export const put = (seq: number, given: Partial<Put> = {}): Put =>
  withHash<Put>({
    origin: OWN_ORIGIN,
    seq,
    hlc: 1_800_000_000_000_000 + seq,
    kind: 'put',
    key: `key${seq}`,
    generation: 0,
    version: seq,
    expiresAt: null,
    value: `{"seq":${seq}}`,
    meta: null,
    ...given,
  });

export const rowOf = (lsn: number, op: Op, won = true): Row => ({
  lsn,
  committedAt: 1_800_000_000_000 + lsn,
  won,
  op,
});

/** Rows of own puts with those lsns, which are their seqs too. */
export const rowsOf = (first: number, last: number): Row[] =>
  Array.from({ length: last - first + 1 }, (_, index) => rowOf(first + index, put(first + index)));

export const sumOf = (ops: readonly Op[]): Hash =>
  ops.reduce((sum, op) => add(sum, carriedHash(op)), ZERO);

export const record = (origin: string, seq: number, sum: Hash): OriginRecord => ({
  origin,
  seq,
  sum,
  reach: 0,
  compactedSum: ZERO,
});

/** A commit of rows alone. */
export const commitOf = (rows: readonly Row[], header?: HeaderChanges): Commit =>
  header === undefined ? { rows, origins: [] } : { rows, origins: [], header };

export const lsnsOf = (rows: readonly Row[]): number[] => rows.map((row) => row.lsn);
export const seqsOf = (ops: readonly Op[]): number[] => ops.map((op) => op.seq);

/** The promise must reject with an error of that class. */
export async function rejects<E extends Error>(
  promise: Promise<unknown>,
  errorClass: abstract new (...parameters: never[]) => E,
): Promise<E> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof errorClass))
    throw new Error(`expected ${errorClass.name}, and it was: ${String(error)}`);
  return error;
}

/** Every kind of op, and what is hard to keep: odd texts, the greatest numbers, nulls. */
export const oddOps: readonly Op[] = [
  put(1, { key: '', value: 'null' }),
  put(2, { key: '\u0000a\u0000', value: '"\\u0000"', meta: '{"values":["Date"]}' }),
  put(3, { key: '😀/é?#%41 ', value: '"😀"', expiresAt: 1 }),
  put(4, { key: '__proto__', value: '{"__proto__":1}', version: 0 }),
  put(5, { key: 'constructor', value: '12345678901234567890', generation: 2 ** 52 }),
  put(6, { version: 2 ** 53 - 2, hlc: 2 ** 52, expiresAt: 2 ** 53 - 1 }),
  put(7, { value: JSON.stringify('long '.repeat(100_000)) }),
  put(8, { value: ' {"b" : 1, "a":1.0, "b":1e400} ', key: 'a\nb\r\t"' }),
  withHash({
    ...put(9),
    kind: 'delete',
    version: 2 ** 53 - 1,
    value: null,
    meta: null,
    expiresAt: null,
  }),
  withHash({
    ...put(10),
    kind: 'join',
    key: 'node2.b',
    value: '{"url":"http://localhost:8002"}',
    meta: null,
    expiresAt: null,
  }),
  withHash({ ...put(11), kind: 'join', key: 'node3.c', value: null, meta: null, expiresAt: null }),
  withHash({
    ...put(12),
    kind: 'retire',
    key: 'node2.b',
    value: null,
    meta: null,
    expiresAt: null,
  }),
  { ...put(13), hashHigh: 0xffffffff, hashLow: 0xffffffff },
  { ...put(14), hashHigh: 0, hashLow: 0 },
];
