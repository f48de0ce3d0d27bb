/**
 * The second yardstick: a cache without rules, of the libraries that a node is made of. It syncs rows to an SQLite
 * log before it answers, sends them to followers that do the same, and tells watchers. It has no versions, no TTL, no
 * hashes, no members, no limits, no tokens and no metrics. So it shows which part of a goal Node, its HTTP server, SQLite
 * and the machine allow.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { ended, temporaryDirectory } from './processes.ts';

const PROCESS = new URL('./plainCacheProcess.ts', import.meta.url).pathname;

export interface PlainCache extends AsyncDisposable {
  readonly url: string;
  /** The port that followers connect to. */
  readonly followPort: number;
}

/** @param leader the port of the cache that it follows; 0 for none. */
export async function startPlainCache(leader = 0): Promise<PlainCache> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const child = fork(PROCESS, [join(path, 'plain.db'), String(leader)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  resources.defer(() => ended(child));
  const { port, followPort } = await new Promise<{ port: number; followPort: number }>(
    (resolve, reject) => {
      child.once('message', resolve as (message: unknown) => void);
      child.once('exit', () => reject(new Error('the plain cache did not start')));
    },
  );
  const running = resources.move();
  return {
    url: `http://127.0.0.1:${port}`,
    followPort,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
