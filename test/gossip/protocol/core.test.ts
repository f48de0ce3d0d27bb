/** The questions that the driver puts to the core, and inputs about connections that are gone. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { JUDGING_PROTOCOL } from '../../../src/gossip/protocol/messages.ts';
import type { Member } from '../../../src/rules/members.ts';
import {
  digestOf,
  helloOf,
  ofKind,
  originOf,
  pulledFrom,
  SETTINGS,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const core = suite('the core and its driver');

const [TWO, THREE, FOUR] = [2, 3, 4].map(originOf) as [string, string, string];

core('ops are pushed to all that have joined, and to nobody else', () => {
  const node = testCore({ others: [TWO] });
  node.greet(1, helloOf(TWO));
  node.greet(2, helloOf(THREE, { joined: false, clusterId: null }));
  node.open(3);
  assert.equal(node.core.pushTargets(), [1]);
});

core('members that speak a protocol with judgement are asked to judge', () => {
  const node = testCore({ others: [TWO, THREE] });
  node.greet(1, helloOf(TWO, { protocol: [1, JUDGING_PROTOCOL] }));
  node.greet(2, helloOf(THREE, { protocol: [1, JUDGING_PROTOCOL - 1] }));
  node.greet(3, helloOf(FOUR));
  node.open(4);
  assert.equal(node.core.judges(), [1]);
});

core('members of the cluster that it left are dialled where their URL is known', () => {
  const node = testCore({ joined: false });
  const past = (origin: string, url: string | null): Member => ({
    origin,
    url,
    nodeId: origin.slice(0, 5),
  });
  node.core.remember([past(TWO, 'http://two'), past(THREE, null)]);
  assert.equal(
    ofKind(node.tick(), 'dial').map(({ url }) => url),
    ['http://two'],
  );
});

core('what is decided about a connection that is gone has no effect', () => {
  const node = testCore({ others: [TWO] });
  for (const origin of [TWO, node.view.origin])
    assert.equal(node.step({ kind: 'differs', connection: 9, origin }), []);
  const asked = { digest: digestOf(node.view), closedCount: 0, re: 1 };
  assert.equal(node.step({ kind: 'admitted', connection: 9, ...asked }), []);
});

core('differences are told beyond a full mesh, over connections that are there', () => {
  for (const meshLimit of [1, 2]) {
    const node = testCore({ others: [TWO], settings: { meshLimit } });
    node.greet(1, helloOf(TWO));
    node.open(2);
    assert.equal(
      [1, 2, 9].map((connection) => node.core.tellsDifferences(connection)),
      [meshLimit === 1, false, false],
    );
  }
});

core('a member is told how the map compares, and a stranger is not', () => {
  const node = testCore({ others: [TWO] });
  const compare = { type: 'compare', asOf: 1, buckets: 1, bucket: 0 } as const;
  for (const [connection, origin] of [TWO, THREE].entries()) {
    node.greet(connection, helloOf(origin));
    const answers = ofKind(node.receive(connection, compare), 'repairStep');
    assert.is(answers.length, origin === TWO ? 1 : 0);
  }
});

core('who has not joined judges nothing, and a member does', () => {
  for (const joined of [false, true]) {
    const node = testCore({ joined, others: [TWO] });
    node.greet(1, helloOf(TWO));
    const base = { re: 1, after: 0 };
    const asked = [
      node.receive(1, { type: 'judge', held: new Map(), base: new Map(), ...base }),
      node.receive(1, { type: 'deletes', since: 0, after: 0 }),
    ];
    assert.equal(
      asked.flatMap((outputs) => outputs.map(({ kind }) => kind)),
      joined ? ['judge', 'deletes'] : [],
    );
  }
});

core(
  'a node without a URL warns of it once it has joined others, and not where it is alone',
  () => {
    for (const [others, url, warnings] of [
      [[TWO], null, ['no-url']],
      [[TWO], 'http://one', []],
      [[], null, []],
    ] as const) {
      const node = testCore({ joined: false, settings: { url } });
      for (const key of others) node.view.members.fold(membership({ key }));
      const notes = ofKind(node.step({ kind: 'joined' }), 'note');
      assert.equal(
        notes.map(({ facts }) => facts.event),
        warnings,
      );
    }
  },
);

core('a peer whose pull is lost is asked again at once, if it has told of more meanwhile', () => {
  for (const tells of [false, true]) {
    const node = testCore({ others: [TWO], settings: { pullIntervalMs: 60_000 } });
    node.greet(1, helloOf(TWO));
    node.tick();
    if (tells)
      node.step({
        kind: 'taken',
        connection: 1,
        outcome: { kind: 'gap' },
        pull: null,
        more: false,
      });
    node.clock.nowMs += SETTINGS.pullTimeoutMs;
    assert.equal(pulledFrom(node.tick()), []);
    node.clock.nowMs += 1;
    assert.equal(pulledFrom(node.tick()), tells ? [1] : []);
  }
});

core('a URL whose node has dialled this one meanwhile did not fail', () => {
  const url = 'http://two';
  const node = testCore({ others: [TWO], settings: { urls: [url] } });
  node.tick();
  node.greet(1, helloOf(TWO, { url }));
  for (let count = 0; count < 9; count++)
    assert.equal(node.step({ kind: 'dialFailed', url, reason: 'refused' }), []);
  assert.equal(
    node.core.status().map(({ state, reason }) => [state, reason]),
    [['connected', null]],
  );
});

core('the warning of a URL that does not answer names the node that was met there', () => {
  const url = 'http://two';
  const node = testCore({ others: [TWO], settings: { urls: [url] } });
  node.tick();
  node.greet(1, helloOf(TWO), url);
  node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
  const fails = () => ofKind(node.step({ kind: 'dialFailed', url, reason: 'refused' }), 'note');
  const notes = Array.from({ length: 9 }, fails).flat();
  assert.equal(
    notes.map(({ facts }) => [facts.event, facts.peer]),
    [['unanswered', 'node2']],
  );
});

core('what comes over a connection that is gone is heard from nobody', () => {
  const node = testCore({ others: [TWO] });
  assert.equal(node.receive(9, helloOf(TWO)), []);
  assert.equal(node.step({ kind: 'closed', connection: 9, reason: 'it broke' }), []);
});

core.run();
