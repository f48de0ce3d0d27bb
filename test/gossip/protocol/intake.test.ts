/** The steps that follow once ops of a peer are committed or refused, and the answers and parts of snapshots that are taken. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestChanges } from '../../../src/gossip/protocol/digestChanges.ts';
import type { InputOf, Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { SnapshotMessage } from '../../../src/gossip/protocol/messages.ts';
import { nextHlc } from '../../../src/words/hlc.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  errorIn,
  helloOf,
  NOW,
  ofKind,
  originOf,
  pulledFrom,
  SETTINGS,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership, put } from '../../support/ops.ts';

const [OWN, TWO, THREE] = [1, 2, 3].map(originOf) as [string, string, string];
const NOTHING = { ranges: [], ops: [] };
const DAY_MS = 86_400_000;

type Outcome = InputOf<'taken'>['outcome'];

/** A member that has asked its peer over connection 2. */
function asking(): TestCore {
  const node = testCore({ others: [TWO] });
  assert.equal(pulledFrom(node.greet(2, helloOf(TWO))), [2]);
  return node;
}

const ends = (node: TestCore, outcome: Outcome, isPush: boolean, more: boolean) =>
  node.step({
    kind: 'taken',
    connection: 2,
    outcome,
    pull: isPush ? null : node.pullNumber(2),
    more,
  });

/** The peer's answer is taken in. */
function answered(node: TestCore, outcome: Outcome, more: boolean): readonly Output[] {
  node.receive(2, emptyAnswer(digestOf(node.view), more, node.pullNumber(2)));
  return ends(node, outcome, false, more);
}

const intake = suite('what follows an answer or a push (rule 7)');

for (const [name, outcomeOf] of Object.entries({
  'ops of new origins are left out': (ops: number): Outcome => ({ kind: 'crowded', ops }),
  'ops of closed origins are left out': (ops: number): Outcome => ({ kind: 'beyondEnds', ops }),
  'an origin is forked': (ops: number): Outcome => ({ kind: 'fork', ops, origins: [THREE] }),
}))
  intake(`where ${name}, the rest is asked for, as long as an answer brings something`, () => {
    const isAskedAgain = (more: boolean, ops: number): boolean =>
      pulledFrom(answered(asking(), outcomeOf(ops), more)).length > 0;
    assert.ok(isAskedAgain(true, 1));
    assert.not(isAskedAgain(true, 0));
    assert.not(isAskedAgain(false, 1));
    const node = asking();
    answered(node, { kind: 'applied', ops: 0 }, false);
    assert.equal(pulledFrom(ends(node, outcomeOf(1), true, true)), [], 'a push asks for nothing');
  });

intake('where other ops bear the ids of this node, a rejoin is the last output', () => {
  const outputs = answered(asking(), { kind: 'fork', ops: 1, origins: [OWN] }, true);
  assert.is(outputs.at(-1)?.kind, 'rejoin');
});

intake('a gap is not asked for where the peer could not answer yet, but after its wait', () => {
  const node = asking();
  node.receive(2, { type: 'later', re: node.pullNumber(2) });
  assert.equal(pulledFrom(ends(node, { kind: 'gap' }, true, false)), []);
  node.clock.nowMs += 200;
  assert.equal(pulledFrom(ends(node, { kind: 'gap' }, true, false)), [2]);
});

intake('ops that are stamped more than a day ahead are warned of, once', () => {
  const node = asking();
  const push = (aheadMs: number) => {
    const op = put({ origin: TWO, hlc: nextHlc(0, NOW + aheadMs) });
    const delta = { ranges: [], ops: [op] };
    return ofKind(node.receive(2, { type: 'delta', delta, answer: null }), 'note');
  };
  assert.equal(push(DAY_MS), []);
  assert.equal(
    push(DAY_MS + 1).map(({ facts }) => facts.event),
    ['far-ahead'],
  );
  assert.equal(push(DAY_MS + 1), []);
});

intake('of an answer whose clock is wrong nothing is taken', () => {
  const node = asking();
  const digest = digestOf(node.view, { clock: NOW + SETTINGS.maxClockSkewMs + 1 });
  const outputs = node.receive(2, emptyAnswer(digest, false, node.pullNumber(2)));
  assert.is(errorIn(outputs)?.code, 'clock');
  assert.equal(ofKind(outputs, 'take'), []);
});

intake('a member that starts waits for all ops of an answer', () => {
  const node = asking();
  const digest = digestWith(node.view, { [OWN]: 1, [TWO]: 7 });
  node.receive(2, emptyAnswer(digest, false, node.pullNumber(2)));
  ends(node, { kind: 'applied', ops: 3 }, false, false);
  assert.equal(ofKind(node.tick(), 'ready'), []);
  node.view.vector.set(TWO, 7);
  answered(node, { kind: 'applied', ops: 4 }, false);
  assert.is(ofKind(node.tick(), 'ready').length, 1);
});

