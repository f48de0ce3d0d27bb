/** Logs in files for the tests of the tools, and ways to damage them. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { FileSource } from '../../../src/log/files/fileSource.ts';
import type { Log } from '../../../src/log/log.ts';
import type { StoredLog } from '../../../src/log/memory.ts';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { type Verified, verify } from '../../../src/log/tools/verify.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { ORIGINS, START_MS, type Step, type Told, tell } from './stories.ts';

export const openLog = (directory: string): Promise<Log> =>
  openSqliteLog({
    directory,
    durability: 'normal',
    clusterName: 'hearsay',
    newOrigin: () => ORIGINS[0],
  });

/** The log of a story in a file, closed as a node closes it. */
export async function writeStory(steps: readonly Step[], directory: string): Promise<Told> {
  const log = await openLog(directory);
  const told = await tell(steps, log);
  await told.replicas[0].recordMapSum(60_000);
  for (const replica of told.replicas) await replica.close();
  return told;
}

/** A log in a file, closed, and all that it holds. */
export interface StoryLog extends StoredLog {
  readonly path: string;
}

/** Runs with the log of a story of some fifty rows, and takes it away however the run ends. */
export async function withStory(run: (log: StoryLog) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  await writeStory(longStory(30), directory.path);
  const log = await openLog(directory.path);
  const { header, origins } = log;
  const rows = await log.rowsAfter(0, { maxRows: 1000, maxBytes: 1e9 });
  await log.close();
  // A thread that reads does not keep the process running; a node does.
  const keepRunning = setInterval(() => {}, 60_000);
  try {
    await run({ path: directory.path, header, origins, rows, stoppedUncleanly: false });
  } finally {
    clearInterval(keepRunning);
  }
}

/** Writes on both nodes, with values long enough for many pages, exchanged as they come. */
export function longStory(writes: number, valueLength = 200): Step[] {
  // One that loses, and so is in the log of the first without having won there.
  const steps: Step[] = [write(0, 'contested', 5, '1'), write(1, 'contested', 3, '2')];
  for (let index = 0; index < writes; index++) {
    const node = index % 3 === 0 ? 1 : 0;
    const value = JSON.stringify(`${index} `.padEnd(valueLength, 'x'));
    steps.push(write(node, `key${index % 17}`, 'next', value), { kind: 'wait', ms: 5 });
    if (index % 2 === 0) steps.push({ kind: 'exchange', to: 0 });
    if (index % 5 === 0) steps.push({ kind: 'exchange', to: 1 });
  }
  return [...steps, { kind: 'exchange', to: 0 }, { kind: 'exchange', to: 1 }];
}

export const write = (node: 0 | 1, key: string, version: number | 'next', value: string): Step => ({
  kind: 'write',
  node,
  request: { kind: 'put', key, version, ttlMs: null, value, meta: null },
});

/** Runs on copies of one log, each of which a test may damage. */
export async function withCopies(
  steps: readonly Step[],
  run: (copy: () => Promise<string>) => Promise<void>,
): Promise<void> {
  await using root = await temporaryDirectory();
  const whole = join(root.path, 'whole');
  await writeStory(steps, whole);
  let copies = 0;
  await run(async () => {
    const path = join(root.path, `copy${copies++}`);
    await cp(whole, path, { recursive: true });
    return path;
  });
}

export const fileOf = (directory: string): string => join(directory, 'hearsay.db');

/** Changes the file behind the back of the log. */
export function tamper(directory: string, ...statements: readonly string[]): void {
  const database = new Database(fileOf(directory));
  // The schema may be written too.
  database.unsafeMode();
  try {
    for (const statement of statements) database.exec(statement);
  } finally {
    database.close();
  }
}

export async function withSourceOf<T>(
  path: string,
  run: (source: FileSource) => Promise<T>,
): Promise<T> {
  const source = FileSource.open(path, () => START_MS + 3_600_000);
  try {
    return await run(source);
  } finally {
    await source.close();
  }
}

export const verified = (path: string): Promise<Verified> =>
  withSourceOf(path, (source) =>
    verify(source, { aheadMs: 60_000, integrity: () => source.integrity() }),
  );
