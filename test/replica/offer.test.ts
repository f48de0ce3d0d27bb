import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AskDeletes } from '../../src/replica/deletes.ts';
import { offerAgain, type SetAside, setAside } from '../../src/replica/offer.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { memberValue } from '../../src/rules/members.ts';
import type { Delta } from '../../src/words/delta.ts';
import type { Put } from '../../src/words/op.ts';
import { seqOf, type Vector } from '../../src/words/vector.ts';
import { put, sumOf } from '../support/ops.ts';
import { deleting, openReplica, PEER, putting, turn } from '../support/replicas.ts';

const NOW = 1_795_000_000_000;
/** The origin that the entries were held under. */
const OLD = 'node1.before';
const NOTHING: Vector = new Map();

const held = (key: string, fields: Partial<Put> = {}): Put =>
  put({ origin: OLD, key, hlc: NOW * 1000 - 1000, ...unhashed(fields) });

function unhashed({ hashHigh: _high, hashLow: _low, ...fields }: Partial<Put>) {
  return fields;
}

const aside = (entries: readonly Put[], fields: Partial<SetAside> = {}): SetAside => ({
  origin: OLD,
  entries,
  trustedSeq: 100,
  sums: new Map(),
  hadOthers: true,
  isRetired: true,
  ...fields,
});

/** Offers. @returns what was noted. */
async function offer(
  replica: Replica,
  what: SetAside,
  welcoming: Vector = NOTHING,
  peers: readonly AskDeletes[] = [],
): Promise<string[]> {
  const notes: string[] = [];
  await offerAgain(replica, what, welcoming, peers, (_level, text) => notes.push(text));
  return notes;
}

/** All of an origin's ops, from the first. */
const deltaOf = (ops: readonly Put[]): Delta => ({
  ranges: [{ origin: PEER, after: 0, to: ops.length, sum: sumOf(ops) }],
  ops: [...ops],
});

const versionsOf = (replica: Replica): [string, number][] =>
  replica.list('', null, 100).entries.map(({ key, version }) => [key, version]);

const asides = suite('what is set aside before a rejoin (rule 12)');

asides('all that is live, and nothing dead', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([
    putting('a'),
    putting('deleted'),
    deleting('deleted'),
    putting('expired', { ttlMs: 10 }),
    putting('lives', { ttlMs: 1000 }),
  ]);
  clock.nowMs += 10;
  const { origin, entries } = setAside(replica);
  assert.is(origin, replica.origin);
  assert.equal(entries.map(({ key }) => key).sort(), ['a', 'lives']);
});

asides(
  'its own ops are trusted up to where the log was opened, after a fork only those stable',
  async () => {
    const first = await openReplica();
    await first.replica.submit(['a', 'b', 'c', 'd'].map((key) => putting(key)));
    const stable = { vector: new Map([[first.replica.origin, 2]]), clock: NOW };
    await first.replica.forgetting.collect(stable, 0);
    const { replica } = await openReplica({ stored: first.log.crash('lost') });
    await replica.submit([putting('e')]);
    const told = (['sound', 'forked', 'shared'] as const).map((state) => {
      const { trustedSeq, isRetired } = setAside(replica, state);
      return [trustedSeq, isRetired];
    });
    assert.equal(told, [
      [4, true],
      [2, true],
      [2, false],
    ]);
  },
);

asides.run();

const offers = suite('what is offered again (rule 12)');

offers('what the cluster lacks comes back as an ordinary PUT of the new origin', async () => {
  const { replica } = await openReplica();
  const entry = held('a', { version: 7, value: '{"x":1}', meta: '{"v":1}', expiresAt: NOW + 500 });
  const notes = await offer(replica, aside([entry]));
  const now = replica.map.get('a');
  assert.ok(now?.kind === 'put');
  assert.equal(
    [now.version, now.value, now.meta, now.expiresAt, now.origin],
    [7, '{"x":1}', '{"v":1}', NOW + 500, replica.origin],
  );
  assert.equal(notes, [`1 of 1 entries of ${OLD} were offered again`]);
});

offers('what the welcoming vector covers is known, and is not offered', async () => {
  const { replica } = await openReplica();
  const entries = [held('a', { seq: 4 }), held('b', { seq: 5 })];
  await offer(replica, aside(entries), new Map([[OLD, 4]]));
  assert.equal(versionsOf(replica), [['b', 1]]);
});

offers('what was covered and has been collected since is not brought back', async () => {
  const { replica } = await openReplica();
  const notes = await offer(
    replica,
    aside([held('a', { origin: PEER, seq: 3 })]),
    new Map([[PEER, 3]]),
  );
  assert.is(replica.map.size, 0);
  assert.equal(notes, []);
});

