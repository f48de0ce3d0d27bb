import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoredLog } from '../../src/log/memory.ts';
import { RowCheck } from '../../src/replica/replay.ts';
import { DamagedLogError } from '../../src/words/errors.ts';
import { carriedHash } from '../../src/words/hash.ts';
import { MAX_COUNTER, MAX_GENERATION } from '../../src/words/op.ts';
import type { OriginRecord, Row } from '../../src/words/row.ts';
import { NO_FACTS } from '../../src/words/row.ts';
import { changed, history, membership, put, row, sumOf, tombstone } from '../support/ops.ts';
import { deleting, openReplica, putting, stateOf } from '../support/replicas.ts';

const replays = suite('replaying a log (rule 6)');
const A = 'node2.bbbbbb';
const B = 'node3.cccccc';

const recordOf = (rows: readonly Row[], origin: string): OriginRecord => {
  const ops = rows.map(({ op }) => op).filter((op) => op.origin === origin);
  const seq = Math.max(0, ...ops.map((op) => op.seq));
  return { origin, seq, sum: sumOf(ops), reach: 0, compactedSum: { high: 0, low: 0 } };
};

/** A disk with these rows, and true records of them. */
function storedLog(rows: readonly Row[], header: Partial<StoredLog['header']> = {}): StoredLog {
  const origins = [...new Set(rows.map(({ op }) => op.origin))];
  return {
    header: {
      clusterName: 'hearsay',
      clusterId: null,
      origin: 'node1.aaaaaa',
      horizon: 0,
      stable: new Map(),
      stableClock: -1,
      facts: NO_FACTS,
      ...header,
    },
    origins: origins.map((origin) => recordOf(rows, origin)),
    rows,
    stoppedUncleanly: false,
  };
}

/** The rows of both origins, taking turns. */
const ROWS: readonly Row[] = [1, 2, 3, 4, 5].flatMap((seq) =>
  [A, B].map((origin, index) =>
    row(2 * seq - 1 + index, put({ origin, seq, hlc: seq, key: `${origin}${seq}` })),
  ),
);

async function damageOf(stored: StoredLog): Promise<DamagedLogError> {
  try {
    await openReplica({ stored });
  } catch (error) {
    assert.instance(error, DamagedLogError);
    return error as DamagedLogError;
  }
  return assert.unreachable('the damage was not found') as never;
}

replays('only rows that won are folded', async () => {
  const rows = [
    row(1, put({ origin: A, seq: 1, version: 5 })),
    row(2, put({ origin: B, seq: 1, version: 3 }), false),
    row(3, put({ origin: A, seq: 2, version: 6 })),
    row(4, put({ origin: B, seq: 2, key: 'other', version: 9 }), false),
  ];
  const { replica } = await openReplica({ stored: storedLog(rows) });
  assert.equal([...replica.map.entries()], [rows[2]?.op]);
  assert.equal(replica.record(A), recordOf(rows, A));
  assert.equal(replica.record(B), recordOf(rows, B));
  assert.is(replica.lastLsn, 4);
});

replays('a node goes on where it stopped: map, vector, lsns, sums and stamps', async () => {
  const before = await openReplica();
  await before.replica.submit([putting('a', { ttlMs: 100 }), putting('b'), deleting('b')]);
  await before.replica.receive({
    ranges: [{ origin: A, after: 0, to: 3, sum: sumOf(history(A, 1, 3)) }],
    ops: history(A, 1, 3),
  });
  const state = stateOf(before.replica);
  await before.replica.close();

  const after = await openReplica({ stored: before.log.stored(), nowMs: 5 });
  assert.equal(stateOf(after.replica), state);
  const [outcome] = await after.replica.submit([putting('c')]);
  assert.ok(outcome?.kind === 'stored');
  assert.is(outcome.op.seq, 4);
  assert.ok(outcome.op.hlc > 1_795_000_000_000_000, 'stamps go on although the clock was set back');
  assert.is(after.log.commits[0]?.rows[0]?.lsn, 7);
});

replays(
  "stamps go on above this node's own, whatever its clock, and above no wild one",
  async () => {
    const NOW_MS = 1_795_000_000_000;
    const ahead = (NOW_MS + 365 * 86_400_000) * 1000;
    for (const origin of ['node1.aaaaaa', A]) {
      const op = put({ origin, seq: 1, hlc: ahead });
      const { replica } = await openReplica({ stored: storedLog([row(1, op)]), nowMs: NOW_MS });
      const [outcome] = await replica.submit([putting('other')]);
      assert.ok(outcome?.kind === 'stored');
      assert.is(outcome.op.hlc, origin === A ? NOW_MS * 1000 : ahead + 1);
    }
  },
);

