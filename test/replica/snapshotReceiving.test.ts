import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberValue } from '../../src/rules/members.ts';
import {
  DamagedLogError,
  DiskFullError,
  DuplicateOpError,
  FalseSnapshotError,
  LongSnapshotError,
} from '../../src/words/errors.ts';
import { ZERO } from '../../src/words/hash.ts';
import type { Op } from '../../src/words/op.ts';
import type { SnapshotEnd } from '../../src/words/snapshot.ts';
import { NOW } from '../support/cores.ts';
import { history, put, sumOf, tombstone } from '../support/ops.ts';
import { openReplica, PEER, putting } from '../support/replicas.ts';
import { openEmpty, stream } from './snapshots.ts';

const receiving = suite('receiving a snapshot (rule 10)');

receiving(
  "the vector and the sums become the sender's with the last part, not before",
  async () => {
    const { replica } = await openEmpty();
    const ops = history(PEER, 1, 5);
    await replica.incomingSnapshot.takeRows([{ op: ops[1] as Op, isEntry: true }]);
    await replica.incomingSnapshot.takeRows([{ op: ops[4] as Op, isEntry: true }]);
    assert.equal([...replica.vector], []);
    assert.is(replica.header.facts.snapshot, 'underWay');
    await replica.incomingSnapshot.finish({
      vector: new Map([[PEER, 5]]),
      sums: new Map([[PEER, sumOf(ops)]]),
      reach: new Map([[PEER, 4]]),
      horizon: 6,
    });
    assert.equal(replica.record(PEER), {
      origin: PEER,
      seq: 5,
      sum: sumOf(ops),
      reach: 4,
      compactedSum: sumOf([0, 2, 3].map((index) => ops[index] as Op)),
    });
    assert.is(replica.header.horizon, 6);
    assert.equal(
      [replica.header.facts.snapshot, replica.header.facts.cutAtMs],
      ['taken', replica.nowMs()],
    );
  },
);

receiving(
  'what is no entry at the sender is logged and does not win, though it be alone',
  async () => {
    const { replica, log } = await openEmpty();
    await replica.incomingSnapshot.takeRows([{ op: put({ origin: PEER }), isEntry: false }]);
    assert.is(replica.map.size, 0);
    assert.equal(
      log.stored().rows.map(({ won }) => won),
      [false],
    );
  },
);

receiving('member ops are folded, and are no entries whatever is said of them', async () => {
  const sender = await openReplica();
  await sender.replica.membership.form('the cluster', memberValue('node1', 'http://one'));
  await sender.replica.membership.admit(PEER, memberValue('node2', 'http://two'));
  const ops = sender.replica.members.ops();
  const { replica } = await openEmpty();
  await replica.incomingSnapshot.takeRows(ops.map((op) => ({ op, isEntry: true })));
  assert.equal([...replica.members.all()], [...sender.replica.members.all()]);
  assert.is(replica.map.size, 0);
});

receiving('stamps go on above those of the snapshot', async () => {
  const { replica } = await openEmpty();
  const hlc = (NOW + 3_600_000) * 1000;
  await replica.incomingSnapshot.takeRows([{ op: put({ origin: PEER, hlc }), isEntry: true }]);
  const [outcome] = await replica.submit([putting('a')]);
  assert.is(outcome?.kind === 'stored' && outcome.op.hlc, hlc + 1);
});

const end = (fields: Partial<SnapshotEnd>): SnapshotEnd => ({
  vector: new Map([[PEER, 2]]),
  sums: new Map([[PEER, sumOf(history(PEER, 1, 2))]]),
  reach: new Map(),
  horizon: 0,
  ...fields,
});

const FALSE_ENDS: readonly [what: string, fields: Partial<SnapshotEnd>, fault: RegExp][] = [
  [
    'ops of the receiver',
    {
      vector: new Map([
        [PEER, 2],
        ['node3.aaaaaa', 9],
      ]),
    },
    /node that asks/,
  ],
  ['rows above its vector', { vector: new Map([[PEER, 1]]) }, /above its vector/],
  ['more compacted than held', { reach: new Map([[PEER, 3]]) }, /compacted more/],
  ['a sum that its rows do not have', { sums: new Map([[PEER, sumOf([])]]) }, /have their sum/],
  [
    'ops whose rows did not come',
    {
      vector: new Map([
        [PEER, 2],
        ['peer8.aaaaaa', 1],
      ]),
      sums: new Map([...end({}).sums, ['peer8.aaaaaa', sumOf(history(PEER, 1, 1))]]),
    },
    /have their sum/,
  ],
];

