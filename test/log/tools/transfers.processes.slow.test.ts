// time limit: 240 s
/** Imports into a running cluster, and replays. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/nodes.ts';
import { longStory, write, writeStory } from './files.ts';
import { fails, jsonOf, succeeds } from './run.ts';

const test = suite('entries and replays that go elsewhere');

test('entries go into a running cluster as PUTs; what it holds already is skipped, and said', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const at = (name: string) => join(cluster.directory, name);
  await writeStory(
    [...longStory(20), write(0, 'typed', 1, '"2026-11-24T10:00:00.000Z"')],
    at('old'),
  );
  const { stdout, stderr } = await succeeds('log', 'export', '--data-dir', at('old'));
  await writeFile(at('entries.jsonl'), stdout);
  assert.match(stderr, /19 entries, as of/);
  await node.put('typed', { value: 'newer', version: 5 });
  const first = await succeeds('log', 'import', at('entries.jsonl'), '--url', node.url);
  assert.match(
    first.stderr,
    /^Skipped as conflicting: typed, version 1: the cluster holds version 5\.\n18 entries stored, 1 conflicting skipped\./,
  );
  const again = await jsonOf('log', 'import', at('entries.jsonl'), '--url', node.url);
  assert.equal(new Set(again.map(({ status }) => status)), new Set(['skipped']));
  assert.is(again.length, 19);
  const told = await succeeds('log', 'import', at('entries.jsonl'), '--url', node.url);
  assert.match(told.stderr, /^Skipped as conflicting: \S+, version \d+: the cluster holds version/);
  assert.match(
    told.stderr.replaceAll('\n  ', ' '),
    /; and 16 more, which --verbose tells\.\n0 entries/,
  );
  const words = ['log', 'import', at('entries.jsonl'), '--url', node.url, '--verbose'];
  assert.is((await succeeds(...words)).stderr.match(/^Skipped \S+, version \d+: /gm)?.length, 19);
  await writeFile(at('open.jsonl'), stdout.trimEnd());
  const open = await jsonOf('log', 'import', at('open.jsonl'), '--url', node.url);
  assert.is(open.length, 19);
  await writeFile(at('one.jsonl'), stdout.split('\n')[0] ?? '');
  await fails(1, /ends before its last line/, 'log', 'import', at('one.jsonl'), '--url', node.url);
  await writeFile(at('cut.jsonl'), stdout.slice(0, stdout.length / 2));
  await fails(1, /ends before its last line/, 'log', 'import', at('cut.jsonl'), '--url', node.url);
  await fails(
    1,
    /can't be reached: .*Go on with --from-line 2\./,
    'log',
    'import',
    at('entries.jsonl'),
    '--url',
    'http://127.0.0.1:1',
  );
});

test('a replay sends what was recorded, in its order, as ordinary writes', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const at = (name: string) => join(cluster.directory, name);
  await writeStory(longStory(60), at('old'));
  await succeeds('log', 'export', '--as-ops', '--data-dir', at('old'), '--output', at('ops.jsonl'));
  const [half] = await jsonOf(
    'log',
    'replay',
    at('ops.jsonl'),
    '--to',
    node.url,
    '--max',
    '--until',
    'lsn:30',
  );
  assert.equal([half?.writes, half?.failed], [28, 0]);
  const startedAt = performance.now();
  const [sent] = await jsonOf(
    'log',
    'replay',
    at('ops.jsonl'),
    '--to',
    node.url,
    '--speed',
    '0.5x',
  );
  const elapsedMs = performance.now() - startedAt;
  const times = await committedTimes(at('ops.jsonl'));
  const recordedMs = Math.max(...times) - Math.min(...times);
  assert.ok(recordedMs > 200, `${recordedMs} ms were recorded`);
  assert.ok(elapsedMs >= 2 * recordedMs, `${recordedMs} ms at half the speed: ${elapsedMs} ms`);
  assert.equal([sent?.writes, sent?.failed], [62, 0]);
  const values = await jsonOf('log', 'at', 'now', '--data-dir', at('old'));
  for (const { key, value, version } of values) {
    const entry = (await (await node.get(String(key))).json()) as {
      value: unknown;
      version: number;
    };
    assert.equal([entry.value, entry.version], [value, version], String(key));
  }
});

test.run();

/** When the writes of an export were committed, UTC milliseconds. */
async function committedTimes(file: string): Promise<number[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as { kind?: string; committed_at?: number })
    .flatMap(({ kind, committed_at: at }) => (kind === 'put' && at !== undefined ? [at] : []));
}
