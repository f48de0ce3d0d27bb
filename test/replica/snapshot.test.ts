import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundsOf } from '../../src/gossip/border/bounds.ts';
import { faultOfShape } from '../../src/gossip/border/scan.ts';
import { type ChunkEnds, deltaFor } from '../../src/gossip/driver/deltaFor.ts';
import { type SnapshotPart, SnapshotSource } from '../../src/gossip/driver/snapshotSource.ts';
import {
  decodeMessage,
  encodeMessage,
  encodeSnapshot,
} from '../../src/gossip/protocol/messages.ts';
import { decodeOp } from '../../src/gossip/protocol/opCodec.ts';
import { Compactor } from '../../src/replica/compact.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { memberValue } from '../../src/rules/members.ts';
import {
  DamagedLogError,
  DiskFullError,
  DuplicateOpError,
  FalseSnapshotError,
  LongSnapshotError,
} from '../../src/words/errors.ts';
import { ZERO } from '../../src/words/hash.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import type { KeyOp, Op } from '../../src/words/op.ts';
import type { SnapshotEnd, SnapshotRow } from '../../src/words/snapshot.ts';
import { MAX_ORIGINS } from '../../src/words/vector.ts';
import { NOW } from '../support/cores.ts';
import { history, put, sumOf, tombstone } from '../support/ops.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  stateOf,
  type TestReplica,
} from '../support/replicas.ts';

const ORIGIN = 'node1.aaaaaa';
const ALL = 1_000_000;
const WIDE = { maxRows: 1000, maxBytes: 1e6 };

const noPause = async (): Promise<void> => {};

const rowsOf = (part: SnapshotPart): SnapshotRow[] =>
  part.rows.map(({ wire, isEntry }) => ({ op: decodeOp(JSON.parse(wire)), isEntry }));

const sortedEntries = (replica: Replica): KeyOp[] =>
  [...replica.map.entries()].sort((a, b) => (a.key < b.key ? -1 : 1));

/** Opens the node that a snapshot is for; its log holds nothing. */
const openEmpty = (): Promise<TestReplica> => openReplica({ nodeId: 'node3' });

/** Streams a snapshot. @param between what happens at the sender after each part. */
async function stream(
  sender: Replica,
  receiver: Replica,
  limit = WIDE,
  between: (part: number) => Promise<unknown> = async () => {},
): Promise<SnapshotPart[]> {
  return streamFrom(new SnapshotSource(sender, limit, noPause), receiver, between);
}

async function streamFrom(
  source: SnapshotSource,
  receiver: Replica,
  between: (part: number) => Promise<unknown> = async () => {},
): Promise<SnapshotPart[]> {
  const parts: SnapshotPart[] = [];
  for (;;) {
    const part = await source.next();
    assert.ok(part, 'nothing was compacted meanwhile');
    parts.push(part);
    await receiver.incomingSnapshot.takeRows(rowsOf(part));
    if (part.origins !== null) receiver.incomingSnapshot.takeOrigins(part.origins);
    if (part.end !== null) {
      await receiver.incomingSnapshot.finish(part.end);
      return parts;
    }
    await between(parts.length);
  }
}

/** Brings the receiver all that the sender has and it lacks. */
async function catchUp(sender: Replica, receiver: Replica): Promise<void> {
  const ends: ChunkEnds = new Map();
  for (let more = true; more; ) {
    const { ranges, wireOps, more: goesOn } = await deltaFor(sender, receiver.vector, ends);
    const ops = wireOps.map((wire) => decodeOp(JSON.parse(wire)));
    assert.is((await receiver.receive({ ranges, ops })).kind, 'applied');
    more = goesOn;
  }
}

async function collect(replica: Replica, behind = 0): Promise<void> {
  const vector = new Map(replica.header.stable);
  for (const [origin, seq] of replica.vector)
    vector.set(origin, Math.max(vector.get(origin) ?? 0, seq - behind));
  replica.sweep(ALL);
  await replica.forgetting.collect({ vector, clock: replica.nowMs() }, ALL);
}

