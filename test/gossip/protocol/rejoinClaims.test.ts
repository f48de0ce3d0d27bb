/** No peer makes this node rejoin alone while another member could confirm it (rule 12). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OutputOf } from '../../../src/gossip/protocol/inputOutput.ts';
import type { Hello, Message } from '../../../src/gossip/protocol/messages.ts';
import {
  digestOf,
  digestWith,
  errorIn,
  NOW,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  type TestCoreOptions,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const claims = suite('claims that a node must rejoin');

const OTHERS = [originOf(2), originOf(3)];

/** A member that may write, and did, with two other members connected over connections 2 and 3. */
function member(options: TestCoreOptions = {}): TestCore {
  const node = testCore({ others: OTHERS, ...options });
  node.greet(2, { origin: originOf(2) });
  node.greet(3, { origin: originOf(3) });
  for (const connection of [2, 3])
    node.receive(connection, { type: 'digest', digest: digestOf(node.view) });
  node.tick();
  assert.is(node.core.phase, 'ready');
  Object.assign(node.view, { bornHere: 1 });
  return node;
}

const rejoinOf = (code: 'retired' | 'stranger' | 'behind', re: number): Message => ({
  type: 'rejoin',
  code,
  reason: 'x',
  smallestMember: null,
  reach: new Map([['node9.aaaaaa', 9]]),
  re,
});

const CLAIMS: Readonly<Record<string, (node: TestCore, connection: number) => Message>> = {
  retired: (node, connection) => rejoinOf('retired', node.pullNumber(connection)),
  behind: (node, connection) => rejoinOf('behind', node.pullNumber(connection)),
  stranger: (node, connection) => rejoinOf('stranger', node.pullNumber(connection)),
  'a copy': () => ({ type: 'error', code: 'clone', reason: 'two nodes' }),
  'later own ops': ({ view }) => ({
    type: 'digest',
    digest: digestWith(view, { [view.origin]: 9 }),
  }),
  'other own ops': ({ view }) => {
    const digest = digestWith(view, { [view.origin]: 1 });
    const sums = new Map([[view.origin, { high: 9, low: 9 }]]);
    return { type: 'digest', digest: { ...digest, sums } };
  },
};

for (const [what, claimOf] of Object.entries(CLAIMS)) {
  claims(`${what}: one member is not followed, and a second one is`, () => {
    const node = member();
    assert.equal(ofKind(node.receive(2, claimOf(node, 2)), 'rejoin'), []);
    assert.match(node.core.doubt ?? '', /no other member does/);
    const [rejoin] = ofKind(node.receive(3, claimOf(node, 3)), 'rejoin');
    assert.is(rejoin?.isClaimed, true);
  });

  claims(`${what}: a member that could not confirm it is not waited for`, () => {
    const node = testCore({ others: OTHERS });
    Object.assign(node.view, { bornHere: 1 });
    node.clock.nowMs += 15_000;
    node.greet(2, { origin: originOf(2) });
    assert.is(ofKind(node.receive(2, claimOf(node, 2)), 'rejoin').length, 1);
  });

  claims(`${what}: claims make no node rejoin twice within the pause`, () => {
    for (const [agoMs, rejoins] of [
      [59_999, 0],
      [60_000, 1],
    ] as const) {
      const settings = { rejoinPauseMs: 60_000 };
      const node = member({ settings, claimedRejoinAt: NOW - agoMs });
      node.receive(2, claimOf(node, 2));
      assert.is(ofKind(node.receive(3, claimOf(node, 3)), 'rejoin').length, rejoins);
      if (rejoins === 0) assert.match(node.core.doubt ?? '', /again so soon/);
    }
  });
}

claims('a member that starts follows one member', () => {
  const node = testCore({ others: OTHERS });
  node.greet(2, { origin: originOf(2) });
  node.greet(3, { origin: originOf(3) });
  const told = rejoinOf('retired', node.pullNumber(2));
  assert.is(ofKind(node.receive(2, told), 'rejoin').length, 1);
});

