import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundsOf } from '../../../src/gossip/border/bounds.ts';
import { faultOfShape } from '../../../src/gossip/border/scan.ts';
import { SLICE_MS, type Turning } from '../../../src/gossip/driver/slices.ts';
import { type SnapshotPart, SnapshotSource } from '../../../src/gossip/driver/snapshotSource.ts';
import {
  decodeMessage,
  encodeMessage,
  encodeSnapshot,
} from '../../../src/gossip/protocol/messages.ts';
import { Compactor } from '../../../src/replica/compact.ts';
import type { Replica } from '../../../src/replica/replica.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import type { Put } from '../../../src/words/op.ts';
import { MAX_ORIGINS } from '../../../src/words/vector.ts';
import {
  afterCrash,
  catchUp,
  collect,
  noPause,
  ORIGIN,
  openEmpty,
  rowsOf,
  sortedEntries,
  stream,
  streamFrom,
  WIDE,
} from '../../replica/snapshots.ts';
import { put, sumOf } from '../../support/ops.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  type TestReplica,
} from '../../support/replicas.ts';

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

sending('a part ends with the row that brings it to its rows or to its bytes', async () => {
  const { replica } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  for (const nodeId of ['node4', 'node5'])
    await replica.membership.admit(`${nodeId}.dddddd`, memberValue(nodeId, null));
  await replica.submit([...'abcdef'].map((key) => putting(key)));
  await collect(replica);
  const all = await stream(replica, (await openEmpty()).replica);
  const [members = [], entries = []] = all.map(({ rows }) => rows.map(({ wire }) => wire.length));
  assert.equal([all.length, members.length, entries.length], [2, 3, 6]);
  const rowsOfEach = async (limit: typeof WIDE): Promise<number[]> =>
    (await stream(replica, (await openEmpty()).replica, limit)).map(({ rows }) => rows.length);
  assert.equal(await rowsOfEach({ ...WIDE, maxRows: 2 }), [2, 1, 2, 2, 2]);
  assert.equal(await rowsOfEach({ ...WIDE, maxRows: 3 }), [3, 3, 3]);
  assert.equal(await rowsOfEach({ ...WIDE, maxBytes: 1 }), Array(9).fill(1));
  const [ofFirst = 0, ofSecond = 0] = members;
  const upToSecond = { ...WIDE, maxBytes: ofFirst + ofSecond };
  assert.is((await rowsOfEach(upToSecond))[0], 2);
  const [ofEntry = 0] = entries;
  assert.equal(entries, Array(6).fill(ofEntry), 'they are of one length');
  assert.equal((await rowsOfEach({ ...WIDE, maxBytes: 3 * ofEntry })).slice(-2), [3, 3]);
});

/** Gives an empty replica so many origins, each with one op that is an entry or was beaten. */
async function takeOrigins(replica: Replica, count: number): Promise<Put[]> {
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
  return ops;
}

sending('as many origins as a vector may list go in the last part', async () => {
  const { replica } = await openReplica();
  await takeOrigins(replica, MAX_ORIGINS);
  await collect(replica);
  const source = new SnapshotSource(replica, WIDE, noPause);
  assert.is((await source.next())?.end?.vector.size, MAX_ORIGINS);
});

