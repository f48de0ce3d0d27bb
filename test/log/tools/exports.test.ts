/** An export of ops, imported into an empty directory, is the same log under another identity. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogImport } from '../../../src/log/files/importLog.ts';
import { MemoryLog } from '../../../src/log/memory.ts';
import { liveAt } from '../../../src/log/tools/entriesAt.ts';
import {
  headOfFile,
  type OpsEnd,
  type OpsHead,
  opsEndLine,
  opsEndOf,
  opsHeadLine,
} from '../../../src/log/tools/exportFormat.ts';
import { OpsExport } from '../../../src/log/tools/exportOps.ts';
import { DamagedExportError, OpsImport } from '../../../src/log/tools/importOps.ts';
import { momentOf } from '../../../src/log/tools/moment.ts';
import { parseLine, rowLine, rowOf } from '../../../src/log/tools/rowLine.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { DamagedLogError, SettingError } from '../../../src/words/errors.ts';
import { sameHash } from '../../../src/words/hash.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { newEntries } from '../../support/entries.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { openLog, verified, withSourceOf } from './files.ts';
import { MemorySource } from './memorySource.ts';
import { memoryLog, ORIGINS, START_MS, type Step, story, tell } from './stories.ts';

const test = suite('export and import of ops');

interface Exported {
  readonly head: string;
  readonly rows: string[];
  readonly end: string;
}

async function exported(source: MemorySource, upToLsn?: number): Promise<Exported> {
  const facts = await source.facts();
  const { header, records, lastLsn } = facts;
  const head: OpsHead = { kind: 'ops', header, records, lastLsn, upToLsn: upToLsn ?? lastLsn };
  const ops = new OpsExport(source.place, head);
  const rows: string[] = [];
  for await (const page of new Walk(0, head.upToLsn).rowsOf(source))
    for (const row of page) {
      ops.take(row);
      rows.push(rowLine(row));
    }
  return { head: opsHeadLine(head), rows, end: opsEndLine(ops.end(await source.facts())) };
}

/** @param stopAfter as if it had been killed after so many rows. */
async function imported(
  { head: headLine, rows, end }: Exported,
  directory: string,
  stopAfter?: number,
): Promise<void> {
  const head = headOfFile(headLine);
  if (head.kind !== 'ops') throw new Error('These are no ops.');
  const target = await LogImport.open({
    directory,
    clusterName: 'hearsay',
    newOrigin: () => 'new.zzzzzz',
    headLine,
  });
  const { held } = target;
  const ops = new OpsImport(head);
  try {
    const taken = rows.map((line) => ops.take(rowOf(parseLine(line))));
    await target.append(taken.filter(({ lsn }) => lsn > held && lsn <= (stopAfter ?? lsn)));
    if (stopAfter !== undefined) return;
    await target.finish(
      ops.end(opsEndOf(parseLine(end)), {
        origin: target.origin,
        clusterId: 'c9',
        nowMs: START_MS + 1e9,
      }),
    );
  } finally {
    await target.close().catch(() => {});
  }
}

const sourceOf = (log: unknown, nowMs: number): MemorySource => {
  if (!(log instanceof MemoryLog)) throw new Error('The story was told to another log.');
  return new MemorySource(log.stored(), nowMs);
};

test('the map, the vector, the sums, the reach and the horizon are the same, over random histories', async () => {
  await fc.assert(
    fc.asyncProperty(story(true, 30), fc.boolean(), async (steps, isCutOff) => {
      const { log, nowMs, replicas } = await tell(steps, memoryLog(ORIGINS[0]));
      const file = await exported(sourceOf(log, nowMs));
      await using directory = await temporaryDirectory();
      if (isCutOff) await imported(file, directory.path, 2);
      await imported(file, directory.path);
      assert.equal((await verified(directory.path)).findings, []);
      await isSameMap(replicas[0], directory.path, nowMs);
    }),
    { numRuns: 12 },
  );
});

