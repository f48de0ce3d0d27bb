import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SeqCheck, type SeqFault } from '../../src/rules/seqCheck.ts';
import { add, type Hash, ZERO } from '../../src/words/hash.ts';
import type { OriginRecord } from '../../src/words/row.ts';
import { ORIGINS } from '../support/generators.ts';

const [A, B] = ORIGINS;

interface Case {
  readonly records: readonly OriginRecord[];
  /** In the order of lsn, from 1. */
  readonly rows: readonly (readonly [origin: string, seq: number])[];
  readonly faulty?: string;
}

/** Each op has its seq as its hash, so that sums are easily told. */
const hashOf = (seq: number): Hash => ({ high: seq, low: seq });
const sumUpTo = (seq: number): Hash =>
  Array.from({ length: seq }, (_, index) => hashOf(index + 1)).reduce(add, ZERO);

/** The record of an origin, of which the ops up to `reach` were compacted away. */
const record = (origin: string, seq: number, reach = 0): OriginRecord => ({
  origin,
  seq,
  sum: sumUpTo(seq),
  reach,
  compactedSum: sumUpTo(reach),
});

function faultsOf({ records, rows, faulty }: Case): SeqFault[] {
  const faults: SeqFault[] = [];
  const check = new SeqCheck(
    records,
    (fault) => faults.push(fault),
    (origin) => origin === faulty,
  );
  for (const [index, [origin, seq]] of rows.entries()) {
    const { high, low } = hashOf(seq);
    check.row(index + 1, { origin, seq, hashHigh: high, hashLow: low });
  }
  check.end();
  return faults;
}

/** Each fault in short; sums only matter where a test says so. */
const told = (checked: Case): string[] =>
  faultsOf(checked).map(({ kind, lsn, origin, seq }) => `${kind} ${origin}/${seq} at ${lsn}`);

const inOrder = (origin: string, from: number, to: number): [string, number][] =>
  Array.from({ length: to - from + 1 }, (_, index) => [origin, from + index]);

const seqs = suite('rows of each origin against its record');

seqs(
  'without gaps up to the recorded seq, whichever origins come between, nothing is wrong',
  () => {
    const rows = [
      [A, 1],
      [B, 1],
      [A, 2],
      [A, 3],
      [B, 2],
    ] as const;
    assert.equal(told({ records: [record(A, 3), record(B, 2)], rows }), []);
    assert.equal(told({ records: [record(A, 5, 3)], rows: inOrder(A, 4, 5) }), []);
  },
);

seqs('a gap is told with the row before which it is, and with its length', () => {
  const one = faultsOf({
    records: [record(A, 3)],
    rows: [
      [A, 1],
      [A, 3],
    ],
    faulty: A,
  });
  assert.equal(one, [
    { kind: 'missing', lsn: 2, origin: A, seq: 2, text: 'is missing from the log, before lsn 2' },
  ]);
  const [two] = faultsOf({
    records: [record(A, 4)],
    rows: [
      [A, 1],
      [A, 4],
    ],
    faulty: A,
  });
  assert.is(
    two?.text,
    `is missing from the log, before lsn 2; so are the 1 after it, up to ${A}/3`,
  );
});

seqs('what is missing at the end is told without a row, also where no row is left', () => {
  const [end, ...others] = faultsOf({ records: [record(A, 3)], rows: [[A, 1]], faulty: A });
  assert.equal(others, []);
  assert.equal(
    { ...end },
    {
      kind: 'missing',
      lsn: null,
      origin: A,
      seq: 2,
      text: `is missing from the log, at its end; so are the 1 after it, up to ${A}/3`,
    },
  );
  assert.equal(told({ records: [record(A, 5, 3)], rows: [], faulty: A }), [
    `missing ${A}/4 at null`,
  ]);
});

