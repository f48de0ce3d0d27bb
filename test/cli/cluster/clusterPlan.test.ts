/** The settings that `hearsay cluster` gives its nodes, and its words for people. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { starting, welcome } from '../../../src/cli/cluster/cluster.ts';
import { planCluster as planWith } from '../../../src/cli/cluster/clusterPlan.ts';
import type { Environment, Flags } from '../../../src/node/settingKinds.ts';
import { readSettings } from '../../../src/node/settings.ts';
import { SettingError } from '../../../src/words/errors.ts';

const plan = suite('cluster plan');

const planCluster = (flags: Flags, environment: Environment) =>
  planWith(flags, environment, ({ internalToken }) => internalToken ?? 'made');

plan('three nodes on ports 8001 to 8003 by default', () => {
  const nodes = planCluster({}, {});
  const urls = ['http://localhost:8001', 'http://localhost:8002', 'http://localhost:8003'];
  const read = nodes.map(({ environment }) => readSettings({}, environment));
  assert.equal(
    read.map(({ nodeId, port, url, dataDir }) => [nodeId, port, url, dataDir]),
    [
      ['node1', 8001, urls[0], 'data/node1'],
      ['node2', 8002, urls[1], 'data/node2'],
      ['node3', 8003, urls[2], 'data/node3'],
    ],
  );
  for (const { nodes: known, logFormat } of read) {
    assert.equal(known, urls);
    assert.is(logFormat, 'text');
  }
});

plan('flags reach every node, and beat the environment there too', () => {
  const flags = { nodes: '2', firstPort: '9000', dataDir: '/x', durability: 'normal' };
  const environment = { DURABILITY: 'full', MAX_KEY_BYTES: '7', PORT: '1', NODES: 'http://a' };
  const read = planCluster(flags, environment).map((one) =>
    readSettings({}, { ...environment, ...one.environment }),
  );
  assert.equal(
    read.map(({ port, dataDir, durability, limits, nodes }) => [
      port,
      dataDir,
      durability,
      limits.maxKeyBytes,
      nodes.length,
    ]),
    [
      [9000, '/x/node1', 'normal', 7, 2],
      [9001, '/x/node2', 'normal', 7, 2],
    ],
  );
});

plan('every node has the one token, and beats what its environment says of another', () => {
  const tokensOf = (flags: Flags, environment: Environment) =>
    planCluster(flags, environment).map((one) => {
      const read = readSettings({}, { ...environment, ...one.environment });
      return [read.internalToken, read.internalTokenFile];
    });
  assert.equal(tokensOf({ nodes: '2' }, {}), [
    ['made', null],
    ['made', null],
  ]);
  const environment = { INTERNAL_TOKEN_FILE: '/nowhere' };
  assert.equal(tokensOf({ nodes: '1', internalToken: 'given' }, environment), [['given', null]]);
});

plan('the URLs name an address that is listened on', () => {
  const urlOf = (host: string) =>
    planCluster({ host, open: 'true', internalToken: 'a-token-of-sixteen', nodes: '1' }, {})[0]
      ?.url;
  assert.is(urlOf('0.0.0.0'), 'http://localhost:8001');
  assert.is(urlOf('10.0.0.1'), 'http://10.0.0.1:8001');
  assert.is(urlOf('fe80::1'), 'http://[fe80::1]:8001');
});

plan('with ports for peers alone, the nodes name those to one another', () => {
  const [first, second] = planCluster({ firstPeerPort: '9001', nodes: '2' }, {});
  assert.equal(
    [first?.url, first?.peerPort, second?.peerPort],
    ['http://localhost:8001', 9001, 9002],
  );
  const { NODES, URL, PORT, PEER_PORT } = second?.environment ?? {};
  assert.is(NODES, 'http://localhost:9001,http://localhost:9002');
  assert.equal([URL, PORT, PEER_PORT], ['http://localhost:9002', '8002', '9002']);
  // A variable for `hearsay serve` would give all nodes one port.
  const [alone] = planCluster({ nodes: '1' }, { PEER_PORT: '9000' });
  assert.equal(
    [alone?.environment.URL, alone?.environment.PEER_PORT],
    ['http://localhost:8001', ''],
  );
});

plan('mistakes are told before anything starts', () => {
  const wrong = [
    { nodes: '0' },
    { nodes: '17' },
    { firstPort: '0' },
    { firstPort: '65534' },
    { firstPeerPort: '65534' },
  ];
  for (const flags of [
    ...wrong,
    { host: '0.0.0.0' },
    { host: '::', internalToken: 'x' },
    { durability: 'x' },
  ])
    assert.throws(() => planCluster(flags, {}), isSettingError, JSON.stringify(flags));
});

plan('what is printed names every node and three commands', () => {
  const text = welcome(planCluster({}, {}));
  for (const part of ['node1  http://localhost:8001  data in data/node1', 'node3  ', 'Ctrl-C'])
    assert.ok(text.includes(part), part);
  assert.is(text.match(/curl /g)?.length, 3);
  assert.match(text, /-X PUT http:\/\/localhost:8001\/cache\/greeting/);
  assert.match(text, /curl http:\/\/localhost:8002\/cache\/greeting/);
  assert.match(text, /curl http:\/\/localhost:8003\/_cluster/);
  assert.match(text, /^In a browser: http:\/\/localhost:8001\/$/m);
  assert.not.match(text, /--cacert/);
});

plan('a start is told by the first URL and the last port', () => {
  assert.is(starting(planCluster({}, {})), 'Starting 3 nodes at http://localhost:8001 to 8003 …');
  assert.is(
    starting(planCluster({ nodes: '1' }, {})),
    'Starting one node at http://localhost:8001 …',
  );
});

plan('where nodes have certificates, what is printed tells how to take their authority', () => {
  const [first] = planCluster({}, {});
  assert.ok(first);
  const text = welcome([{ ...first, url: 'https://localhost:8001' }]);
  assert.match(text, /curl takes\n {2}--cacert FILE, and hearsay --ca FILE or HEARSAY_CA\.\n$/);
});

plan.run();

function isSettingError(error: unknown): boolean {
  return error instanceof SettingError;
}
