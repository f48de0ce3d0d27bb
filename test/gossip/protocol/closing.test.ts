/** The core closes retired origins, and reads digests of peers that have closed others (rule 13). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Digest,
  type Listing,
  makeDigest,
  readDigest,
} from '../../../src/gossip/protocol/digest.ts';
import { decodeMessage, encodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { HeldVector } from '../../../src/rules/closings.ts';
import { closingValue } from '../../../src/rules/members.ts';
import type { Hash } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  emptyAnswer,
  NOW,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, PEER, GONE] = [originOf(1), originOf(2), originOf(3)];

interface World {
  readonly origin?: string;
  readonly peerProtocol?: [number, number];
  /** The seqs of GONE and of the origin of its `retire` that are stable. */
  readonly stable?: readonly [number, number];
  /** Members that are not connected. */
  readonly far?: readonly string[];
  readonly meshLimit?: number;
}

/** A member beside a peer, both of which hold two ops of a retired origin. */
function world({
  origin = OWN,
  peerProtocol = [1, 3],
  stable = [2, 3],
  far = [],
  meshLimit = 64,
}: World = {}): TestCore {
  const other = origin === OWN ? PEER : OWN;
  const settings = { joinTimeoutMs: 0, meshLimit };
  const node = testCore({ origin, others: [other, GONE, ...far], settings });
  node.view.members.fold(membership({ kind: 'retire', key: GONE, origin: other, seq: 3 }));
  node.view.vector.set(other, 3);
  node.view.vector.set(GONE, 2);
  const vector = new Map([
    [GONE, stable[0]],
    [other, stable[1]],
  ]);
  node.view.stable = { vector, clock: node.clock.nowMs };
  node.greet(1, { origin: other, protocol: peerProtocol });
  node.receive(1, emptyAnswer(digestOf(node.view), false, 1));
  node.step({
    kind: 'taken',
    connection: 1,
    outcome: { kind: 'applied', ops: 0 },
    pull: 1,
    more: false,
  });
  return node;
}

/** The origins that it closes within two seconds. */
function closedBy(node: TestCore): unknown[] {
  const closed: unknown[] = [];
  for (let ticks = 0; ticks < 4; ticks++) {
    node.clock.nowMs += 500;
    for (const { origin, lastSeq } of ofKind(node.tick(), 'closeOrigin'))
      closed.push([origin, lastSeq]);
  }
  return closed;
}

const closing = suite('closing of retired origins (rule 13)');

closing('an origin is closed once every member holds all of it, and its retire', () => {
  assert.equal(closedBy(world())[0], [GONE, 2]);
  assert.equal(closedBy(world({ stable: [1, 3] })), [], 'a member may lack an op');
  assert.equal(closedBy(world({ stable: [2, 2] })), [], 'a member may take more of it');
});

closing('the smallest member closes it, and nobody while one knows no closing', () => {
  assert.equal(closedBy(world({ origin: PEER })), []);
  assert.equal(closedBy(world({ peerProtocol: [1, 2] })), []);
});

closing(
  'beyond a full mesh the smallest member does that is heard, whoever has no link here',
  () => {
    const mesh = { far: [originOf(4)], meshLimit: 2 };
    assert.equal(closedBy(world({ ...mesh, peerProtocol: [1, 6] }))[0], [GONE, 2]);
    assert.equal(closedBy(world({ ...mesh, peerProtocol: [1, 6], origin: PEER })), []);
    const full = { far: [originOf(4)] };
    assert.equal(closedBy(world(full)), [], 'in a full mesh it may know no closing');
  },
);

closing('it is closed once, and a forked one never', () => {
  const node = world();
  const value = closingValue({ nodeId: 'node3', url: null }, 2, null);
  node.view.members.fold(membership({ key: GONE, value, origin: PEER, seq: 4 }));
  assert.equal(closedBy(node), []);
  const forked = world();
  const other = digestWith(forked.view, { [OWN]: 1, [PEER]: 3, [GONE]: 2 });
  const sums = new Map([...other.sums, [GONE, { high: 9, low: 9 }]]);
  forked.receive(1, { type: 'digest', digest: { ...other, sums, listsRetired: true }, re: 1 });
  assert.ok(forked.core.forked.has(GONE));
  assert.equal(closedBy(forked), []);
});

