import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SnapshotSource } from '../../src/gossip/driver/snapshotSource.ts';
import { MemoryLog } from '../../src/log/memory.ts';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { DamagedLogError, OverloadedError } from '../../src/words/errors.ts';
import { MIB } from '../../src/words/size.ts';
import { checkpointerOf, reopened } from '../support/checkpoints.ts';
import { deleting, openReplica, putting, type TestReplica, turn } from '../support/replicas.ts';
import { noPause, rowsOf, WIDE } from './snapshots.ts';

/** Less than the indexes of an empty map take: each value that may be dropped is dropped. */
const NO_ROOM = 1;
const long = (text: string): string => JSON.stringify(text.repeat(100));

/** A replica whose keys exist before memory is bounded, because no new key comes in after that. */
async function openCold(
  keys: readonly string[],
  options: Parameters<typeof openReplica>[0] = {},
): Promise<TestReplica> {
  const before = await openReplica();
  await before.replica.submit(keys.map((key) => putting(key, { value: long(key) })));
  await before.replica.close();
  const test = await openReplica({ ...options, stored: before.log.stored(), maxMemory: NO_ROOM });
  assert.is(test.replica.map.coldSize, keys.length);
  return test;
}

const valueAt = async (replica: Replica, key: string): Promise<string | undefined> => {
  const outcome = await replica.reads.get(key);
  return outcome.kind === 'found' ? outcome.entry.value : undefined;
};

const test = suite('reads of values that are not in memory');

test('opening drops values while it replays, and each is read from the log when asked for', async () => {
  const { replica } = await openCold(['a', 'b']);
  assert.is(await valueAt(replica, 'a'), long('a'));
  assert.is(await valueAt(replica, 'b'), long('b'));
  assert.is(await valueAt(replica, 'c'), undefined);
  assert.is(replica.coldRows.reads, 2);
});

test('requests for one value share a read, and a value in memory needs none', async () => {
  const { replica, holdReads } = await openCold(['a', 'b']);
  const goOn = holdReads();
  const values = Array.from({ length: 9 }, () => valueAt(replica, 'a'));
  await turn();
  assert.is(replica.reads.waiting, 9);
  goOn();
  assert.equal(new Set(await Promise.all(values)), new Set([long('a')]));
  assert.is(replica.coldRows.reads, 1);
  assert.is(replica.reads.waiting, 0);
  await replica.submit([putting('a', { version: 2, value: '1' })]);
  assert.equal(replica.reads.get('a') instanceof Promise, false);
  assert.is(replica.reads.hits, 1);
});

test('many keys are of one moment, whatever is written while their values are read', async () => {
  const { replica, holdReads } = await openCold(['a', 'b']);
  const goOn = holdReads();
  const reading = replica.reads.atOneMoment(['a', 'never', 'b'], MIB);
  await turn();
  await replica.submit([putting('b', { version: 2, value: '2' })]);
  goOn();
  const entries = await reading;
  assert.equal(
    entries?.map((entry) => entry?.value),
    [long('a'), undefined, long('b')],
  );
});

test('many keys are read again where a row goes meanwhile: they are of one moment', async () => {
  for (const change of [putting('a', { version: 2, value: long('later') }), deleting('a')]) {
    const { replica, log } = await openCold(['a', 'b']);
    const rowsAt = log.rowsAt.bind(log);
    let isFirst = true;
    log.rowsAt = async (lsns) => {
      const rows = await rowsAt(lsns);
      if (!isFirst) return rows;
      isFirst = false;
      await replica.submit([change, putting('b', { version: 2, value: long('later') })]);
      return rows.filter(({ op }) => op.key === 'b');
    };
    const entries = await replica.reads.atOneMoment(['a', 'b'], MIB);
    assert.equal(
      entries?.map((entry) => entry?.value),
      [change.kind === 'put' ? long('later') : undefined, long('later')],
    );
  }
});

