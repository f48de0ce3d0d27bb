/** Peers that hold the token and break the protocol: what they say ends nothing and loses nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeOp } from '../../src/gossip/protocol/opCodec.ts';
import { formatHash, ZERO } from '../../src/words/hash.ts';
import { seeded } from '../../src/words/random.ts';
import { succeeds } from '../log/tools/run.ts';
import { HandWrittenPeer } from '../support/handWrittenPeer.ts';
import { startCluster } from '../support/nodes.ts';
import { put } from '../support/ops.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { attack } from './hostilePeers.ts';
import { healthOf, metric, sameMapWithin } from './observe.ts';
import { startScripted } from './scripted.ts';
import { Writer } from './writes.ts';

const hostile = suite('hostile peers of real nodes');

const LIMIT_MS = 15_000;
const LIAR = 'node9.zzzzzz';

hostile('a seed that lies ends no node that joins, and is refused', async () => {
  await using cluster = await startScripted({
    nodes: 2,
    later: [1],
    environment: { JOIN_TIMEOUT: patientDuration(60_000) },
    environmentOf: (index) => (index === 1 ? { NODES: 'http://127.0.0.1:1' } : {}),
  });
  const [seed, node] = cluster.nodes;
  assert.ok(seed && node);
  assert.is((await seed.put('key', { value: 'of the seed', version: 1 })).status, 200);
  await node.start('answers');
  const row = `[${encodeOp(put({ origin: LIAR }))},1]`;
  const end = { vector: { [LIAR]: 9 }, sums: formatHash(ZERO), reach: { [LIAR]: 99 }, horizon: 0 };
  const lies = [
    [`"rows":[${row},${row}]`, /could not be written/],
    [`"rows":[${row}],"end":${JSON.stringify(end)}`, /compacted more/],
    ['"rows":[]', /is refused for 10 min/],
  ] as const;
  for (const [part, fault] of lies) {
    await using liar = await HandWrittenPeer.greeted(node);
    await liar.greet({ joined: true, clusterId: 'of the liar', formedAt: 1, size: 2 });
    await waitFor(() => /"digest"|"error"/.test(liar.received.join()), LIMIT_MS, 'it answers');
    if (liar.received.some((text) => text.includes('"digest"'))) {
      const { re } = await liar.receive('digest');
      liar.sayText(`{"type":"snapshot","part":0,${part},"re":${re}}`);
    }
    assert.match(String((await liar.receive('error')).reason), fault);
    await liar.closed();
  }
  const metrics = await (await node.request('/metrics')).text();
  assert.match(metrics, /^hearsay_peer_faults_total\{reason="claim"\} 2$/m);
  assert.is(await node.stop(), 0);
  await node.start('healthy', { NODES: seed.url });
  assert.is((await node.get('key')).status, 200);
});

hostile(
  'three nodes under load lose no write to a hostile peer, do not rejoin, and name it',
  async () => {
    await using cluster = await startCluster();
    const { nodes } = cluster;
    const writers = nodes.map((node, index) => new Writer(node, seeded(index), 50));
    let isOver = false;
    const load = Promise.all(
      writers.map(async (writer) => {
        while (!isOver) await writer.write(10);
      }),
    );
    await Promise.all(nodes.map((node, index) => attack(node, index)));
    isOver = true;
    await load;
    const map = await sameMapWithin(LIMIT_MS, nodes);
    for (const { known } of writers)
      for (const [key, value] of known) assert.is(map.get(key), value, key);
    for (const node of nodes) {
      assert.is(await metric(node, 'hearsay_rejoins_total'), 0);
      const { status, reasons = [] } = await healthOf(node);
      assert.is(status, 'degraded');
      assert.match(reasons.join('\n'), /evil \(evil\.aaaaaa\) at 127\.0\.0\.1 broke the protocol/);
      assert.is((await node.put('after', { value: 1, version: 'next' })).status, 200);
      assert.is(await node.stop(), 0);
      await succeeds('log', 'verify', '--data-dir', node.dataDir);
    }
  },
);

hostile.run();