replays(
  'an op that no peer could have sent is damage, although its hash and its sum are true',
  async () => {
    for (const [op, fault] of [
      [put({ origin: A, seq: 1, value: '{' }), /value is not JSON/],
      [put({ origin: A, seq: 1, key: '' }), /key is empty/],
      [put({ origin: A, seq: 1, generation: MAX_COUNTER + 1 }), /generation/],
      [membership({ origin: A, seq: 1, key: A, value: 'http://one' }), /not JSON/],
    ] as const) {
      const { message, lsn } = await damageOf(storedLog([row(1, op, false)]));
      assert.match(message, fault);
      assert.is(lsn, 1);
    }
  },
);

replays('what is dropped raises the horizon no higher than a counter may be', async () => {
  const last = tombstone({ origin: A, seq: 1, generation: MAX_GENERATION });
  const stable = new Map([[A, 1]]);
  const { replica } = await openReplica({ stored: storedLog([row(1, last)], { stable }) });
  assert.equal([replica.map.size, replica.header.horizon], [0, MAX_GENERATION + 1]);
  const [outcome] = await replica.submit([putting(last.key)]);
  assert.ok(outcome?.kind === 'stored');
  assert.is(outcome.op.generation, MAX_GENERATION);
});

replays('recent rows are in memory again', async () => {
  const { replica } = await openReplica({ stored: storedLog(ROWS) });
  assert.is([...(replica.recent.opsAfter(A, 2) ?? [])].length, 3);
  assert.is(replica.recent.rowsAfter(0, 99)?.length, ROWS.length);
});

replays('a long log is read in several pages', async () => {
  const ops = history(A, 1, 9_000);
  const { replica } = await openReplica({ stored: storedLog(ops.map((op) => row(op.seq, op))) });
  assert.is(replica.map.size, 9_000);
  assert.is(replica.lastLsn, 9_000);
});

replays('members are folded from the log', async () => {
  const rows = [
    row(1, membership({ origin: A, seq: 1, key: A, value: '{"nodeId":"node2"}' }), false),
    row(2, membership({ origin: A, seq: 2, key: B }), false),
    row(3, membership({ origin: A, seq: 3, key: B, kind: 'retire' }), false),
  ];
  const { replica } = await openReplica({ stored: storedLog(rows) });
  assert.equal([replica.members.has(A), replica.members.has(B)], [true, false]);
  assert.ok(replica.members.isRetired(B));
  assert.is(replica.map.size, 0);
});

replays('what was dead and stable is dropped again, and nothing else', async () => {
  const dead = [
    tombstone({ origin: A, seq: 1, key: 'deleted', generation: 4 }),
    put({ origin: A, seq: 2, key: 'expired', expiresAt: 1000 }),
  ];
  const kept = [
    put({ origin: A, seq: 3, key: 'alive' }),
    put({ origin: A, seq: 4, key: 'expires later', expiresAt: 1001 }),
    tombstone({ origin: A, seq: 5, key: 'not stable' }),
  ];
  const rows = [...dead, ...kept].map((op) => row(op.seq, op));
  const header = { stable: new Map([[A, 4]]), stableClock: 1000, horizon: 2 };
  const { replica } = await openReplica({ stored: storedLog(rows, header) });
  assert.equal(new Set(replica.map.entries()), new Set(kept));
  assert.is(replica.header.horizon, 5);
});

replays('a join whose URL nobody can dial opens, as a join without one', async () => {
  const value = '{"nodeId":"node4","url":"node4:8000"}';
  const rows = [row(1, membership({ origin: A, seq: 1, key: B, value }))];
  const { replica } = await openReplica({ stored: storedLog(rows) });
  assert.equal(replica.members.get(B), { origin: B, nodeId: 'node4', url: null });
});

replays('before anything is stable nothing is dropped', async () => {
  const rows = [row(1, tombstone({ origin: A, seq: 1 }))];
  const { replica } = await openReplica({ stored: storedLog(rows) });
  assert.is(replica.map.size, 1);
});

replays('rows that were compacted away are no damage, and what is left must add up', async () => {
  const rows = ROWS.filter(({ op }) => op.origin !== A || op.seq === 2 || op.seq > 3);
  const gone = ROWS.map(({ op }) => op).filter((op) => op.origin === A && [1, 3].includes(op.seq));
  const record = { ...recordOf(ROWS, A), reach: 3, compactedSum: sumOf(gone) };
  const stored = { ...storedLog(rows), origins: [record, recordOf(ROWS, B)] };
  const { replica } = await openReplica({ stored });
  assert.is(replica.map.size, 8);
  const wrong = { ...stored, origins: [{ ...record, reach: 2 }, recordOf(ROWS, B)] };
  assert.is((await damageOf(wrong)).lsn, 7);
});

