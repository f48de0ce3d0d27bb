/** Nodes that prove themselves to one another at ports of their own, while their token is replaced. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';
import { healthOf, metric } from './observe.ts';

const secrets = suite('secrets of real nodes');

const LIMIT_MS = 20_000;
const OLD = 'the-old-token';
const NEW = 'the-new-token';

secrets('a token is replaced and no node is left out, at ports for peers alone', async () => {
  await using directory = await temporaryDirectory();
  const fileOf = (index: number): string => join(directory.path, `token${index}`);
  const firstPort = await freePorts(3);
  const peerUrls = [0, 1, 2].map((index) => `http://127.0.0.1:${firstPort + index}`);
  for (const index of [0, 1, 2]) writeFileSync(fileOf(index), `${OLD}\n`);
  await using cluster = await startCluster({
    environmentOf: (index) => ({
      INTERNAL_TOKEN: '',
      INTERNAL_TOKEN_FILE: fileOf(index),
      PEER_PORT: String(firstPort + index),
      NODES: peerUrls.join(','),
      URL: peerUrls[index] ?? '',
    }),
  });
  const [first] = cluster.nodes;
  assert.ok(first);
  await assertParted(first, peerUrls[0] ?? '');
  for (const { peers } of await Promise.all(cluster.nodes.map((node) => node.view())))
    for (const { url } of peers) assert.ok(peerUrls.includes(String(url)), String(url));

  let value = 0;
  for (const lines of [[OLD, NEW], [NEW, OLD], [NEW]])
    for (const [index, node] of cluster.nodes.entries()) {
      writeFileSync(fileOf(index), `${lines.join('\n')}\n`);
      const reloads = await metric(node, 'hearsay_internal_token_reloads_total');
      process.kill(node.pid, 'SIGHUP');
      await waitFor(
        async () => (await metric(node, 'hearsay_internal_token_reloads_total')) > reloads,
        LIMIT_MS,
        `${node.nodeId} has read its file`,
      );
      value++;
      await waitFor(() => allHold(first, value), LIMIT_MS, `all hold ${value}`);
    }
  for (const node of cluster.nodes) {
    assert.is(await metric(node, 'hearsay_peer_connections{by="challenge"}'), 2);
    assert.is(await metric(node, 'hearsay_peer_connections{by="header"}'), 0);
    assert.is(await metric(node, 'hearsay_internal_tokens'), 1);
    assert.equal((await healthOf(node)).status, 'ok');
    assert.not.match(node.logs(), /did not prove/);
    for (const token of [OLD, NEW]) assert.not.ok(node.logs().includes(token));
  }

  writeFileSync(fileOf(0), 'no token at all\n');
  process.kill(first.pid, 'SIGHUP');
  const isTold = async (): Promise<boolean> =>
    (await metric(first, 'hearsay_internal_token_reload_failed')) === 1;
  await waitFor(isTold, LIMIT_MS, 'the faulty file is told');
  assert.ok(await allHold(first, value + 1));
});

/** Whether a write at the node is acknowledged by all. */
async function allHold(node: NodeProcess, value: number): Promise<boolean> {
  const answer = await node.request('/cache/key?acks=3&timeout_ms=10000', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ value, version: 'next' }),
  });
  return /"acks":3\b/.test(await answer.text());
}

/** Clients find no gossip at their port, and nothing else at that of the peers. */
async function assertParted(node: NodeProcess, peerUrl: string): Promise<void> {
  for (const [url, path, status] of [
    [node.url, '/gossip', 404],
    [peerUrl, '/watch', 404],
    [peerUrl, '/gossip', 401],
  ] as const) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`);
    const [error] = await once(socket, 'error');
    assert.match(String(error), new RegExp(String(status)), path);
  }
  for (const path of ['/_health', '/cache/key', '/metrics', '/gossip'])
    assert.is((await fetch(peerUrl + path)).status, 404, path);
}

secrets.run();