async function isSameMap(before: Replica, directory: string, nowMs: number): Promise<void> {
  const log = await openLog(directory);
  const after = await Replica.open({
    nodeId: 'new',
    log,
    place: directory,
    clock: () => nowMs,
    limits: defaultLimits,
    entries: newEntries(),
  });
  try {
    assert.equal(after.mapSum(0), before.mapSum(0));
    for (const [origin, seq] of before.vector) {
      assert.is(after.vector.get(origin), seq);
      assert.equal(after.record(origin), before.record(origin));
    }
    assert.equal([after.header.horizon, after.header.clusterId], [before.header.horizon, 'c9']);
    assert.equal([...after.header.stable], [...before.header.stable]);
    assert.is(after.header.facts.cutAtMs, before.header.facts.cutAtMs);
    // It is a cluster of one: the old members are no members any more, and the node waits for none.
    assert.equal(
      [...after.members.all()].map(({ origin }) => origin),
      ['new.zzzzzz'],
    );
    assert.equal(
      [...after.members.retiredAfter(0)].sort(),
      [...before.members.all()].map(({ origin }) => origin).sort(),
    );
  } finally {
    await after.close();
  }
}

const put = (key: string, version: number): Step => ({
  kind: 'write',
  node: 0,
  request: { kind: 'put', key, version, ttlMs: null, value: `"${key}${version}"`, meta: null },
});

test('an export up to a point holds what was there, and no more', async () => {
  const { log, nowMs } = await tell(
    [put('a', 1), { kind: 'wait', ms: 10 }, put('a', 2), put('b', 1)],
    memoryLog(ORIGINS[0]),
  );
  const source = sourceOf(log, nowMs);
  await using directory = await temporaryDirectory();
  await imported(await exported(source, 3), directory.path);
  assert.equal((await verified(directory.path)).findings, []);
  await withSourceOf(directory.path, async (file) => {
    const facts = await file.facts();
    const moment = await momentOf(file, facts, { kind: 'lsn', lsn: facts.lastLsn });
    assert.equal([...(await liveAt(file, moment, new Walk(0, facts.lastLsn))).keys()], ['a']);
    const { items } = await file.rowsOn('a', 0, facts.lastLsn);
    assert.equal(
      items.map(({ op }) => op.value),
      ['"a1"'],
    );
  });
});

test('compaction between the rows leaves an export that is whole', async () => {
  const { log, nowMs } = await tell([put('a', 1), put('a', 2), put('a', 3)], memoryLog(ORIGINS[0]));
  const source = sourceOf(log, nowMs);
  const facts = await source.facts();
  const head: OpsHead = {
    kind: 'ops',
    header: facts.header,
    records: facts.records,
    lastLsn: 5,
    upToLsn: 5,
  };
  const ops = new OpsExport('x', head);
  const [record] = facts.records;
  const removed = source.rowsOfLog[2];
  assert.ok(record && removed);
  for (const row of source.rowsOfLog) if (row !== removed) ops.take(row);
  assert.throws(
    () => ops.end(facts),
    (error: unknown) => error instanceof DamagedLogError && /do not add up/.test(error.message),
  );
  const { hashHigh: high, hashLow: low } = removed.op;
  const later = { ...facts, records: [{ ...record, reach: 3, compactedSum: { high, low } }] };
  const end: OpsEnd = ops.end(later);
  assert.is(end.records[0]?.reach, 3);
  assert.ok(end.records[0] && sameHash(end.records[0].compactedSum, { high, low }));
});

test('what was changed or cut off is refused, and what is there is left alone', async () => {
  const { log, nowMs } = await tell([put('a', 1), put('b', 1)], memoryLog(ORIGINS[0]));
  const file = await exported(sourceOf(log, nowMs));
  await using directory = await temporaryDirectory();
  const refuses = async (changed: Exported, reason: RegExp): Promise<void> => {
    const path = join(directory.path, String(Math.random()));
    const error = await imported(changed, path).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.instance(error, DamagedExportError);
    assert.match(String(error), reason);
    assert.not.ok(existsSync(join(path, 'hearsay.db')), 'no half log is left');
  };
  await refuses(
    { ...file, rows: file.rows.map((line) => line.replace('a1', 'a9')) },
    /node1.aaaaaa\/3 differs from the exported op/,
  );
  await refuses({ ...file, rows: file.rows.slice(0, -1) }, /it has 3 of 4 rows/);

  const path = join(directory.path, 'taken');
  await imported(file, path);
  const error = await imported(file, path).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, SettingError);
  assert.match(String(error), /has a log: ops are imported into an empty one/);

  const begun = join(directory.path, 'begun');
  await imported(file, begun, 2);
  const other = await imported({ ...file, head: file.head.replace('"c1"', '"c2"') }, begun).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.match(String(other), /holds the beginning of another import/);
});

test.run();
