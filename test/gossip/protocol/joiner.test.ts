/** An unjoined node keeps to one sponsor, until that one answers no more (rule 8). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { Hello, RejoinMessage } from '../../../src/gossip/protocol/messages.ts';
import type { Past } from '../../../src/gossip/protocol/standing.ts';
import { type Member, Members, nodeIdOf } from '../../../src/rules/members.ts';
import {
  digestOf,
  emptyAnswer,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const TIMEOUT_MS = 5000;

/** A fresh node that two members are connected to; it has asked the first. */
function fresh(): TestCore {
  const node = testCore({ joined: false, settings: { url: 'http://one' } });
  assert.equal(pulledFrom(node.greet(1, { origin: originOf(2) })), [1]);
  assert.equal(pulledFrom(node.greet(2, { origin: originOf(3) })), []);
  return node;
}

/** Waits until the pull in flight counts as lost. @returns the outputs of the steps until then. */
function lose(node: TestCore): ReturnType<TestCore['tick']> {
  node.clock.nowMs += TIMEOUT_MS + 1;
  return node.tick();
}

const joining = suite('sponsors that do not answer (rule 8)');

joining(
  'after three questions in a row without an answer it asks another, as another origin',
  () => {
    const node = fresh();
    for (const lost of [1, 2]) assert.equal(pulledFrom(lose(node)), [1], `after ${lost}`);
    const outputs = lose(node);
    assert.equal(pulledFrom(outputs), []);
    const [rejoin] = ofKind(outputs, 'rejoin');
    assert.equal([rejoin?.keep, rejoin?.isClaimed], [false, false]);
  },
);

joining('a sponsor that cannot answer yet is not silent', () => {
  const node = fresh();
  for (let count = 0; count < 5; count++) {
    assert.equal(pulledFrom(lose(node)), [1]);
    node.receive(1, { type: 'later', re: node.pullNumber(1) });
    node.clock.nowMs += 2000;
    assert.equal(pulledFrom(node.tick()), [1]);
  }
});

joining('who is let in later tells the reason once, and asks again after a second', () => {
  const node = fresh();
  const asksAfter = (waitMs: number) => {
    node.clock.nowMs += waitMs;
    return pulledFrom(node.tick());
  };
  const putOff = (reason: string) => {
    const outputs = node.receive(1, { type: 'later', re: node.pullNumber(1), reason });
    return [ofKind(outputs, 'waits').map((one) => one.reason), ofKind(outputs, 'note').length];
  };
  const told = 'node2 lets it in later: the cluster is full';
  assert.equal(putOff('the cluster is full'), [[told], 1]);
  assert.equal(asksAfter(900), []);
  assert.equal(asksAfter(1500), [1]);
  assert.equal(putOff('the cluster is full'), [[], 0]);
  assert.equal(asksAfter(2500), [1]);
  assert.equal(putOff('too many at once'), [['node2 lets it in later: too many at once'], 1]);
});

joining('a member that is told to ask later does not say that it has not joined', () => {
  const node = testCore({ others: [originOf(2)] });
  node.greet(1, { origin: originOf(2) });
  node.clock.nowMs += 2000;
  node.tick();
  const outputs = node.receive(1, { type: 'later', re: node.pullNumber(1), reason: 'full' });
  assert.equal(ofKind(outputs, 'waits'), []);
});

joining('with a part of its log the node starts from nothing, and keeps that part', () => {
  const node = fresh();
  node.receive(1, emptyAnswer(digestOf(node.view), false, node.pullNumber(1)));
  const outcome = { kind: 'applied', ops: 0 } as const;
  node.step({ kind: 'taken', connection: 1, outcome, pull: node.pullNumber(1), more: false });
  Object.assign(node.view, { lastLsn: 7 });
  node.clock.nowMs += 2000;
  assert.equal(pulledFrom(node.tick()), [1]);
  for (let count = 0; count < 2; count++) assert.equal(ofKind(lose(node), 'rejoin'), []);
  const [rejoin] = ofKind(lose(node), 'rejoin');
  assert.equal([rejoin?.keep, rejoin?.isClaimed], [true, false]);
});

joining('a node that has left members asks others first, and after a while anybody', () => {
  const node = testCore({ joined: false, settings: { url: 'http://one', joinTimeoutMs: 10_000 } });
  node.core.hasLeft([originOf(2)]);
  assert.equal(pulledFrom(node.greet(1, { origin: originOf(2) })), []);
  node.clock.nowMs += 9999;
  assert.equal(pulledFrom(node.tick()), []);
  node.clock.nowMs += 2000;
  assert.equal(pulledFrom(node.tick()), [1]);
  const other = testCore({ joined: false, settings: { url: 'http://one' } });
  other.core.hasLeft([originOf(2)]);
  other.greet(1, { origin: originOf(2) });
  assert.equal(pulledFrom(other.greet(2, { origin: originOf(3) })), [2]);
});

