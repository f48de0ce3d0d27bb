/** Offers of many ops, of cold ones, of what another cluster held, and what is noted of them (rule 12). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AskJudge } from '../../src/replica/judgement.ts';
import { setAside } from '../../src/replica/setAside.ts';
import { memberValue } from '../../src/rules/members.ts';
import { OverloadedError } from '../../src/words/errors.ts';
import { deleting, openReplica, putting, type TestReplica, turn } from '../support/replicas.ts';
import { forgetful, member, NOW, offer, page, pull, SOUND, sealed, show } from './offers.ts';

const THIRD = 'node3.cccccc';

/** The same node whose values are only in its log. */
const coldOf = ({ log }: TestReplica): Promise<TestReplica> =>
  openReplica({ nodeId: 'node1', stored: log.stored(), maxMemory: 1 });

const value = (text: string): string => JSON.stringify(text.repeat(100));
const many = (count: number): string[] =>
  Array.from({ length: count }, (_unused, index) => `many${index}`);

const sizes = suite('offers of many ops, and of cold ones (rule 12)');

sizes('values that only the log holds come with it, and not without it', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('m', { value: value('m') }), putting('n'), deleting('a')]);
  const cold = await coldOf(old);
  assert.is(cold.replica.map.coldSize, 1, 'the others are short');
  const lone = await member('node4');
  await pull(lone.replica, cluster.replica);
  const { notes } = await offer(lone, cold, { old: null });
  assert.match(notes[0] ?? '', /put of "m" at version 1 \(\S+\) is left out: its value can't be r/);
  assert.is(lone.replica.map.get('m'), undefined);
  assert.is(lone.replica.map.get('a')?.kind, 'delete');
  await offer(cluster, cold);
  assert.is(cluster.replica.map.get('m')?.value, value('m'));
});

sizes('a row of another op, or none, leaves its op out', async () => {
  for (const isGone of [true, false]) {
    const { old, cluster } = await sealed();
    await old.replica.submit([putting('m', { value: value('m') })]);
    await old.replica.submit([putting('n', { value: value('n') })]);
    const cold = await coldOf(old);
    const rowsAt = cold.log.rowsAt.bind(cold.log);
    cold.log.rowsAt = async (lsns) => {
      const rows = await rowsAt(lsns);
      const [other] = rows.filter(({ op }) => op.key === 'm');
      const ofN = rows.filter(({ op }) => op.key === 'n');
      if (other === undefined || isGone) return rows.filter((row) => !ofN.includes(row));
      return rows.map((row) => (ofN.includes(row) ? { ...other, lsn: row.lsn } : row));
    };
    const { notes } = await offer(cluster, cold);
    assert.match(notes.join(), /put of "n" at version 1 \(\S+\) is left out: its value/);
    assert.is(cluster.replica.map.get('m')?.value, value('m'));
    assert.is(cluster.replica.map.get('n'), undefined);
  }
});

sizes('more than one commit takes, each in its order, and told as one number', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit(many(1100).map((key) => putting(key)));
  const { notes } = await offer(cluster, old);
  assert.is(cluster.replica.map.size, 3 + 1100);
  assert.equal(notes, ['ops of node1.aaaaaa that the cluster lacked are offered again: 1100']);
  const again = await offer(cluster, old);
  assert.equal(again.notes, []);
});

/** A node whose queue holds one op, until `release`; the first commit is under way. */
async function busyCluster(cluster: TestReplica) {
  const release = cluster.holdDisk();
  const first = cluster.replica.submit([putting('first')]);
  await turn();
  const second = cluster.replica.submit([putting('second')]);
  await turn();
  return async (): Promise<void> => {
    release();
    await Promise.all([first, second]);
  };
}

