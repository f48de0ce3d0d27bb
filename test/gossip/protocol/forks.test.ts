/** Origins with two histories, whose nodes have left them (rule 11). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HeldVector } from '../../../src/rules/closings.ts';
import {
  digestWith,
  emptyAnswer,
  ofKind,
  originOf,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, PEER, FORKED, GONE] = [originOf(1), originOf(2), originOf(3), originOf(4)];

/** A member beside a peer that holds another history of an origin, in which that one retired others here. */
function world({ isLeft = true, gone = [GONE] } = {}): TestCore {
  const node = testCore({ origin: OWN, others: [PEER, FORKED, ...gone] });
  const { members, vector } = node.view;
  if (isLeft) members.fold(membership({ kind: 'retire', key: FORKED, origin: PEER, seq: 2 }));
  for (const [index, key] of gone.entries())
    members.fold(membership({ kind: 'retire', key, origin: FORKED, seq: 2 + index }));
  vector.set(PEER, 2).set(FORKED, 1 + gone.length);
  for (const origin of gone) vector.set(origin, 1);
  node.greet(1, { origin: PEER });
  const digest = digestWith(node.view, Object.fromEntries(vector));
  const sums = new Map([...digest.sums, [FORKED, { high: 9, low: 9 }]]);
  node.receive(1, emptyAnswer({ ...digest, sums, listsRetired: true }, false, 1));
  const outcome = { kind: 'applied', ops: 0 } as const;
  node.step({ kind: 'taken', connection: 1, outcome, pull: 1, more: false });
  assert.ok(node.core.forked.has(FORKED));
  return node;
}

function saidBy(node: TestCore): unknown[] {
  assert.is(node.core.phase, 'starting');
  node.tick();
  assert.is(node.core.phase, 'ready');
  node.clock.nowMs += 1000;
  return ofKind(node.tick(), 'sayAgain').map(({ said }) => said);
}

const forks = suite('origins with two histories (rule 11)');

forks('a member that holds one of them logs its retirements again', () => {
  assert.equal(saidBy(world()), [{ kind: 'retire', key: GONE, value: null }]);
});

forks('nothing is said again while the node of the origin may settle it by a rejoin', () => {
  assert.equal(saidBy(world({ isLeft: false })), []);
});

forks('at most 64 facts are said again at once', () => {
  const gone = Array.from({ length: 65 }, (_, index) => originOf(10 + index));
  assert.is(saidBy(world({ gone })).length, 64);
});

forks(
  'beside them, what a member told before an origin was closed counts once this node holds it',
  () => {
    const node = world();
    const { members, closings, vector } = node.view;
    members.fold(membership({ kind: 'retire', key: GONE, origin: PEER, seq: 1 }));
    node.view.deadEntries = 1;
    const stableSeq = (): number | undefined => {
      node.clock.nowMs += 1000;
      return ofKind(node.tick(), 'collect')[0]?.stable.vector.get(PEER);
    };
    assert.is(stableSeq(), 2);
    const told = { ...Object.fromEntries(vector), [PEER]: 3 };
    const digest = { ...digestWith(node.view, told), listsRetired: true };
    node.receive(1, { type: 'digest', digest, re: 2 });
    const held = new HeldVector(closings);
    for (const [origin, seq] of vector) if (origin !== GONE) held.set(origin, seq);
    closings.add({ origin: GONE, seq: 1 });
    node.view.vector = held.set(PEER, 3);
    assert.is(stableSeq(), 3);
  },
);

forks('ops of a forked origin hold nothing back, once its node has left', () => {
  const stableSeq = (isLeft: boolean): number | undefined => {
    const node = world({ isLeft, gone: [] });
    node.view.deadEntries = 1;
    node.clock.nowMs += 1000;
    node.tick();
    node.view.vector.set(PEER, 3);
    const told = { ...Object.fromEntries(node.view.vector), [FORKED]: 99 };
    const digest = { ...digestWith(node.view, told), listsRetired: true };
    node.receive(1, { type: 'digest', digest, re: 2 });
    node.clock.nowMs += 1000;
    return ofKind(node.tick(), 'collect')[0]?.stable.vector.get(PEER);
  };
  assert.is(stableSeq(true), 3);
  assert.is(stableSeq(false), undefined, 'its node may still settle it by a rejoin');
});

forks.run();
