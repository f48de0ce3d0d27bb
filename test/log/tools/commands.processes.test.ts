// time limit: 240 s
/** The tools as people run them: on nodes that run, and on their files. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster, waitForConvergence } from '../../support/nodes.ts';
import { CommandProcess, temporaryDirectory, waitFor } from '../../support/processes.ts';
import { fileOf, tamper, write, writeStory } from './files.ts';
import { fails, jsonOf, succeeds, TOKEN } from './run.ts';

const test = suite('commands on logs');

test('exit codes: 1 where something is not so, 2 where the command is wrong', async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await writeStory([write(0, 'a', 1, '1')], data);
  const on = ['--data-dir', data];
  for (const [reason, ...words] of [
    [/nothing at .*none/, 'log', 'tail', '--data-dir', join(directory.path, 'none')],
    [/^"yesterday" is no point in a log/, 'log', 'at', 'yesterday', ...on],
    [/^"1m" is no point .* begins with a minus: -1m\): name a time/, 'log', 'at', '1m', ...on],
    [/Give --data-dir or --url, not both/, 'log', 'stat', '--url', 'http://localhost:1', ...on],
    [/Give KEY or --prefix/, 'log', 'at', 'now', 'a', '--prefix', 'b', ...on],
    [/unknown option/, 'log', 'verify', '--else'],
    [/missing required argument/, 'log', 'history'],
    [/must be a factor/, 'log', 'replay', 'x', '--to', 'http://localhost:1', '--speed', 'fast'],
    [/Name the node by --to, or in HEARSAY_URL\./, 'log', 'replay', 'x'],
    [/base URL/, 'log', 'tail', '--url', 'localhost:8001'],
    [/There is no file none/, 'log', 'import', 'none', ...on],
  ] as const)
    assert.is(await fails(2, reason, ...words), '');
  await fails(1, /There was no "none" at 20/, 'log', 'at', 'now', 'none', ...on);
  await fails(1, /holds no op on "none"/, 'log', 'history', 'none', ...on);
  await fails(1, /ends at lsn 3, before 9/, 'log', 'at', 'lsn:9', ...on);
  await fails(
    1,
    /http:\/\/127\.0\.0\.1:1 can't be reached: bad port/,
    'log',
    'stat',
    '--url',
    'http://127.0.0.1:1',
  );
  await fails(1, /can't be reached/, 'member', 'list', '--url', 'http://127.0.0.1:1');
  tamper(data, "UPDATE op SET value = '2' WHERE lsn = 3");
  const stdout = await fails(1, /is damaged: 1 fault/, 'log', 'verify', ...on);
  assert.is(stdout, 'lsn 3, node1.aaaaaa/3: has a hash that does not match its content.\n');
});

test('a node refuses an operator who has not its token', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { url } = cluster.node(0);
  const place = ['--url', url];
  const asks =
    /answered 401: X-Internal-Token is wrong: [^\n]*\. Give another token by --token-file/;
  await fails(1, asks, 'log', 'compact', ...place, '--token', 'wrong');
  await succeeds('log', 'compact', ...place, '--token', 'for-tests');
  await succeeds('log', 'tail', ...place);
});

test('tail -f follows a node and a file, and ends with Ctrl-C', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  for (const place of [
    ['--url', node.url],
    ['--data-dir', node.dataDir],
  ]) {
    await using follower = new CommandProcess(
      ['log', 'tail', '-f', '-n', '1', '--json', '--prefix', 'k', ...place],
      TOKEN,
    );
    await node.put('k', { value: 0, version: 'next' });
    await waitFor(() => follower.stdout.includes('"key":"k"'), 15_000, 'it has begun');
    for (let count = 0; count < 20; count++) await node.put('k', { value: count, version: 'next' });
    await node.put('other', { value: 1, version: 'next' });
    await node.put('k-end', { value: 1, version: 'next' });
    await waitFor(() => follower.stdout.includes('k-end'), 15_000, 'it has come to the end');
    const lsns = follower.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).lsn);
    assert.equal(
      lsns,
      [...lsns].sort((a, b) => a - b),
    );
    assert.not.ok(follower.stdout.includes('other'));
    assert.ok(lsns.length >= 22);
    follower.signal('SIGINT');
    assert.is(await follower.ended(), 0);
  }
});

test('members are listed and retired', async () => {
  await using cluster = await startCluster({ environment: { PULL_INTERVAL: '200ms' } });
  const [first, , third] = cluster.nodes;
  assert.ok(first && third);
  const list = () => jsonOf('member', 'list', '--url', first.url);
  await waitFor(async () => (await list()).length === 3, 10_000, 'three members');
  const names = async () => (await list()).map(({ node }) => node);
  assert.equal(await names(), ['node1', 'node2', 'node3']);
  await third.kill();
  await rm(third.dataDir, { recursive: true });
  await first.put('a', { value: 1, version: 1 });
  await waitFor(
    async () =>
      (await list()).some(
        ({ node, holds_back: holdsBack, behind_ops: behind }) =>
          node === 'node3' && holdsBack && behind !== 0,
      ),
    10_000,
    'node3 holds back',
  );
  assert.match(
    (await succeeds('member', 'list', '--url', first.url)).stdout,
    /^NODE +ORIGIN +HEARD \(UTC\) +BEHIND +HOLDS BACK +URL\n/,
  );
  await fails(
    1,
    /node9 is no member of this cluster/,
    'member',
    'retire',
    'node9',
    '--url',
    first.url,
  );
  assert.match(
    (await succeeds('member', 'retire', 'node3', '--url', first.url)).stderr,
    /^node3\.\w+ is retired\.$/m,
  );
  assert.equal(await names(), ['node1', 'node2']);
});

test('a member that is connected is retired only by force', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = cluster.nodes;
  assert.ok(first && second);
  await first.put('a', { value: 1, version: 1 });
  await waitForConvergence(cluster.nodes, 20_000);
  const { origin } = await second.view();
  const { stdout } = await succeeds('member', 'list', '--url', first.url);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  for (const name of ['node2', origin]) {
    const words = ['member', 'retire', name, '--url', first.url];
    const reason = new RegExp(`^${origin} is connected right now, .* --force `);
    await fails(1, reason, ...words);
  }
  assert.is((await jsonOf('member', 'list', '--url', first.url)).length, 2);
  await succeeds('member', 'retire', 'node2', '--force', '--url', first.url);
});

test('a compaction frees what was foretold', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  for (let version = 1; version <= 50; version++) await node.put('a', { value: version, version });
  await node.put('b', { value: 1, version: 1 });
  await node.delete('b');
  await node.put('c', { value: 1, version: 1 });
  const foretold = async (...place: string[]) =>
    Number((await jsonOf('log', 'compact', '--dry-run', '--retention', '1ms', ...place))[0]?.rows);
  await waitFor(
    async () => (await foretold('--url', node.url)) >= 51,
    20_000,
    'all but the entries are stable',
  );
  assert.is(await foretold('--data-dir', node.dataDir), await foretold('--url', node.url));
  const [freed] = await jsonOf('log', 'compact', '--retention', '1ms', '--url', node.url);
  assert.ok(Number(freed?.rows) >= 51);
  await fails(
    1,
    /A node has .* open: let that node compact its log by --url/,
    'log',
    'compact',
    '--data-dir',
    node.dataDir,
  );
  await fails(
    1,
    /was compacted up to .*name a later point/,
    'log',
    'at',
    'lsn:5',
    '--url',
    node.url,
  );
  await succeeds('log', 'verify', '--url', node.url);
  await node.stop();
  await succeeds('log', 'compact', '--data-dir', node.dataDir, '--retention', '1ms');
  const { stdout } = await succeeds('log', 'verify', '--data-dir', node.dataDir);
  assert.match(stdout, /as the node recorded it|none is recorded/);
  assert.ok((await readFile(fileOf(node.dataDir))).length > 0);
});

test.run();
