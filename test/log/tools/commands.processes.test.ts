// time limit: 240 s
/** The tools as people run them: on nodes that run, and on their files. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster, waitForConvergence } from '../../support/nodes.ts';
import {
  CommandProcess,
  runCommand,
  temporaryDirectory,
  waitFor,
} from '../../support/processes.ts';
import { fileOf, tamper, write, writeStory } from './files.ts';
import { fails, jsonOf, succeeds, TOKEN } from './run.ts';

const test = suite('commands on logs');

test('every command reads a running node and its directory alike, as text and as JSON', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  await first.put('a', { value: { n: 1 }, version: 1 });
  await second.put('a', {
    value: new Date(7).toISOString(),
    version: 2,
    meta: { values: ['Date'], v: 1 },
  });
  await first.put('b', { value: 'x'.repeat(500), version: 1, ttl_ms: 3_600_000 });
  await first.delete('a');
  await second.put('a', { value: 'last', version: 1 });
  await waitForConvergence(cluster.nodes, 10_000);
  const places = [
    ['--url', first.url],
    ['--data-dir', first.dataDir],
  ] as const;
  const results: unknown[] = [];
  for (const place of places) {
    const tail = await jsonOf('log', 'tail', ...place, '-n', '0', '--since', 'lsn:1');
    assert.equal(tail, []);
    const all = await jsonOf('log', 'tail', ...place, '--since', 'lsn:1');
    assert.equal(await jsonOf('log', 'tail', ...place), all, 'ten are all');
    assert.equal(
      all.map(({ kind }) => kind),
      ['join', 'join', 'put', 'put', 'put', 'delete', 'put'],
    );
    assert.equal(await jsonOf('log', 'tail', ...place, '-n', '2'), all.slice(-2));
    assert.equal(
      await jsonOf('log', 'tail', ...place, '--key', 'b'),
      all.filter(({ key }) => key === 'b'),
    );
    assert.equal(
      await jsonOf('log', 'tail', ...place, '--kind', 'delete'),
      all.filter(({ kind }) => kind === 'delete'),
    );
    assert.equal(
      await jsonOf('log', 'tail', ...place, '--origin', 'node2'),
      all.filter(({ op }) => String(op).startsWith('node2.')),
    );
    assert.equal(
      await jsonOf('log', 'tail', ...place, '--since', 'lsn:3', '--until', 'lsn:5'),
      all.slice(2, 5),
    );
    const at = await jsonOf('log', 'at', 'lsn:4', ...place);
    assert.equal(
      at.map(({ key, version, meta }) => [key, version, meta !== undefined]),
      [['a', 2, true]],
    );
    assert.equal(
      (await jsonOf('log', 'at', 'now', 'a', ...place)).map(({ value }) => value),
      ['last'],
    );
    const history = await jsonOf('log', 'history', 'a', ...place);
    assert.equal(
      history.map(({ visible }) => (visible as { ending: string } | null)?.ending),
      ['overwritten', 'deleted', undefined, 'open'],
    );
    const [verdict, ...ops] = await jsonOf('log', 'explain', 'a', ...place);
    assert.equal([verdict?.state, verdict?.winner], ['live', ops.at(-1)?.op]);
    assert.equal(
      ops.map(({ clause }) => clause),
      ['generation', 'generation', 'generation', null],
    );
    const [stat] = await jsonOf('log', 'stat', ...place);
    assert.equal([stat?.ops, stat?.live_keys, stat?.dead_keys], [7, 2, 0]);
    const [summary] = await jsonOf('log', 'verify', ...place);
    assert.equal([summary?.whole, summary?.rows], [true, 7]);
    const [foreseen] = await jsonOf('log', 'compact', '--dry-run', ...place);
    assert.is(foreseen?.rows, 0);
    results.push([all, at, history, ops]);
    for (const words of [
      ['tail'],
      ['at', 'now'],
      ['history', 'a'],
      ['explain', 'a'],
      ['stat'],
      ['verify'],
    ]) {
      const { stdout } = await runCommand(['log', ...words, ...place], { ...TOKEN, COLUMNS: '80' });
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    }
    const { stdout } = await succeeds('log', 'tail', ...place);
    assert.match(stdout, / 1970-01-01T/, 'a Date is shown as one');
  }
  assert.equal(results[0], results[1]);
  assert.equal(
    await jsonOf('log', 'diff', first.dataDir, second.url),
    await jsonOf('log', 'diff', first.url, second.dataDir),
  );
});

test('exit codes: 1 where something is not so, 2 where the command is wrong', async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await writeStory([write(0, 'a', 1, '1')], data);
  const on = ['--data-dir', data];
  for (const [reason, ...words] of [
    [/nothing at .*none/, 'log', 'tail', '--data-dir', join(directory.path, 'none')],
    [/is no point in a log/, 'log', 'at', 'yesterday', ...on],
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

test('a node refuses whoever has not its token', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { url } = cluster.node(0);
  await fails(
    1,
    /refuses the token: give the cluster's by --token/,
    'log',
    'tail',
    '--url',
    url,
    '--token',
    'wrong',
  );
  await succeeds('log', 'tail', '--url', url, '--token', 'for-tests');
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

test('explain tells who has not seen an op; diff tells who lacks it', async () => {
  await using cluster = await startCluster();
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await waitForConvergence(cluster.nodes, 10_000);
  await third.kill('SIGSTOP');
  await first.put('late', { value: 1, version: 1 });
  await waitFor(async () => (await second.get('late')).ok, 5000, 'the second has it');
  const unseen = async () => {
    const [verdict] = await jsonOf('log', 'explain', 'late', '--url', first.url);
    return ((verdict?.unseen_by ?? []) as { node: string }[]).map(({ node }) => node);
  };
  await waitFor(
    async () => (await unseen()).join() === 'node3',
    15_000,
    'only node3 has not seen it',
  );
  const { stdout } = await succeeds('log', 'explain', 'late', '--url', first.url);
  assert.match(stdout, /not seen node3 \(node3\.\w+\), by their last acknowledgement/);
  const difference = (await jsonOf('log', 'diff', first.url, third.dataDir)).find(
    ({ type }) => type === 'key',
  );
  assert.equal(
    [difference?.key, difference?.reason, difference?.side, difference?.b],
    ['late', 'not-received', 'b', null],
  );
  await third.kill('SIGCONT');
  await waitFor(async () => (await unseen()).length === 0, 20_000, 'every member has seen it');
  assert.match(
    (await succeeds('log', 'diff', first.url, third.dataDir)).stderr,
    /Every key reads alike in both/,
  );
});

test('members are listed and retired', async () => {
  await using cluster = await startCluster({ environment: { PULL_INTERVAL: '200ms' } });
  const [first, , third] = cluster.nodes;
  assert.ok(first && third);
  const list = () => jsonOf('member', 'list', '--url', first.url);
  await waitFor(async () => (await list()).length === 3, 10_000, 'three members');
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
  assert.equal(
    (await list()).map(({ node }) => node),
    ['node1', 'node2'],
  );
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
