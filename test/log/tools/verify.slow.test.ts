// time limit: 180 s
/** Every kind of damage is found and named; and nothing that is no damage. */
import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryLog } from '../../../src/log/memory.ts';
import type { Finding } from '../../../src/log/tools/finding.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import {
  fileOf,
  longStory,
  tamper,
  verified,
  withCopies,
  withSourceOf,
  writeStory,
} from './files.ts';
import { MemorySource } from './memorySource.ts';
import { memoryLog, ORIGINS, story, tell } from './stories.ts';

const test = suite('verify');

test('a log that a replica wrote is whole, whatever it forgot and compacted', async () => {
  await fc.assert(
    fc.asyncProperty(story(true), async (steps) => {
      const { log, nowMs, replicas } = await tell(steps, memoryLog(ORIGINS[0]));
      await replicas[0].recordMapSum(60_000);
      if (!(log instanceof MemoryLog)) throw new Error('The story was told to another log.');
      const found = await verify(new MemorySource(log.stored(), nowMs), { aheadMs: 60_000 });
      assert.equal(found.findings, []);
      assert.is(found.mapSumMet, true);
      assert.equal(found.mapSum, replicas[0].mapSum(found.asOf));
      // A node that starts again and writes nothing collects what expires, and the sum of its last stop is an old one.
      const stored = log.stored();
      const dayLater = nowMs + 86_400_000;
      const header = {
        ...stored.header,
        stable: new Map(stored.origins.map(({ origin, seq }) => [origin, seq])),
        stableClock: dayLater,
      };
      const idle = await verify(new MemorySource({ ...stored, header }, dayLater), {
        aheadMs: 60_000,
      });
      assert.equal(idle.findings, []);
    }),
    { numRuns: 150 },
  );
});

const STORY = longStory(120);
/** In the middle of the log, of the other node. */
const LSN = 60;

interface Damage {
  readonly what: string;
  readonly statements: readonly string[];
  readonly kind: Finding['kind'];
  readonly text: RegExp;
  /** Whether a row is named. */
  readonly isAboutRow?: boolean;
}

const COLUMNS =
  'origin, seq, hlc, committed_at, kind, generation, version, expires_at, won, hash_high, hash_low, key, value, meta';

const swapped = (a: number, b: number): string[] => [
  `UPDATE op SET lsn = -1 WHERE lsn = ${a}`,
  `UPDATE op SET lsn = ${a} WHERE lsn = ${b}`,
  `UPDATE op SET lsn = ${b} WHERE lsn = -1`,
];