const afterCrash = ({ log, clock }: TestReplica): Promise<TestReplica> =>
  openReplica({ nodeId: 'node3', stored: log.crash('lost'), nowMs: clock.nowMs });

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

receiving.run();

const sending = suite('a snapshot as its sender makes it (rule 10)');

/** Of the sender's own ops: which are in the parts, and which as entries. */
const seqsOf = (parts: readonly SnapshotPart[], origin = ORIGIN): string[] =>
  parts
    .flatMap(rowsOf)
    .filter(({ op }) => op.origin === origin)
    .sort((a, b) => a.op.seq - b.op.seq)
    .map(({ op, isEntry }) => `${op.seq}${isEntry ? ' entry' : ''}`);

sending('of what is stable only entries and members go; above it every op', async () => {
  const { replica } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  await replica.submit([putting('a'), putting('a', { version: 2 }), putting('b'), deleting('b')]);
  await collect(replica);
  await replica.submit([putting('c'), putting('c', { version: 2 })]);
  const receiver = await openEmpty();
  const parts = await stream(replica, receiver.replica);
  assert.equal(seqsOf(parts), ['1', '3 entry', '6', '7 entry']);
  assert.equal(parts.at(-1)?.end?.reach, new Map([[ORIGIN, 5]]));
  assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
});

sending('an empty log makes one empty part', async () => {
  const { replica } = await openReplica();
  const source = new SnapshotSource(replica, WIDE, noPause);
  const part = await source.next();
  assert.equal(part?.rows, []);
  assert.equal(part?.end?.vector, new Map());
});

sending('each part is bounded by rows and by bytes, and holds at least one row', async () => {
  const { replica } = await openReplica();
  const value = `"${'x'.repeat(300)}"`;
  await replica.submit([...'abcdefgh'].map((key) => putting(key, { value })));
  await collect(replica, 4);
  for (const [limit, rows] of [
    [{ maxRows: 3, maxBytes: 1e6 }, 3],
    [{ maxRows: 100, maxBytes: 1 }, 1],
    [{ maxRows: 100, maxBytes: 900 }, 3],
  ] as const) {
    const receiver = await openEmpty();
    const parts = await stream(replica, receiver.replica, limit);
    for (const part of parts) assert.ok(part.rows.length >= 1 && part.rows.length <= rows);
    assert.is(parts.flatMap(({ rows: all }) => all).length, 8);
    assert.is(parts.filter(({ end }) => end !== null).length, 1);
  }
});

sending('more origins than a vector may list go in parts of their own', async () => {
  const { replica } = await openReplica();
  const count = 2 * MAX_ORIGINS + 5;
  const ops = Array.from({ length: count }, (_, index) =>
    put({ origin: `node${index}.cccccc`, key: `key${index % 7}`, version: index }),
  );
  await replica.incomingSnapshot.takeRows(ops.map((op) => ({ op, isEntry: true })));
  await replica.incomingSnapshot.finish({
    vector: new Map(ops.map(({ origin }) => [origin, 1])),
    sums: new Map(ops.map((op) => [op.origin, sumOf([op])])),
    reach: new Map(),
    horizon: 0,
  });
  await replica.submit([putting('own')]);
  await collect(replica);
  const receiver = await openEmpty();
  const parts = await stream(replica, receiver.replica, WIDE);
  const [last, ...before] = parts.reverse();
  assert.is(before.filter(({ origins }) => origins !== null).length, 2);
  for (const part of parts) {
    const text = encodeSnapshot(1, part);
    const { maxLength, ...shape } = boundsOf(defaultLimits).snapshot;
    assert.is(faultOfShape(text, shape), null);
    assert.ok(text.length < maxLength, `${text.length}`);
    assert.is(encodeMessage(decodeMessage(text)), text);
  }
  assert.is(last?.end?.vector.size, 6);
  assert.equal(receiver.replica.wholeVector(), replica.wholeVector());
  assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
  for (const { origin } of [...ops, { origin: ORIGIN }])
    assert.equal(receiver.replica.record(origin).sum, replica.record(origin).sum);
  assert.is((await afterCrash(receiver)).replica.wholeVector().size, count + 1);
});