for (const [what, fields, fault] of FALSE_ENDS)
  receiving(`an end with ${what} is refused, and the snapshot stays open`, async () => {
    const { replica } = await openEmpty();
    const rows = history(PEER, 1, 2).map((op) => ({ op, isEntry: true }));
    await replica.incomingSnapshot.takeRows(rows);
    const vector = new Map(
      [...(fields.vector ?? end({}).vector)].map(
        ([origin, seq]) => [origin.startsWith('node3') ? replica.origin : origin, seq] as const,
      ),
    );
    await replica.incomingSnapshot.finish(end({ ...fields, vector })).then(
      () => assert.unreachable('it was taken'),
      (error) => {
        assert.instance(error, FalseSnapshotError);
        assert.match(error.message, fault);
      },
    );
    assert.is(replica.header.facts.snapshot, 'underWay');
    assert.is(await replica.incomingSnapshot.finish(end({})), true);
    assert.is(replica.record(PEER).seq, 2);
  });

receiving('a row that comes twice is a fault of its sender, and not of this node', async () => {
  for (const inOnePart of [true, false]) {
    const { replica } = await openEmpty();
    replica.onFailure((error) => {
      throw error;
    });
    const row = { op: put({ origin: PEER }), isEntry: true };
    if (!inOnePart) await replica.incomingSnapshot.takeRows([row]);
    await replica.incomingSnapshot.takeRows(inOnePart ? [row, row] : [row]).then(
      () => assert.unreachable('it was taken'),
      (error) => assert.instance(error, DuplicateOpError),
    );
  }
});

receiving('rows count once they are stored: a full disk leaves no trace of them', async () => {
  const { replica, log } = await openEmpty();
  const [first, second] = history(PEER, 1, 2).map((op) => ({ op, isEntry: true }));
  assert.ok(first && second);
  await replica.incomingSnapshot.takeRows([first]);
  log.failNextAppend('full');
  await replica.incomingSnapshot.takeRows([second]).then(
    () => assert.unreachable('it was taken'),
    (error) => assert.instance(error, DiskFullError),
  );
  assert.is(await replica.incomingSnapshot.takeRows([second]), true);
  assert.is(await replica.incomingSnapshot.finish(end({})), true);
  assert.equal(replica.record(PEER), {
    origin: PEER,
    seq: 2,
    sum: sumOf(history(PEER, 1, 2)),
    reach: 0,
    compactedSum: ZERO,
  });
});

receiving('a snapshot has no more bytes than max-snapshot-bytes, whatever they are', async () => {
  const maxSnapshotBytes = 1000;
  const { replica } = await openReplica({ nodeId: 'node3', limits: { maxSnapshotBytes } });
  const { incomingSnapshot } = replica;
  const ops = history(PEER, 1, 20);
  let taken = 0;
  const takeAll = async (): Promise<void> => {
    for (const op of ops) {
      await incomingSnapshot.takeRows([{ op, isEntry: true }]);
      taken++;
    }
  };
  const isRefused = async (promise: Promise<unknown>): Promise<void> =>
    promise.then(
      () => assert.unreachable('it was taken'),
      (error) => {
        assert.instance(error, LongSnapshotError);
        assert.match(error.message, /more than 1000 bytes.*MAX_SNAPSHOT_BYTES/);
      },
    );
  await isRefused(takeAll());
  assert.ok(taken > 3 && taken < 10, `${taken}`);
  assert.ok(incomingSnapshot.bytes <= maxSnapshotBytes);
  const vector = new Map(ops.map(({ seq }) => [`origin${seq}.aaaaaa`, 1] as const));
  await isRefused(incomingSnapshot.finish(end({ vector })));
  assert.throws(
    () => incomingSnapshot.takeOrigins(end({ vector })),
    (error: unknown) => error instanceof LongSnapshotError,
  );
  incomingSnapshot.forget();
  assert.is(incomingSnapshot.bytes, 0);
});