test('values beyond a bound are left out, cold ones too, and writes are carried out', async () => {
  const { replica } = await openCold(['a', 'b', 'c']);
  // Nobody but the first is below the bound.
  const bytes = long('a').length;
  const kindsOf = (outcomes: readonly { readonly kind: string }[]): string[] =>
    outcomes.map(({ kind }) => kind);
  for (const [index, key] of ['a', 'b'].entries()) {
    const keys = [key, key, 'c', 'never'];
    const many = await replica.reads.getMany(keys, bytes);
    assert.equal(kindsOf(many), ['found', 'leftOut', 'leftOut', 'leftOut']);
    assert.is(await replica.reads.atOneMoment(keys, bytes), null);
    const requests = [
      ...keys.map((one) => ({ kind: 'get', key: one }) as const),
      putting('c', { version: 2 + index }),
    ];
    const batch = await replica.writes.submitBatch(requests, bytes);
    assert.equal(kindsOf(batch), ['found', 'leftOut', 'leftOut', 'leftOut', 'stored']);
    const begun = await replica.writes.submitFirst(requests, bytes);
    assert.equal(kindsOf(begun), ['found']);
    // Warm from here on.
    await replica.submit([putting(key, { version: 2, value: long(key) })]);
  }
});

test('values below a bound are all given', async () => {
  const { replica } = await openCold(['a', 'b', 'c']);
  const keys = ['a', 'b', 'c'];
  const bytes = 3 * (long('a').length + 1);
  const requests = keys.map((key) => ({ kind: 'get', key }) as const);
  for (const outcomes of [
    await replica.reads.getMany(keys, bytes),
    await replica.writes.submitBatch(requests, bytes),
    await replica.writes.submitFirst(requests, bytes),
  ])
    assert.ok(outcomes.length === 3 && outcomes.every(({ kind }) => kind === 'found'));
  assert.is((await replica.reads.atOneMoment(keys, bytes))?.length, 3);
  assert.is(await replica.reads.atOneMoment(keys, bytes - 1), null);
});

test('more requests than may wait for the log are refused, and those that wait are answered', async () => {
  const { replica, holdReads } = await openCold(['a', 'b', 'c'], { limits: { maxColdReads: 2 } });
  const goOn = holdReads();
  const waiting = [valueAt(replica, 'a'), valueAt(replica, 'b')];
  for (const read of [
    () => replica.reads.get('c'),
    () => replica.reads.getMany(['c'], MIB),
    () => replica.reads.list('', null, { entries: 9 }),
  ]) {
    const error = await Promise.resolve(read()).then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.instance(error, OverloadedError);
    assert.match((error as Error).message, /wait for the disk .* try again shortly/);
  }
  assert.is(replica.reads.refused, 3);
  goOn();
  assert.equal(await Promise.all(waiting), [long('a'), long('b')]);
  assert.is(await valueAt(replica, 'c'), long('c'));
});

test('a list, a batch of gets and a batch with writes give cold values', async () => {
  const { replica } = await openCold(['a', 'b', 'c']);
  const page = await replica.reads.list('', null, { entries: 2 });
  assert.equal(
    page.entries.map(({ key, value }) => [key, value]),
    [
      ['a', long('a')],
      ['b', long('b')],
    ],
  );
  assert.is(page.next, 'b');
  const many = await replica.reads.getMany(['c', 'x', 'a'], MIB);
  assert.equal(
    many.map((outcome) => (outcome.kind === 'found' ? outcome.entry.value : outcome.kind)),
    [long('c'), 'absent', long('a')],
  );
  const mixed = await replica.submit([
    { kind: 'get', key: 'a' },
    putting('a', { version: 2, value: '2' }),
    { kind: 'get', key: 'a' },
    deleting('b'),
  ]);
  assert.equal(
    mixed.map((outcome) => (outcome.kind === 'found' ? outcome.entry.value : outcome.kind)),
    [long('a'), 'stored', '2', 'deleted'],
  );
});

test('a page that memory holds needs no wait', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  const page = replica.reads.list('', null, { entries: 1 });
  assert.not.instance(page, Promise);
  assert.is((await page).next, 'a');
});