claims('one member that says it twice is one member', () => {
  const node = member();
  const claim = CLAIMS['later own ops'];
  assert.ok(claim);
  for (let count = 0; count < 3; count++)
    assert.equal(ofKind(node.receive(2, claim(node, 2)), 'rejoin'), []);
});

for (const [what, isFollowed] of [
  ['stranger', true],
  ['later own ops', true],
  ['other own ops', true],
  ['behind', true],
  ['retired', false],
] as const)
  claims(
    `${what}: one member that repeats it for long is ${isFollowed ? '' : 'not '}followed`,
    () => {
      const node = member();
      const claim = CLAIMS[what];
      assert.ok(claim);
      for (let passedMs = 0; passedMs <= 60_000; passedMs += 10_000) {
        const rejoins = ofKind(node.receive(2, claim(node, 2)), 'rejoin');
        assert.is(rejoins.length, isFollowed && passedMs === 60_000 ? 1 : 0);
        node.clock.nowMs += 10_000;
        node.receive(3, { type: 'later', re: node.pullNumber(3) });
        node.tick();
      }
    },
  );

for (const [claimers, leaves] of [
  [[2], [originOf(3)]],
  [[2, 3], []],
] as const)
  claims(
    `it leaves the ${leaves.length} members that do not say that it lacks what is gone`,
    () => {
      const node = member();
      const claim = CLAIMS.behind;
      assert.ok(claim);
      const rejoins = (): readonly OutputOf<'rejoin'>[] => {
        for (const connection of claimers) {
          const [rejoin] = ofKind(node.receive(connection, claim(node, connection)), 'rejoin');
          if (rejoin !== undefined) return [rejoin];
        }
        node.clock.nowMs += 10_000;
        node.receive(3, { type: 'later', re: node.pullNumber(3) });
        node.tick();
        return [];
      };
      const found = Array.from({ length: 8 }, rejoins).flat();
      assert.equal(found[0]?.leaves, leaves);
    },
  );

claims('a node whose copy alone claims it leaves no member', () => {
  const node = testCore({ others: OTHERS });
  node.clock.nowMs += 15_000;
  const copy = { origin: node.view.origin, instance: '0' };
  assert.equal(ofKind(node.greet(8, copy), 'rejoin')[0]?.leaves, []);
});

claims('retired: of two that retired each other one that repeats it for long is followed', () => {
  const node = member();
  node.view.members.fold(membership({ kind: 'retire', key: originOf(2) }));
  // This node's smallest member is the greater one.
  const told: Message = {
    type: 'rejoin',
    code: 'retired',
    reason: 'x',
    smallestMember: 'node0.aaaaaa',
    reach: new Map(),
  };
  for (let passedMs = 0; passedMs <= 60_000; passedMs += 10_000) {
    const rejoins = ofKind(node.receive(2, told), 'rejoin');
    assert.is(rejoins.length, passedMs === 60_000 ? 1 : 0, `${passedMs} ms`);
    node.clock.nowMs += 10_000;
    node.receive(3, { type: 'later', re: node.pullNumber(3) });
  }
});

claims('a node that members of another side have retired leaves those of its own side', () => {
  const others = [2, 3, 4, 5].map(originOf);
  const node = testCore({ others });
  for (const number of [2, 3, 4, 5]) {
    node.greet(number, { origin: originOf(number) });
    node.receive(number, { type: 'digest', digest: digestOf(node.view) });
  }
  node.tick();
  assert.is(node.core.phase, 'ready');
  for (const number of [4, 5])
    node.view.members.fold(membership({ kind: 'retire', key: originOf(number) }));
  const told = (number: number): readonly OutputOf<'rejoin'>[] =>
    ofKind(node.receive(number, ofOtherSide(node, number, 'retired', SMALLER)), 'rejoin');
  assert.equal(told(4), []);
  assert.equal(
    told(5).map(({ leaves }) => leaves),
    [[2, 3].map(originOf)],
  );
});

