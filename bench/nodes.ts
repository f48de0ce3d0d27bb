/** Real nodes for the benches, each a process, as in production. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const BARE = new URL('./bareServer.ts', import.meta.url).pathname;
const WEIGHED = new URL('./weighedNode.ts', import.meta.url).pathname;
const START_TIMEOUT_MS = 30_000;

export interface Running extends AsyncDisposable {
  readonly urls: readonly string[];
}

export interface RunningNodes extends Running {
  /** The data directory of each. */
  readonly directories: readonly string[];
}

/**
 * @param flags for every node, such as `['--durability', 'normal']`.
 * @param known the URL of a node that runs already and that these join.
 */
export async function startNodes(
  count: number,
  flags: readonly string[] = [],
  known?: string,
): Promise<RunningNodes> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));
  const ports = await freePorts(count);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const idOf = (index: number): string =>
    known === undefined ? `node${index + 1}` : `later${index + 1}`;
  const children = ports.map((port, index) => {
    const id = idOf(index);
    const all = known === undefined ? urls : [known, ...urls];
    const own = ['--port', String(port), '--node-id', id, '--nodes', all.join(',')];
    const words = [MAIN, 'serve', ...own, '--data-dir', join(directory, id), ...flags];
    return spawn(process.execPath, [...words, '--log-level', 'warn'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  });
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(ended));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(urls.map(untilHealthy));
  } catch (error) {
    await stop();
    throw error;
  }
  const directories = urls.map((_url, index) => join(directory, idOf(index)));
  return { urls, directories, [Symbol.asyncDispose]: stop };
}

export async function startBareServer(): Promise<Running> {
  const child = fork(BARE, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', () => reject(new Error('the bare server did not start')));
  });
  return {
    urls: [`http://127.0.0.1:${port}`],
    [Symbol.asyncDispose]: async () => {
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

export async function untilHealthy(url: string, limitMs = START_TIMEOUT_MS): Promise<void> {
  const endAt = performance.now() + limitMs;
  while (performance.now() < endAt) {
    const healthy = await fetch(`${url}/_health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return;
    await wait(50);
  }
  throw new Error(`${url} did not become healthy within ${limitMs} ms`);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve(server)),
      );
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export interface WeighedNode extends AsyncDisposable {
  readonly url: string;
  /** After a collection of garbage. */
  heapBytes(): Promise<number>;
}

/** A node whose heap can be weighed. */
export async function startWeighedNode(
  settings: Readonly<Record<string, string>>,
): Promise<WeighedNode> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));
  const child = fork(WEIGHED, {
    execArgv: ['--expose-gc'],
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: directory, ...settings },
  });
  const told = <T>(): Promise<T> =>
    new Promise((resolve) => child.once('message', resolve as (message: unknown) => void));
  const { url } = await told<{ url: string }>();
  await untilHealthy(url);
  return {
    url,
    heapBytes: async () => {
      const answer = told<{ heapBytes: number }>();
      child.send('weigh');
      return (await answer).heapBytes;
    },
    [Symbol.asyncDispose]: async () => {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await exit;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