test('where there is room, values that were asked for come back into memory, and a list brings none', async () => {
  const keys = Array.from({ length: 200 }, (_unused, index) => `key${100 + index}`);
  const before = await openReplica();
  await before.replica.submit(keys.map((key) => putting(key, { value: long(key) })));
  const { replica } = await openReplica({ stored: before.log.stored(), maxMemory: 90_000 });
  const cold = [...replica.map.entries()].filter(({ value }) => value === undefined);
  assert.ok(cold.length > 10 && cold.length < 190, `${cold.length} of 200`);
  const staying = cold.slice(0, 2).map(({ key }) => key);
  await replica.submit(keys.filter((key) => !staying.includes(key)).map((key) => deleting(key)));
  assert.is(replica.map.coldSize, 2);
  const page = await replica.reads.list('', null, { entries: 9 });
  assert.is(page.entries.length, 2);
  assert.is(replica.map.coldSize, 2);
  await valueAt(replica, staying[0] ?? '');
  assert.is(replica.map.coldSize, 1);
  await replica.reads.getMany(staying, MIB);
  assert.is(replica.map.coldSize, 0);
});

test('while keys fill the memory, new ones are refused and others are written', async () => {
  const { replica } = await openCold(['a']);
  const outcomes = await replica.submit([
    putting('new'),
    putting('a', { version: 2 }),
    deleting('a'),
  ]);
  assert.equal(
    outcomes.map(({ kind }) => kind),
    ['memoryFull', 'stored', 'deleted'],
  );
  assert.is(replica.get('new').kind, 'absent');
});

test('an entry that is overwritten while its value is read is answered as it was or as it is', async () => {
  const { replica, holdReads } = await openCold(['a', 'b', 'c']);
  const goOn = holdReads();
  const values = ['a', 'b', 'c'].map((key) => valueAt(replica, key));
  await turn();
  const old = [...replica.map.entries()].map((entry) => ('lsn' in entry ? entry.lsn : 0));
  await replica.submit([putting('a', { version: 2, value: '2' }), deleting('b')]);
  assert.equal(old.length, 3);
  goOn();
  const [a, b, c] = await Promise.all(values);
  assert.ok(a === long('a') || a === '2');
  assert.ok(b === long('b') || b === undefined);
  assert.is(c, long('c'));
});

test('a row that compaction removes while it is asked for leaves the entry that beat it', async () => {
  const { replica, log } = await openCold(['a', 'b']);
  const rowsAt = log.rowsAt.bind(log);
  let isFirst = true;
  log.rowsAt = async (lsns) => {
    if (!isFirst) return rowsAt(lsns);
    isFirst = false;
    await replica.submit([putting('a', { version: 2, value: long('later') }), deleting('b')]);
    return [];
  };
  const values = [valueAt(replica, 'a'), valueAt(replica, 'b')];
  assert.equal(await Promise.all(values), [long('later'), undefined]);
});

test('a row that is gone, or is not as it was written, is answered to nobody and stops the node', async () => {
  for (const fault of ['gone', 'changed'] as const) {
    const { replica, log } = await openCold(['a']);
    const failures: unknown[] = [];
    replica.onFailure((error) => failures.push(error));
    const rowsAt = log.rowsAt.bind(log);
    log.rowsAt = async (lsns) => {
      const rows = await rowsAt(lsns);
      if (fault === 'gone') return [];
      return rows.map((row) => ({ ...row, op: { ...row.op, value: '"other"' } as typeof row.op }));
    };
    const error = await valueAt(replica, 'a').then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.instance(error, DamagedLogError, fault);
    assert.instance(failures[0], DamagedLogError, fault);
  }
});