joining('a node that its sponsor refuses for its clock waits, and asks no other meanwhile', () => {
  const node = fresh();
  const reason = 'your clock is an hour ahead';
  const refused = () => {
    const outputs = node.receive(1, { type: 'error', code: 'clock', reason });
    node.step({ kind: 'closed', connection: 1, reason });
    return outputs;
  };
  assert.equal(ofKind(refused(), 'rejoin'), []);
  for (let count = 0; count < 3; count++) {
    node.clock.nowMs += 9000;
    assert.equal(ofKind(node.tick(), 'rejoin'), [], `after ${count}`);
    node.greet(1, { origin: originOf(2) });
    refused();
  }
  // Its clock was set: nobody refuses it any more, and its sponsor is gone.
  node.clock.nowMs += 60_000;
  assert.is(ofKind(node.tick(), 'rejoin').length, 1);
});

joining('a sponsor is asked once this node’s own URL is known, which its join will name', () => {
  const urls = ['http://two', 'http://three'];
  const node = testCore({ joined: false, settings: { urls } });
  node.tick();
  assert.equal(pulledFrom(node.greet(1, { origin: originOf(2) }, urls[0])), []);
  node.step({ kind: 'dialFailed', url: urls[1] ?? '', reason: 'refused' });
  node.clock.nowMs += 2000;
  assert.equal(pulledFrom(node.tick()), [1]);
});

joining('members that this node has left are asked from the join timeout on', () => {
  const node = testCore({ joined: false, settings: { url: 'http://one', joinTimeoutMs: 10_000 } });
  node.core.hasLeft([originOf(2)]);
  node.clock.nowMs += 10_000;
  assert.equal(pulledFrom(node.greet(1, { origin: originOf(2) })), [1]);
});

joining('a silent sponsor is given up for another member, and else with a part of its log', () => {
  const silent = (other: Partial<Hello>, lastLsn: number): number => {
    const node = testCore({ joined: false, settings: { url: 'http://one' } });
    node.greet(1, { origin: originOf(2) });
    if (other.origin !== undefined) node.greet(2, other);
    node.view.lastLsn = lastLsn;
    return [1, 2, 3].flatMap(() => ofKind(lose(node), 'rejoin')).length;
  };
  const fresh = { joined: false, clusterId: null };
  assert.is(silent({ origin: originOf(3) }, 0), 1);
  assert.is(silent({ origin: originOf(3), ...fresh }, 0), 0);
  assert.is(silent({}, 0), 0);
  assert.is(silent({}, 1), 1);
});

joining('a clock that was refused is waited for as long as a start, and as two dials', () => {
  for (const [joinTimeoutMs, maxRedialMs, waitMs] of [
    [10_000, 3000, 10_000],
    [2000, 3000, 6000],
  ] as const) {
    const settings = { url: 'http://one', joinTimeoutMs, maxRedialMs };
    const node = testCore({ joined: false, settings });
    const reason = 'your clock is an hour ahead';
    node.greet(1, { origin: originOf(2) });
    node.receive(1, { type: 'error', code: 'clock', reason });
    node.step({ kind: 'closed', connection: 1, reason });
    node.view.lastLsn = 1;
    node.greet(2, { origin: originOf(3) });
    assert.equal(ofKind(node.pass(waitMs - 1), 'rejoin'), []);
    assert.is(ofKind(node.pass(1), 'rejoin').length, 1);
  }
});

joining('a member gives nothing up for a peer that is silent', () => {
  const node = testCore({ others: [originOf(2)] });
  node.greet(1, { origin: originOf(2) });
  for (let count = 0; count < 5; count++) assert.equal(ofKind(lose(node), 'rejoin'), []);
});

joining.run();

const forming = suite('forming a cluster, and what is left of another (rule 8)');

/** A fresh node to which nobody answers, once its wait for peers is over. @returns with the outputs of that tick. */
function alone(lastLsn: number) {
  const node = testCore({ joined: false, settings: { url: 'http://one', joinTimeoutMs: 1000 } });
  node.view.lastLsn = lastLsn;
  return { node, outputs: node.pass(1000) };
}

forming('a cluster is formed once, and again two seconds after there was no room for it', () => {
  const { node, outputs } = alone(0);
  assert.is(ofKind(outputs, 'form').length, 1);
  assert.equal(ofKind(node.pass(5000), 'form'), []);
  node.step({ kind: 'joinFailed' });
  assert.equal(ofKind(node.pass(1999), 'form'), []);
  assert.is(ofKind(node.pass(1), 'form').length, 1);
});

forming('who holds a part of a log that nobody completes begins anew, and forms nothing', () => {
  const { outputs } = alone(1);
  assert.equal(ofKind(outputs, 'form'), []);
  assert.equal(
    ofKind(outputs, 'rejoin').map(({ keep, isClaimed }) => [keep, isClaimed]),
    [[true, false]],
  );
});

