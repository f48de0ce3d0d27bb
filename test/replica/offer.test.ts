import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compactor } from '../../src/replica/compact.ts';
import type { AskJudge } from '../../src/replica/judgement.ts';
import { setAside } from '../../src/replica/setAside.ts';
import { memberValue } from '../../src/rules/members.ts';
import { add, carriedHash, type Hash, ZERO } from '../../src/words/hash.ts';
import type { Op } from '../../src/words/op.ts';
import type { GivenUp } from '../../src/words/row.ts';
import { put } from '../support/ops.ts';
import { deleting, openReplica, putting, type TestReplica } from '../support/replicas.ts';
import { forgetful, LATER, member, NOW, offer, page, pull, SOUND, sealed, show } from './offers.ts';

const offers = suite('what is offered again (rule 12)');

offers('a delete that was answered and never got out', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('a'), deleting('c', 5)]);
  await offer(cluster, old);
  assert.equal(show(cluster.replica), [
    `a: delete 0/${Number.MAX_SAFE_INTEGER}`,
    'b: put 0/1',
    'c: delete 0/5',
  ]);
});

offers('an entry that has expired still beats what it had beaten', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('a', { version: 2, ttlMs: 10 })]);
  cluster.clock.nowMs += 20;
  await offer(cluster, old);
  assert.is(cluster.replica.map.live('a', cluster.replica.nowMs()), undefined);
});

offers(
  'a delete that its own side had collected, as the only member that it still counted',
  async () => {
    const { old, cluster } = await sealed();
    await old.replica.submit([deleting('a'), putting('short', { ttlMs: 10 })]);
    old.clock.nowMs += 20;
    old.replica.sweep(100);
    const vector = new Map(old.replica.vector);
    await old.replica.forgetting.collect({ vector, clock: NOW + 20 }, 100);
    assert.not(old.replica.map.get('a'));
    assert.not(old.replica.map.get('short'));
    await offer(cluster, old);
    assert.equal(show(cluster.replica), [
      `a: delete 0/${Number.MAX_SAFE_INTEGER}`,
      'b: put 0/1',
      'c: put 0/5',
      'short: put 0/1',
    ]);
  },
);

offers('of a log that a later one has settled, only what is dead', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('a'), putting('b', { version: 2 }), putting('new')]);
  await old.replica.submit([putting('c', { version: 6, ttlMs: 10 }), putting('d'), deleting('d')]);
  old.clock.nowMs += 20;
  cluster.clock.nowMs += 20;
  old.replica.sweep(100);
  const vector = new Map(old.replica.vector);
  vector.set(old.replica.origin, 5);
  await old.replica.forgetting.collect({ vector, clock: NOW + 20 }, 100);
  const aside = { ...setAside(old.replica, 'old', SOUND), entries: [], isSettled: true };
  assert.is((await offer(cluster, old, { aside })).isDecided, true);
  assert.equal(show(cluster.replica), [
    `a: delete 0/${Number.MAX_SAFE_INTEGER}`,
    'b: put 0/1',
    'c: put 0/6',
    `d: delete 0/${Number.MAX_SAFE_INTEGER}`,
  ]);
  assert.is(cluster.replica.map.live('c', cluster.replica.nowMs()), undefined);
});

offers('of a settled log that cannot be read any more, nothing', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('a')]);
  const aside = { ...setAside(old.replica, 'old', SOUND), entries: [], isSettled: true };
  assert.is((await offer(cluster, old, { aside, old: null })).isDecided, true);
  assert.is(show(cluster.replica).at(0), 'a: put 0/1');
});

offers('of a settled log of another cluster, nothing', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('new'), deleting('a')]);
  const settled = { ...setAside(old.replica, 'old', SOUND), entries: [], isSettled: true };
  const aside = { ...settled, clusterId: 'another' };
  const before = show(cluster.replica);
  assert.is((await offer(cluster, old, { aside })).isDecided, true);
  assert.equal(show(cluster.replica), before);
});

offers('nothing that it had collected and the cluster knows', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('a')]);
  await pull(cluster.replica, old.replica);
  for (const { replica } of [old, cluster])
    await replica.forgetting.collect({ vector: new Map(replica.vector), clock: NOW }, 100);
  const { lastLsn } = cluster.replica;
  const { notes, isDecided } = await offer(cluster, old);
  assert.equal([cluster.replica.lastLsn, notes, isDecided], [lastLsn + 1, [], true]);
});

offers('a put of a later generation, whose version is lower', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('c'), putting('c', { version: 2, value: '"later"' })]);
  await offer(cluster, old);
  const entry = cluster.replica.map.get('c');
  assert.equal([entry?.generation, entry?.version, entry?.value], [1, 2, '"later"']);
});

