import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ChunkEnds, deltaFor, type WireDelta } from '../../../src/gossip/driver/deltaFor.ts';
import { decodeOp } from '../../../src/gossip/protocol/opCodec.ts';
import type { Replica } from '../../../src/replica/replica.ts';
import type { Delta } from '../../../src/words/delta.ts';
import { DamagedLogError } from '../../../src/words/errors.ts';
import { carriedHash } from '../../../src/words/hash.ts';
import type { Op } from '../../../src/words/op.ts';
import { seqOf, type Vector } from '../../../src/words/vector.ts';
import { ORIGINS } from '../../support/generators.ts';
import { changed, history, sumOf } from '../../support/ops.ts';
import { openReplica, putting, type TestReplicaOptions } from '../../support/replicas.ts';

const [A, B, C] = ORIGINS.map((origin) => origin.replace('node', 'peer')) as [
  string,
  string,
  string,
];
/** Nothing stays in memory: every op is read from the log. */
const FROM_LOG = { maxRecentOps: 0 };

const deltas = suite('the delta that a digest lacks (rule 7)');

/** A replica that has taken in these histories. */
async function holding(
  histories: readonly (readonly Op[])[],
  limits: TestReplicaOptions['limits'] = {},
): Promise<Replica> {
  const { replica } = await openReplica({ limits });
  for (const ops of histories) {
    const [first, last] = [ops[0], ops.at(-1)];
    if (first === undefined || last === undefined) continue;
    const range = { origin: first.origin, after: 0, to: last.seq, sum: sumOf(ops) };
    assert.is((await replica.receive({ ranges: [range], ops })).kind, 'applied');
  }
  return replica;
}

const opsOf = ({ wireOps }: WireDelta): Op[] => wireOps.map((wire) => decodeOp(JSON.parse(wire)));
const idsOf = (delta: WireDelta): string[] => opsOf(delta).map((op) => `${op.origin}/${op.seq}`);
const received = (delta: WireDelta): Delta => ({ ranges: delta.ranges, ops: opsOf(delta) });

/** Every range is exact: its ops are there, and its sum is that of the whole history up to its end. */
function assertExact(
  delta: WireDelta,
  histories: readonly (readonly Op[])[],
  vector: Vector,
): void {
  const ops = opsOf(delta);
  for (const { origin, after, to, sum } of delta.ranges) {
    const whole = histories.find((one) => one[0]?.origin === origin) ?? [];
    assert.is(after, seqOf(vector, origin));
    assert.ok(to > after);
    assert.equal(
      ops.filter((op) => op.origin === origin),
      whole.slice(after, to),
    );
    assert.equal(sum, sumOf(whole.slice(0, to)));
  }
  const covered = delta.ranges.reduce((total, { after, to }) => total + to - after, 0);
  assert.is(ops.length, covered);
}