sending('an entry that is written over while it goes out is sent all the same', async () => {
  const { replica } = await openReplica();
  await replica.submit([...'abcd'].map((key) => putting(key, { version: 5 })));
  await collect(replica, 2);
  const receiver = await openEmpty();
  const parts = await stream(replica, receiver.replica, { maxRows: 1, maxBytes: 1e6 }, (part) =>
    replica.submit([...'abcd'].map((key) => putting(key, { version: 5 + part }))),
  );
  assert.equal(seqsOf(parts), ['1 entry', '2 entry', '3 entry', '4 entry']);
  await catchUp(replica, receiver.replica);
  assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
});

sending(
  'what is written while the map is looked through is in it, and marked as the entry',
  async () => {
    const { replica } = await openReplica();
    // Enough keys that the look through the map pauses.
    const keys = Array.from({ length: 5000 }, (_, index) => `key${index}`);
    await replica.submit(keys.map((key) => putting(key)));
    await collect(replica);
    const written = ['key0', 'key4999', 'another'];
    let pauses = 0;
    const pause = async (): Promise<void> => {
      if (pauses++ === 0)
        await replica.submit(written.map((key) => putting(key, { version: 'next' })));
    };
    const receiver = await openEmpty();
    const source = new SnapshotSource(replica, WIDE, pause);
    const parts = await streamFrom(source, receiver.replica);
    assert.ok(pauses > 0);
    assert.equal(receiver.replica.vector, replica.vector);
    assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
    const marked = parts.flatMap(rowsOf).filter(({ op, isEntry }) => op.seq > 5000 && isEntry);
    assert.equal(marked.map(({ op }) => op.key).sort(), [...written].sort());
    const again = await afterCrash(receiver);
    assert.equal(sortedEntries(again.replica), sortedEntries(replica));
  },
);

sending('what is written while it goes out is not in it, but in the deltas after it', async () => {
  const { replica } = await openReplica();
  await replica.submit([...'abcd'].map((key) => putting(key)));
  const receiver = await openEmpty();
  await stream(replica, receiver.replica, { maxRows: 1, maxBytes: 1e6 }, () =>
    replica.submit([putting('later', { version: 'next' })]),
  );
  assert.equal([...receiver.replica.vector], [[ORIGIN, 4]]);
  assert.is(receiver.replica.map.size, 4);
  await catchUp(replica, receiver.replica);
  assert.is(receiver.replica.map.get('later')?.version, 3);
});

sending('where compaction overtakes it there is no next part, and a new one is whole', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([...'abcd'].map((key) => putting(key)));
  await replica.submit([...'abcde'].map((key) => putting(key, { version: 2 })));
  const source = new SnapshotSource(replica, { maxRows: 2, maxBytes: 1e6 }, noPause);
  assert.is((await source.next())?.rows.length, 2);
  clock.nowMs += 1000;
  await collect(replica);
  assert.is((await new Compactor(replica, 0).run()).rows, 4);
  assert.is(await source.next(), undefined);
  const receiver = await openEmpty();
  await stream(replica, receiver.replica, { maxRows: 2, maxBytes: 1e6 });
  assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
});