claims('a node whose copy claims it beside another peer leaves the members that do not', () => {
  const node = member();
  const claim = CLAIMS['later own ops'];
  assert.ok(claim);
  assert.equal(ofKind(node.receive(2, claim(node, 2)), 'rejoin'), []);
  const copy = { origin: node.view.origin, instance: '0' };
  assert.equal(
    ofKind(node.greet(8, copy), 'rejoin').map(({ leaves }) => leaves),
    [[originOf(3)]],
  );
});

claims('strangers confirm nothing while a member is connected', () => {
  const node = member();
  const claim = CLAIMS['later own ops'];
  assert.ok(claim);
  node.receive(2, claim(node, 2));
  for (const number of [4, 5]) {
    node.greet(number, { origin: originOf(number) });
    assert.equal(ofKind(node.receive(number, claim(node, number)), 'rejoin'), []);
  }
});

/** Hellos of a peer that no log here counts as a member. */
const LET_IN = { joined: true, admittedBy: originOf(2) };

/**
 * Peers with such hellos repeat a claim for longer than the patience, while two members are there. @returns the rejoins,
 * by the time that has passed.
 */
function repeatedByLetIn(
  node: TestCore,
  what: string,
  hellos: Readonly<Record<number, Partial<Hello>>>,
): [passedMs: number, leaves: readonly string[]][] {
  const claim = CLAIMS[what];
  assert.ok(claim);
  for (const [number, hello] of Object.entries(hellos))
    node.greet(Number(number), { ...hello, origin: originOf(Number(number)) });
  const rejoins: [number, readonly string[]][] = [];
  for (let passedMs = 0; passedMs <= 80_000 && rejoins.length === 0; passedMs += 2000) {
    for (const connection of Object.keys(hellos).map(Number)) {
      const [rejoin] = ofKind(node.receive(connection, claim(node, connection)), 'rejoin');
      if (rejoin !== undefined) rejoins.push([passedMs, rejoin.leaves]);
    }
    node.clock.nowMs += 2000;
    for (const member of [2, 3])
      node.receive(member, { type: 'later', re: node.pullNumber(member) });
    node.tick();
  }
  return rejoins;
}

for (const what of ['behind', 'stranger', 'later own ops', 'other own ops'])
  claims(
    `${what}: a peer that a member let in is followed once it repeats it for long, and the members are left`,
    () => {
      const [rejoin, ...more] = repeatedByLetIn(member(), what, { 4: LET_IN });
      assert.equal(more, []);
      assert.equal(rejoin?.[1], OTHERS);
      assert.ok((rejoin?.[0] ?? 0) >= 60_000, `${rejoin?.[0]} ms`);
    },
  );

claims('behind: the health tells what a peer says that a member let in', () => {
  const node = member();
  node.greet(4, { ...LET_IN, origin: originOf(4) });
  assert.equal(ofKind(node.receive(4, rejoinOf('behind', node.pullNumber(4))), 'rejoin'), []);
  assert.match(node.core.doubt ?? '', /no other member does/);
});

claims('behind: several peers that a member let in are not followed sooner', () => {
  const [rejoin] = repeatedByLetIn(member(), 'behind', { 4: LET_IN, 5: LET_IN, 6: LET_IN });
  assert.ok((rejoin?.[0] ?? 0) >= 60_000, `${rejoin?.[0]} ms`);
});

claims('behind: a peer that a member let in confirms no member', () => {
  const node = member();
  node.receive(2, rejoinOf('behind', node.pullNumber(2)));
  node.greet(4, { ...LET_IN, origin: originOf(4) });
  assert.equal(ofKind(node.receive(4, rejoinOf('behind', node.pullNumber(4))), 'rejoin'), []);
});

for (const [who, hello] of [
  ['that a stranger let in', { joined: true, admittedBy: originOf(9) }],
  ['that names nobody who let it in', { joined: true, admittedBy: null }],
  ['that has not joined', { joined: false, admittedBy: originOf(2) }],
] as const)
  claims(`later own ops: a peer ${who} is not followed`, () => {
    assert.equal(repeatedByLetIn(member(), 'later own ops', { 4: hello }), []);
  });

