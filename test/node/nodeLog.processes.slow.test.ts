// time limit: 180 s
/** The log of a node: a sentence for people on each line, and its facts for machines. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { HandWrittenPeer } from '../support/handWrittenPeer.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';

const nodeLog = suite('log of a node');

const LIMIT_MS = 30_000;
const lineSchema = z.looseObject({
  time: z.string(),
  level: z.string(),
  node: z.string(),
  msg: z.string(),
  event: z.string().optional(),
});
type Line = z.output<typeof lineSchema>;

const linesOf = (node: NodeProcess, event: string): Line[] =>
  node
    .logs()
    .split('\n')
    .slice(0, -1) // what follows the last line feed is no line yet
    .map((line) => lineSchema.parse(JSON.parse(line)))
    .filter((line) => line.event === event);

/** The first line of the event, without its time and the like. */
async function factsOf(node: NodeProcess, event: string): Promise<Record<string, unknown>> {
  await waitFor(() => linesOf(node, event).length > 0, LIMIT_MS, `${event} is logged`);
  const [line] = linesOf(node, event);
  if (line === undefined) throw new Error(`${event} is gone from the log.`);
  const { time: _time, node: _node, msg: _msg, event: _event, ...facts } = line;
  return facts;
}

nodeLog('what happens to peers is logged with the peer, its origin and the reason', async () => {
  await using cluster = await startCluster({ nodes: 2, environment: { LOG_FORMAT: 'json' } });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  const { origin } = await second.view();
  const peer = { level: 'info', peer: 'node2', origin };
  assert.equal(await factsOf(first, 'connected'), peer);
  await second.stop();
  const { reason, ...lost } = await factsOf(first, 'disconnected');
  assert.equal(lost, peer);
  assert.type(reason, 'string');
  const formed = [...linesOf(first, 'formed'), ...linesOf(second, 'formed')];
  const joined = [...linesOf(first, 'joined'), ...linesOf(second, 'joined')];
  assert.is(formed.length, 1);
  assert.is(joined.length, 1);
  assert.is(joined[0]?.cluster, formed[0]?.cluster);
});

nodeLog('at debug each request is a line, without its value; at info none is', async () => {
  for (const [level, count] of [
    ['debug', 1],
    ['info', 0],
  ] as const) {
    await using cluster = await startCluster({ nodes: 1, environment: { LOG_LEVEL: level } });
    const node = cluster.node(0);
    assert.is((await node.put('a/b', { value: 'a secret', version: 1 })).status, 200);
    assert.is((await node.get('none')).status, 404);
    await node.stop();
    const puts = linesOf(node, 'request').filter(({ method }) => method === 'PUT');
    assert.equal(
      puts.map(({ path, status, level: at }) => ({ path, status, at })),
      Array.from({ length: count }, () => ({ path: '/cache/a%2Fb', status: 200, at: 'debug' })),
    );
    const missed = linesOf(node, 'request').filter(({ status }) => status === 404);
    assert.is(missed.length, count);
    for (const { ms } of puts) assert.type(ms, 'number');
    assert.not.match(node.logs(), /a secret/);
  }
});

nodeLog('a peer that has the name of this node is warned of', async () => {
  await using cluster = await startCluster({
    nodes: 2,
    environmentOf: () => ({ NODE_ID: 'twin' }),
  });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  const { origin } = await second.view();
  assert.equal(await factsOf(first, 'same-name'), { level: 'warn', peer: 'twin', origin });
  assert.match(
    first.logs(),
    new RegExp(`The peer at ${second.url} has the name of this node, twin:`),
  );
});

nodeLog('a peer that is refused or does not answer is told with its address', async () => {
  // Nobody listens there.
  const url = 'http://127.0.0.1:1';
  await using cluster = await startCluster({
    nodes: 1,
    environment: { NODES: url, JOIN_TIMEOUT: '500ms' },
  });
  const node = cluster.node(0);
  await HandWrittenPeer.connect(node, {}).then(
    () => assert.unreachable('a peer without a token is let in'),
    (error: Error) => assert.match(error.message, /401/),
  );
  const refused = { level: 'warn', address: '127.0.0.1', reason: 'token' };
  assert.equal(await factsOf(node, 'unproved'), refused);
  const { reason, ...unanswered } = await factsOf(node, 'unanswered');
  assert.equal(unanswered, { level: 'warn', url });
  assert.match(String(reason), /ECONNREFUSED/);
});

nodeLog.run();
