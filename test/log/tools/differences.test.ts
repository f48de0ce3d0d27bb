/** How two logs differ, and why. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryLog } from '../../../src/log/memory.ts';
import {
  compareEntries,
  compareVectors,
  EntryFold,
  type KeyDifference,
} from '../../../src/log/tools/differences.ts';
import type { LogFacts } from '../../../src/log/tools/logSource.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import type { KeyOp } from '../../../src/words/op.ts';
import type { OriginRecord } from '../../../src/words/row.ts';
import { NO_FACTS } from '../../../src/words/row.ts';
import { put, row, tombstone } from '../../support/ops.ts';
import { headOfRow, MemorySource } from './memorySource.ts';
import { memoryLog, ORIGINS, START_MS, story, tell } from './stories.ts';

const test = suite('differences between logs');

const record = (origin: string, seq: number, low = seq): OriginRecord => ({
  origin,
  seq,
  sum: { high: 0, low },
  reach: 0,
  compactedSum: { high: 0, low: 0 },
});

const factsOf = (
  records: readonly OriginRecord[],
  stable: ReadonlyMap<string, number> = new Map(),
): LogFacts => ({
  header: {
    clusterName: 'c',
    clusterId: 'c1',
    origin: 'n.a',
    horizon: 0,
    stable,
    stableClock: 500,
    facts: NO_FACTS,
  },
  records,
  firstLsn: 1,
  lastLsn: 9,
  sizeBytes: 1,
  nowMs: 1000,
});

function foldOf(
  vector: Readonly<Record<string, number>>,
  ops: readonly KeyOp[],
  stable: ReadonlyMap<string, number> = new Map(),
): EntryFold {
  const fold = new EntryFold(
    factsOf(
      Object.entries(vector).map(([origin, seq]) => record(origin, seq)),
      stable,
    ),
  );
  for (const [index, op] of ops.entries()) fold.take(headOfRow(row(index + 1, op)));
  return fold;
}

const compared = (a: EntryFold, b: EntryFold): KeyDifference[] => [
  ...compareEntries(a, b, 1000, ['A', 'B']),
];

test('the vectors: who lacks how much of whom, and equal counts of different ops', () => {
  const a = factsOf([record('n.a', 5), record('n.b', 3), record('n.c', 2)]);
  const b = factsOf([record('n.a', 5, 99), record('n.b', 4)]);
  assert.equal(compareVectors(a, b), [
    { origin: 'n.a', seqs: [5, 5], sameSums: false },
    { origin: 'n.b', seqs: [3, 4], sameSums: null },
    { origin: 'n.c', seqs: [2, 0], sameSums: null },
  ]);
});

const one = put({ origin: 'n.a', seq: 1, version: 1 });
const two = put({ origin: 'n.b', seq: 1, version: 2, value: '2' });

test('an op that one side lacks', () => {
  const [found] = compared(foldOf({ 'n.a': 1 }, [one]), foldOf({ 'n.a': 1, 'n.b': 1 }, [one, two]));
  assert.equal(
    [found?.reason, found?.side, found?.why],
    ['not-received', 'a', 'A has not received n.b/1, where version 2 beats 1'],
  );
  const [absent] = compared(foldOf({ 'n.a': 1 }, [one]), foldOf({}, []));
  assert.equal([absent?.reason, absent?.side, absent?.b], ['not-received', 'b', null]);
});

test('an op that is held, and not shown: damage', () => {
  const [found] = compared(
    foldOf({ 'n.a': 1, 'n.b': 1 }, [one]),
    foldOf({ 'n.a': 1, 'n.b': 1 }, [one, two]),
  );
  assert.equal([found?.reason, found?.side], ['damaged', 'a']);
  assert.match(found?.why ?? '', /^A holds n\.b\/1 by its vector, and does not show it/);
});

test('two ops of one name: a fork', () => {
  const other = put({ origin: 'n.a', seq: 1, version: 1, value: '"other"' });
  const [found] = compared(foldOf({ 'n.a': 1 }, [one]), foldOf({ 'n.a': 1 }, [other]));
  assert.equal([found?.reason, found?.why], ['forked', 'two different ops are called n.a/1']);
});

test('what was deleted and collected is superseded, and dead ones are alike', () => {
  const removed = tombstone({ origin: 'n.b', seq: 1 });
  const collected = foldOf({ 'n.a': 1, 'n.b': 1 }, [one, removed], new Map([['n.b', 1]]));
  assert.is(collected.entries.size, 0);
  const [found] = compared(foldOf({ 'n.a': 1 }, [one]), collected);
  assert.equal([found?.reason, found?.side], ['superseded', 'a']);
  assert.equal(compared(foldOf({ 'n.a': 1, 'n.b': 1 }, [one, removed]), collected), []);
  const expired = put({ origin: 'n.a', seq: 1, expiresAt: 900 });
  assert.equal(compared(foldOf({ 'n.a': 1 }, [expired]), foldOf({}, [])), []);
});

test('two replicas never differ for another reason than that ops are still missing', async () => {
  let differences = 0;
  await fc.assert(
    fc.asyncProperty(story(true), async (steps) => {
      const { log, nowMs, replicas } = await tell(steps, memoryLog(ORIGINS[0]));
      const other = replicas[1].log;
      if (!(log instanceof MemoryLog) || !(other instanceof MemoryLog))
        throw new Error('Not in memory.');
      const folds: EntryFold[] = [];
      for (const one of [log, other]) {
        const source = new MemorySource(one.stored(), nowMs);
        const facts = await source.facts();
        const fold = new EntryFold(facts);
        for await (const heads of new Walk(0, facts.lastLsn).heads(source))
          for (const head of heads) fold.take(head);
        folds.push(fold);
      }
      const [a, b] = folds;
      assert.ok(a && b);
      for (const difference of compareEntries(a, b, nowMs, ['A', 'B'])) {
        differences++;
        assert.is(difference.reason, 'not-received', difference.why);
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(differences > 50, `${differences} since ${START_MS}`);
});

test.run();