offers('ops of a log that never joined, if the cluster knows an origin of it', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([deleting('c'), putting('c', { version: 2, value: '"later"' })]);
  const fresh = await openReplica({ nodeId: 'node3' });
  await pull(fresh.replica, old.replica);
  await offer(cluster, fresh);
  const entry = cluster.replica.map.get('c');
  assert.equal([entry?.generation, entry?.version, entry?.value], [1, 2, '"later"']);
  const elsewhere = await member('node4');
  await offer(elsewhere, fresh);
  assert.is(elsewhere.replica.map.get('c')?.generation, 0);
});

offers('an op keeps its HLC, its expiry and its value, and has a new id', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('n', { ttlMs: 500, value: '{"x":1.0}', meta: '{"v":1}' })]);
  cluster.clock.nowMs += 50;
  await offer(cluster, old);
  const [lost, again] = [old.replica.map.get('n'), cluster.replica.map.get('n')];
  assert.ok(lost !== undefined && again !== undefined);
  const { origin, seq: _seq, hashHigh: _high, hashLow: _low, ...rest } = again;
  assert.is(origin, cluster.replica.origin);
  assert.equal({ ...lost, ...rest }, lost);
});

offers(
  'a put that raced with another of the same version and HLC, and would have won',
  async () => {
    const { old, cluster } = await sealed();
    const race = (test: TestReplica, origin: string, value: string) => {
      const op = put({ origin, seq: 1, key: 'race', version: 3, hlc: NOW * 1000, value });
      const range = { origin, after: 0, to: 1, sum: carriedHash(op) };
      return test.replica.receive({ ranges: [range], ops: [op] });
    };
    await race(old, 'node8.b', '"greater"');
    await race(cluster, 'node7.a', '"lesser"');
    await offer(cluster, old);
    // Under the origin of node2 it would lose to that of node7.
    const entry = cluster.replica.map.get('race');
    assert.equal([entry?.value, entry?.hlc], ['"greater"', NOW * 1000 + 1]);
    assert.is((await offer(cluster, old)).isDecided, true);
    assert.equal(cluster.replica.map.get('race'), entry);
  },
);

offers('offers of one commit are written down as one range, as those of several are', async () => {
  const { replica } = await member('node1');
  const judged = () => ({ later: undefined, isComplete: true, isRecent: true });
  const lost = (seq: number) => put({ key: `k${seq}`, origin: 'node9.aaaaaa', seq, hlc: seq });
  // The first keeps the queue busy, so that the others wait for one commit.
  await Promise.all([
    replica.submit([putting('a')]),
    ...[1, 2, 3].map((seq) => replica.offering.lost([lost(seq)], judged, replica.log)),
  ]);
  const { origin } = replica;
  assert.equal(replica.header.facts.offered, { origin, from: 3, to: 5 });
  const later = 'node1.bbbbbb';
  await Promise.all([
    replica.submit([putting('a')]),
    replica.membership.renewOrigin(later, memberValue('node1', null)),
    replica.offering.lost([lost(4)], judged, replica.log),
  ]);
  assert.equal(replica.header.facts.offered, { origin: later, from: 3, to: 3 });
});

offers('nothing twice: offering it again changes nothing', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('n'), deleting('a')]);
  await offer(cluster, old);
  const { lastLsn } = cluster.replica;
  await offer(cluster, old);
  assert.is(cluster.replica.lastLsn, lastLsn);
});

offers('nothing that a greater op of the cluster has beaten, and that is told', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('a', { version: 2 })]);
  await cluster.replica.submit([putting('a', { version: 9 })]);
  const { notes } = await offer(cluster, old);
  assert.equal(show(cluster.replica)[0], 'a: put 0/9');
  assert.match(notes[0] ?? '', /put of "a" at version 2 \(node1\.aaaaaa\/5\) loses/);
});

for (const nodeId of ['node0', 'node3'])
  offers(`a put that beat another of the same instant by its origin, as ${nodeId}`, async () => {
    const [old, cluster, other] = [
      await member('node2'),
      await member(nodeId),
      await member('node1'),
    ];
    await old.replica.submit([putting('n', { value: '"lost"' })]);
    await other.replica.submit([putting('n', { value: '"other"' })]);
    await pull(cluster.replica, other.replica);
    const { hlc } = old.replica.map.get('n') ?? {};
    assert.is(cluster.replica.map.get('n')?.hlc, hlc);
    await offer(cluster, old);
    const again = cluster.replica.map.get('n');
    assert.is(again?.value, '"lost"');
    assert.is(again?.origin, cluster.replica.origin);
  });