sending('more origins than a vector may list go in parts of their own', async () => {
  const { replica } = await openReplica();
  const count = 2 * MAX_ORIGINS + 5;
  const ops = await takeOrigins(replica, count);
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
    const source = new SnapshotSource(replica, WIDE, { ...noPause, pause });
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

/** Each step takes as long as a slice. @param paused called in each pause, with its number. */
function eachStepPauses(paused: (number: number) => unknown): Turning {
  let [nowMs, pauses] = [0, 0];
  return {
    steadyMs: () => {
      nowMs += SLICE_MS;
      return nowMs;
    },
    pause: async () => {
      await paused(++pauses);
    },
  };
}

sending(
  'an op that loses while the map is looked through leaves the mark to the entry',
  async () => {
    const { replica } = await openReplica();
    await replica.submit([...'abc'].map((key) => putting(key, { version: 5 })));
    const late = put({ origin: PEER, key: 'b', version: 1 });
    const ranges = [{ origin: PEER, after: 0, to: 1, sum: sumOf([late]) }];
    const turning = eachStepPauses(async (number) => {
      // All entries have been looked at.
      if (number === 3) await replica.receive({ ranges, ops: [late] });
    });
    const receiver = await openEmpty();
    const parts = await streamFrom(new SnapshotSource(replica, WIDE, turning), receiver.replica);
    assert.equal(seqsOf(parts), ['1 entry', '2 entry', '3 entry']);
    assert.equal(seqsOf(parts, PEER), ['1']);
  },
);

sending('work that is shorter than a slice lets nobody wait', async () => {
  const { replica } = await openReplica();
  await replica.submit([...'abcdef'].map((key) => putting(key)));
  await collect(replica, 3);
  let pauses = 0;
  const pause = async (): Promise<void> => {
    pauses++;
  };
  const source = new SnapshotSource(replica, WIDE, { ...noPause, pause });
  await streamFrom(source, (await openEmpty()).replica);
  assert.is(pauses, 0);
});

sending('once nobody wants more parts the map is looked through no further', async () => {
  const { replica } = await openReplica();
  await replica.submit([...'abcdefgh'].map((key) => putting(key)));
  await collect(replica);
  let pauses = 0;
  const turning = eachStepPauses((number) => {
    pauses = number;
    source.close();
  });
  const source = new SnapshotSource(replica, WIDE, turning);
  assert.is((await source.next())?.rows.length, 1);
  assert.is(pauses, 2, 'one after the entry was looked at, and one after it was encoded');
});

sending('what is all stable takes one part', async () => {
  const { replica } = await openReplica();
  await replica.submit([...'abc'].map((key) => putting(key)));
  await replica.receive(deltaOf(0, 3));
  await collect(replica);
  assert.is((await stream(replica, (await openEmpty()).replica)).length, 1);
});

/** A sender whose memory has no room for values, so that its entries lie in the log. */
async function openCold(keys: readonly string[]): Promise<TestReplica> {
  const before = await openReplica();
  await before.replica.submit(keys.map((key) => putting(key)));
  await collect(before.replica);
  const stored = before.log.crash('lost');
  return openReplica({ stored, nowMs: before.clock.nowMs, maxMemory: 1 });
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `key${index}`);

sending('entries are read from the log 64 at a time, and all of them are sent', async () => {
  const { replica } = await openCold(numbered(65));
  const source = new SnapshotSource(replica, { ...WIDE, maxRows: 1 }, noPause);
  const receiver = await openEmpty();
  const parts = await streamFrom(source, receiver.replica, async (part) => {
    assert.is(replica.coldRows.reads, part < 65 ? 64 : 65);
  });
  assert.is(parts.length, 65);
  assert.is(receiver.replica.map.size, 65);
  assert.equal(receiver.replica.vector, replica.vector);
});

sending('where compaction overtakes entries in the log there is no next part', async () => {
  const { replica, clock } = await openCold(numbered(65));
  const source = new SnapshotSource(replica, { ...WIDE, maxRows: 64 }, noPause);
  assert.is((await source.next())?.rows.length, 64);
  clock.nowMs += 1000;
  await replica.submit(numbered(65).map((key) => putting(key, { version: 2 })));
  clock.nowMs += 1000;
  await collect(replica);
  assert.ok((await new Compactor(replica, 0).run()).rows > 0);
  assert.is(await source.next(), undefined);
});

sending('the looks at entries, the entries and the ops above S pause by the clock', async () => {
  const { replica } = await openReplica();
  const keys = Array.from({ length: 300 }, (_, index) => `key${index}`);
  await replica.submit(keys.map((key) => putting(key)));
  await collect(replica, 100);
  let [nowMs, calls, pauses] = [0, 0, 0];
  const turning = {
    // Ten steps take as long as a slice.
    steadyMs: () => {
      calls++;
      nowMs += SLICE_MS / 10;
      return nowMs;
    },
    pause: async () => {
      pauses++;
    },
  };
  const receiver = await openEmpty();
  const source = new SnapshotSource(replica, WIDE, turning);
  await streamFrom(source, receiver.replica);
  assert.ok(calls >= 2 * keys.length, 'each step looks at the clock');
  assert.ok(pauses >= (2 * keys.length) / 12, `${pauses} pauses`);
  assert.equal(sortedEntries(receiver.replica), sortedEntries(replica));
});

sending('what is written while it goes out is not in it, but in the deltas after it', async () => {
  // A part of three rows leaves room for what was written in the one after it.
  for (const maxRows of [1, 3]) {
    const { replica } = await openReplica();
    await replica.submit([...'abcd'].map((key) => putting(key)));
    const receiver = await openEmpty();
    await stream(replica, receiver.replica, { ...WIDE, maxRows }, () =>
      replica.submit([putting('later', { version: 'next' })]),
    );
    assert.equal([...receiver.replica.vector], [[ORIGIN, 4]]);
    assert.is(receiver.replica.map.size, 4);
    await catchUp(replica, receiver.replica);
    assert.is(receiver.replica.map.get('later')?.version, maxRows === 1 ? 3 : 1);
  }
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
