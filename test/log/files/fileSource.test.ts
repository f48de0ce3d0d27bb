/** Files of logs: read in whatever state they are, without a trace; copied, put back, compacted. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backUp, restore } from '../../../src/log/files/backup.ts';
import { readableAfter, readableBefore } from '../../../src/log/files/skipDamage.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import { compactFile } from '../../../src/node/compactOffline.ts';
import { Replica } from '../../../src/replica/replica.ts';
import {
  DamagedLogError,
  HearsayError,
  SettingError,
  WrongDirectoryError,
} from '../../../src/words/errors.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import type { Row } from '../../../src/words/row.ts';
import { newEntries } from '../../support/entries.ts';
import { put } from '../../support/ops.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { putting } from '../../support/replicas.ts';
import {
  fileOf,
  longStory,
  openLog,
  tamper,
  verified,
  withSourceOf,
  write,
  writeStory,
} from '../tools/files.ts';
import { headOfRow } from '../tools/memorySource.ts';
import type { Step } from '../tools/stories.ts';

const test = suite('files of logs');

const throws = async (
  promise: Promise<unknown>,
  kind: new (...args: never[]) => Error,
  message: RegExp,
): Promise<void> => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, kind);
  assert.match(String(error), message);
};

const ALL = { maxRows: 10_000, maxBytes: 1e9 };
const rowsIn = (path: string): Promise<readonly Row[]> =>
  withSourceOf(path, async (source) => (await source.rows(0, 1e6, ALL)).items);

test('pages hold what the log holds, forwards, backwards, by lsn and by key', async () => {
  await using directory = await temporaryDirectory();
  const { log } = await writeStory([], join(directory.path, 'empty'));
  assert.is(log.lastLsn, 0);
  assert.equal(
    await rowsIn(join(directory.path, 'empty')).then((rows) => rows.map(({ op }) => op.kind)),
    ['join', 'join'],
  );
  const path = join(directory.path, 'data');
  await writeStory(longStory(60), path);
  await withSourceOf(path, async (source) => {
    const { items } = await source.rows(0, 1e6, ALL);
    const { lastLsn, firstLsn } = await source.facts();
    assert.equal([firstLsn, lastLsn, items.length], [1, items.at(-1)?.lsn, lastLsn]);
    assert.equal((await source.heads(0, 1e6, 1000)).items, items.map(headOfRow));
    const marks = items.map(({ lsn, committedAt, won, op: { kind, key, expiresAt } }) => ({
      lsn,
      committedAt,
      won,
      kind,
      key,
      expiresAt,
    }));
    assert.equal((await source.marks(0, 1e6, 1000)).items, marks);
    assert.equal(
      (await source.heads(5, 9, 1000)).items.map(({ lsn }) => lsn),
      [6, 7, 8, 9],
    );
    const page = await source.rows(3, 20, { maxRows: 4, maxBytes: 1e9 });
    assert.equal([page.items.map(({ lsn }) => lsn), page.next], [[4, 5, 6, 7], 7]);
    const small = await source.rows(10, 40, { maxRows: 100, maxBytes: 500 });
    assert.equal([small.items.length, small.next], [3, 13]);
    const back = await source.rowsBefore(8, { maxRows: 3, maxBytes: 1e9 });
    assert.equal([back.items.map(({ lsn }) => lsn), back.next], [[7, 6, 5], 5]);
    assert.equal((await source.rowsBefore(1, ALL)).items, []);
    assert.equal(await source.rowsAt([9, 3, 9999]), [items[8], items[2]]);
    const onKey = await source.rowsOn('key3', 0, lastLsn);
    assert.equal([onKey.items, onKey.next], [items.filter(({ op }) => op.key === 'key3'), null]);
    const walked: Row[] = [];
    for await (const rows of new Walk(0, lastLsn).rowsOf(source)) walked.push(...rows);
    assert.equal(walked, items);
  });
});

test('long values come whole, in pages that stay small', async () => {
  await using directory = await temporaryDirectory();
  const long = JSON.stringify('y'.repeat(50_000));
  const steps: Step[] = [write(0, 'a', 1, long), write(0, 'b', 1, '1'), write(0, 'c', 1, long)];
  await writeStory(steps, directory.path);
  await withSourceOf(directory.path, async (source) => {
    const { items, next } = await source.rows(0, 100, { maxRows: 100, maxBytes: 200_000 });
    assert.equal([items.length, next], [5, null]);
    assert.is(items[2]?.op.value, long);
    const first = await source.rows(0, 100, { maxRows: 100, maxBytes: 50_000 });
    assert.equal([first.items.length, first.next], [3, 3]);
    assert.is((await source.heads(0, 100, 10)).items[2]?.textBytes, 50_003);
  });
});

test('reading leaves no trace, of a log at rest and beside a node', async () => {
  await using directory = await temporaryDirectory();
  await writeStory(longStory(20), directory.path);
  const [before, bytes] = [await readdir(directory.path), await readFile(fileOf(directory.path))];
  await withSourceOf(directory.path, (source) => source.facts());
  assert.equal(await readdir(directory.path), before);
  assert.equal(await readFile(fileOf(directory.path)), bytes);

  const log = await openLog(directory.path);
  const replica = await Replica.open({
    nodeId: 'node1',
    log,
    place: 'x',
    clock: Date.now,
    limits: defaultLimits,
    entries: newEntries(),
  });
  try {
    await withSourceOf(directory.path, async (source) => {
      const { lastLsn } = await source.facts();
      await replica.submit([putting('new')]);
      assert.is((await source.facts()).lastLsn, lastLsn + 1, 'a reader sees what comes');
      assert.is((await source.rows(lastLsn, 1e6, ALL)).items[0]?.op.key, 'new');
    });
    await replica.submit([putting('after')]);
  } finally {
    await replica.close();
  }
  assert.equal(await readdir(directory.path), before);
  assert.is((await rowsIn(directory.path)).at(-1)?.op.key, 'after');
});

const READER = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

test('a copy with a write-ahead log in a folder that can not be written is read too', async () => {
  await using directory = await temporaryDirectory();
  const [data, copy] = [join(directory.path, 'data'), join(directory.path, 'copy')];
  const log = await openLog(data);
  const replica = await Replica.open({
    nodeId: 'node1',
    log,
    place: 'x',
    clock: Date.now,
    limits: defaultLimits,
    entries: newEntries(),
  });
  await replica.membership.form('c1', '{}');
  await replica.submit([putting('in the wal')]);
  await mkdir(copy);
  for (const name of ['hearsay.db', 'hearsay.db-wal']) await cp(join(data, name), join(copy, name));
  await replica.close();
  for (const name of await readdir(copy)) await chmod(join(copy, name), 0o444);
  await chmod(copy, 0o555);
  await chmod(directory.path, 0o755);
  try {
    // Permissions don't bind the superuser, who runs tests in containers.
    const isRoot = process.getuid?.() === 0;
    const output = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [READER, 'log', 'tail', '--json', '--data-dir', copy],
        { ...(isRoot && { uid: 65_534, gid: 65_534 }), env: { ...process.env, HOME: '/tmp' } },
        (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)),
      );
    });
    assert.match(output, /"key":"in the wal"/);
    assert.equal((await readdir(copy)).sort(), ['hearsay.db', 'hearsay.db-wal']);
  } finally {
    await chmod(copy, 0o755);
  }
});

test('what is no log is refused by name', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await throws(
    rowsIn(at('none')),
    SettingError,
    /There is nothing at .*none: name a data directory/,
  );
  await throws(rowsIn(directory.path), SettingError, /holds no log \(hearsay\.db\)/);
  await writeFile(at('text'), 'no database at all, but long enough'.repeat(200));
  await throws(rowsIn(at('text')), DamagedLogError, /text is damaged: file is not a database/);
  await writeStory([], at('newer'));
  tamper(at('newer'), "UPDATE meta SET value = '99' WHERE name = 'schema_version'");
  await throws(rowsIn(at('newer')), WrongDirectoryError, /newer Hearsay/);
  await writeStory([], at('headless'));
  tamper(at('headless'), "DELETE FROM meta WHERE name = 'origin'");
  await throws(rowsIn(at('headless')), DamagedLogError, /fact origin/);
});

test('a backup while the node writes is one state, proven, and goes back under a new origin', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await writeStory(longStory(300), at('data'));
  const log = await openLog(at('data'));
  const replica = await Replica.open({
    nodeId: 'node1',
    log,
    place: 'x',
    clock: Date.now,
    limits: defaultLimits,
    entries: newEntries(),
  });
  let isDone = false;
  const writing = (async () => {
    for (let index = 0; !isDone; index++) await replica.submit([putting(`while ${index}`)]);
  })();
  const { verified: proven } = await backUp(at('data'), at('b.db'), () => {});
  isDone = true;
  await writing;
  await replica.close();
  assert.equal(proven.findings, []);
  assert.ok(proven.rows >= 300);
  assert.equal((await readdir(directory.path)).sort(), ['b.db', 'data']);
  await throws(
    backUp(at('data'), at('b.db'), () => {}),
    SettingError,
    /is there already/,
  );

  await restore(at('b.db'), at('back'), () => {});
  assert.equal((await readdir(at('back'))).sort(), ['hearsay.db', 'lock.db']);
  await withSourceOf(at('back'), async (source) => {
    const facts = await source.facts();
    assert.is(facts.header.facts.owesOrigin, true);
    assert.is(facts.lastLsn, proven.facts.lastLsn);
  });
  await throws(
    restore(at('b.db'), at('back'), () => {}),
    SettingError,
    /has a log: move it aside/,
  );
});

test('what stands in the place of a log and is no file is not copied, and is told so', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await mkdir(join(at('data'), 'hearsay.db'), { recursive: true });
  await throws(
    backUp(at('data'), at('b.db'), () => {}),
    SettingError,
    /hearsay\.db is no file, and so no log: move it away/,
  );
  assert.equal(await readdir(directory.path), ['data']);
});

test('a damaged log is neither backed up nor restored', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await writeStory(longStory(30), at('data'));
  tamper(at('data'), "UPDATE op SET value = '1' WHERE lsn = 9");
  await throws(
    backUp(at('data'), at('b.db'), () => {}),
    HearsayError,
    /is damaged, and was not copied \(node/,
  );
  await throws(
    restore(fileOf(at('data')), at('back'), () => {}),
    HearsayError,
    /is damaged, and was not copied/,
  );
  assert.equal(await readdir(directory.path), ['data']);
});

test('a file is compacted as its node would, and stays whole', async () => {
  await using directory = await temporaryDirectory();
  const steps: Step[] = [...longStory(200), { kind: 'wait', ms: 10_000 }, { kind: 'collect' }];
  await writeStory(steps, directory.path);
  const before = await rowsIn(directory.path);
  const { rows } = await compactFile(directory.path, 1000);
  assert.ok(rows > 100, `${rows} rows`);
  assert.is((await rowsIn(directory.path)).length, before.length - rows);
  assert.equal((await verified(directory.path)).findings, []);
  const log = await openLog(directory.path);
  await throws(
    compactFile(directory.path, 1000),
    HearsayError,
    /A node has .* open: let that node compact its log by --url/,
  );
  await log.close();
  await throws(
    compactFile(fileOf(directory.path), 1000),
    SettingError,
    /hearsay\.db is a file: name the data directory/,
  );
  assert.ok((await stat(fileOf(directory.path))).size > 0);
});

test('what lies beyond something unreadable is found', () => {
  for (const [from, upTo, firstGood] of [
    [5, 1000, 5],
    [5, 1000, 6],
    [5, 1000, 77],
    [1, 2 ** 53 - 1, 40_000],
  ] as const)
    assert.is(
      readableAfter(from, upTo, (lsn) => lsn >= firstGood),
      firstGood,
    );
  assert.is(
    readableAfter(5, 1000, () => false),
    null,
  );
  assert.is(
    readableAfter(5, 2 ** 53 - 1, () => false),
    null,
  );
  for (const [from, lastGood] of [
    [500, 500],
    [500, 499],
    [500, 3],
    [2 ** 53 - 1, 122],
  ] as const)
    assert.is(
      readableBefore(from, (lsn) => lsn <= lastGood),
      lastGood,
    );
  assert.is(
    readableBefore(500, () => false),
    null,
  );
});

test('a log that holds a part of a snapshot is not damaged, and is no backup', async () => {
  await using directory = await temporaryDirectory();
  const log = await openLog(directory.path);
  const replica = await Replica.open({
    nodeId: 'node1',
    log,
    place: 'the test log',
    clock: Date.now,
    limits: defaultLimits,
    entries: newEntries(),
  });
  // The first was beaten where it comes from, by an op that is still on its way.
  const ops = [put({ origin: 'node2.bbbbbb', key: 'a', seq: 7 }), put({ origin: 'node3.cccccc' })];
  const rows = ops.map((op, index) => ({ op, isEntry: index > 0 }));
  assert.is(await replica.incomingSnapshot.takeRows(rows), true);
  await replica.close();
  const { findings, rows: read } = await verified(directory.path);
  assert.equal([findings, read], [[], 2]);
  const file = join(directory.path, 'backup.db');
  const part = /holds a part of a snapshot, whose rest is on its way, and was not copied/;
  await throws(
    backUp(directory.path, file, () => {}),
    HearsayError,
    part,
  );
  assert.not.ok((await readdir(directory.path)).some((name) => name.startsWith('backup')));
  tamper(directory.path, `UPDATE op SET value = '2' WHERE lsn = 2`);
  assert.is((await verified(directory.path)).findings[0]?.kind, 'hash');
});

test.run();