offers('nothing that the sums prove to be known, whatever it wrote since it started', async () => {
  const { old, cluster } = await sealed();
  await cluster.replica.submit([deleting('a')]);
  const vector = new Map(cluster.replica.vector);
  await cluster.replica.forgetting.collect({ vector, clock: NOW }, 100);
  assert.not(cluster.replica.map.get('a'));
  for (const state of ['sound', 'forked'] as const) {
    const { notes } = await offer(cluster, old, { why: { ...SOUND, state } });
    assert.not(cluster.replica.map.get('a'), `${state}: ${notes}`);
  }
});

offers('ops whose ids stand for other ops in the cluster', async () => {
  const { old, cluster } = await sealed();
  const copy = await openReplica({ nodeId: 'node1', stored: old.log.crash('lost') });
  await copy.replica.submit([putting('of the copy')]);
  await pull(cluster.replica, copy.replica);
  const again = await openReplica({ nodeId: 'node1', stored: copyWithout(copy) });
  await again.replica.submit([putting('of the original')]);
  await offer(cluster, again, { why: { ...SOUND, state: 'forked' } });
  assert.ok(cluster.replica.map.get('of the original'));
  assert.is(cluster.replica.lastLsn, 8, 'one offer and one retire: no other op comes twice');
});

offers.run();

/** The log before its last row, as a backup of it. */
function copyWithout({ log }: TestReplica): ReturnType<TestReplica['log']['stored']> {
  const stored = log.stored();
  const rows = stored.rows.slice(0, -1);
  const origins = stored.origins.map((record) => ({
    ...record,
    seq: rows.length,
    sum: sumOfRows(rows),
  }));
  return { ...stored, rows, origins };
}

function sumOfRows(rows: readonly { readonly op: Op }[]): Hash {
  return rows.reduce((sum, { op }) => add(sum, carriedHash(op)), ZERO);
}

const undecided = suite('ops of which nobody may know any more (rule 12)');

undecided('they wait for a judge, and are left out and told when none came in time', async () => {
  const { old, cluster } = await forgetful();
  await cluster.replica.membership.admit('node3.cccccc', memberValue('node3', null));
  const early = await offer(cluster, old);
  assert.equal([early.isDecided, early.notes], [false, []]);
  const late = await offer(cluster, old, { leavesOut: true });
  assert.is(late.isDecided, true);
  assert.match(late.notes[0] ?? '', /put of "n" at version 1 \(\S+\) is left out/);
  assert.not(cluster.replica.map.get('n'));
});

undecided('an op that loses beside them is told once, by the last offer', async () => {
  const { old, cluster } = await forgetful();
  await cluster.replica.membership.admit('node3.cccccc', memberValue('node3', null));
  await old.replica.submit([putting('b', { version: 2 })]);
  await cluster.replica.submit([putting('b', { version: 9 })]);
  const early = await offer(cluster, old);
  assert.is(early.isDecided, false);
  assert.equal(early.notes, []);
  const { notes } = await offer(cluster, old, { leavesOut: true });
  assert.is(notes.filter((text) => /put of "b" at version 2 .* loses/.test(text)).length, 1);
});

undecided('one judge that has forgotten nothing is enough', async () => {
  const { old, cluster } = await forgetful();
  const peers = [page([], false), page([], true)];
  assert.is((await offer(cluster, old, { peers })).isDecided, true);
  assert.ok(cluster.replica.map.get('n'));
});

undecided('a later op that any of them names counts', async () => {
  const { old, cluster } = await forgetful();
  const { notes } = await offer(cluster, old, { peers: [page([LATER], false), page([], true)] });
  assert.not(cluster.replica.map.get('n'));
  assert.match(notes[0] ?? '', /loses/);
});

undecided('where all members have answered, waiting tells no more', async () => {
  const { old, cluster } = await forgetful();
  await cluster.replica.membership.admit('node3.cccccc', memberValue('node3', null));
  const { isDecided, notes } = await offer(cluster, old, { peers: [page([], false)] });
  assert.is(isDecided, true);
  assert.match(notes[0] ?? '', /is left out/);
});

undecided('a put that came after all that was forgotten is put as a client would now', async () => {
  const { old, cluster } = await forgetful();
  const peers = [page([], false, NOW - 1001)];
  const { isDecided } = await offer(cluster, old, { peers });
  const entry = cluster.replica.map.get('n');
  assert.equal([isDecided, entry?.generation], [true, cluster.replica.header.horizon]);
});

undecided('above the horizon nothing can have beaten them', async () => {
  const { old, cluster } = await forgetful();
  await old.replica.submit([deleting('n'), putting('n', { value: '"again"' })]);
  assert.is((await offer(cluster, old)).isDecided, true);
  assert.is(cluster.replica.map.get('n')?.generation, 1);
});

