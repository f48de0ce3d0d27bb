import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LockedDirectoryError } from '../../../src/words/errors.ts';
import { add, carriedHash, ZERO } from '../../../src/words/hash.ts';
import { ALL, OWN_ORIGIN, rejects, rowsOf } from '../../conformance/logRows.ts';
import { withDirectory } from '../../support/directories.ts';

const test = suite('sqlite log and other processes');

const script = fileURLToPath(new URL('./appendForever.ts', import.meta.url));

/** A process that appends to the log, and what it says. */
class Appender {
  readonly #process: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  constructor(directory: string, durability: 'full' | 'normal') {
    this.#process = spawn(process.execPath, [script, directory, durability], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#process, 'exit');
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line; undefined once it has ended. */
  async line(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** @returns the last line that it said. */
  async kill(): Promise<string | undefined> {
    this.#process.kill('SIGKILL');
    await this.#exited;
    let last: string | undefined;
    for (let line = await this.line(); line !== undefined; line = await this.line()) last = line;
    return last;
  }
}

/** Runs with a process that has the log open; it is killed however the run ends. */
async function withAppender(
  directory: string,
  durability: 'full' | 'normal',
  run: (appender: Appender) => Promise<void>,
): Promise<void> {
  const appender = new Appender(directory, durability);
  try {
    assert.is(await appender.line(), 'open');
    await run(appender);
  } finally {
    await appender.kill();
  }
}

for (const durability of ['full', 'normal'] as const)
  test(`SIGKILL amid commits loses no append that had resolved (durability=${durability})`, () =>
    withDirectory(async (directory) => {
      let held = 0;
      for (const commits of [1, 40, 700]) {
        let told = 0;
        await withAppender(directory.path, durability, async (appender) => {
          for (let count = 0; count < commits; count++) told = Number(await appender.line());
          told = Number((await appender.kill()) ?? told);
        });
        const log = await directory.open({ durability });
        assert.ok(log.lastLsn >= told, `${told} was told, and ${log.lastLsn} is there`);
        // Nothing half: rows, records and header end at the same commit.
        const rows = await log.rowsAfter(0, ALL);
        assert.equal(rows, rowsOf(1, log.lastLsn));
        const sum = rows.reduce((sum, { op }) => add(sum, carriedHash(op)), ZERO);
        assert.is(log.origins.length, 1);
        assert.is(log.origins[0]?.seq, log.lastLsn);
        assert.equal(log.origins[0]?.sum, sum);
        assert.is(log.header.horizon, log.lastLsn);
        assert.equal(await log.sumBetween(OWN_ORIGIN, 0, log.lastLsn), sum);
        assert.is(log.stoppedUncleanly, durability === 'normal');
        assert.ok(log.lastLsn > held);
        held = log.lastLsn;
        await log.close();
      }
    }));

test('another process can not open the directory, until this one has closed it', () =>
  withDirectory(async (directory) => {
    const log = await directory.open();
    const refused = new Appender(directory.path, 'full');
    assert.is(await refused.line(), 'LockedDirectoryError');
    assert.is(await refused.line(), undefined);
    await log.close();
    await withAppender(directory.path, 'full', async () => {});
  }));

test('the directory is free as soon as the process that held it was killed', () =>
  withDirectory(async (directory) => {
    await withAppender(directory.path, 'full', async (appender) => {
      await rejects(directory.open(), LockedDirectoryError);
      await appender.kill();
      await directory.open();
    });
  }));

const trace = (file: string, ...command: string[]) =>
  promisify(execFile)('strace', [
    '-f',
    '-e',
    'trace=fsync,fdatasync,write',
    '-o',
    file,
    ...command,
  ]);

const canTrace = await trace('/dev/null', 'true').then(
  () => true,
  () => false,
);
const traced = canTrace ? test : test.skip;
if (!canTrace) process.stdout.write('No test of what is synced: there is no strace.\n');

traced(
  'with durability=normal a commit is synced if it holds a join or settles a log, and no other is',
  () =>
    withDirectory(async (directory) => {
      const file = join(directory.root, 'trace');
      const appends = fileURLToPath(new URL('./appendWithJoin.ts', import.meta.url));
      await trace(file, process.execPath, appends, directory.path);
      const calls = await readFile(file, 'utf8');
      const isSynced = ['open', 'put', 'join', 'put again', 'settled'].map((said, index, all) => {
        const from = index === 0 ? 0 : calls.indexOf(`write(1, "${all[index - 1]}\\n"`);
        const to = calls.indexOf(`write(1, "${said}\\n"`);
        assert.ok(from !== -1 && to > from, `it says ${said}`);
        return /f(data)?sync\(/.test(calls.slice(from, to));
      });
      assert.equal(isSynced, [true, false, true, false, true]);
    }),
);

test.run();
