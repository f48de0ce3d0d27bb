// time limit: 240 s
/** The tools as people run them: on nodes that run, on their files, and from one to the other. */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeProcess, startCluster, waitForConvergence } from '../support/nodes.ts';
import { CommandProcess, runCommand, temporaryDirectory, waitFor } from '../support/processes.ts';
import { fileOf, longStory, tamper, write, writeStory } from './files.ts';

const test = suite('commands on logs');

const TOKEN = { INTERNAL_TOKEN: 'for-tests' };

async function succeeds(...words: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await runCommand(words, TOKEN);
  assert.is(code, 0, `hearsay ${words.join(' ')}\n${stderr}`);
  return { stdout, stderr };
}

/** What it prints with --json, parsed. */
async function jsonOf(...words: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await succeeds(...words, '--json');
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
}

async function fails(code: number, reason: RegExp, ...words: readonly string[]): Promise<string> {
  const ended = await runCommand(words, TOKEN);
  assert.is(ended.code, code, `hearsay ${words.join(' ')}\n${ended.stderr}`);
  assert.match(ended.stderr, reason);
  return ended.stdout;
}

async function writeSome(node: NodeProcess, keys: number, from = 0): Promise<void> {
  for (let index = from; index < from + keys; index++)
    assert.is((await node.put(`key${index}`, { value: { index }, version: 1 })).status, 200);
}

test('every command reads a running node and its directory alike, as text and as JSON', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  await first.put('a', { value: { n: 1 }, version: 1 });
  await second.put('a', { value: new Date(7).toISOString(), version: 2, meta: { values: ['Date'], v: 1 } });
  await first.put('b', { value: 'x'.repeat(500), version: 1, ttl_ms: 3_600_000 });
  await first.delete('a');
  await second.put('a', { value: 'last', version: 1 });
  await waitForConvergence(cluster.nodes, 10_000);
  const places = [['--url', first.url], ['--data-dir', first.dataDir]] as const;
  const results: unknown[] = [];
  for (const place of places) {
    const tail = await jsonOf('log', 'tail', ...place, '-n', '0', '--since', 'lsn:1');
    assert.equal(tail, []);
    const all = await jsonOf('log', 'tail', ...place, '--since', 'lsn:1');
    assert.equal(await jsonOf('log', 'tail', ...place), all, 'ten are all');
    assert.equal(all.map(({ kind }) => kind), ['join', 'join', 'put', 'put', 'put', 'delete', 'put']);
    assert.equal(await jsonOf('log', 'tail', ...place, '-n', '2'), all.slice(-2));
    assert.equal(await jsonOf('log', 'tail', ...place, '--key', 'b'), all.filter(({ key }) => key === 'b'));
    assert.equal(await jsonOf('log', 'tail', ...place, '--kind', 'delete'), all.filter(({ kind }) => kind === 'delete'));
    assert.equal(await jsonOf('log', 'tail', ...place, '--origin', 'node2'), all.filter(({ op }) => String(op).startsWith('node2.')));
    assert.equal(await jsonOf('log', 'tail', ...place, '--since', 'lsn:3', '--until', 'lsn:5'), all.slice(2, 5));
    const at = await jsonOf('log', 'at', 'lsn:4', ...place);
    assert.equal(at.map(({ key, version, meta }) => [key, version, meta !== undefined]), [['a', 2, true]]);
    assert.equal((await jsonOf('log', 'at', 'now', 'a', ...place)).map(({ value }) => value), ['last']);
    const history = await jsonOf('log', 'history', 'a', ...place);
    assert.equal(history.map(({ visible }) => (visible as { ending: string } | null)?.ending), ['overwritten', 'deleted', undefined, 'open']);
    const [verdict, ...ops] = await jsonOf('log', 'explain', 'a', ...place);
    assert.equal([verdict?.state, verdict?.winner], ['live', ops.at(-1)?.op]);
    assert.equal(ops.map(({ clause }) => clause), ['generation', 'generation', 'generation', null]);
    const [stat] = await jsonOf('log', 'stat', ...place);
    assert.equal([stat?.ops, stat?.live_keys, stat?.dead_keys], [7, 2, 0]);
    const [summary] = await jsonOf('log', 'verify', ...place);
    assert.equal([summary?.whole, summary?.rows], [true, 7]);
    const [foreseen] = await jsonOf('log', 'compact', '--dry-run', ...place);
    assert.is(foreseen?.rows, 0);
    results.push([all, at, history, ops]);
    for (const words of [['tail'], ['at', 'now'], ['history', 'a'], ['explain', 'a'], ['stat'], ['verify']]) {
      const { stdout } = await succeeds('log', ...words, ...place);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line);
    }
    const { stdout } = await succeeds('log', 'tail', ...place);
    assert.match(stdout, /1970-01-01T00:00:00/, 'a Date is shown as one');
  }
  assert.equal(results[0], results[1]);
  assert.equal(await jsonOf('log', 'diff', first.dataDir, second.url), await jsonOf('log', 'diff', first.url, second.dataDir));
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
    [/required option '--to/, 'log', 'replay', 'x'],
    [/base URL/, 'log', 'tail', '--url', 'localhost:8001'],
    [/There is no file none/, 'log', 'import', 'none', ...on],
  ] as const)
    assert.is(await fails(2, reason, ...words), '');
  await fails(1, /There was no "none" at 20/, 'log', 'at', 'now', 'none', ...on);
  await fails(1, /holds no op on "none"/, 'log', 'history', 'none', ...on);
  await fails(1, /ends at lsn 3, before 9/, 'log', 'at', 'lsn:9', ...on);
  await fails(1, /No node answers at http:\/\/127\.0\.0\.1:1 /, 'log', 'stat', '--url', 'http://127.0.0.1:1');
  await fails(1, /No node answers/, 'member', 'list', '--url', 'http://127.0.0.1:1');
  tamper(data, "UPDATE op SET value = '2' WHERE lsn = 3");
  const stdout = await fails(1, /is damaged: 1 fault/, 'log', 'verify', ...on);
  assert.is(stdout, 'lsn 3, node1.aaaaaa/3: is not what was written: its hash is that of something else.\n');
});

