/** The faults among peers and members that health tells of, each until its cause is gone. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROOF_UNKNOWN, TOKEN_REFUSED } from '../../src/net/peerRefusals.ts';
import { NOT_CERTIFIED } from '../../src/net/peerTls.ts';
import {
  type ClusterFacts,
  clusterFaults,
  forkFaults,
  healthOf,
  heldBackFault,
  refusalFaults,
} from '../../src/node/health.ts';
import { openReplica } from '../support/replicas.ts';

const health = suite('health');

const NOW = 1_800_000_000_000;
const SETTINGS = { hearingMs: 15_000, memberTimeoutMs: 3_600_000, pullIntervalMs: 1000 };
const OWN = 'node1.aaaaaa';

type Peer = ClusterFacts['peers'][number];

const peer = (fields: Partial<Peer>): Peer => ({
  nodeId: 'node2',
  url: 'http://two',
  state: 'connected',
  reason: null,
  agrees: true,
  lastHeardAt: NOW,
  ...fields,
});

/** @param silentMs of each other member. */
const facts = (silentMs: readonly number[], peers: readonly Peer[] = []): ClusterFacts => ({
  nowMs: NOW,
  origin: OWN,
  peers,
  members: [
    { origin: OWN, nodeId: 'node1', lastHeardAt: NOW },
    ...silentMs.map((ms, index) => ({
      origin: `node${index + 2}.bbbbbb`,
      nodeId: `node${index + 2}`,
      lastHeardAt: NOW - ms,
    })),
  ],
});

const faults = (of: ClusterFacts): string[] => clusterFaults(of, SETTINGS);

health('peers that broke the protocol are named with their fault, ten of them', () => {
  const refusals = Array.from({ length: 12 }, (_, index) => ({
    name: `evil${index} (evil${index}.aaaaaa) at 10.0.0.1`,
    reason: 'it is not JSON',
    forMs: 600_000,
    untilMs: NOW,
  }));
  const told = refusalFaults(refusals);
  assert.is(told.length, 11);
  assert.is(
    told[0],
    'evil0 (evil0.aaaaaa) at 10.0.0.1 broke the protocol and is refused for a while: it is not JSON.',
  );
  assert.match(told[10] ?? '', /^2 more peers/);
  assert.equal(refusalFaults([]), []);
});

health('a peer with another token, and addresses where nobody answers, are told', () => {
  const strange = { state: 'unreachable', reason: TOKEN_REFUSED, lastHeardAt: null } as const;
  const [token = '', alone = ''] = faults(facts([], [peer(strange)]));
  assert.match(token, /^node2 refuses this node: it has another token; start both/);
  assert.match(alone, /^No node that --nodes \(NODES\) names has answered/);
  const silent = { state: 'unreachable', reason: 'it can not be reached' } as const;
  assert.is(faults(facts([], [peer({ ...silent, lastHeardAt: null })])).length, 1);
  assert.equal(faults(facts([], [peer({ ...silent, lastHeardAt: null }), peer({})])), []);
  assert.equal(faults(facts([], [peer(silent)])), []);
  assert.equal(faults(facts([1000], [peer({ ...silent, lastHeardAt: null })])), []);
});

health('a peer that refuses this node before its hello is told with its reason', () => {
  for (const reason of [TOKEN_REFUSED, PROOF_UNKNOWN, NOT_CERTIFIED]) {
    const told = faults(facts([1000], [peer({ state: 'unreachable', reason })]));
    assert.equal(told, [`node2 refuses this node: ${reason}.`]);
  }
});

health('ten origins with two histories are named, and the others counted', () => {
  const told = forkFaults(Array.from({ length: 5000 }, (_, index) => `evil.${index}`));
  assert.is(told.length, 11);
  assert.match(told[10] ?? '', /^4990 more origins/);
});

health('peers that are connected, starting or away are no fault where one member is heard', () => {
  const peers = (['connected', 'connecting', 'unreachable'] as const).map((state) =>
    peer({ state, reason: state === 'unreachable' ? 'nobody listens' : null }),
  );
  assert.equal(faults(facts([100, 60_000], peers)), []);
  assert.equal(faults(facts([])), []);
});

for (const reason of [
  'the clock of node1 is 3600 s ahead of that of node2, more than max-clock-skew allows',
  'node2 speaks protocol 4 to 5, node1 speaks 1 to 3',
  'node2 is of another cluster that bears the same name',
])
  health(`a refusal is told with its reason, until the peer is back: ${reason}`, () => {
    const refused = facts([100], [peer({ state: 'refused', reason })]);
    assert.equal(faults(refused), [`node2 and this node refuse each other: ${reason}.`]);
    const unknown = facts([100], [peer({ nodeId: null, state: 'refused', reason: `${reason}.` })]);
    assert.equal(faults(unknown), [`http://two and this node refuse each other: ${reason}.`]);
    assert.equal(faults(facts([100], [peer({})])), []);
  });

health('a peer with another map is told', () => {
  const told = faults(facts([100], [peer({ agrees: false })]));
  assert.equal(told, ['node2 holds the same ops but another map.']);
});

health('a node that hears none of the others for long is cut off, until it hears one', () => {
  assert.equal(faults(facts([29_000, 40_000])), []);
  const cutOff = /heard none of the other members for 31 s/;
  assert.match(faults(facts([31_000, 40_000])).join(), cutOff);
  const seldom = { ...SETTINGS, pullIntervalMs: 60_000 };
  assert.equal(clusterFaults(facts([200_000]), seldom), []);
  assert.is(clusterFaults(facts([250_000]), seldom).length, 1);
});

health('members that nobody retires for want of a majority are named', () => {
  const silent = 3_600_001;
  const told = heldBackFault(facts([100, silent, silent]), SETTINGS);
  assert.match(told ?? '', /not collected.*: node3\.bbbbbb, node4\.bbbbbb\. .*no majority/);
  assert.match(faults(facts([silent])).join(), /not collected.*node2\.bbbbbb/);
  assert.is(heldBackFault(facts([100, silent]), SETTINGS), null, 'a majority retires it');
  assert.is(heldBackFault(facts([100, 3_599_000, 3_599_000]), SETTINGS), null, 'not yet');
  assert.is(heldBackFault(facts([100, 100, silent]), SETTINGS), null, 'heard again');
});

health('a node whose keys fill its memory is degraded, and says what to do', async () => {
  const { replica } = await openReplica({ maxMemory: 1 });
  const driver = {
    forked: () => [],
    status: () => [],
    members: () => [],
    refusals: () => [],
    doubt: null,
  };
  const { status, reasons } = healthOf(replica, driver, SETTINGS);
  assert.is(status, 'degraded');
  assert.match(
    reasons.join(),
    /Keys fill the memory that --max-memory .* 507 until keys are deleted/,
  );
  const free = await openReplica();
  assert.is(healthOf(free.replica, driver, SETTINGS).status, 'ok');
});

health.run();
