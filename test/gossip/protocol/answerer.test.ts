/** Answers to peers that are no members (rule 8): who is let in, told to wait, or told to rejoin. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import {
  digestWith,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, SECOND, THIRD] = [originOf(1), originOf(2), originOf(3)];
const JOIN_TIMEOUT_MS = 10_000;

/** The only member of its cluster, which has compacted its ops up to that seq. */
function readyNode(reach: number): TestCore {
  const node = testCore();
  node.view.vector.set(OWN, 5);
  node.view.reach = () => new Map([[OWN, reach]]);
  assert.is(ofKind(node.tick(), 'ready').length, 1);
  return node;
}

const asks = (node: TestCore, seqs: Readonly<Record<string, number>>): readonly Output[] =>
  node.receive(3, { type: 'digest', digest: digestWith(node.view, seqs), re: 4 });

const codesOf = (outputs: readonly Output[]): string[] =>
  sent(outputs, 'rejoin').map(({ message }) => message.code);

const answers = suite('answers to peers that are no members');

answers('a peer that a member let in is let in with a log that can be completed', () => {
  const node = readyNode(2);
  node.greet(3, { origin: THIRD, admittedBy: OWN });
  const outputs = asks(node, { [OWN]: 2, [THIRD]: 1 });
  assert.is(ofKind(outputs, 'admit').length, 1);
  assert.equal(codesOf(outputs), []);
});

answers('beyond a full mesh its join is waited for, and only logged if it does not come', () => {
  const others = [SECOND, originOf(4)];
  const node = testCore({ others, settings: { meshLimit: 2, joinTimeoutMs: JOIN_TIMEOUT_MS } });
  assert.is(ofKind(node.pass(JOIN_TIMEOUT_MS), 'ready').length, 1);
  node.greet(3, { origin: THIRD, admittedBy: SECOND });
  const first = asks(node, { [THIRD]: 1 });
  assert.equal(ofKind(first, 'admit'), []);
  assert.is(sent(first, 'later').length, 1);
  node.pass(JOIN_TIMEOUT_MS);
  assert.is(ofKind(asks(node, { [THIRD]: 1 }), 'admit').length, 1);
});

answers('it is not let in with a log that lacks what nobody sends any more: it rejoins', () => {
  const node = readyNode(3);
  node.greet(3, { origin: THIRD, admittedBy: OWN });
  const outputs = asks(node, { [OWN]: 2, [THIRD]: 1 });
  assert.equal(ofKind(outputs, 'admit'), []);
  const [told] = sent(outputs, 'rejoin');
  assert.is(told?.message.code, 'behind');
  assert.equal(told?.message.reach, new Map([[OWN, 3]]));
});

answers('an empty log is let in, whatever was compacted: it gets a snapshot', () => {
  const node = readyNode(3);
  node.greet(3, { origin: THIRD, joined: false, clusterId: null });
  assert.is(ofKind(asks(node, {}), 'admit').length, 1);
});

answers('a log of another side is not empty, though this node has closed all that it lists', () => {
  const node = readyNode(1);
  const { members, closings } = node.view;
  members.fold(membership({ key: SECOND, kind: 'retire' }));
  closings.add({ origin: SECOND, seq: 3 });
  node.greet(3, { origin: THIRD, admittedBy: SECOND });
  node.clock.nowMs += JOIN_TIMEOUT_MS;
  const digest = digestWith(node.view, { [SECOND]: 9 });
  const asksNow = (fields: Partial<Digest>): readonly Output[] =>
    node.receive(3, { type: 'digest', digest: { ...digest, ...fields }, re: 4 });
  const listed = asksNow({ listsRetired: true });
  assert.equal(ofKind(listed, 'admit'), []);
  node.clock.nowMs += JOIN_TIMEOUT_MS;
  assert.equal(codesOf(asksNow({ listsRetired: true })), ['stranger']);
  const retiredSum = { high: 1, low: 1 };
  for (const fields of [{ retiredSum }, { closed: { count: 1, sum: retiredSum }, retiredSum }])
    assert.equal(codesOf(asksNow({ ...fields, vector: new Map() })), ['stranger']);
});

answers(
  'a node that may yet be known waits once for the join timeout, however this node stands',
  () => {
    const node = testCore({ others: [SECOND] });
    node.greet(3, { origin: THIRD, admittedBy: originOf(4) });
    const isToldToWait = (): boolean => sent(asks(node, { [THIRD]: 1 }), 'later').length === 1;
    assert.ok(isToldToWait());
    assert.is(ofKind(node.pass(JOIN_TIMEOUT_MS - 1), 'ready').length, 0);
    assert.ok(isToldToWait());
    assert.is(ofKind(node.pass(1), 'ready').length, 1);
    assert.equal(codesOf(asks(node, { [THIRD]: 1 })), ['stranger']);
  },
);

answers('the times of 1,024 strangers are kept; beyond them the oldest is forgotten', () => {
  for (const [others, code] of [
    [1023, 'stranger'],
    [1024, 'later'],
  ] as const) {
    const node = readyNode(0);
    const asksOn = (connection: number, origin: string): string | undefined => {
      const digest = digestWith(node.view, { [origin]: 1 });
      const outputs = node.receive(connection, { type: 'digest', digest, re: 4 });
      return sent(outputs, 'later').length === 1 ? 'later' : codesOf(outputs)[0];
    };
    const greetAs = (connection: number, origin: string): void => {
      node.greet(connection, { origin, admittedBy: 'node9.unknown' });
    };
    greetAs(3, THIRD);
    assert.is(asksOn(3, THIRD), 'later');
    for (let other = 0; other < others; other++) {
      greetAs(4, `node${other}.bbbbbb`);
      assert.is(asksOn(4, `node${other}.bbbbbb`), 'later');
      node.step({ kind: 'closed', connection: 4, reason: 'it goes' });
    }
    node.pass(JOIN_TIMEOUT_MS);
    assert.is(asksOn(3, THIRD), code, `beside ${others} others`);
  }
});

answers('a node that starts lets nobody in: its log may be an old one', () => {
  const node = testCore({ others: [SECOND] });
  node.greet(3, { origin: THIRD, admittedBy: SECOND });
  const outputs = asks(node, { [OWN]: 1, [THIRD]: 1 });
  assert.equal(ofKind(outputs, 'admit'), []);
  assert.is(sent(outputs, 'later').length, 1);
});

answers.run();
