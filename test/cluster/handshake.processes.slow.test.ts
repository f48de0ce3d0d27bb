/** Who may take part in replication, and how a node that may not is told. */
import type { IncomingMessage } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { gossipUrl, HandWrittenPeer, TOKEN } from '../support/handWrittenPeer.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { healthOf, logged, metric, sameMapWithin, waitForLog } from './observe.ts';
import { startScripted } from './scripted.ts';

const handshake = suite('handshake of real nodes');

const LIMIT_MS = 10_000;

handshake(
  'a wrong or missing token gets 401 before the upgrade, is logged once and counted',
  async () => {
    await using cluster = await startScripted({
      nodes: 2,
      later: [1],
      environment: { JOIN_TIMEOUT: patientDuration(500) },
      environmentOf: (index, urls) =>
        index === 0 ? {} : { INTERNAL_TOKEN: 'another', NODES: urls[0] },
    });
    const [node, stranger] = cluster.nodes;
    assert.ok(node && stranger);
    const refusals = await Promise.all([
      refusedUpgrade(node, {}),
      refusedUpgrade(node, { 'X-Internal-Token': 'wrong' }),
      refusedUpgrade(node, { 'X-Internal-Token': `${TOKEN} ` }),
      refusedUpgrade(node, { 'X-Internal-Token': '' }),
      refusedUpgrade(node, { Authorization: TOKEN }),
    ]);
    // Node's HTTP strips the blank: that one is the right token.
    const [trimmed] = refusals.splice(2, 1);
    assert.is(trimmed?.status, 101);
    for (const { status, text } of refusals) {
      assert.is(status, 401);
      assert.is(text, '');
    }
    const rejected = 'hearsay_gossip_rejected_total{reason="token"}';
    assert.is(await metric(node, rejected), refusals.length);
    assert.is(logged(node, /wrong or missing X-Internal-Token/).length, 1);
    assert.not.ok(node.logs().includes(TOKEN), 'the token is in no log line');
    assert.equal((await node.view()).peers, []);

    await node.put('key', { value: 'of the cluster', version: 1 });
    await stranger.start();
    await waitForLog(stranger, /it has another token/, LIMIT_MS);
    assert.is(logged(node, /wrong or missing X-Internal-Token/).length, 1);
    assert.is((await stranger.get('key')).status, 404);
  },
);

