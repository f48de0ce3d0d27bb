/** The statistics of a log; compaction frees as much as they say. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryLog } from '../../../src/log/memory.ts';
import { prefixOf } from '../../../src/log/tools/prefixes.ts';
import { type Statistics, StatisticsFold } from '../../../src/log/tools/statistics.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import { Compactor } from '../../../src/replica/compact.ts';
import { isDead } from '../../../src/words/op.ts';
import { MemorySource } from './memorySource.ts';
import { memoryLog, ORIGINS, story, type Told, tell } from './stories.ts';

const test = suite('statistics of a log');

async function statisticsOf({ log, nowMs }: Told, retentionMs: number): Promise<Statistics> {
  if (!(log instanceof MemoryLog)) throw new Error('The story was told to another log.');
  const source = new MemorySource(log.stored(), nowMs);
  const facts = await source.facts();
  const fold = new StatisticsFold(facts, retentionMs);
  for await (const heads of new Walk(0, facts.lastLsn).heads(source))
    for (const head of heads) fold.take(head);
  return fold.end();
}

test('compaction frees what was foretold, to the row', async () => {
  let freed = 0;
  await fc.assert(
    fc.asyncProperty(story(true), fc.constantFrom(0, 20, 1000), async (steps, retentionMs) => {
      // The log's own facts tell the collected entries, so the last step settles them.
      const told = await tell(
        [...steps, { kind: 'exchange', to: 0 }, { kind: 'exchange', to: 1 }, { kind: 'collect' }],
        memoryLog(ORIGINS[0]),
      );
      const { compactable } = await statisticsOf(told, retentionMs);
      const { rows } = await new Compactor(told.replicas[0], retentionMs).run();
      assert.is(compactable.rows, rows);
      freed += rows;
    }),
    { numRuns: 200 },
  );
  assert.ok(freed > 50, `${freed} rows`);
});

test('it counts what the replica holds', async () => {
  await fc.assert(
    fc.asyncProperty(story(true), async (steps) => {
      const told = await tell([...steps, { kind: 'collect' }], memoryLog(ORIGINS[0]));
      const found = await statisticsOf(told, 1000);
      const entries = [...told.replicas[0].map.entries()];
      const live = entries.filter((entry) => !isDead(entry, told.nowMs));
      assert.equal(found.keys, { live: live.length, dead: entries.length - live.length });
      const bytes = live.reduce(
        (sum, { key, value, meta }) => sum + Buffer.byteLength(key + value + (meta ?? '')),
        0,
      );
      assert.is(found.liveBytes, bytes);
      assert.is(found.biggest.length, Math.min(10, live.length));
      assert.is(
        found.ops,
        found.origins.reduce((sum, { ops }) => sum + ops, 0),
      );
    }),
    { numRuns: 60 },
  );
});

test('a prefix goes up to the first separator', () => {
  for (const [key, prefix] of [
    ['user:1:a', 'user:'],
    ['a/b', 'a/'],
    ['a.b/c', 'a.'],
    ['plain', 'plain'],
    ['', ''],
    ['x'.repeat(100), 'x'.repeat(64)],
  ] as const)
    assert.is(prefixOf(key), prefix);
});

test.run();
