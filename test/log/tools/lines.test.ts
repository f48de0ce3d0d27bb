/** Rows and facts as lines of JSON: what is written reads back, and nothing else is taken. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  entriesHeadLine,
  entryLine,
  exportedEntryOf,
  headOfFile,
  opsEndLine,
  opsEndOf,
  opsHeadLine,
} from '../../../src/log/tools/exportFormat.ts';
import { factsJson, factsOf } from '../../../src/log/tools/factsJson.ts';
import type { LogFacts } from '../../../src/log/tools/logSource.ts';
import {
  headLine,
  headOf,
  MalformedLineError,
  parseLine,
  rowLine,
  rowOf,
} from '../../../src/log/tools/rowLine.ts';
import type { Row } from '../../../src/words/row.ts';
import {
  hash,
  jsonText,
  origin,
  vector,
  wellFormedText,
  wireOp,
} from '../../support/generators.ts';
import { put } from '../../support/ops.ts';
import { headOfRow } from './memorySource.ts';

const test = suite('lines of a log');

const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const row: fc.Arbitrary<Row> = fc
  .record({ lsn: count, committedAt: count, won: fc.boolean(), op: wireOp, carried: hash })
  .map(({ op, carried, ...rest }) => ({
    ...rest,
    // The hash that it carries need not be true: a damaged log is told as it is.
    op: { ...op, hashHigh: carried.high, hashLow: carried.low },
  }));

test('a row reads back exactly, with whatever hash it carries', () => {
  fc.assert(
    fc.property(row, (one) => {
      const line = rowLine(one);
      assert.not.match(line, /\n/);
      assert.equal(rowOf(parseLine(line)), one);
    }),
  );
});

test('a head reads back exactly', () => {
  fc.assert(
    fc.property(row, (one) => {
      const head = headOfRow(one);
      assert.equal(headOf(parseLine(headLine(head))), head);
    }),
  );
});

const record = fc.record(
  { origin, seq: count, sum: hash, reach: count, compactedSum: hash },
  { noNullPrototype: true },
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });
const facts: fc.Arbitrary<LogFacts> = fc
  .record(
    {
      clusterName: wellFormedText,
      clusterId: fc.option(wellFormedText, { nil: null }),
      origin,
      horizon: fc.integer({ min: 0, max: 2 ** 52 }),
      stable: vector,
      stableClock: fc.integer({ min: -1, max: 2 ** 50 }),
      facts: fc.record(
        {
          joined: fc.boolean(),
          formedAtMs: orNull(count),
          admittedBy: orNull(origin),
          owesOrigin: fc.boolean(),
          snapshot: orNull(fc.constantFrom('underWay' as const, 'taken' as const)),
          cutAtMs: orNull(count),
          mapSum: orNull(
            fc.record({ lsn: count, asOf: count, sum: hash }, { noNullPrototype: true }),
          ),
          reached: orNull(
            fc.array(fc.record({ vector, clock: count }, { noNullPrototype: true }), {
              maxLength: 2,
            }),
          ),
          givenUp: orNull(
            fc.record(
              {
                state: fc.constantFrom('sound' as const, 'forked' as const, 'shared' as const),
                openedAtSeq: count,
                hadOthers: fc.boolean(),
              },
              { noNullPrototype: true },
            ),
          ),
          offered: orNull(fc.record({ origin, from: count, to: count }, { noNullPrototype: true })),
          settledLog: orNull(wellFormedText),
          importOf: orNull(wellFormedText),
          others: fc.dictionary(fc.constantFrom('later', '__proto__'), wellFormedText, {
            noNullPrototype: true,
          }),
        },
        { noNullPrototype: true },
      ),
    },
    { noNullPrototype: true },
  )
  .chain((header) =>
    fc.record(
      {
        header: fc.constant(header),
        records: fc.array(record),
        firstLsn: count,
        lastLsn: count,
        sizeBytes: count,
        nowMs: count,
      },
      { noNullPrototype: true },
    ),
  );

test('what is known of a log reads back exactly', () => {
  fc.assert(
    fc.property(facts, (one) => {
      assert.equal(factsOf(parseLine(JSON.stringify(factsJson(one)))), one);
      const head = {
        kind: 'ops',
        header: one.header,
        records: one.records,
        lastLsn: one.lastLsn,
        upToLsn: one.firstLsn,
      } as const;
      assert.equal(headOfFile(opsHeadLine(head)), head);
      const end = { rows: one.lastLsn, records: one.records };
      assert.equal(opsEndOf(parseLine(opsEndLine(end))), end);
    }),
  );
});

test('an entry keeps the text of its value, but for line feeds between tokens', () => {
  fc.assert(
    fc.property(jsonText, wellFormedText, fc.constantFrom(null, 7), (value, key, expiresAt) => {
      const op = put({ key, value, expiresAt, meta: '{"values": ["Date"]}' });
      const line = entryLine({ op });
      assert.not.match(line, /[\r\n]/);
      const entry = exportedEntryOf(line, parseLine(line));
      assert.is(entry.value, value.replaceAll(/[\r\n]/g, ' ').trim());
      assert.equal(
        { ...entry, value },
        { key, version: 1, expiresAt, value, meta: '{"values": ["Date"]}' },
      );
    }),
  );
});

test('what is no line of a log is refused', () => {
  const good = parseLine(rowLine({ lsn: 1, committedAt: 1, won: true, op: put() }));
  const refuses = (run: () => unknown): void =>
    assert.throws(
      run,
      (error: unknown) =>
        error instanceof MalformedLineError &&
        /^A line is not one of a log: .*\.$/.test(error.message),
    );
  for (const text of ['', '1', 'null', '[]', '{"a":', '"x"']) refuses(() => parseLine(text));
  for (const [name, value] of [
    ['lsn', -1],
    ['lsn', '1'],
    ['won', 1],
    ['origin', null],
    ['seq', 1.5],
    ['hlc', 2 ** 53],
    ['kind', 'merge'],
    ['key', 7],
    ['generation', undefined],
    ['hash', 'x'],
    ['hash', 7],
    ['value', 7],
    ['value', null],
    ['meta', 1],
    ['expires_at', 'never'],
    ['kind', 'delete'],
    ['committed_at', undefined],
  ] as const)
    refuses(() => rowOf({ ...good, [name]: value }));
  refuses(() => headOf(good));
  refuses(() => headOfFile('{"hearsay":"else"}'));
  refuses(() => headOfFile('{"hearsay":"ops","format":2}'));
  refuses(() =>
    headOfFile(entriesHeadLine({ kind: 'entries', atMs: 1, upToLsn: 1 }).replace('"at_ms":1,', '')),
  );
  refuses(() => factsOf({}));
  refuses(() => opsEndOf({ end: true }));
  refuses(() => exportedEntryOf('{"key":"a"}', { key: 'a' }));
});

test.run();