receiving('a snapshot of just so many bytes is taken', async () => {
  const rows = history(PEER, 1, 2).map((op) => ({ op, isEntry: true }));
  const measured = await openEmpty();
  await measured.replica.incomingSnapshot.takeRows(rows);
  const ofRows = measured.replica.incomingSnapshot.bytes;
  measured.replica.incomingSnapshot.takeOrigins(end({}));
  const maxSnapshotBytes = measured.replica.incomingSnapshot.bytes;
  assert.ok(maxSnapshotBytes > ofRows);
  for (const missing of [0, 1]) {
    const limits = { maxSnapshotBytes: maxSnapshotBytes - missing };
    const { replica } = await openReplica({ nodeId: 'node3', limits });
    await replica.incomingSnapshot.takeRows(rows);
    const isTaken = await replica.incomingSnapshot.finish(end({})).catch((error: unknown) => error);
    if (missing === 0) assert.is(isTaken, true);
    else assert.instance(isTaken, LongSnapshotError);
  }
});

receiving('into a log with rows of its own nothing is taken, and nothing counted', async () => {
  const { replica } = await openEmpty();
  const { incomingSnapshot } = replica;
  let told = 0;
  replica.onReplaced(() => told++);
  await replica.submit([putting('a')]);
  assert.is(await incomingSnapshot.takeRows([{ op: put({ origin: PEER }), isEntry: true }]), false);
  assert.is(incomingSnapshot.bytes, 0);
  assert.is(await incomingSnapshot.finish(end({ sums: new Map() })), false);
  assert.equal([told, [...replica.vector.keys()]], [0, [replica.origin]]);
});

receiving('an origin of which all rows are compacted away is held to its end', async () => {
  const { replica } = await openEmpty();
  const last = put({ origin: 'peer8.aaaaaa' });
  await replica.incomingSnapshot.takeRows([{ op: last, isEntry: true }]);
  const sums = new Map([
    [PEER, sumOf(history(PEER, 1, 2))],
    ['peer8.aaaaaa', sumOf([last])],
  ]);
  const vector = new Map([
    [PEER, 2],
    ['peer8.aaaaaa', 1],
  ]);
  const whole = end({ vector, sums, reach: new Map([[PEER, 2]]) });
  assert.is(await replica.incomingSnapshot.finish(whole), true);
  assert.equal(replica.record(PEER).compactedSum, sumOf(history(PEER, 1, 2)));
});

receiving('whoever reads the history is told once, when it is complete', async () => {
  const sender = await openReplica();
  await sender.replica.submit(['a', 'b', 'c'].map((key) => putting(key)));
  const { replica } = await openEmpty();
  let told = 0;
  replica.onReplaced(() => {
    told++;
    assert.equal(replica.vector, sender.replica.vector);
  });
  await stream(sender.replica, replica, { maxRows: 1, maxBytes: 1e6 });
  assert.is(told, 1);
});

receiving('half of one is no log that could be opened', async () => {
  const test = await openEmpty();
  await test.replica.incomingSnapshot.takeRows([
    { op: put({ origin: PEER, seq: 3 }), isEntry: true },
  ]);
  const stored = test.log.crash('lost');
  assert.is(stored.header.facts.snapshot, 'underWay');
  await openReplica({ stored }).then(
    () => assert.unreachable('it was opened'),
    (error) => assert.instance(error, DamagedLogError),
  );
});

receiving('a horizon of its own that is greater stays', async () => {
  const sender = await openReplica();
  await sender.replica.submit([putting('a')]);
  sender.replica.forgetting.raiseHorizon(3);
  const { replica } = await openEmpty();
  replica.forgetting.raiseHorizon(8);
  await stream(sender.replica, replica);
  assert.is(replica.header.horizon, 8);
});

receiving('of a collection in the same commit the greater horizon stays', async () => {
  const dead = tombstone({ origin: PEER, seq: 1, generation: 4 });
  const last = put({ origin: PEER, seq: 2 });
  for (const isCollectedFirst of [true, false])
    for (const [stableSeq, horizon, expected] of [
      [0, 3, 3],
      [1, 0, 5],
      [1, 3, 5],
    ] as const) {
      const { replica, log } = await openEmpty();
      await replica.incomingSnapshot.takeRows([
        { op: dead, isEntry: true },
        { op: last, isEntry: true },
      ]);
      const stable = { vector: new Map([[PEER, stableSeq]]), clock: replica.nowMs() };
      const collect = () => replica.forgetting.collect(stable, 9);
      const sums = new Map([[PEER, sumOf([dead, last])]]);
      const finish = () => replica.incomingSnapshot.finish(end({ sums, horizon }));
      await Promise.all(isCollectedFirst ? [collect(), finish()] : [finish(), collect()]);
      assert.equal([replica.header.horizon, log.stored().header.horizon], [expected, expected]);
    }
});

receiving.run();