test('a node refuses whoever has not its token', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const { url } = cluster.node(0);
  await fails(1, /refuses the token: give the cluster's by --token/, 'log', 'tail', '--url', url, '--token', 'wrong');
  await succeeds('log', 'tail', '--url', url, '--token', 'for-tests');
});

test('tail -f follows a node and a file, and ends with Ctrl-C', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  for (const place of [['--url', node.url], ['--data-dir', node.dataDir]]) {
    await using follower = new CommandProcess(['log', 'tail', '-f', '-n', '1', '--json', '--prefix', 'k', ...place], TOKEN);
    await node.put('k', { value: 0, version: 'next' });
    await waitFor(() => follower.stdout.includes('"key":"k"'), 15_000, 'it has begun');
    for (let count = 0; count < 20; count++) await node.put('k', { value: count, version: 'next' });
    await node.put('other', { value: 1, version: 'next' });
    await node.put('k-end', { value: 1, version: 'next' });
    await waitFor(() => follower.stdout.includes('k-end'), 15_000, 'it has come to the end');
    const lsns = follower.stdout.trimEnd().split('\n').map((line) => JSON.parse(line).lsn);
    assert.equal(lsns, [...lsns].sort((a, b) => a - b));
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
    return (verdict?.unseen_by as { node: string }[]).map(({ node }) => node);
  };
  await waitFor(async () => JSON.stringify(await unseen()) === '["node3"]', 15_000, 'only node3 has not seen it');
  const { stdout } = await succeeds('log', 'explain', 'late', '--url', first.url);
  assert.match(stdout, /not seen node3 \(node3\.\w+\), by what they last acknowledged/);
  const difference = (await jsonOf('log', 'diff', first.url, third.dataDir)).find(({ type }) => type === 'key');
  assert.equal([difference?.key, difference?.reason, difference?.side, difference?.b], ['late', 'not-received', 'b', null]);
  await third.kill('SIGCONT');
  await waitFor(async () => (await unseen()).length === 0, 20_000, 'every member has seen it');
  assert.match((await succeeds('log', 'diff', first.url, third.dataDir)).stderr, /Every key reads alike in both/);
});

test('a backup of a running node goes back under a new origin, and nothing is lost', async () => {
  await using cluster = await startCluster();
  const [first, second] = cluster.nodes;
  assert.ok(first && second);
  await writeSome(first, 30);
  const file = join(cluster.directory, 'first.db');
  const { stderr } = await succeeds('backup', file, '--data-dir', first.dataDir);
  assert.match(stderr, /first\.db holds the log of node1\.\w+ up to lsn \d+: \d+ ops, \d+ live keys, .* proven\./);
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
  for (const key of ['key0', 'key29', 'key39', 'key44']) assert.is((await first.get(key)).status, 200, key);
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
    await fails(1, /ends before its last line/, 'log', 'import', at('part.jsonl'), '--data-dir', at(`cut${keptBytes}`));
    const { stderr } = await succeeds('log', 'export', '--as-ops', '--data-dir', node.dataDir, '--output', at('part.jsonl'));
    assert.match(stderr, /was cut off; going on behind lsn \d+/);
    assert.equal(await readFile(at('part.jsonl'), 'utf8'), whole.toString());
    await rm(at('part.jsonl'));
  }
  assert.match((await succeeds('log', 'export', '--as-ops', '--data-dir', node.dataDir, '--output', at('whole.jsonl'))).stderr, /is whole already/);
  await fails(2, /holds|beginning of an export of ops|is whole already/, 'log', 'import', at('whole.jsonl'), '--url', node.url);
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
  assert.equal(members.map(({ origin }) => origin), [after.origin]);
});