/** A member of the cluster, whose queue takes so many ops. */
async function withQueueOf(maxQueuedOps: number, from: TestReplica): Promise<TestReplica> {
  const test = await openReplica({ nodeId: 'node5', limits: { maxQueuedOps } });
  await test.replica.membership.form('the cluster', memberValue('node5', null));
  for (const [origin, seq] of from.replica.vector) {
    const ops = await from.log.opsAfter(origin, 0, { maxRows: 1000, maxBytes: 1_000_000 });
    const { sum } = from.replica.record(origin);
    await test.replica.receive({ ranges: [{ origin, after: 0, to: seq, sum }], ops });
  }
  return test;
}

sizes('in halves where the queue has no room for all', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit(['d', 'e', 'f', 'g', 'h'].map((key) => putting(key)));
  const busy = await withQueueOf(4, cluster);
  const release = await busyCluster(busy);
  const offered = offer(busy, old);
  for (let turns = 0; turns < 5; turns++) await turn();
  await release();
  const { notes, isDecided } = await offered;
  assert.equal([isDecided, notes.length], [true, 1]);
  assert.match(notes[0] ?? '', /offered again: 5/);
  const seqs = ['d', 'e', 'f', 'g', 'h'].map((key) => busy.replica.map.head(key)?.seq ?? 0);
  assert.equal(
    seqs,
    [...seqs].sort((a, b) => a - b),
  );
});

sizes('an op for which the queue has no room at all is offered later', async () => {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('d'), putting('e')]);
  const busy = await withQueueOf(1, cluster);
  const release = await busyCluster(busy);
  await offer(busy, old).then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, OverloadedError),
  );
  await release();
  assert.is(busy.replica.map.head('d'), undefined);
});

sizes('a key is noted as it is, and a long one by its beginning', async () => {
  const { old, cluster } = await sealed();
  const [short, long] = ['s'.repeat(80), 'l'.repeat(81)];
  await old.replica.submit([putting(short), putting(long)]);
  await cluster.replica.submit([short, long].map((key) => putting(key, { version: 2 })));
  const { notes } = await offer(cluster, old);
  const noted = notes.map((note) => /"([^"]*)"/.exec(note)?.[1]);
  assert.equal(noted, [short, `${'l'.repeat(80)}…`]);
});

sizes('an origin some of whose ops are undecided is not retired yet', async () => {
  const { old, cluster } = await forgetful();
  const { replica } = cluster;
  await replica.membership.admit(old.replica.origin, memberValue('node1', null));
  await replica.membership.admit(THIRD, memberValue('node3', null));
  await offer(cluster, old);
  assert.is(replica.members.isRetired(old.replica.origin), false);
  await offer(cluster, old, { leavesOut: true });
  assert.is(replica.members.isRetired(old.replica.origin), true);
});

sizes('peers are asked only of ops that this node cannot decide alone', async () => {
  for (const { key, generation, asks } of [
    { key: 'n', generation: 0, asks: 1 },
    { key: 'last', generation: 0, asks: 0 },
    { key: 'n', generation: 1, asks: 0 },
  ]) {
    const { old, cluster } = await forgetful();
    const entries = [...old.replica.map.entries()]
      .filter((entry) => entry.key === 'n')
      .map((entry) => ({ ...entry, key, generation }));
    const aside = { ...setAside(old.replica, 'old', SOUND), entries };
    let asked = 0;
    const ask: AskJudge = async () => {
      asked++;
      return { ops: [], next: null, isComplete: true, cutAtMs: null };
    };
    await offer(cluster, old, { aside, old: null, peers: [ask] });
    assert.is(asked, asks, `${key} of generation ${generation}`);
  }
});

sizes.run();

const elsewhere = suite('what another cluster held, in detail (rule 12)');

/** A node of another cluster, and the only member of this one, which may have forgotten ops. */
async function strangers(): Promise<{ old: TestReplica; cluster: TestReplica }> {
  const { old: gone, cluster } = await forgetful();
  await cluster.replica.membership.retire(gone.replica.origin);
  const old = await openReplica({ nodeId: 'node7', nowMs: NOW });
  await old.replica.membership.form('another cluster', memberValue('node7', null));
  return { old, cluster };
}