const damages: readonly Damage[] = [
  {
    what: 'a changed value',
    statements: [`UPDATE op SET value = '"changed"' WHERE lsn = ${LSN}`],
    kind: 'hash',
    text: /has a hash that does not match its content/,
  },
  {
    what: 'a changed key',
    statements: [`UPDATE op SET key = 'key99' WHERE lsn = ${LSN}`],
    kind: 'hash',
    text: /has a hash that does not match its content/,
  },
  {
    what: 'a changed version',
    statements: [`UPDATE op SET version = version + 1 WHERE lsn = ${LSN}`],
    kind: 'hash',
    text: /has a hash that does not match its content/,
  },
  {
    what: 'a changed expiry',
    statements: [`UPDATE op SET expires_at = 7 WHERE lsn = ${LSN}`],
    kind: 'hash',
    text: /has a hash that does not match its content/,
  },
  {
    what: 'a changed hash',
    statements: [`UPDATE op SET hash_low = hash_low + 1 WHERE lsn = ${LSN}`],
    kind: 'hash',
    text: /has a hash that does not match its content/,
  },
  {
    what: 'a removed row',
    statements: [`DELETE FROM op WHERE lsn = ${LSN}`],
    kind: 'missing',
    text: /is missing from the log, before lsn \d+/,
  },
  {
    what: 'removed rows',
    statements: [`DELETE FROM op WHERE lsn BETWEEN ${LSN} AND ${LSN + 9}`],
    kind: 'missing',
    text: /missing from the log, before lsn \d+/,
  },
  {
    what: 'a torn end',
    statements: ['DELETE FROM op WHERE lsn > (SELECT max(lsn) FROM op) - 3'],
    kind: 'missing',
    text: /missing from the log, at its end/,
  },
  {
    what: 'swapped rows',
    statements: swapped(LSN, LSN + 12),
    kind: 'order',
    text: /rows were swapped/,
  },
  {
    what: 'a row moved to the end',
    statements: [`UPDATE op SET lsn = 9999 WHERE lsn = ${LSN}`],
    kind: 'order',
    text: /rows were swapped/,
  },
  {
    what: 'a doubled seq',
    statements: [
      'DROP INDEX op_id',
      `INSERT INTO op (lsn, ${COLUMNS}) SELECT 9999, ${COLUMNS} FROM op WHERE lsn = ${LSN}`,
      'CREATE INDEX op_id ON op (origin, seq)',
      // A file with another index would not be opened: this one only claims to be unique.
      'PRAGMA writable_schema = ON',
      "UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') WHERE name = 'op_id'",
    ],
    kind: 'doubled',
    text: /stands in the log twice/,
  },
  {
    what: 'a row of nobody',
    statements: [`UPDATE op SET origin = 'node9.zzzzzz' WHERE lsn = ${LSN}`],
    kind: 'unknown',
    text: /no record/,
  },
  {
    what: 'a record that is behind',
    statements: [`UPDATE origin SET seq = seq - 2 WHERE origin = '${ORIGINS[1]}'`],
    kind: 'unknown',
    text: /is above \d+, the last that the log says it holds/,
  },
  {
    what: 'a won bit taken',
    statements: [`UPDATE op SET won = 0 WHERE lsn = ${LSN}`],
    kind: 'won',
    text: /marked as beaten when it came, though nothing/,
  },
  {
    what: 'a won bit given',
    statements: [
      "UPDATE op SET won = 1 WHERE lsn = (SELECT min(lsn) FROM op WHERE won = 0 AND kind = 'put')",
    ],
    kind: 'won',
    text: /marked as the winner when it came, though \S+, which came before, beats it \(version/,
  },
  {
    what: 'a won bit of a join',
    statements: ['UPDATE op SET won = 1 WHERE lsn = 1'],
    kind: 'won',
    text: /is on no key/,
  },
  {
    what: 'a sum',
    statements: [`UPDATE origin SET sum_low = sum_low + 1 WHERE origin = '${ORIGINS[1]}'`],
    kind: 'sum',
    text: /do not add up/,
    isAboutRow: false,
  },
  {
    what: 'a stable vector ahead of the log',
    statements: [`UPDATE meta SET value = '[["${ORIGINS[1]}",9999]]' WHERE name = 'stable'`],
    kind: 'header',
    text: /counts as stable up to/,
    isAboutRow: false,
  },
  {
    what: 'a kind that is none',
    statements: [`UPDATE op SET kind = 'merge' WHERE lsn = ${LSN}`],
    kind: 'unreadable',
    text: /lsn 60 could not be read: its kind is "merge"/,
  },
];

test('every kind of damage to rows and records is found and named', () =>
  withCopies(STORY, async (copy) => {
    assert.equal((await verified(await copy())).findings, [], 'whole to begin with');
    for (const { what, statements, kind, text, isAboutRow = true } of damages) {
      const path = await copy();
      tamper(path, ...statements);
      const { findings } = await verified(path);
      const found = findings.find((finding) => finding.kind === kind);
      assert.ok(found, `${what}: ${JSON.stringify(findings.slice(0, 3))}`);
      assert.match(found.text, text, what);
      if (!isAboutRow) assert.ok(found.origin === ORIGINS[1] || kind === 'header', what);
      else if (kind !== 'unreadable') assert.ok(found.origin !== null && found.seq !== null, what);
      // The recorded map sum shows a fault that the rows can't show.
      if (kind === 'won' && what !== 'a won bit of a join') assert.ok(findings.length >= 1);
    }
  }));

test('the first bad row is named first, with its origin', () =>
  withCopies(STORY, async (copy) => {
    const path = await copy();
    tamper(path, "UPDATE op SET value = '1' WHERE lsn IN (40, 90)");
    const { findings, findingCount } = await verified(path);
    assert.is(findingCount, 2);
    assert.is(findings[0]?.lsn, 40);
    assert.ok(ORIGINS.some((origin) => findings[0]?.origin === origin));
  }));

test('a won bit that was flipped where its rival was compacted shows in the map sum', async () => {
  const steps = longStory(60);
  const forgetting = [
    ...steps,
    { kind: 'wait', ms: 5000 },
    { kind: 'collect' },
    { kind: 'compact', retentionMs: 1000 },
  ] as const;
  await withCopies(forgetting, async (copy) => {
    assert.equal((await verified(await copy())).findings, []);
    const path = await copy();
    tamper(
      path,
      "UPDATE op SET won = 0 WHERE lsn = (SELECT max(lsn) FROM op WHERE won = 1 AND kind = 'put')",
    );
    const { findings } = await verified(path);
    assert.equal(
      findings.map(({ kind }) => kind),
      ['map'],
    );
    assert.match(
      findings[0]?.text ?? '',
      /folds to the map sum \S+, and the node recorded \S+ when it stopped/,
    );
  });
});

test('a file that is cut short is read as far as it goes, and named', () =>
  withCopies(STORY, async (copy) => {
    const { size } = await stat(fileOf(await copy()));
    for (const [keptBytes, rowsAtLeast] of [
      [size - 4096, 30],
      [Math.floor(size / 2), 1],
    ] as const) {
      const path = await copy();
      await truncate(fileOf(path), keptBytes);
      const { findings, rows } = await verified(path);
      assert.match(
        findings[0]?.text ?? '',
        /^The file is cut short: of its \d+ pages of 4096 bytes, \d+ are there/,
      );
      assert.ok(rows >= rowsAtLeast, `${rows} rows of ${keptBytes} bytes`);
      assert.ok(
        findings.some(({ origin }) => origin !== null),
        'the origins whose rows are missing are named',
      );
    }
  }));

test('a page that was written over is named, and what lies around it is read', () =>
  withCopies(STORY, async (copy) => {
    const pages = Math.floor((await stat(fileOf(await copy()))).size / 4096);
    let found = 0;
    for (let page = 8; page < pages; page += 3) {
      const path = await copy();
      const file = await open(fileOf(path), 'r+');
      await file.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
      await file.close();
      const { findings, rows } = await verified(path);
      assert.ok(findings.length > 0, `page ${page}`);
      if (findings.some(({ kind }) => kind === 'missing')) found++;
      assert.ok(rows > 40, `page ${page}: ${rows} rows`);
    }
    assert.ok(found > 0, 'rows of a page that is lost are named by their origins');
  }));

test('a flipped bit in a page is found, or changes nothing that is read but a row’s committed_at', () =>
  withCopies(STORY, async (copy) => {
    const path = await copy();
    const whole = await readFile(fileOf(path));
    const content = await contentOf(path);
    let missed = 0;
    let found = 0;
    for (let index = 0; index < 60; index++) {
      // Spread over the file, and over the bits.
      const at = 4096 + ((index * 7919) % (whole.length - 4096));
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (index % 8));
      await writeFile(fileOf(path), bytes);
      for (const suffix of ['-wal', '-shm']) await rm(fileOf(path) + suffix, { force: true });
      const isFound = await verified(path).then(
        ({ findingCount }) => findingCount > 0,
        () => true,
      );
      if (isFound) found++;
      else {
        missed++;
        assert.equal(await contentOf(path), content, `byte ${at}`);
      }
    }
    assert.ok(found > 20, `${found} found, ${missed} without effect`);
  }));

const contentOf = (path: string): Promise<unknown> =>
  withSourceOf(path, async (source) => {
    const { header, records, lastLsn } = await source.facts();
    const { items } = await source.rows(0, lastLsn, { maxRows: 1000, maxBytes: 1e9 });
    // No hash covers it: it is this node's own, and differs from node to node.
    return { header, records, items: items.map((row) => ({ ...row, committedAt: 0 })) };
  });

test('a log without rows, and one that is compacted, are whole', async () => {
  await using directory = await temporaryDirectory();
  await writeStory([], directory.path);
  assert.equal((await verified(directory.path)).findings, []);
});

test.run();