closing('a retire that a forked origin logged holds nothing closed: a member may lack it', () => {
  const forked = world();
  const other = digestWith(forked.view, { [OWN]: 1, [PEER]: 3, [GONE]: 2 });
  const sums = new Map([...other.sums, [PEER, { high: 9, low: 9 }]]);
  forked.receive(1, { type: 'digest', digest: { ...other, sums, listsRetired: true }, re: 1 });
  assert.ok(forked.core.forked.has(PEER));
  assert.equal(closedBy(forked), []);
  const retire = membership({ kind: 'retire', key: GONE, origin: OWN, seq: 1 });
  forked.view.members.fold(retire);
  const { vector, clock } = forked.view.stable;
  forked.view.stable = { vector: new Map([...vector, [OWN, 1]]), clock };
  assert.equal(closedBy(forked)[0], [GONE, 2]);
});

closing('a retire that a closed origin logged is held by all, and holds nothing back', () => {
  const node = world();
  const { members, closings, vector } = node.view;
  const digest = digestOf(node.view, { vector: new Map(vector) });
  node.receive(1, { type: 'digest', digest: { ...digest, listsRetired: true }, re: 1 });
  const isMoving = () => {
    node.clock.nowMs += 20_000;
    return ofKind(node.tick(), 'collect').length > 0;
  };
  members.fold(membership({ kind: 'retire', key: originOf(5), origin: originOf(4), seq: 9 }));
  assert.not.ok(isMoving());
  closings.add({ origin: originOf(4), seq: 9 });
  assert.ok(isMoving());
});

closing.run();

/** The node closes GONE, as a replica does when it folds the closing op. */
function close({ view }: TestCore): void {
  const held = new HeldVector(view.closings);
  for (const [origin, seq] of view.vector) if (origin !== GONE) held.set(origin, seq);
  view.vector = held;
  view.closings.add({ origin: GONE, seq: 2 });
}

const reading = suite('digests beside closed origins (rule 13)');

reading('a node that has closed nothing names no pair, and lacks no closing of a peer', () => {
  const { view } = testCore();
  assert.is(makeDigest(view, NOW, 10_000, 'open').closed, undefined);
  const other = digestOf(view, { retiredSum: { high: 1, low: 1 }, listsRetired: true });
  const { retiredDiffer, lacksClosings } = readDigest(view, other);
  assert.equal([retiredDiffer, lacksClosings], [true, false]);
});

reading('a peer that holds them open is read as one that has closed them: no fork, no lack', () => {
  const [node, peer] = [world(), world()];
  close(node);
  for (const listing of ['none', 'open', 'all'] as const) {
    const read = readDigest(node.view, makeDigest(peer.view, 0, 0, listing));
    assert.equal([...read.digest.vector.keys()].sort(), [OWN, PEER]);
    assert.equal([...read.digest.sums.keys()].sort(), [OWN, PEER]);
    assert.equal([read.exact, read.lackedClosed], [true, null]);
  }
});

reading(
  'a pair that is not known makes a digest inexact: nothing counts as lacked or settled',
  () => {
    const [node, peer] = [world(), world()];
    close(peer);
    const read = readDigest(node.view, makeDigest(peer.view, 0, 0, 'open'));
    assert.equal([read.exact, read.lackedClosed], [false, null]);
    assert.is(read.digest.vector.get(GONE), 2, 'taken as held');
    const known = readDigest(peer.view, makeDigest(node.view, 0, 0, 'open'));
    assert.equal([known.exact, known.lackedClosed], [true, null]);
  },
);