for (const [where, limits] of [
  ['memory', {}],
  ['the log', FROM_LOG],
] as const) {
  deltas(`a vector that lacks a few ops gets them in one delta, from ${where}`, async () => {
    const histories = [history(A, 1, 5), history(B, 1, 3)];
    const replica = await holding(histories, limits);
    const vector = new Map([[A, 2]]);
    const delta = await deltaFor(replica, vector, new Map());
    assert.equal(
      idsOf(delta).sort(),
      [A, A, A, B, B, B].map((origin, index) => `${origin}/${[3, 4, 5, 1, 2, 3][index]}`),
    );
    assert.is(delta.more, false);
    assertExact(delta, histories, vector);
  });

  deltas(
    `a vector that lacks nothing, or is ahead, gets an empty delta, from ${where}`,
    async () => {
      const replica = await holding([history(A, 1, 5)], limits);
      const nothing = { ranges: [], wireOps: [], sumsBefore: new Map(), more: false };
      assert.equal(await deltaFor(replica, replica.vector, new Map()), nothing);
      assert.equal(
        await deltaFor(
          replica,
          new Map([
            [A, 9],
            [C, 7],
          ]),
          new Map(),
        ),
        nothing,
      );
    },
  );

  deltas(`a chunk is bounded by ops, and says that there is more, from ${where}`, async () => {
    const histories = [history(A, 1, 25)];
    const replica = await holding(histories, { ...limits, maxDeltaOps: 10 });
    const vector = new Map<string, number>();
    const ends: ChunkEnds = new Map();
    const lengths: number[] = [];
    for (;;) {
      const delta = await deltaFor(replica, vector, ends);
      assertExact(delta, histories, vector);
      lengths.push(delta.wireOps.length);
      vector.set(A, delta.ranges[0]?.to ?? 0);
      if (!delta.more) break;
    }
    assert.equal(lengths, [10, 10, 5]);
  });

  deltas(`a chunk is bounded by bytes, but holds at least one op, from ${where}`, async () => {
    const ops = history(A, 1, 4).map((op) => changed(op, { value: `"${'x'.repeat(600)}"` }));
    const replica = await holding([ops], { ...limits, maxDeltaBytes: 1000 });
    assert.is((await deltaFor(replica, new Map(), new Map())).wireOps.length, 2);
    const tight = await holding([ops], { ...limits, maxDeltaBytes: 10 });
    const delta = await deltaFor(tight, new Map(), new Map());
    assert.is(delta.wireOps.length, 1);
    assert.is(delta.more, true);
  });

  deltas(
    `origins take turns, so that a long history holds back no short one, from ${where}`,
    async () => {
      const histories = [history(A, 1, 500), history(B, 1, 2), history(C, 1, 30)];
      const replica = await holding(histories, { ...limits, maxDeltaOps: 30 });
      const delta = await deltaFor(replica, new Map(), new Map());
      const taken = new Map(delta.ranges.map(({ origin, to }) => [origin, to]));
      assert.is(taken.get(B), 2);
      assert.is(taken.get(C), 14);
      assert.is(taken.get(A), 14);
      assertExact(delta, histories, new Map());
    },
  );
}

deltas('what is in memory is not read from the log', async () => {
  for (const [limits, reads] of [
    [{}, 0],
    [FROM_LOG, 1],
  ] as const) {
    const replica = await holding([history(A, 1, 3)], limits);
    const read = replica.log.opsAfter.bind(replica.log);
    let count = 0;
    replica.log.opsAfter = (...asked) => {
      count++;
      return read(...asked);
    };
    assert.is((await deltaFor(replica, new Map(), new Map())).wireOps.length, 3);
    assert.is(count, reads);
  }
});

deltas('a chunk that got lost is made again, with the same sum', async () => {
  const histories = [history(A, 1, 25)];
  const replica = await holding(histories, { maxDeltaOps: 10, ...FROM_LOG });
  const ends: ChunkEnds = new Map();
  const first = await deltaFor(replica, new Map(), ends);
  assert.equal(await deltaFor(replica, new Map(), ends), first);
  const vector = new Map([[A, 10]]);
  const second = await deltaFor(replica, vector, ends);
  assertExact(second, histories, vector);
  const back = new Map([[A, 5]]);
  assertExact(await deltaFor(replica, back, ends), histories, back);
});

deltas('ops that are committed while a chunk is read do not get into it', async () => {
  const { replica } = await openReplica({ limits: { maxDeltaOps: 2, ...FROM_LOG } });
  await replica.submit(['a', 'b', 'c'].map((key) => putting(key)));
  const reading = deltaFor(replica, new Map([[replica.origin, 2]]), new Map());
  await replica.submit([putting('d')]);
  const delta = await reading;
  assert.equal(
    delta.ranges.map(({ after, to }) => [after, to]),
    [[2, 3]],
  );
  assert.equal(
    delta.ranges[0]?.sum,
    sumOf(await replica.log.opsAfter(replica.origin, 0, { maxRows: 3, maxBytes: 1e6 })),
  );
});