offers(
  'ops of its own above the trusted seq are offered though the vector covers their ids',
  async () => {
    const { replica } = await openReplica();
    const entries = [
      held('trusted', { seq: 2 }),
      held('forked', { seq: 3 }),
      held('of another', { origin: PEER, seq: 3 }),
    ];
    const welcoming = new Map([
      [OLD, 9],
      [PEER, 9],
    ]);
    await offer(replica, aside(entries, { trustedSeq: 2 }), welcoming);
    assert.equal(versionsOf(replica), [['forked', 1]]);
  },
);

offers(
  'what another op stands for in the cluster, of an origin that was forked, is offered too',
  async () => {
    const shared = put({ origin: PEER, seq: 1, key: 'shared' });
    const theirs = put({ origin: PEER, seq: 2, key: 'theirs' });
    const ours = put({ origin: PEER, seq: 2, key: 'ours' });
    const later = put({ origin: PEER, seq: 3, key: 'later' });
    const before = await openReplica({ nodeId: 'before' });
    await before.replica.receive(deltaOf([shared, ours]));
    const { replica } = await openReplica();
    await replica.receive(deltaOf([shared, theirs, later]));
    await replica.submit([deleting('shared')]);
    await offer(replica, setAside(before.replica), new Map([[PEER, 3]]));
    assert.equal(versionsOf(replica), [
      ['later', 1],
      ['ours', 1],
      ['theirs', 1],
    ]);
  },
);

offers('what has expired by now is not offered', async () => {
  const { replica } = await openReplica();
  const notes = await offer(replica, aside([held('a', { expiresAt: NOW })]));
  assert.is(replica.map.size, 0);
  assert.equal(notes, []);
});

offers('what the cluster deleted later is left out, and that is told', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([deleting('deleted before')]);
  clock.nowMs += 10;
  await replica.submit([deleting('deleted later')]);
  const entries = [
    held('old', { hlc: 1 }),
    held('deleted before', { seq: 2, hlc: (NOW + 5) * 1000 }),
    held('deleted later', { seq: 3, hlc: (NOW + 5) * 1000 }),
  ];
  const notes = await offer(replica, aside(entries));
  assert.equal(versionsOf(replica), [
    ['deleted before', 1],
    ['old', 1],
  ]);
  assert.equal(notes, [
    '"deleted later" is not offered again: the cluster deleted it later',
    `2 of 3 entries of ${OLD} were offered again`,
  ]);
});

offers('a delete that was followed by a PUT holds it back as well', async () => {
  const { replica } = await openReplica();
  await replica.submit([deleting('a'), putting('a', { version: 2 })]);
  await offer(replica, aside([held('a', { version: 9 })]));
  assert.equal(versionsOf(replica), [['a', 2]]);
});

offers('what meets a version as high loses, and that is told', async () => {
  const { replica } = await openReplica();
  await replica.submit([
    putting('a', { version: 5 }),
    putting('b', { version: 5, value: '"theirs"' }),
  ]);
  const notes = await offer(
    replica,
    aside([held('a', { version: 6 }), held('b', { seq: 2, version: 5, value: '"ours"' })]),
  );
  assert.equal(versionsOf(replica), [
    ['a', 6],
    ['b', 5],
  ]);
  assert.is(notes[0], '"b" version 5 loses: the cluster holds version 5');
});

offers('a long key is told in part', async () => {
  const { replica } = await openReplica();
  const key = 'k'.repeat(500);
  await replica.submit([putting(key, { version: 5 })]);
  const notes = await offer(replica, aside([held(key, { version: 1 })]));
  assert.is(notes[0], `"${'k'.repeat(80)}…" version 1 loses: the cluster holds version 5`);
});

offers(
  'what is shown already is not written twice, as after an offer that was cut off',
  async () => {
    const { replica } = await openReplica();
    const what = aside([held('a'), held('b', { seq: 2 })]);
    await offer(replica, what);
    const { lastLsn } = replica;
    assert.equal(await offer(replica, what), []);
    assert.is(replica.lastLsn, lastLsn);
  },
);

offers('more than fits in one commit comes in several', async () => {
  const { replica } = await openReplica();
  const entries = Array.from({ length: 1300 }, (_unused, index) =>
    held(`key ${index}`, { seq: index + 1 }),
  );
  await offer(replica, aside(entries, { trustedSeq: 2000 }));
  assert.is(replica.map.size, 1300);
});