intake('a reply, or `same`, to an earlier question is dropped unread', () => {
  const node = asking();
  const base = digestOf(node.view);
  const other = digestWith(node.view, { [OWN]: 1, [TWO]: 9 });
  const wrong = { ...digestChanges(base, other), hash: { high: 1, low: 1 } };
  const reply = { type: 'reply', delta: NOTHING, changes: wrong, more: false } as const;
  const re = node.pullNumber(2);
  assert.equal(node.receive(2, { ...reply, re: re + 1 }), []);
  assert.equal(node.receive(2, { type: 'same', clock: NOW, re: re + 1 }), []);
  answered(node, { kind: 'applied', ops: 0 }, false);
  assert.equal(node.receive(2, { ...reply, re }), [], 'no question is left');
  assert.equal(node.receive(2, { type: 'same', clock: NOW, re }), []);
  node.clock.nowMs += 2000;
  assert.is(sent(node.tick(), 'level').length, 0, 'it is asked by the whole digest');
});

intake('a reply that is no digest of the question ends the connection', () => {
  const node = asking();
  const changes = {
    ...digestChanges(digestOf(node.view), digestOf(node.view)),
    hash: { high: 1, low: 1 },
  };
  const re = node.pullNumber(2);
  const outputs = node.receive(2, { type: 'reply', delta: NOTHING, changes, more: false, re });
  assert.equal(
    ofKind(outputs, 'misbehaved').map(({ fault }) => fault),
    ['claim'],
  );
});

intake.run();

const joining = suite('a fresh node takes its first ops (rule 8)');

/** A fresh node that has asked a member over connection 2. */
function fresh(): TestCore {
  const node = testCore({ joined: false, settings: { url: 'http://one' } });
  assert.equal(pulledFrom(node.greet(2, helloOf(TWO))), [2]);
  return node;
}

const welcomes = (outputs: readonly Output[]) => ofKind(outputs, 'welcome');
const APPLIED = { kind: 'applied', ops: 1 } as const;

joining('it has joined once its own join is among the ops of the answer', () => {
  const node = fresh();
  assert.equal(welcomes(answered(node, APPLIED, true)), []);
  node.view.members.fold(membership({ key: OWN }));
  const welcomed = answered(node, APPLIED, true);
  assert.equal(welcomes(welcomed), [
    { kind: 'welcome', sponsor: TWO, clusterId: 'the cluster', formedAt: NOW },
  ]);
  assert.equal(welcomes(answered(node, APPLIED, false)), [], 'it is being committed');
  assert.equal(pulledFrom(node.pass(3000)), [], 'nobody is asked meanwhile');
});

joining('a member that takes an answer is not welcomed once more', () => {
  const node = asking();
  assert.equal(welcomes(answered(node, APPLIED, false)), []);
});

joining('it is not welcomed by an answer of which it lacks ops', () => {
  const node = fresh();
  node.view.members.fold(membership({ key: OWN }));
  const digest = digestWith(node.view, { [TWO]: 7 });
  node.receive(2, emptyAnswer(digest, false, node.pullNumber(2)));
  assert.equal(welcomes(ends(node, APPLIED, false, false)), []);
});

const partOf = (fields: Partial<SnapshotMessage>): SnapshotMessage => ({
  type: 'snapshot',
  part: 0,
  rows: [],
  origins: null,
  end: null,
  re: 1,
  ...fields,
});
const ORIGINS = {
  vector: new Map([[TWO, 1]]),
  sums: new Map([[TWO, { high: 0, low: 1 }]]),
  reach: new Map(),
};

joining('a part of a snapshot brings rows, origins or the end, or its peer is let go', () => {
  for (const [fields, isTaken] of [
    [{ rows: [{ op: put({ origin: TWO }), isEntry: true }] }, true],
    [{ origins: ORIGINS }, true],
    [{ end: { ...ORIGINS, horizon: 0 } }, true],
    [{}, false],
    [{ origins: { ...ORIGINS, vector: new Map() } }, false],
  ] as const) {
    const outputs = fresh().receive(2, partOf(fields));
    assert.is(ofKind(outputs, 'takeSnapshot').length, isTaken ? 1 : 0);
    assert.is(ofKind(outputs, 'misbehaved').length, isTaken ? 0 : 1);
  }
});

const tookOf = (fields: Partial<InputOf<'tookSnapshot'>> = {}): InputOf<'tookSnapshot'> => ({
  kind: 'tookSnapshot',
  connection: 2,
  part: 0,
  ended: false,
  ok: true,
  fault: null,
  ...fields,
});

joining('the next part is asked for, and after the last one the ops since', () => {
  for (const ended of [false, true]) {
    const node = fresh();
    node.receive(2, partOf({ origins: ORIGINS }));
    const outputs = node.step(tookOf({ ended }));
    assert.equal(
      sent(outputs, 'next').map(({ message }) => message.part),
      ended ? [] : [1],
    );
    assert.equal(pulledFrom(outputs), ended ? [2] : []);
  }
});

joining('a snapshot that can be of no log is its sender’s fault, and is thrown away once', () => {
  const node = fresh();
  node.receive(2, partOf({ origins: ORIGINS }));
  const outputs = node.step(tookOf({ ok: false, fault: 'it holds an op twice' }));
  assert.equal(
    ofKind(outputs, 'misbehaved').map(({ fault, reason }) => [fault, reason]),
    [['claim', 'it holds an op twice']],
  );
  assert.equal(
    ofKind(outputs, 'rejoin').map(({ keep }) => keep),
    [false],
  );
});

joining('a part that was stored after its connection was gone asks for nothing', () => {
  assert.equal(fresh().step(tookOf({ connection: 9 })), []);
});

joining.run();