forming.run();

const told = suite('a node that is told to rejoin (rule 12)');

const TWO = originOf(2);
const rejoinOf = (
  code: RejoinMessage['code'],
  node: TestCore,
  fields: Partial<RejoinMessage> = {},
): RejoinMessage => ({
  type: 'rejoin',
  code,
  reason: 'x',
  smallestMember: null,
  reach: new Map([['node9.aaaaaa', 9]]),
  re: node.pullNumber(1),
  ...fields,
});

/** Whether it rejoins, and whether it keeps its log, and by a claim. */
const rejoins = (outputs: readonly Output[]) =>
  ofKind(outputs, 'rejoin').map(({ keep, isClaimed }) => ({ keep, isClaimed }));

told('a node that has not joined follows its sponsor at once, and no claim', () => {
  for (const [code, keep] of [
    ['stranger', true],
    ['behind', false],
  ] as const) {
    const node = fresh();
    node.view.vector.set(TWO, 1);
    assert.equal(rejoins(node.receive(1, rejoinOf(code, node))), [{ keep, isClaimed: false }]);
  }
});

told('a node that holds nothing is no stranger to anybody', () => {
  const node = fresh();
  assert.equal(rejoins(node.receive(1, rejoinOf('stranger', node))), []);
});

/** A member that starts, so that a claim of one peer is followed, and the peer. */
function starting(): TestCore {
  const node = testCore({ others: [TWO] });
  assert.equal(pulledFrom(node.greet(1, { origin: TWO })), [1]);
  return node;
}

const CLAIMED = [{ keep: true, isClaimed: true }];

told('who holds what the peer names is not behind, nor is a node that is no member', () => {
  const claimOf = (node: TestCore) => rejoins(node.receive(1, rejoinOf('behind', node)));
  const node = starting();
  node.view.vector.set('node9.aaaaaa', 9);
  assert.equal(claimOf(node), []);
  assert.equal(claimOf(starting()), CLAIMED);
  const none = starting();
  none.view.members = new Members();
  none.view.members.fold(membership({ key: TWO }));
  assert.equal(claimOf(none), []);
});

told('what a retired peer says counts only where this node’s side gives way', () => {
  const claimOf = (code: 'retired' | 'stranger', smallestMember: string) => {
    const node = starting();
    node.view.members.fold(membership({ seq: 9, key: TWO, kind: 'retire' }));
    return rejoins(node.receive(1, rejoinOf(code, node, { smallestMember })));
  };
  assert.equal(claimOf('stranger', 'node0.aaaaaa'), []);
  assert.equal(claimOf('retired', 'node9.aaaaaa'), []);
  assert.equal(claimOf('retired', 'node0.aaaaaa'), CLAIMED);
});

told.run();

const waiting = suite('a node that has begun anew (rule 12)');

const memberOf = (origin: string): Member => ({ origin, nodeId: nodeIdOf(origin), url: null });

waiting('it tells whether members of its cluster may be left, and again once that changes', () => {
  const members = [originOf(2), originOf(3), originOf(1)].map(memberOf);
  const past: Past = { kind: 'withOthers', members };
  const { greet, tick, step } = testCore({ origin: 'node1.bbbbbb', joined: false, past });
  const saying = (outputs: readonly Output[]): unknown[] =>
    sent(outputs, 'hello').map(({ message }) => message.waits);
  const fresh = { joined: false, clusterId: null };
  greet(1, { origin: 'node2.bbbbbb', ...fresh });
  assert.equal(saying(tick()), []);
  assert.equal(saying(step({ kind: 'opened', connection: 3, dialledUrl: null })), [true]);
  greet(2, { origin: 'node3.bbbbbb', ...fresh });
  assert.equal(saying(tick()), [undefined, undefined, undefined], 'node1 is its own name');
  assert.equal(saying(tick()), []);
  step({ kind: 'closed', connection: 2, reason: 'reset' });
  assert.equal(saying(tick()), [true, true]);
});

waiting('its log names the members that may be left', () => {
  const past: Past = { kind: 'withOthers', members: [originOf(2), originOf(3)].map(memberOf) };
  const { greet, tick, clock } = testCore({ origin: 'node1.bbbbbb', joined: false, past });
  greet(1, { origin: 'node2.bbbbbb', joined: false, clusterId: null });
  clock.nowMs += 10_000;
  for (let ticks = 0; ticks < 50; ticks++) {
    clock.nowMs += 250;
    const [note] = ofKind(tick(), 'note').filter(({ facts }) => facts.event === 'not-joined');
    if (note === undefined) continue;
    assert.match(note.text, /no member of its cluster answers, and these may be left: node3: /);
    return;
  }
  assert.unreachable();
});

waiting.run();