test('after another log took the place of the present one, its entries are answered', async () => {
  const { replica, holdReads } = await openCold(['a', 'b']);
  const other = await openReplica({ nodeId: 'node2' });
  await other.replica.submit([putting('a', { value: '"of the other"' })]);
  const goOn = holdReads();
  const values = [valueAt(replica, 'a'), valueAt(replica, 'b')];
  await turn();
  const { rows, ...stored } = other.log.stored();
  const log = new MemoryLog({
    clusterName: 'hearsay',
    newOrigin: () => 'node1.cccccc',
    stored: { ...stored, rows },
  });
  await replica.suspend();
  await replica.adopt(log);
  goOn();
  assert.equal(await Promise.all(values), ['"of the other"', undefined]);
});

test('a snapshot holds the values that memory lacks', async () => {
  const keys = Array.from({ length: 150 }, (_, index) => `key${index}`);
  const { replica } = await openCold(keys);
  await replica.membership.form('cluster', '{"url":"http://x"}').catch(() => {});
  const source = new SnapshotSource(replica, { ...WIDE, maxRows: 40 }, noPause);
  const values = new Map<string, string | null>();
  for (;;) {
    const part = await source.next();
    assert.ok(part);
    for (const { op } of rowsOf(part)) if (op.kind === 'put') values.set(op.key, op.value);
    if (part.end !== null) break;
  }
  assert.equal(
    keys.map((key) => values.get(key)),
    keys.map(long),
  );
});

test('entries whose values are cold are born again with them', async () => {
  const { replica } = await openCold(['a', 'b']);
  const heads = [...replica.map.heads()];
  await replica.bearAgain(heads);
  assert.is(await valueAt(replica, 'a'), long('a'));
  assert.is(replica.map.head('a')?.seq, heads.length + 1);
});

test('a checkpoint opens below the bound, whatever bound it was written under', async () => {
  const keys = Array.from({ length: 40 }, (_, index) => `key${index}`);
  const checkpoints = new MemoryCheckpoints();
  const before = await openReplica();
  await before.replica.submit(keys.map((key) => putting(key, { value: long(key) })));
  await checkpointerOf(before.replica, checkpoints).run();
  let stored = before.log.stored();
  for (const maxMemory of [NO_ROOM, NO_ROOM, null]) {
    const { replica, log, notes } = await reopened(checkpoints, { stored, maxMemory });
    // Without a bound every value must be in memory, so that checkpoint is of no use.
    assert.is(notes.length, maxMemory === null ? 1 : 0, `${notes}`);
    assert.is(replica.map.coldSize, maxMemory === null ? 0 : keys.length);
    await replica.submit([putting('key0', { version: 'next', value: long('key0') })]);
    if (maxMemory !== null) await checkpointerOf(replica, checkpoints).run();
    stored = log.stored();
    for (const key of keys) assert.is(await valueAt(replica, key), long(key));
  }
});

test('in any history, each key is answered as without a bound', async () => {
  const keys = ['a', 'b', 'c', 'd'];
  const step = fc.record({
    key: fc.constantFrom(...keys),
    length: fc.nat(300),
    act: fc.constantFrom('put', 'put', 'delete', 'get', 'list'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(4000), async (steps, room) => {
      const [bounded, free] = [
        await openReplica({ maxMemory: 70_000 + room }),
        await openReplica(),
      ];
      for (const [index, { key, length, act }] of steps.entries()) {
        const value = JSON.stringify(`${index}${'v'.repeat(length)}`);
        const request = act === 'delete' ? deleting(key) : putting(key, { version: 'next', value });
        if (act === 'get') {
          assert.is(await valueAt(bounded.replica, key), await valueAt(free.replica, key));
        } else if (act === 'list') {
          const limit = { entries: 3, bytes: 400 };
          const [one, other] = [bounded, free].map(({ replica }) =>
            replica.reads.list('', null, limit),
          );
          assert.equal(await one, await other);
        } else {
          const [one] = await bounded.replica.submit([request]);
          const [other] = await free.replica.submit([request]);
          assert.equal(one, other);
        }
      }
      for (const key of keys)
        assert.is(await valueAt(bounded.replica, key), await valueAt(free.replica, key));
    }),
    { numRuns: 50 },
  );
});

test.run();
