/** Every answer names its question: an answer to any other question is dropped unread. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Hello, Message } from '../../../src/gossip/protocol/messages.ts';
import { ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  ofKind,
  originOf,
  pulledFrom,
  SETTINGS,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { put } from '../../support/ops.ts';

const PEER = originOf(2);
const OTHER = originOf(3);
const OLD: Partial<Hello> = { protocol: [1, 1] };
const NEW: Partial<Hello> = { protocol: [1, 2] };
const NOTHING = { kind: 'applied', ops: 0 } as const;

/** A member that has pulled from its peer, and waits for the answer. */
function asking(hello: Partial<Hello>): TestCore {
  const node = testCore({ others: [PEER] });
  assert.equal(pulledFrom(node.greet(2, hello)), [2]);
  return node;
}

/** The pull in flight counts as lost, and another one is sent. */
function askAgain(node: TestCore): void {
  node.clock.nowMs += 5001;
  do node.clock.nowMs += 100;
  while (pulledFrom(node.tick()).length === 0);
}

const answerOf = (node: TestCore, re?: number): Message => ({
  type: 'delta',
  delta: { ranges: [], ops: [] },
  answer: { digest: digestOf(node.view, { horizon: 1 }), more: false },
  ...(re !== undefined && { re }),
});

const answers = suite('answers name their questions');

answers('each question has another number, and its answer is taken by that', () => {
  const node = asking(NEW);
  const first = node.pullNumber(2);
  askAgain(node);
  const second = node.pullNumber(2);
  assert.is.not(first, second);
  assert.equal(node.receive(2, answerOf(node, first)), []);
  const [take] = ofKind(node.receive(2, answerOf(node, second)), 'take');
  assert.equal([take?.pull, take?.from], [second, PEER]);
});

answers('an answer without a number is none, from a peer that names its questions', () => {
  const node = asking(NEW);
  assert.equal(node.receive(2, answerOf(node)), []);
});

answers('a peer of protocol 1 answers without a number, while a pull is in flight', () => {
  const node = asking(OLD);
  assert.is(ofKind(node.receive(2, answerOf(node)), 'take').length, 1);
  node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull: 1, more: false });
  assert.equal(node.receive(2, answerOf(node)), []);
});

answers('an answer that comes twice is taken once', () => {
  const node = asking(NEW);
  node.receive(2, answerOf(node, 1));
  assert.equal(node.receive(2, answerOf(node, 1)), []);
});

answers('the late outcome of an answer does not end the pull that is in flight by then', () => {
  const node = asking(NEW);
  node.receive(2, answerOf(node, 1));
  askAgain(node);
  node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull: 1, more: true });
  assert.is(node.pullNumber(2), 2);
  assert.is(ofKind(node.receive(2, answerOf(node, 2)), 'take').length, 1);
});

answers('later and rejoin count only as answers to the pull in flight', () => {
  const node = asking(NEW);
  const rejoin: Message = {
    type: 'rejoin',
    code: 'retired',
    reason: 'it was retired',
    smallestMember: null,
    reach: new Map(),
  };
  node.receive(2, { type: 'later', re: 9 });
  assert.equal(node.receive(2, { ...rejoin, re: 9 }), []);
  assert.is(ofKind(node.receive(2, answerOf(node, 1)), 'take').length, 1);
  assert.is(ofKind(node.receive(2, rejoin), 'rejoin').length, 1);
});

answers('an answer repeats the number of its question, whatever it says', () => {
  const node = asking(NEW);
  const ask = (digest = digestOf(node.view)): Message => ({ type: 'digest', digest, re: 77 });
  assert.is(ofKind(node.receive(2, ask()), 'answer')[0]?.re, 77);
  node.view.reach = () => new Map([[originOf(1), 1]]);
  const empty = digestOf(node.view, { vector: new Map(), sums: new Map() });
  assert.is(ofKind(node.receive(2, ask(empty)), 'snapshot')[0]?.re, 77);
  const behind = digestWith(node.view, { [PEER]: 1 });
  assert.is(sent(node.receive(2, ask(behind)), 'rejoin')[0]?.message.re, 77);
});

answers('`same` counts as the digest of the question, by the clock that it tells', () => {
  const node = asking({ protocol: [1, 4] });
  const clock = node.clock.nowMs - 1000;
  assert.equal(node.receive(2, { type: 'same', clock, re: 9 }), [], 'it answers another question');
  const [take] = ofKind(node.receive(2, { type: 'same', clock, re: 1 }), 'take');
  assert.equal([take?.pull, take?.delta, take?.more], [1, { ranges: [], ops: [] }, false]);
  node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull: 1, more: false });
  assert.equal(node.receive(2, { type: 'same', clock, re: 1 }), [], 'no question is in flight');
});