seqs('up to the reach any rows may be there', () => {
  const kept: OriginRecord = { ...record(A, 4, 3), compactedSum: hashOf(2) };
  assert.equal(
    told({
      records: [kept],
      rows: [
        [A, 1],
        [A, 3],
        [A, 4],
      ],
    }),
    [],
  );
  const last: OriginRecord = { ...record(A, 4, 3), compactedSum: sumUpTo(2) };
  assert.equal(
    told({
      records: [last],
      rows: [
        [A, 3],
        [A, 4],
      ],
    }),
    [],
  );
});

seqs('an op that stands twice is told, in whichever place', () => {
  const records = [record(A, 5)];
  assert.equal(told({ records, rows: [...inOrder(A, 1, 5), [A, 5]], faulty: A }), [
    `doubled ${A}/5 at 6`,
  ]);
  const rows = [
    [A, 1],
    [A, 5],
    [A, 1],
  ] as const;
  assert.equal(told({ records, rows, faulty: A }), [`doubled ${A}/1 at 3`, `missing ${A}/2 at 2`]);
  const filled = [
    [A, 1],
    [A, 3],
    [A, 2],
    [A, 2],
    [A, 4],
    [A, 5],
  ] as const;
  assert.equal(told({ records, rows: filled, faulty: A }), [
    `order ${A}/2 at 3`,
    `doubled ${A}/2 at 4`,
  ]);
});

seqs('rows that were swapped are told, and the rest of their gap stays missing', () => {
  const records = [record(A, 5)];
  const missing = (seq: number): string => `missing ${A}/${seq} at 2`;
  const after = (seq: number): string[] =>
    told({
      records,
      rows: [
        [A, 1],
        [A, 5],
        [A, seq],
      ],
      faulty: A,
    });
  assert.equal(after(2), [`order ${A}/2 at 3`, missing(3)]);
  assert.equal(after(3), [`order ${A}/3 at 3`, missing(2), missing(4)]);
  assert.equal(after(4), [`order ${A}/4 at 3`, missing(2)]);
});

seqs('the first row beyond the record of its origin is told, and the reason', () => {
  const beyond = faultsOf({ records: [record(A, 1)], rows: inOrder(A, 1, 3), faulty: A });
  assert.equal(beyond, [
    {
      kind: 'unknown',
      lsn: 2,
      origin: A,
      seq: 2,
      text: 'is above 1, the last that the log says it holds of its origin',
    },
  ]);
  const unrecorded = faultsOf({
    records: [record(A, 1)],
    rows: [
      [A, 1],
      [B, 1],
      [B, 2],
    ],
  });
  assert.equal(unrecorded, [
    {
      kind: 'unknown',
      lsn: 2,
      origin: B,
      seq: 1,
      text: 'is of an origin of which the log has no record',
    },
  ]);
});

seqs('a wrong sum is told, unless another fault of the origin explains it', () => {
  const wrong: OriginRecord = { ...record(A, 2), sum: hashOf(4) };
  const rows = inOrder(A, 1, 2);
  const [fault, ...others] = faultsOf({ records: [wrong], rows });
  assert.equal(others, []);
  assert.is(fault?.kind, 'sum');
  assert.match(fault?.text ?? '', /together with its row$/);
  assert.equal(told({ records: [wrong], rows, faulty: A }), []);
  const compacted: OriginRecord = { ...record(A, 3, 1), sum: hashOf(4) };
  const [below] = faultsOf({ records: [compacted], rows: inOrder(A, 2, 3) });
  assert.match(below?.text ?? '', new RegExp(`or a row up to ${A}/1 is missing$`));
});

seqs('the sum of the rows that were read carries from the lower half to the upper', () => {
  const check = new SeqCheck(
    [],
    () => {},
    () => false,
  );
  const row = (seq: number, hashLow: number): void =>
    check.row(seq, { origin: A, seq, hashHigh: 1, hashLow });
  assert.equal(check.sumOf(A), ZERO);
  row(1, 0xfffffffe);
  row(2, 1);
  assert.equal(check.sumOf(A), { high: 2, low: 0xffffffff });
  row(3, 1);
  assert.equal(check.sumOf(A), { high: 4, low: 0 });
  assert.equal(check.sumOf(B), ZERO);
});

seqs.run();