claims('retired: a peer that a member let in is not followed alone', () => {
  assert.equal(repeatedByLetIn(member(), 'retired', { 4: LET_IN }), []);
});

claims('behind: a peer that a member let in makes no node rejoin within the pause', () => {
  const options = { settings: { rejoinPauseMs: 600_000 }, claimedRejoinAt: NOW - 1000 };
  assert.equal(repeatedByLetIn(member(options), 'behind', { 4: LET_IN }), []);
});

/** @returns the time at which a node that hears no member follows a stranger, in milliseconds; null if it never does. */
function followsAfter(reach: Readonly<Record<string, number>>, hasDigest = true): number | null {
  const node = testCore({ others: OTHERS });
  node.pass(15_000);
  assert.is(node.core.phase, 'ready');
  node.view.reach = () => new Map(Object.entries(reach));
  node.greet(4, { origin: originOf(4) });
  const digest = digestWith(node.view, { [originOf(9)]: 5 });
  for (let passedMs = 0; passedMs <= 80_000; passedMs += 2000) {
    if (hasDigest) node.receive(4, { type: 'digest', digest });
    const claim = rejoinOf('stranger', node.pullNumber(4));
    if (ofKind(node.receive(4, claim), 'rejoin').length > 0) return passedMs;
    node.clock.nowMs += 2000;
    node.tick();
  }
  return null;
}

claims(
  'a stranger that lacks what was compacted here is followed no sooner than others give way',
  () => {
    assert.is(followsAfter({ [originOf(9)]: 5 }), 0);
    assert.is(followsAfter({ [originOf(9)]: 6 }, false), 0);
    const lateMs = followsAfter({ [originOf(9)]: 6 });
    assert.ok(lateMs !== null && lateMs >= 60_000, `${lateMs} ms`);
  },
);

/** A claim of a node that this one does not count: `retired` is said unasked. */
const ofOtherSide = (
  node: TestCore,
  connection: number,
  code: 'retired' | 'stranger',
  smallestMember: string,
): Message => ({
  type: 'rejoin',
  code,
  reason: 'x',
  smallestMember,
  reach: new Map(),
  ...(code === 'stranger' && { re: node.pullNumber(connection) }),
});

const SMALLER = 'node0.aaaaaa';

/**
 * Nodes of another side repeat their claims for longer than the patience. @param told by connection, the code that the
 * node over it says. @returns the rejoins, by the time that has passed.
 */
function repeated(
  node: TestCore,
  told: Readonly<Record<number, 'retired' | 'stranger'>>,
  smallestMember = SMALLER,
): [passedMs: number, leaves: readonly string[]][] {
  for (const connection of Object.keys(told).map(Number))
    node.greet(connection, { origin: originOf(connection) });
  const rejoins: [number, readonly string[]][] = [];
  for (let passedMs = 0; passedMs <= 80_000 && rejoins.length === 0; passedMs += 10_000) {
    for (const [connection, code] of Object.entries(told)) {
      const claim = ofOtherSide(node, Number(connection), code, smallestMember);
      const [rejoin] = ofKind(node.receive(Number(connection), claim), 'rejoin');
      if (rejoin !== undefined) rejoins.push([passedMs, rejoin.leaves]);
    }
    node.clock.nowMs += 10_000;
    node.receive(3, { type: 'later', re: node.pullNumber(3) });
    node.tick();
  }
  return rejoins;
}

claims(
  'two strangers of a side with a smaller member are followed once they repeat it for long',
  () => {
    assert.equal(repeated(member(), { 4: 'retired', 5: 'retired' }), [[60_000, OTHERS]]);
    const [[passedMs, leaves] = []] = repeated(member(), { 4: 'stranger', 5: 'stranger' });
    assert.equal(leaves, OTHERS);
    assert.ok(passedMs !== undefined && passedMs >= 60_000, `${passedMs}`);
  },
);