answers('a digest of a peer that knows `same` goes with its question as it was sent', () => {
  for (const [protocol, knows] of [
    [[1, 3], false],
    [[1, 4], true],
  ] as const) {
    const node = asking({ protocol });
    const digest = digestOf(node.view);
    const [answer] = ofKind(node.receive(2, { type: 'digest', digest, re: 77 }), 'answer');
    assert.is(answer?.sent, knows ? digest : undefined);
  }
});

answers.run();

const joining = suite('a log that is not joined yet');

/** A fresh node that has asked a member, and one more member that it could ask. */
function fresh(): TestCore {
  const node = testCore({ joined: false, settings: { url: 'http://one' } });
  assert.equal(pulledFrom(node.greet(2, { ...NEW, origin: PEER })), [2]);
  assert.equal(pulledFrom(node.greet(3, { ...NEW, origin: OTHER })), []);
  return node;
}

const partOf = (part: number, re: number): Message => ({
  type: 'snapshot',
  part,
  rows: [{ op: put({ origin: PEER }), isEntry: true }],
  origins: null,
  end: null,
  re,
});

joining('it takes no pushes, from nobody', () => {
  const node = fresh();
  const delta = { ranges: [{ origin: PEER, after: 0, to: 1, sum: ZERO }], ops: [] };
  assert.equal(node.receive(2, { type: 'delta', delta, answer: null }), []);
});

joining('an origin asks one member only: that one may have let it in already', () => {
  const node = fresh();
  node.receive(2, answerOf(node, 1));
  node.step({ kind: 'closed', connection: 2, reason: 'reset' });
  node.clock.nowMs += 2000;
  assert.equal(node.tick(), [], 'an answer is still being taken in');
  node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull: 1, more: false });
  node.clock.nowMs += 2000;
  const outputs = node.tick();
  assert.equal(pulledFrom(outputs), []);
  const [rejoin] = ofKind(outputs, 'rejoin');
  assert.equal([rejoin?.keep, rejoin?.isClaimed], [false, false]);
});

joining('where no other member is there, it waits for the one that it asked', () => {
  const settings = { url: 'http://one', urls: ['http://one', 'http://two'] };
  const node = testCore({ joined: false, settings });
  node.greet(2, { ...NEW, origin: PEER });
  node.step({ kind: 'closed', connection: 2, reason: 'reset' });
  node.clock.nowMs += 2000;
  assert.equal(ofKind(node.tick(), 'rejoin'), []);
  assert.equal(pulledFrom(node.greet(4, { ...NEW, origin: PEER })), [4]);
});

joining('a snapshot comes in order, from the peer that was asked, as an answer', () => {
  const node = fresh();
  assert.equal(node.receive(3, partOf(0, 1)), []);
  assert.equal(node.receive(2, partOf(0, 9)), []);
  assert.equal(node.receive(2, partOf(1, 1)), []);
  assert.is(ofKind(node.receive(2, partOf(0, 1)), 'takeSnapshot').length, 1);
  assert.equal(node.receive(2, partOf(0, 1)), []);
});

joining('a snapshot does not begin in a log that holds something', () => {
  const node = fresh();
  node.view.lastLsn = 1;
  assert.equal(node.receive(2, partOf(0, 1)), []);
});

joining('one snapshot at a time: a second one is not begun', () => {
  const node = fresh();
  node.receive(2, partOf(0, 1));
  node.step({ kind: 'tookSnapshot', connection: 2, part: 0, ended: false, ok: true, fault: null });
  // As if the other had been asked as well.
  assert.equal(node.receive(3, partOf(0, 1)), []);
});

joining('a snapshot of which no part comes for the time of a pull is thrown away', () => {
  const node = fresh();
  node.receive(2, partOf(0, 1));
  node.clock.nowMs += 4000;
  node.step({ kind: 'tookSnapshot', connection: 2, part: 0, ended: false, ok: true, fault: null });
  node.clock.nowMs += SETTINGS.pullTimeoutMs;
  assert.equal(ofKind(node.tick(), 'rejoin'), []);
  node.clock.nowMs += 1;
  assert.equal(
    ofKind(node.tick(), 'rejoin').map(({ keep }) => keep),
    [false],
  );
});

joining('a log that came to hold something else meanwhile is thrown away', () => {
  const node = fresh();
  node.receive(2, partOf(0, 1));
  const outputs = node.step({
    kind: 'tookSnapshot',
    connection: 2,
    part: 0,
    ended: false,
    ok: false,
    fault: null,
  });
  assert.equal(
    ofKind(outputs, 'rejoin').map(({ keep }) => keep),
    [false],
  );
});

joining.run();