deltas('ops that are committed while another origin is read do not get into it', async () => {
  const { replica, holdReads } = await openReplica({ limits: { maxRecentOps: 2 } });
  await replica.receive(
    received(await deltaFor(await holding([history(A, 1, 1)]), new Map(), new Map())),
  );
  await replica.submit([putting('a'), putting('b')]);
  const release = holdReads();
  const reading = deltaFor(replica, new Map([[replica.origin, 1]]), new Map());
  await replica.submit([putting('c')]);
  release();
  const ends = new Map((await reading).ranges.map(({ origin, to }) => [origin, to]));
  assert.equal([ends.get(A), ends.get(replica.origin)], [1, 2]);
});

deltas('a history that was compacted while it was summed is left to the next digest', async () => {
  const { replica, log } = await openReplica({ limits: { maxDeltaOps: 2, ...FROM_LOG } });
  await replica.submit([putting('a'), putting('a', { version: 2 }), putting('a', { version: 3 })]);
  await replica.submit([putting('b'), putting('c')]);
  const ends: ChunkEnds = new Map();
  const read = log.sumBetween.bind(log);
  log.sumBetween = async (origin, after, upTo) => {
    const [row] = await log.rowsAfter(2, { maxRows: 1, maxBytes: 1e6 });
    assert.ok(row);
    const going = { lsn: row.lsn, seq: row.op.seq, hash: carriedHash(row.op) };
    await replica.forgetting.removeRows(new Map([[origin, [going]]]), {});
    return read(origin, after, upTo);
  };
  const delta = await deltaFor(replica, new Map(), ends);
  assert.equal([delta.ranges, delta.wireOps, ends.size], [[], [], 0]);
});

deltas('a history that was compacted before it is read is left to the next digest', async () => {
  const { replica, log } = await openReplica({ limits: FROM_LOG });
  await replica.submit([putting('a'), putting('a', { version: 2 }), putting('b')]);
  const read = log.opsAfter.bind(log);
  log.opsAfter = async (origin, after, limit) => {
    const [row] = await log.rowsAfter(0, { maxRows: 1, maxBytes: 1e6 });
    assert.ok(row);
    const going = { lsn: row.lsn, seq: row.op.seq, hash: carriedHash(row.op) };
    await replica.forgetting.removeRows(new Map([[origin, [going]]]), {});
    return read(origin, after, limit);
  };
  const delta = await deltaFor(replica, new Map(), new Map());
  assert.equal([delta.ranges, delta.wireOps, delta.more], [[], [], false]);
});

deltas('once the bytes are spent nothing of a further origin is read', async () => {
  const histories = [history(A, 1, 1), history(B, 1, 1), history(C, 1, 1)];
  const [a = '', b = ''] = (await deltaFor(await holding(histories), new Map(), new Map())).wireOps;
  const spent = await holding(histories, { maxDeltaBytes: a.length + b.length });
  const delta = await deltaFor(spent, new Map(), new Map());
  assert.equal([delta.wireOps, delta.more], [[a, b], true]);
});

deltas('a chunk ends with the op that spends its bytes to the last', async () => {
  const histories = [history(A, 1, 3)];
  const [first = '', second = ''] = (await deltaFor(await holding(histories), new Map(), new Map()))
    .wireOps;
  for (const limits of [{}, FROM_LOG]) {
    const maxDeltaBytes = first.length + second.length;
    const spent = await holding(histories, { ...limits, maxDeltaBytes });
    const { wireOps, more } = await deltaFor(spent, new Map(), new Map());
    assert.equal([wireOps, more], [[first, second], true]);
  }
});

deltas('a row that is missing or was changed is damage, and nothing is sent', async () => {
  for (const [fault, damage] of [
    ['2 is missing', (ops: Op[]) => ops.filter(({ seq }) => seq !== 2)],
    ['1 is missing', (ops: Op[]) => ops.slice(1)],
    ['2 differs', (ops: Op[]) => ops.map((op) => (op.seq === 2 ? { ...op, hashLow: 1 } : op))],
  ] as const) {
    const { replica, log } = await openReplica({ limits: FROM_LOG });
    await replica.submit([putting('a'), putting('b'), putting('c')]);
    const read = log.opsAfter.bind(log);
    log.opsAfter = async (...asked) => damage(await read(...asked));
    await deltaFor(replica, new Map(), new Map()).then(
      () => assert.unreachable(fault),
      (error: unknown) => {
        assert.instance(error, DamagedLogError);
        assert.match(String(error), fault);
      },
    );
  }
});