test('entries go into a running cluster as PUTs; what it holds already is skipped, and said', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const at = (name: string) => join(cluster.directory, name);
  await writeStory([...longStory(20), write(0, 'typed', 1, '"2026-11-24T10:00:00.000Z"')], at('old'));
  const { stdout, stderr } = await succeeds('log', 'export', '--data-dir', at('old'));
  await writeFile(at('entries.jsonl'), stdout);
  assert.match(stderr, /19 entries, as of/);
  await node.put('typed', { value: 'newer', version: 5 });
  const first = await succeeds('log', 'import', at('entries.jsonl'), '--url', node.url);
  assert.match(first.stderr, /Skipped typed, version 1: the cluster holds version 5\.\n18 entries stored, 1 conflicting skipped\./);
  const again = await jsonOf('log', 'import', at('entries.jsonl'), '--url', node.url);
  assert.equal(new Set(again.map(({ status }) => status)), new Set(['skipped']));
  assert.is(again.length, 19);
  await writeFile(at('cut.jsonl'), stdout.slice(0, stdout.length / 2));
  await fails(1, /ends before its last line/, 'log', 'import', at('cut.jsonl'), '--url', node.url);
  await fails(1, /No node answers .*Go on with --from-line 2\./, 'log', 'import', at('entries.jsonl'), '--url', 'http://127.0.0.1:1');
});

test('a replay sends what was recorded, in its order, as ordinary writes', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const at = (name: string) => join(cluster.directory, name);
  await writeStory(longStory(60), at('old'));
  await succeeds('log', 'export', '--as-ops', '--data-dir', at('old'), '--output', at('ops.jsonl'));
  const [half] = await jsonOf('log', 'replay', at('ops.jsonl'), '--to', node.url, '--max', '--until', 'lsn:30');
  assert.equal([half?.writes, half?.failed], [28, 0]);
  const startedAt = performance.now();
  const [sent] = await jsonOf('log', 'replay', at('ops.jsonl'), '--to', node.url, '--speed', '0.5x');
  assert.ok(performance.now() - startedAt >= 600, 'three hundred milliseconds at half the speed');
  assert.equal([sent?.writes, sent?.failed], [62, 0]);
  const values = await jsonOf('log', 'at', 'now', '--data-dir', at('old'));
  for (const { key, value, version } of values) {
    const entry = await (await node.get(String(key))).json() as { value: unknown; version: number };
    assert.equal([entry.value, entry.version], [value, version], String(key));
  }
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
    async () => (await list()).some(({ node, holds_back: holdsBack, behind_ops: behind }) => node === 'node3' && holdsBack && behind !== 0),
    10_000,
    'node3 holds back',
  );
  assert.match((await succeeds('member', 'list', '--url', first.url)).stdout, /^NODE +ORIGIN +URL +HEARD \(UTC\) +BEHIND +HOLDS BACK\n/);
  await fails(1, /node9 is no member of this cluster/, 'member', 'retire', 'node9', '--url', first.url);
  assert.match((await succeeds('member', 'retire', 'node3', '--url', first.url)).stderr, /^node3\.\w+ is retired\.$/m);
  assert.equal((await list()).map(({ node }) => node), ['node1', 'node2']);
});

test('a compaction frees what was foretold', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  for (let version = 1; version <= 50; version++) await node.put('a', { value: version, version });
  await node.put('b', { value: 1, version: 1 });
  await node.delete('b');
  await node.put('c', { value: 1, version: 1 });
  const foretold = async (...place: string[]) => Number((await jsonOf('log', 'compact', '--dry-run', '--retention', '1ms', ...place))[0]?.rows);
  await waitFor(async () => (await foretold('--url', node.url)) >= 51, 20_000, 'all but the entries are stable');
  assert.is(await foretold('--data-dir', node.dataDir), await foretold('--url', node.url));
  const [freed] = await jsonOf('log', 'compact', '--retention', '1ms', '--url', node.url);
  assert.ok(Number(freed?.rows) >= 51);
  await fails(1, /A node has .* open: let it compact its log itself by --url/, 'log', 'compact', '--data-dir', node.dataDir);
  await fails(1, /was compacted up to .*name a later point/, 'log', 'at', 'lsn:5', '--url', node.url);
  await succeeds('log', 'verify', '--url', node.url);
  await node.stop();
  await succeeds('log', 'compact', '--data-dir', node.dataDir, '--retention', '1ms');
  const { stdout } = await succeeds('log', 'verify', '--data-dir', node.dataDir);
  assert.match(stdout, /as the node recorded it|none is recorded/);
  assert.ok((await readFile(fileOf(node.dataDir))).length > 0);
});

test.run();
