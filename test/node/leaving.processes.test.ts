/** A node that is to stop serves for a while, and sends its clients elsewhere. */
import { Agent, request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';

const leaving = suite('leaving');

const LIMIT_MS = 30_000;

/** @returns the status, and the `Connection` header. */
function get(url: string, agent: Agent): Promise<[number | undefined, string | undefined]> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve([answer.statusCode, answer.headers.connection]));
    });
    sent.on('error', reject);
    sent.end();
  });
}

leaving('before it stops its health is 503, and it answers and ends each connection', async () => {
  await using cluster = await startCluster({ nodes: 1, environment: { LEAVE_DELAY: '5m' } });
  const node = cluster.node(0);
  const agent = new Agent({ keepAlive: true });
  await node.put('a', { value: 1, version: 1 });
  assert.equal(await get(`${node.url}/cache/a`, agent), [200, 'keep-alive']);
  process.kill(node.pid, 'SIGTERM');
  const health = async () => (await fetch(`${node.url}/_health`)).status;
  await waitFor(async () => (await health()) === 503, LIMIT_MS, 'The health tells nothing');
  assert.equal(await get(`${node.url}/cache/a`, agent), [200, 'close']);
  const ready = await fetch(`${node.url}/readyz`);
  assert.equal([ready.status, /staying: the node/.test(await ready.text())], [503, true]);
  assert.is((await fetch(`${node.url}/livez`)).status, 200);
  const put = await node.put('b', { value: 2, version: 1 });
  assert.is(put.status, 200);
  const isEnded = () => {
    if (node.isRunning) process.kill(node.pid, 'SIGTERM');
    return !node.isRunning;
  };
  await waitFor(isEnded, LIMIT_MS, 'A second signal does not end it');
});

leaving('it stops once the time is over', async () => {
  await using cluster = await startCluster({ nodes: 1, environment: { LEAVE_DELAY: '100ms' } });
  const node = cluster.node(0);
  process.kill(node.pid, 'SIGTERM');
  await waitFor(() => !node.isRunning, LIMIT_MS, 'The node goes on');
});

leaving.run();