deltas('a long history is summed at most once, however many chunks it takes', async () => {
  const { replica, log } = await openReplica({ limits: { maxDeltaOps: 10, ...FROM_LOG } });
  const ops = history(A, 1, 95);
  const range = { origin: A, after: 0, to: 95, sum: sumOf(ops) };
  await replica.receive({ ranges: [range], ops });
  const ends: ChunkEnds = new Map();
  for (let held = 0; held < 95; held += 10) await deltaFor(replica, new Map([[A, held]]), ends);
  assert.is(log.sumsRead, 1);
  await deltaFor(replica, new Map([[A, 90]]), new Map());
  assert.is(log.sumsRead, 1, 'the end of the history is known by its record');
});

deltas(
  'whatever a peer lacks, chunks bring it everything, each exact and within its bounds',
  async () => {
    const lengths = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40));
    const held = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40));
    const limits = fc.record({
      maxDeltaOps: fc.integer({ min: 1, max: 15 }),
      maxDeltaBytes: fc.integer({ min: 1, max: 3000 }),
      maxRecentOps: fc.constantFrom(0, 20, 1000),
    });
    await fc.assert(
      fc.asyncProperty(
        lengths,
        held,
        limits,
        fc.array(fc.boolean()),
        async (long, has, bounds, losses) => {
          const histories = [A, B, C].map((origin, index) =>
            history(origin, 1, long[index] ?? 0).map((op) =>
              changed(op, { value: `"${'x'.repeat((op.seq * 37) % 300)}"` }),
            ),
          );
          const sender = await holding(histories, bounds);
          const receiver = await holding(
            histories.map((ops, index) => ops.slice(0, has[index] ?? 0)),
          );
          const ends: ChunkEnds = new Map();
          for (let round = 0; ; round++) {
            assert.ok(round < 400, 'it ends');
            const delta = await deltaFor(sender, receiver.vector, ends);
            assertExact(delta, histories, receiver.vector);
            assert.ok(delta.wireOps.length <= bounds.maxDeltaOps);
            const bytes = delta.wireOps.slice(0, -1).join('').length;
            assert.ok(bytes < bounds.maxDeltaBytes, 'only the last op may go over the bound');
            if (losses[round]) continue;
            assert.is((await receiver.receive(received(delta))).kind, 'applied');
            const lacks = histories.some(
              (ops) => seqOf(receiver.vector, ops[0]?.origin ?? '') < ops.length,
            );
            assert.is(delta.more, lacks);
            if (!delta.more) break;
          }
          assert.equal(receiver.mapSum(0), sender.mapSum(0));
        },
      ),
      { numRuns: 100 },
    );
  },
);

deltas(
  'two replicas that wrote apart hold the same map once each has had what it lacks',
  async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const write = fc.tuple(key, fc.integer({ min: 0, max: 3 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(write), fc.array(write), async (here, there) => {
        const [first, second] = [
          (await openReplica({ nodeId: 'node1' })).replica,
          (await openReplica({ nodeId: 'node2', nowMs: 1_795_000_000_500 })).replica,
        ];
        for (const [replica, writes] of [
          [first, here],
          [second, there],
        ] as const)
          for (const [name, version, isDelete] of writes)
            await replica.submit([
              isDelete
                ? { kind: 'delete', key: name, upToVersion: version === 0 ? null : version }
                : putting(name, { version, value: `"${replica.nodeId}"` }),
            ]);
        await second.receive(received(await deltaFor(first, second.vector, new Map())));
        await first.receive(received(await deltaFor(second, first.vector, new Map())));
        assert.equal(new Map([...first.vector].sort()), new Map([...second.vector].sort()));
        for (const name of ['a', 'b', 'c']) assert.equal(first.map.get(name), second.map.get(name));
        assert.equal(first.mapSum(0), second.mapSum(0));
      }),
      { numRuns: 200 },
    );
  },
);

deltas.run();