reading('who lacks an op of a closed origin rejoins, or begins with a snapshot', () => {
  const node = world();
  close(node);
  node.tick();
  const lacking = {
    ...digestWith(node.view, { [OWN]: 1, [PEER]: 3, [GONE]: 1 }),
    retiredSum: null,
  };
  const outputs = node.receive(1, { type: 'digest', digest: lacking, re: 7 });
  const [told] = sent(outputs, 'rejoin');
  assert.is(told?.message.code, 'behind');
  assert.equal([...(told?.message.reach ?? [])], [[GONE, 2]]);
  const empty = { ...digestWith(node.view, {}), retiredSum: null, listsRetired: true };
  const begun = node.receive(1, { type: 'digest', digest: empty, re: 8 });
  assert.is(ofKind(begun, 'snapshot').length, 1);
});

reading('who lacks an op of a closed origin is not level: another map is no wonder', () => {
  const node = world();
  close(node);
  node.tick();
  const level = digestWith(node.view, { [OWN]: 1, [PEER]: 3 });
  const theirs = { ...level, mapSum: { high: 1, low: 1 } };
  const disagreements = (fields: Partial<Digest>): number => {
    const digest = { ...theirs, listsRetired: true, ...fields };
    return ofKind(node.receive(1, { type: 'digest', digest, re: 7 }), 'disagrees').length;
  };
  assert.is(disagreements({ retiredSum: null }), 0, 'it has closed nothing, and holds none of it');
  assert.is(disagreements({ closed: node.view.closings.pair }), 1);
});

reading('two that have closed others list all after a while, and find what either lacks', () => {
  const [node, peer] = [world(), world()];
  close(node);
  peer.view.closings.add({ origin: originOf(4), seq: 1 });
  peer.view.vector.set(GONE, 1);
  node.tick();
  const ask = (listing: Listing, re: number) => {
    const digest = makeDigest(peer.view, NOW, 60_000, listing);
    return node.receive(1, { type: 'digest', digest, re });
  };
  for (let re = 1; re <= 3; re++) assert.equal(sent(ask('open', re), 'rejoin'), []);
  assert.not(node.core.digestFor(1, NOW).closed, 'it lists all from now on');
  const [told] = sent(ask('all', 4), 'rejoin');
  assert.equal([...(told?.message.reach ?? [])], [[GONE, 2]]);
});

reading('two of which one has closed nothing list all after a while too', () => {
  const [node, peer] = [world(), world()];
  close(node);
  node.tick();
  const lists = (re: number, retiredSum: Hash | null = { high: 1, low: 1 }): boolean => {
    const digest = makeDigest(peer.view, NOW, 60_000, 'open');
    node.receive(1, { type: 'digest', digest: { ...digest, retiredSum }, re });
    return node.core.digestFor(1, NOW).closed === undefined;
  };
  for (let re = 101; re <= 104; re++) lists(re, node.view.retiredSum);
  for (let re = 1; re <= 2; re++) assert.not.ok(lists(re), 'the peer may be about to close it');
  for (let re = 3; re <= 29; re++) assert.ok(lists(re), 'it may not know the pair of this node');
  assert.not.ok(lists(30), 'pairs are tried again');
  peer.view.vector.set(OWN, 0);
  for (let re = 31; re <= 40; re++) assert.not.ok(lists(re), 'the peer has yet to catch up');
});

reading('after 2,000 closed origins a digest of three nodes has at most 200 bytes', () => {
  const node = testCore({ others: [PEER, GONE] });
  for (const origin of [OWN, PEER, GONE]) node.view.vector.set(origin, 99_999);
  for (let number = 0; number < 2000; number++)
    node.view.closings.add({ origin: `node${number % 3}.q${number}`, seq: 1000 + number });
  const spelled = (listing: Listing): string => {
    const digest = {
      ...makeDigest(node.view, NOW, 60_000, listing),
      retiredSum: { high: 5, low: 6 },
    };
    const text = encodeMessage({ type: 'digest', digest: { ...digest, isShort: true }, re: 99 });
    assert.equal(decodeMessage(text), { type: 'digest', digest, re: 99 });
    return text;
  };
  assert.ok(spelled('none').length <= 200, spelled('none'));
  assert.ok(spelled('open').length <= 250, spelled('open'));
});

reading.run();