handshake('the token sets nothing aside for a client of REST', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  const put = async (node: NodeProcess, key: string, version: number): Promise<number> => {
    const response = await node.request(`/cache/${key}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'X-Internal-Token': TOKEN },
      body: JSON.stringify({ value: 'with the token', version }),
    });
    await response.arrayBuffer();
    return response.status;
  };
  assert.is(await put(first, 'key', 5), 200);
  assert.is((await sameMapWithin(3000, cluster.nodes)).get('key'), '5 "with the token"');
  for (const node of [first, second])
    for (const version of [1, 5]) assert.is(await put(node, 'key', version), 409);
  assert.is(await put(second, 'other', 1), 200);
  assert.is((await sameMapWithin(3000, cluster.nodes)).size, 2);
});

handshake('whoever says no hello, or no sense, is refused and learns nothing', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  assert.is((await node.put('secret', { value: 'of the cluster', version: 1 })).status, 200);
  const asking = { clock: 0, asOf: 0, horizon: 0, vector: {}, sums: 'AAAAAAAAAAA' };
  for (const text of [
    JSON.stringify({ type: 'digest', ...asking }),
    JSON.stringify({ type: 'hello' }),
    JSON.stringify({ type: 'next', part: 0 }),
    '{"type":',
    '[]',
    '',
  ]) {
    await using peer = await HandWrittenPeer.connect(node);
    peer.sayText(text);
    assert.is((await peer.receive('error')).code, 'malformed', text);
    await peer.closed();
    assert.not.ok(peer.received.some((said) => said.includes('of the cluster')));
  }
  assert.is((await node.get('secret')).status, 200);
});

handshake(
  'a peer that speaks no common protocol, or breaks it again and again, is refused, with the reason',
  async () => {
    await using cluster = await startCluster({ nodes: 1 });
    const node = cluster.node(0);
    const reason = 'node9 speaks protocol 7 to 8, node1 speaks 1 to 6';
    await using later = await HandWrittenPeer.connect(node);
    await later.greet({ protocol: [7, 8] });
    const refusal = await later.receive('error');
    assert.is(refusal.code, 'protocol');
    assert.is(refusal.reason, reason);
    await later.closed();
    await waitForLog(node, new RegExp(reason), LIMIT_MS);

    // The other way round, the node is told, and says so in its own log.
    await using other = await HandWrittenPeer.connect(node);
    other.say({ type: 'error', code: 'protocol', reason: 'node9 speaks protocol 3 to 4 only' });
    await other.closed();
    await waitForLog(node, /refuses this node: node9 speaks protocol 3 to 4 only/, LIMIT_MS);
    assert.equal((await node.view()).peers, []);

    for (const text of [
      '{"type":"later",',
      `{"type":"digest","x":[${'[],'.repeat(21_000)}[]]}`,
      `{"type":"later","x":"${'x'.repeat(5000)}"}`,
    ]) {
      await using peer = await HandWrittenPeer.connect(node);
      await peer.greet({ joined: true, admittedBy: (await node.view()).origin });
      await peer.receive('digest');
      assert.is((await healthOf(node)).status, 'ok');
      peer.sayText(text);
      assert.is((await peer.receive('error')).code, 'malformed', text);
      await peer.closed();
    }
    await using again = await HandWrittenPeer.connect(node);
    await again.greet({ origin: 'node9.another' });
    assert.match(String((await again.receive('error')).reason), /is refused for 10 min/);
    await again.closed();
    const { status, reasons = [] } = await healthOf(node);
    assert.is(status, 'degraded');
    assert.match(
      reasons.join('\n'),
      /node9 \(node9\.zzzzzz\) at 127\.0\.0\.1 broke the protocol.*: its later has more than 4096 characters/,
    );
    const metrics = await (await node.request('/metrics')).text();
    for (const [name, reason, count] of [
      ['hearsay_peer_faults_total', 'form', 1],
      ['hearsay_peer_faults_total', 'bound', 2],
      ['hearsay_peer_faults_total', 'claim', 0],
      // The peer by its name, and every stranger at its address.
      ['hearsay_peer_refusals_total', 'bound', 2],
    ] as const)
      assert.match(metrics, new RegExp(`^${name}\\{reason="${reason}"\\} ${count}$`, 'm'));
    assert.is(await metric(node, 'hearsay_refused_peers'), 2);
    assert.is((await node.put('key', { value: 1, version: 1 })).status, 200);
  },
);

handshake(
  'nodes of two cluster names refuse each other, with the reason in both logs',
  async () => {
    await using cluster = await startScripted({
      nodes: 2,
      environment: { JOIN_TIMEOUT: patientDuration(300) },
      environmentOf: (index) => ({ CLUSTER: index === 0 ? 'green' : 'blue' }),
    });
    const [first, second] = cluster.nodes;
    assert.ok(first && second);
    const reason = /node\d is of cluster (blue|green), node\d is of cluster (blue|green)/;
    for (const node of cluster.nodes) await waitForLog(node, reason, LIMIT_MS);
    for (const node of cluster.nodes)
      await waitFor(
        async () => (await node.view()).peers.some(({ state }) => state === 'refused'),
        LIMIT_MS,
        `${node.nodeId} shows the other as refused`,
      );
    assert.is((await first.put('key', { value: 1, version: 1 })).status, 200);
    assert.is((await second.get('key')).status, 404);
  },
);

handshake(
  'a node whose clock is an hour ahead or behind is refused, with the reason on both sides',
  async () => {
    await using cluster = await startScripted({
      environment: { JOIN_TIMEOUT: patientDuration(500) },
      later: [1, 2],
      faultsOf: (index) => ({ clockAheadMs: [0, 3_600_000, -3_600_000][index] ?? 0 }),
    });
    const [first, ...wrong] = cluster.nodes;
    assert.ok(first);
    await first.put('key', { value: 1, version: 1 });
    await Promise.all(wrong.map((node) => node.start('answers')));
    const isAhead = (ahead: string, other: string): RegExp =>
      new RegExp(
        `clock of ${ahead} is 3[56]\\d\\d s ahead of that of ${other}, more than max-clock-skew allows`,
      );
    for (const [reason, teller] of [
      [isAhead('node2', 'node1'), 1],
      [isAhead('node1', 'node3'), 2],
    ] as const)
      for (const node of [first, cluster.nodes[teller]])
        if (node) await waitForLog(node, reason, LIMIT_MS);
    for (const node of wrong) {
      assert.is((await node.get('key')).status, 503);
      await waitFor(
        async () => (await node.view()).peers.every(({ state }) => state === 'refused'),
        LIMIT_MS,
        'all are shown as refused',
      );
    }
    assert.is((await first.put('key', { value: 2, version: 2 })).status, 200);

    // With the clock mended it belongs to them.
    for (const node of wrong) {
      await node.stop();
      node.setFaults({ clockAheadMs: 0 });
    }
    await Promise.all(wrong.map((node) => node.start()));
    assert.is((await sameMapWithin(5000, cluster.nodes)).get('key'), '2 2');
  },
);

handshake.run();

/** The result of an upgrade request: 101, or a refusal with its text. */
async function refusedUpgrade(
  node: NodeProcess,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  const socket = new WebSocket(gossipUrl(node), { headers });
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate();
      resolve({ status: 101, text: '' });
    });
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
  });
}