replays.run();

const damage = suite('damage that a replay finds');

/** A disk whose records are those of all rows, and whose rows are others. */
const damagedTo = (rows: readonly Row[]): StoredLog => ({ ...storedLog(ROWS), rows });

damage('any changed field of a row is told with its lsn', async () => {
  const changes = [
    { key: 'other' },
    { value: '2' },
    { meta: '{}' },
    { version: 2 },
    { generation: 1 },
    { hlc: 9 },
    { expiresAt: 5 },
    { hashLow: 1 },
    { hashHigh: 1 },
  ];
  for (const change of changes) {
    const rows = ROWS.map((one) =>
      one.lsn === 5 ? { ...one, op: { ...one.op, ...change } } : one,
    );
    const found = await damageOf(damagedTo(rows as Row[]));
    assert.is(found.lsn, 5, Object.keys(change).join());
    assert.match(found.message, /the test log .* at lsn 5/);
  }
});

damage('a changed row whose hash was made again does not add up', async () => {
  const rows = ROWS.map((one) =>
    one.lsn === 5 && one.op.kind === 'put' ? { ...one, op: changed(one.op, { value: '2' }) } : one,
  );
  assert.match((await damageOf(damagedTo(rows))).message, /do not add up/);
});

damage('a lost row is told at the row that follows it', async () => {
  const found = await damageOf(damagedTo(ROWS.filter(({ lsn }) => lsn !== 5)));
  assert.is(found.lsn, 7);
  assert.match(found.message, /node2\.bbbbbb\/3 is missing from the log, before lsn 7/);
});

damage('lost rows at the end, and a lost history, are told by their first op', async () => {
  const lost = [
    [ROWS.slice(0, -1), `${B}/5 is missing from the log, at its end`],
    [ROWS.slice(0, 2), `${A}/2 is missing from the log, at its end; so are the 3 after it`],
    [ROWS.filter(({ op }) => op.origin === A), `${B}/1 is missing from the log, at its end`],
  ] as const;
  for (const [rows, text] of lost)
    assert.ok((await damageOf(damagedTo(rows))).message.includes(text), text);
});

damage('a doubled row is told at the second', async () => {
  const doubled = { ...ROWS[4], lsn: 11 } as Row;
  assert.is((await damageOf(damagedTo([...ROWS, doubled]))).lsn, 11);
});

damage('rows out of their order are told at the one that stands too late', async () => {
  const rows = [...ROWS];
  [rows[2], rows[4]] = [
    { ...rows[4], lsn: 3 },
    { ...rows[2], lsn: 5 },
  ] as [Row, Row];
  assert.is((await damageOf(damagedTo(rows))).lsn, 5);
});

damage('a row of an origin, or with a seq, that the log does not know of is told', async () => {
  const stranger = put({ origin: 'node9.zzzzzz' });
  assert.is((await damageOf(damagedTo([...ROWS, row(11, stranger)]))).lsn, 11);
  const beyond = put({ origin: A, seq: 6 });
  assert.is((await damageOf(damagedTo([...ROWS, row(11, beyond)]))).lsn, 11);
});

damage('a log that ends before its last lsn is told, though its rows add up', () => {
  const check = new RowCheck(storedLog(ROWS).origins, 'the test log');
  for (const one of ROWS) check.row(one);
  check.end(10, 10);
  assert.throws(
    () => check.end(10, 11),
    (error: unknown) =>
      error instanceof DamagedLogError &&
      error.lsn === 11 &&
      /it ends at lsn 10, not at 11/.test(error.message),
  );
});

damage('where no row may be missing, a hole between lsns is told', () => {
  const [first, , third] = ROWS.map((one) => ({ ...one, lsn: one.lsn + 6 }));
  assert.ok(first && third);
  const origins = storedLog(ROWS).origins;
  const dense = new RowCheck(origins, 'the test log', 6);
  dense.row(first);
  assert.throws(
    () => dense.row(third),
    (error: unknown) =>
      error instanceof DamagedLogError && /after lsn 7 were compacted/.test(error.message),
  );
  const holed = new RowCheck(origins, 'the test log');
  holed.row(first);
  holed.row(third);
});

damage('a changed sum of an origin is told', async () => {
  const record = { ...recordOf(ROWS, A), sum: carriedHash(put()) };
  const stored = { ...storedLog(ROWS), origins: [record, recordOf(ROWS, B)] };
  assert.match((await damageOf(stored)).message, /node2\.bbbbbb: its rows do not add up/);
});

damage.run();