elsewhere('where a log may have forgotten deletes, no peer is asked in vain', async () => {
  const silent: AskJudge = async () => null;
  for (const { peers, members, isPut } of [
    { peers: [silent], members: [THIRD], isPut: false },
    { peers: [silent, page([], false)], members: [THIRD], isPut: true },
    { peers: [], members: [], isPut: true },
    { peers: [], members: ['node7.aaaaaa'], isPut: true },
  ]) {
    const { old, cluster } = await strangers();
    await old.replica.submit([putting('x')]);
    for (const origin of members)
      await cluster.replica.membership.admit(origin, memberValue('any', null));
    const { isDecided } = await offer(cluster, old, { peers });
    assert.equal([isDecided, cluster.replica.map.head('x') !== undefined], [isPut, isPut]);
  }
});

elsewhere('a delete at the very time of the put is not later', async () => {
  for (const laterBy of [0, 1]) {
    const { old, cluster } = await strangers();
    await old.replica.submit([putting('x')]);
    const hlc = old.replica.map.head('x')?.hlc ?? 0;
    const one = {
      key: 'x',
      kind: 'delete',
      generation: 0,
      version: 1,
      origin: THIRD,
      seq: 1,
    } as const;
    const { notes } = await offer(cluster, old, {
      peers: [page([{ ...one, hlc: hlc + laterBy }], true)],
    });
    assert.is(cluster.replica.map.head('x') !== undefined, laterBy === 0);
    assert.is(/deleted it later/.test(notes.join()), laterBy === 1);
  }
});

elsewhere('what is shown already is put no second time, whatever its expiry', async () => {
  const { old, cluster } = await strangers();
  const { replica } = cluster;
  await old.replica.submit([
    putting('same', { value: '"v"', meta: '{}' }),
    putting('value'),
    putting('version', { version: 2 }),
    putting('deleted'),
  ]);
  await replica.submit([
    putting('same', { value: '"v"', meta: '{}', ttlMs: 9000 }),
    putting('value', { value: '"other"' }),
    putting('version'),
    putting('deleted'),
    deleting('deleted'),
  ]);
  const before = replica.map.head('same');
  const { notes } = await offer(cluster, old);
  assert.equal(replica.map.head('same'), before);
  assert.is(replica.map.get('value')?.value, '"other"');
  assert.is(replica.map.head('version')?.version, 2);
  assert.equal(
    notes.map((note) => note.replace(/ \(.*?\)/, '')),
    [
      'put of "deleted" at version 1 is not put again: the cluster deleted it later',
      'put of "value" at version 1 loses: the cluster holds version 1',
      '2 entries of node7.aaaaaa were put into this cluster',
    ],
  );
  const { lastLsn } = replica;
  await offer(cluster, old);
  assert.is(replica.lastLsn, lastLsn);
});

elsewhere('an entry lives as long here as there, and one without an expiry for ever', async () => {
  const { old, cluster } = await strangers();
  await old.replica.submit([
    putting('short', { ttlMs: 500 }),
    putting('dead', { ttlMs: 100 }),
    putting('ever'),
  ]);
  cluster.clock.nowMs = NOW + 100;
  await offer(cluster, old);
  const expiryOf = (key: string) => cluster.replica.map.head(key)?.expiresAt;
  assert.equal(
    [expiryOf('short'), expiryOf('dead'), expiryOf('ever')],
    [NOW + 500, undefined, null],
  );
});

elsewhere('more than one commit takes, cold or not; nothing of nothing', async () => {
  const { old, cluster } = await strangers();
  const { lastLsn } = cluster.replica;
  assert.equal((await offer(cluster, old)).notes, []);
  assert.is(cluster.replica.lastLsn, lastLsn);
  await old.replica.submit(many(1100).map((key) => putting(key, { value: value('v') })));
  const cold = await openReplica({ nodeId: 'node7', stored: old.log.stored(), maxMemory: 1 });
  assert.is(cold.replica.map.coldSize, 1100);
  await offer(cluster, cold);
  assert.equal(show(cluster.replica).filter((shown) => shown.startsWith('many')).length, 1100);
});

elsewhere.run();