offers('where there is no room for all at once it goes on in halves', async () => {
  const { replica, log } = await openReplica();
  log.failNextAppend('full');
  const entries = ['a', 'b', 'c'].map((key, index) => held(key, { seq: index + 1 }));
  await offer(replica, aside(entries));
  assert.is(replica.map.size, 3);
});

offers(
  'where nothing can be written it fails, and nothing is retired: it is to be made again',
  async () => {
    const { replica } = await openReplica();
    await replica.membership.admit(OLD, memberValue('node1', null));
    await replica.suspend();
    await offer(replica, aside([held('a'), held('b', { seq: 2 })])).then(
      () => assert.unreachable('it was offered'),
      (error) => assert.match(String(error), /is stopping/),
    );
    assert.is(replica.members.isRetired(OLD), false);
  },
);

offers.run();

const deletes = suite('deletes that this log does not hold (rule 12)');

/** A replica whose log has holes, as after a snapshot. */
async function withHoles(): Promise<Replica> {
  const { replica } = await openReplica();
  const op = put({ origin: PEER, seq: 2, key: 'kept', hlc: 5 });
  await replica.incomingSnapshot.takeRows([{ op, isEntry: true }]);
  const sum = { high: 1, low: 1 };
  await replica.incomingSnapshot.finish({
    vector: new Map([[PEER, 2]]),
    sums: new Map([[PEER, sum]]),
    reach: new Map([[PEER, 2]]),
    horizon: 0,
  });
  assert.is(seqOf(replica.reach(), PEER), 2);
  return replica;
}

const LATER = NOW * 1000;

deletes('peers are asked for them, page by page, each with what came before', async () => {
  const replica = await withHoles();
  const asked: [number, number][] = [];
  const tells: AskDeletes = async (since, after) => {
    asked.push([since, after]);
    return after === 0
      ? { deletes: [['a', LATER]], next: 17 }
      : { deletes: [['b', LATER]], next: null };
  };
  const entries = ['a', 'b', 'c'].map((key, index) =>
    held(key, { seq: index + 1, hlc: LATER - 9 + index }),
  );
  await offer(replica, aside(entries), NOTHING, [tells]);
  assert.equal(asked, [
    [LATER - 9, 0],
    [LATER - 9, 17],
  ]);
  assert.equal(versionsOf(replica), [
    ['c', 1],
    ['kept', 1],
  ]);
});

deletes(
  'one peer that answers to the end is enough, and what others have told counts',
  async () => {
    const replica = await withHoles();
    const silent: AskDeletes = async (_since, after) =>
      after === 0 ? { deletes: [['a', LATER]], next: 3 } : null;
    const empty: AskDeletes = async () => ({ deletes: [], next: null });
    await offer(replica, aside([held('a'), held('b', { seq: 2 })]), NOTHING, [silent, empty]);
    assert.equal(versionsOf(replica), [
      ['b', 1],
      ['kept', 1],
    ]);
  },
);

deletes('where no peer answers nothing is offered, until one does', async () => {
  const replica = await withHoles();
  for (const peers of [[], [async () => null]])
    await offer(replica, aside([held('a')]), NOTHING, peers).then(
      () => assert.unreachable('it was offered'),
      (error) => assert.match(String(error), /once a peer says which keys were deleted/),
    );
  assert.equal(versionsOf(replica), [['kept', 1]]);
});

deletes('a log without holes asks nobody, and where nothing lacks nobody is asked', async () => {
  let asked = 0;
  const asks: AskDeletes = async () => {
    asked++;
    return null;
  };
  await offer((await openReplica()).replica, aside([held('a')]), NOTHING, [asks]);
  await offer(await withHoles(), aside([]), NOTHING, [asks]);
  assert.is(asked, 0);
});

deletes.run();

const retirements = suite('the origin that is left (rule 12)');

for (const [rule, fields, isRetired] of [
  ['it is retired once all was offered', {}, true],
  ['it stays where another node goes on under it', { isRetired: false }, false],
] as const)
  retirements(rule, async () => {
    const { replica } = await openReplica();
    await replica.membership.admit(OLD, memberValue('node1', null));
    await offer(replica, aside([held('a')], fields));
    await turn();
    assert.is(replica.members.isRetired(OLD), isRetired);
    assert.is(replica.get('a').kind, 'found');
  });

retirements('an origin that was no member, or is our own, is not retired', async () => {
  const { replica } = await openReplica();
  await replica.membership.admit(replica.origin, memberValue('node1', null));
  await offer(replica, aside([]));
  await offer(replica, aside([], { origin: replica.origin }));
  assert.equal(replica.members.retires, []);
});

retirements.run();