undecided('none, while logs hold what a member that was retired had not acknowledged', async () => {
  const { old, cluster } = await sealed();
  const { replica, clock } = cluster;
  await replica.membership.retire(old.replica.origin);
  await old.replica.submit([putting('n')]);
  await replica.submit([putting('gone'), deleting('gone'), putting('last')]);
  const vector = new Map(replica.vector);
  await replica.forgetting.collect({ vector, clock: NOW }, 100);
  clock.nowMs += 99_999;
  assert.is((await new Compactor(replica, 3000, 100_000).run()).rows, 0);
  const { isDecided, notes } = await offer(cluster, old);
  assert.ok(isDecided && replica.map.get('n'), String(notes));
  clock.nowMs += 1;
  assert.is((await new Compactor(replica, 3000, 100_000).run()).rows, 2);
});

undecided.run();

const lives = suite('an offer belongs to one life of the log (rule 12)');

lives('with another log it ends, and that one bears nothing', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('n')]);
  const other = await openReplica({ nodeId: 'node2' });
  const peers: AskJudge[] = [];
  const life = cluster.replica.log;
  await cluster.replica.suspend();
  await cluster.replica.adopt(other.log);
  await offer(cluster, old, { life, peers }).then(
    () => assert.unreachable('it was offered'),
    (error) => assert.match(String(error), /began with a log that another one has taken/),
  );
  assert.is(other.log.commits.length, 0);
});

lives('a log that has not joined bears nothing', async () => {
  const old = await member('node1');
  await old.replica.submit([putting('n')]);
  const fresh = await openReplica({ nodeId: 'node2' });
  const aside = { ...setAside(old.replica, 'old', SOUND), clusterId: null };
  await offer(fresh, old, { aside }).then(
    () => assert.unreachable('it was offered'),
    (error) => assert.match(String(error), /has not joined/),
  );
  assert.is(fresh.log.commits.length, 0);
});

lives(
  'the old origin is retired when all is offered, unless another node goes on under it',
  async () => {
    for (const [state, isRetired] of [
      ['sound', true],
      ['shared', false],
    ] as const) {
      const { old, cluster } = await sealed();
      await cluster.replica.membership.admit(old.replica.origin, memberValue('node1', null));
      await offer(cluster, old, { why: { ...SOUND, state } });
      assert.is(cluster.replica.members.isRetired(old.replica.origin), isRetired, state);
    }
  },
);

lives.run();

const elsewhere = suite('what another cluster held (rule 12)');

async function ofAnotherCluster(): Promise<{ old: TestReplica; cluster: TestReplica }> {
  const old = await openReplica({ nodeId: 'node1', nowMs: NOW });
  await old.replica.membership.form('another cluster', memberValue('node1', null));
  return { old, cluster: await member('node2', NOW + 1000) };
}

elsewhere('live entries are put as a client would, dead ones are not', async () => {
  const { old, cluster } = await ofAnotherCluster();
  await old.replica.submit([putting('a', { version: 3 }), putting('b'), deleting('b')]);
  await old.replica.submit([putting('held', { version: 2 })]);
  await cluster.replica.submit([putting('held', { version: 7 })]);
  const { notes } = await offer(cluster, old);
  assert.equal(show(cluster.replica), ['a: put 0/3', 'held: put 0/7']);
  assert.match(notes[0] ?? '', /put of "held" at version 2 \(\S+\) loses: .* version 7/);
});

elsewhere('not where this cluster has deleted the key since', async () => {
  const { old, cluster } = await ofAnotherCluster();
  await old.replica.submit([putting('a')]);
  await cluster.replica.submit([putting('a'), deleting('a')]);
  const { notes } = await offer(cluster, old);
  assert.is(cluster.replica.get('a').kind, 'absent');
  assert.match(notes[0] ?? '', /the cluster deleted it later/);
});

elsewhere.run();

const asides = suite('what is set aside before a rejoin (rule 12)');

asides('the whole map, dead entries included, and why the log was given up', async () => {
  const { replica, clock, log } = await member('node1');
  await replica.submit([putting('a'), putting('d'), deleting('d'), putting('e', { ttlMs: 10 })]);
  clock.nowMs += 10;
  const why: GivenUp = { state: 'forked', openedAtSeq: 3, hadOthers: true };
  const aside = setAside(replica, 'there', why);
  assert.equal(aside.entries.map(({ key }) => key).sort(), ['a', 'd', 'e']);
  assert.equal([aside.name, aside.state, aside.openedAtSeq], ['there', 'forked', 3]);
  await replica.giveUp(why);
  assert.equal(log.stored().header.facts.givenUp, why);
});

asides('where a log does not say why, nothing of it is trusted', async () => {
  const { replica } = await member('node1');
  const { state, openedAtSeq, hadOthers } = setAside(replica, 'there');
  assert.equal([state, openedAtSeq, hadOthers], ['forked', 0, true]);
});

asides.run();