claims('one stranger of another side is not followed', () => {
  const node = member();
  assert.equal(repeated(node, { 4: 'retired' }), []);
  assert.is(node.core.doubt, null);
});

claims('with one stranger a node counts that this one has retired, and that stays', () => {
  const node = member();
  node.greet(6, { origin: originOf(6) });
  node.view.members.fold(membership({ kind: 'retire', key: originOf(6) }));
  assert.equal(repeated(node, { 4: 'retired' }), [[60_000, OTHERS]]);
});

claims(
  'of two sides that are strangers to each other the one with the smaller member stays',
  () => {
    assert.equal(repeated(member(), { 4: 'stranger', 5: 'stranger' }, originOf(4)), []);
  },
);

claims('of two sides that retired each other the one with the smaller member stays', () => {
  const node = member();
  node.greet(6, { origin: originOf(6) });
  node.view.members.fold(membership({ kind: 'retire', key: originOf(6) }));
  assert.equal(repeated(node, { 4: 'retired', 5: 'retired' }, originOf(4)), []);
});

claims('a side that another one has retired gives way to it if it has retired nobody there', () => {
  assert.equal(repeated(member(), { 4: 'retired', 5: 'retired' }, originOf(4)), [[60_000, OTHERS]]);
});

/** Retired peers ask a node again and again for longer than the patience. @returns the rejoins, by the time passed. */
function askedByRetired(
  numbers: readonly number[],
  { lackRetire = true, joined = true, hearsMember = false } = {},
): [passedMs: number, leaves: readonly string[]][] {
  const node = testCore({ others: OTHERS });
  node.pass(15_000);
  assert.is(node.core.phase, 'ready');
  if (hearsMember) node.greet(3, { origin: originOf(3) });
  for (const number of numbers) {
    node.greet(number, { origin: originOf(number), joined });
    const retire = membership({
      kind: 'retire',
      key: originOf(number),
      origin: originOf(7),
      seq: 1,
    });
    node.view.members.fold(retire);
  }
  const digest = digestWith(node.view, lackRetire ? {} : { [originOf(7)]: 1 });
  const rejoins: [number, readonly string[]][] = [];
  for (let passedMs = 0; passedMs <= 80_000 && rejoins.length === 0; passedMs += 10_000) {
    for (const number of numbers) {
      const outputs = node.receive(number, { type: 'digest', digest });
      const [rejoin] = ofKind(outputs, 'rejoin');
      if (rejoin === undefined) continue;
      assert.is(outputs.at(-1), rejoin, 'nothing follows it');
      rejoins.push([passedMs, rejoin.leaves]);
    }
    node.clock.nowMs += 10_000;
    if (hearsMember) node.receive(3, { type: 'later', re: node.pullNumber(3) });
    node.tick();
  }
  return rejoins;
}

claims(
  'a node that hears no member gives way to two that it retired and that take no ops of it',
  () => {
    assert.equal(askedByRetired([4, 5]), [[60_000, OTHERS]]);
  },
);

claims(
  'a node that was retired makes none give way: alone, beside a member, or once it knows',
  () => {
    assert.equal(askedByRetired([4]), []);
    assert.equal(askedByRetired([4, 5], { hearsMember: true }), []);
    assert.equal(askedByRetired([4, 5], { lackRetire: false }), []);
    assert.equal(askedByRetired([4, 5], { joined: false }), []);
  },
);

claims('the health tells of another side before this one gives way', () => {
  const node = member();
  for (const connection of [4, 5]) {
    node.greet(connection, { origin: originOf(connection) });
    const claim = ofOtherSide(node, connection, 'stranger', SMALLER);
    assert.equal(ofKind(node.receive(connection, claim), 'rejoin'), []);
  }
  assert.match(node.core.doubt ?? '', /count other members/);
});

