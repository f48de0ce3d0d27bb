/** Temporary data directories for tests, and logs that are closed however a test ends. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog, type SqliteLogOptions } from '../../src/log/sqlite/sqliteLog.ts';
import { CLUSTER, OWN_ORIGIN } from '../conformance/logRows.ts';

export class TestDirectory {
  readonly root: string;
  readonly #logs: Log[] = [];
  #copies = 0;

  constructor(root: string) {
    this.root = root;
  }

  /** Where logs are opened; it is not made beforehand. */
  get path(): string {
    return join(this.root, `data${this.#copies}`);
  }

  get file(): string {
    return join(this.path, 'hearsay.db');
  }

  async open(options: Partial<SqliteLogOptions> = {}): Promise<Log> {
    const log = await openSqliteLog({
      directory: this.path,
      durability: 'full',
      clusterName: CLUSTER,
      newOrigin: () => OWN_ORIGIN,
      ...options,
    });
    this.#logs.push(log);
    return log;
  }

  /** Goes on with what the disk holds at this moment, as after a kill of the process. */
  async kill(log: Log): Promise<void> {
    const { path } = this;
    this.#copies++;
    await mkdir(this.path);
    for (const name of ['hearsay.db', 'hearsay.db-wal'])
      await cp(join(path, name), join(this.path, name));
    await log.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
  }
}

/** Runs with an empty directory; afterwards its logs are closed and it is removed. */
export async function withDirectory(
  run: (directory: TestDirectory) => Promise<void>,
): Promise<void> {
  const directory = new TestDirectory(await mkdtemp(join(tmpdir(), 'hearsay-log-')));
  try {
    await run(directory);
  } finally {
    await directory.closeAll();
    await rm(directory.root, { recursive: true, force: true });
  }
}
