// time limit: 240 s
/** Every tool as people run it, on nodes that run and on their files alike. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster, waitForConvergence } from '../../support/nodes.ts';
import { waitFor } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';
import { jsonOf, succeeds, TOKEN } from './run.ts';

const test = suite('all commands on logs');

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
      const { stdout } = await runShared(['log', ...words, ...place], { ...TOKEN, COLUMNS: '80' });
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

test.run();