claims('members that were not heard lately make no side the smaller one', () => {
  const node = testCore({ origin: originOf(4), others: [originOf(1), originOf(3)] });
  node.greet(3, { origin: originOf(3) });
  node.clock.nowMs += 15_000;
  node.receive(3, { type: 'digest', digest: digestOf(node.view) });
  node.tick();
  node.view.members.fold(membership({ kind: 'retire', key: originOf(9) }));
  const [told] = sent(node.greet(9, { origin: originOf(9) }), 'rejoin');
  assert.is(told?.message.smallestMember, originOf(3));
});

claims('a claim counts no longer than a minute, and then nobody is in doubt any more', () => {
  const node = member();
  const claim = CLAIMS['later own ops'];
  assert.ok(claim);
  node.receive(2, claim(node, 2));
  node.clock.nowMs += 60_000;
  for (const connection of [2, 3]) node.receive(connection, { type: 'later' });
  assert.is(node.core.doubt, null);
  assert.equal(ofKind(node.receive(3, claim(node, 3)), 'rejoin'), []);
});

claims('after a claim the other members are asked at once', () => {
  const node = member();
  node.tick();
  for (const connection of [2, 3])
    node.receive(connection, { type: 'later', re: node.pullNumber(connection) });
  node.clock.nowMs += 300;
  const claim = CLAIMS['later own ops'];
  assert.ok(claim);
  node.receive(2, claim(node, 2));
  assert.ok(pulledFrom(node.tick()).includes(3));
});

claims('a copy with the smaller instance is refused until a member confirms it', () => {
  const node = member();
  const copy = { origin: node.view.origin, instance: '0' };
  for (const connection of [8, 9]) {
    const outputs = node.greet(connection, copy);
    assert.equal(ofKind(outputs, 'rejoin'), []);
    assert.is(errorIn(outputs)?.code, 'clone');
  }
  const told = { type: 'error', code: 'clone', reason: 'two nodes' } as const;
  assert.is(ofKind(node.receive(2, told), 'rejoin')[0]?.ownOps, 'shared');
  const alone = testCore();
  assert.is(ofKind(alone.greet(1, { ...copy, origin: alone.view.origin }), 'rejoin').length, 1);
});

claims('a member that has not been heard for the hearing time confirms nothing', () => {
  for (const [afterMs, follows] of [
    [14_999, false],
    [15_000, true],
  ] as const) {
    const node = member();
    node.clock.nowMs += afterMs;
    const outputs = node.receive(2, rejoinOf('retired', node.pullNumber(2)));
    assert.is(ofKind(outputs, 'rejoin').length, follows ? 1 : 0, `${afterMs} ms`);
  }
});

claims('a stranger is followed where no member is connected that could confirm it', () => {
  const node = member();
  for (const connection of [2, 3]) node.step({ kind: 'closed', connection, reason: 'it broke' });
  node.greet(9, { origin: 'node9.aaaaaa' });
  assert.is(ofKind(node.receive(9, rejoinOf('stranger', node.pullNumber(9))), 'rejoin').length, 1);
});

claims('a member that starts does not wait for a stranger that lacks what is gone here', () => {
  const node = testCore({ others: OTHERS });
  node.view.reach = () => new Map([[node.view.origin, 1]]);
  node.greet(9, { origin: 'node9.aaaaaa' });
  node.receive(9, { type: 'digest', digest: digestWith(node.view, {}), re: 1 });
  assert.is(ofKind(node.receive(9, rejoinOf('stranger', node.pullNumber(9))), 'rejoin').length, 1);
});

claims('a doubt is told of every ten minutes, and not more often', () => {
  const node = member();
  const isTold = (afterMs: number): boolean => {
    node.clock.nowMs += afterMs;
    for (const connection of [2, 3]) node.receive(connection, { type: 'later', re: 0 });
    const outputs = node.receive(2, {
      type: 'rejoin',
      code: 'retired',
      reason: 'x',
      smallestMember: null,
      reach: new Map(),
    });
    return ofKind(outputs, 'note').some(({ facts }) => facts.event === 'doubts-rejoin');
  };
  assert.equal([0, 1000, 598_999, 1].map(isTold), [true, false, false, true]);
});

claims.run();