sending(
  'who came by a snapshot sends a whole one on, though nothing is stable there yet',
  async () => {
    const first = await openReplica();
    await first.replica.submit([
      putting('a'),
      putting('a', { version: 2 }),
      putting('b'),
      deleting('b'),
    ]);
    await first.replica.receive(deltaOf(0, 3));
    await collect(first.replica, 1);
    const second = await openEmpty();
    await stream(first.replica, second.replica);
    assert.equal(second.replica.header.stable, new Map());
    const third = await openEmpty();
    await stream(second.replica, third.replica);
    assert.equal(sortedEntries(third.replica), sortedEntries(first.replica));
    for (const origin of [ORIGIN, PEER])
      assert.equal(third.replica.record(origin), second.replica.record(origin));
  },
);

sending.run();

const streams = suite('a snapshot among writes');

const KEYS = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
const write = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      ttlMs: fc.option(fc.integer({ min: 1, max: 30 }), { nil: null }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      key,
      version: fc.nat(4),
      isPut: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('admit' as const), number: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('collect' as const), behind: fc.nat(4) }) },
);
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

async function apply({ replica, clock }: TestReplica, one: Write, peerOps: Op[]): Promise<void> {
  switch (one.kind) {
    case 'put':
      await replica.submit([putting(one.key, { version: 'next', ttlMs: one.ttlMs })]);
      return;
    case 'delete':
      await replica.submit([deleting(one.key)]);
      return;
    case 'wait':
      clock.nowMs += one.ms;
      return;
    case 'admit':
      return replica.membership.admit(
        `node${one.number}.member`,
        memberValue(`node${one.number}`, null),
      );
    case 'collect':
      return collect(replica, one.behind);
    case 'receive': {
      const after = peerOps.length;
      // Where there is no entry, an op can't be older than what was collected (rule 9).
      const generation = replica.map.get(one.key)?.generation ?? replica.header.horizon;
      const fields = { origin: PEER, seq: after + 1, hlc: after + 1, key: one.key, generation };
      const op = one.isPut
        ? put({ ...fields, version: one.version })
        : tombstone({ ...fields, version: one.version });
      peerOps.push(op);
      const range = { origin: PEER, after, to: after + 1, sum: sumOf(peerOps) };
      assert.is((await replica.receive({ ranges: [range], ops: [op] })).kind, 'applied');
    }
  }
}

streams(
  'after any history, with any writes meanwhile, snapshot and deltas bring the same map, and it replays',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 30 }),
        fc.nat(20),
        fc.array(fc.array(write, { maxLength: 3 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (before, retentionMs, meanwhile, maxRows) => {
          const sender = await openReplica();
          const peerOps: Op[] = [];
          for (const one of before) await apply(sender, one, peerOps);
          await new Compactor(sender.replica, retentionMs).run();
          const atStart = sortedEntries(sender.replica);
          const receiver = await openEmpty();
          const limit = { maxRows, maxBytes: 1e6 };
          await stream(sender.replica, receiver.replica, limit, async (part) => {
            for (const one of meanwhile[part - 1] ?? []) await apply(sender, one, peerOps);
          });
          assert.equal(sortedEntries(receiver.replica), atStart);
          receiver.replica.forgetting.raiseHorizon(sender.replica.header.horizon);
          await catchUp(sender.replica, receiver.replica);
          for (const { clock } of [sender, receiver]) clock.nowMs = 1_795_000_001_000;
          for (const { replica } of [sender, receiver]) await collect(replica);
          assert.equal(sortedEntries(receiver.replica), sortedEntries(sender.replica));
          assert.equal(
            new Map([...receiver.replica.vector].sort()),
            new Map([...sender.replica.vector].sort()),
          );
          for (const origin of sender.replica.vector.keys())
            assert.equal(receiver.replica.record(origin).sum, sender.replica.record(origin).sum);
          assert.equal(
            [...receiver.replica.members.all()].map(({ origin }) => origin).sort(),
            [...sender.replica.members.all()].map(({ origin }) => origin).sort(),
          );
          const { replica: reopened } = await afterCrash(receiver);
          assert.equal(stateOf(reopened), stateOf(receiver.replica));
        },
      ),
      { numRuns: 150 },
    );
  },
);

streams.run();
