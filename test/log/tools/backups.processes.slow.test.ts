// time limit: 240 s
/** From one log to another: backups, exports and imports, replays. */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeProcess, startCluster, waitForConvergence } from '../../support/nodes.ts';
import { fails, jsonOf, succeeds } from './run.ts';

const test = suite('logs that go elsewhere');

async function writeSome(node: NodeProcess, keys: number, from = 0): Promise<void> {
  for (let index = from; index < from + keys; index++)
    assert.is((await node.put(`key${index}`, { value: { index }, version: 1 })).status, 200);
}

test('a backup of a running node goes back under a new origin, and nothing is lost', async () => {
  await using cluster = await startCluster();
  const [first, second] = cluster.nodes;
  assert.ok(first && second);
  await writeSome(first, 30);
  const file = join(cluster.directory, 'first.db');
  const { stderr } = await succeeds('backup', file, '--data-dir', first.dataDir);
  assert.match(
    stderr,
    /first\.db holds the log of node1\.\w+ up to lsn \d+: \d+ ops, \d+ live keys, .* verified\./,
  );
  await writeSome(first, 10, 30);
  await waitForConvergence(cluster.nodes, 10_000);
  const { origin } = await first.view();
  await first.stop();
  await fails(2, /has a log: move it aside/, 'restore', file, '--data-dir', first.dataDir);
  await rm(first.dataDir, { recursive: true });
  await succeeds('restore', file, '--data-dir', first.dataDir);
  await first.start();
  await writeSome(first, 5, 40);
  await waitForConvergence(cluster.nodes, 20_000);
  assert.is.not((await first.view()).origin, origin);
  for (const key of ['key0', 'key29', 'key39', 'key44'])
    assert.is((await first.get(key)).status, 200, key);
  await succeeds('log', 'verify', '--url', first.url);
});

test('a history goes into an empty node, which serves it as a cluster of its own', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  await writeSome(node, 50);
  await node.delete('key7');
  const at = (name: string) => join(cluster.directory, name);
  await succeeds('log', 'export', '--as-ops', '--url', node.url, '--output', at('whole.jsonl'));
  const before = await node.view();
  await node.stop();
  // As if it had been cut off twice: in the middle of a row, and before its last line.
  const whole = await readFile(at('whole.jsonl'));
  for (const keptBytes of [Math.floor(whole.length / 2), whole.lastIndexOf('{"end"')]) {
    await writeFile(at('part.jsonl'), whole);
    await truncate(at('part.jsonl'), keptBytes);
    await fails(
      1,
      /ends before its last line/,
      'log',
      'import',
      at('part.jsonl'),
      '--data-dir',
      at(`cut${keptBytes}`),
    );
    const { stderr } = await succeeds(
      'log',
      'export',
      '--as-ops',
      '--data-dir',
      node.dataDir,
      '--output',
      at('part.jsonl'),
    );
    assert.match(stderr, /was cut off; going on behind lsn \d+/);
    assert.equal(await readFile(at('part.jsonl'), 'utf8'), whole.toString());
    await rm(at('part.jsonl'));
  }
  assert.match(
    (
      await succeeds(
        'log',
        'export',
        '--as-ops',
        '--data-dir',
        node.dataDir,
        '--output',
        at('whole.jsonl'),
      )
    ).stderr,
    /is whole already/,
  );
  const lines = whole.toString().split('\n');
  await writeFile(
    at('twice.jsonl'),
    [...lines.slice(0, 5), lines[4], ...lines.slice(5)].join('\n'),
  );
  await fails(
    1,
    /The export is damaged: line 6 repeats the op of line 5; export it again\./,
    'log',
    'import',
    at('twice.jsonl'),
    '--data-dir',
    at('twice'),
  );
  await fails(
    2,
    /Ops are imported into an empty data directory/,
    'log',
    'import',
    at('whole.jsonl'),
    '--url',
    node.url,
  );
  await rm(node.dataDir, { recursive: true });
  const { stderr } = await succeeds('log', 'import', at('whole.jsonl'), '--data-dir', node.dataDir);
  assert.match(stderr, /52 ops are in .*, under the new origin node1\.\w{6}; none was skipped\./);
  await node.start();
  const after = await node.view();
  assert.is(after.map_sum.sum, before.map_sum.sum);
  assert.is.not(after.origin, before.origin);
  assert.is((await node.get('key3')).status, 200);
  assert.is((await node.get('key7')).status, 404);
  assert.is((await node.put('new', { value: 1, version: 1 })).status, 200);
  await succeeds('log', 'verify', '--data-dir', node.dataDir);
  const members = await jsonOf('member', 'list', '--url', node.url);
  assert.equal(
    members.map(({ origin }) => origin),
    [after.origin],
  );
});

test.run();
