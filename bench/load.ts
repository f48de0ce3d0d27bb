/**
 * Load on a server from another process: by wrk if it is installed, else by autocannon. Keys are spread
 * over 100,000, values are about 100 bytes.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Method = 'GET' | 'PUT';

export interface LoadOptions {
  readonly url: string;
  readonly method: Method;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Answers a second. */
  readonly rate: number;
  /** Answers that were not 2xx. */
  readonly errors: number;
}

/** key1, key2 and so on. */
export const KEYS = 100_000;
const run = promisify(execFile);

export const hasWrk: boolean = isInstalled('wrk', '--version');

/** The value that every PUT of the benches sends. */
export const VALUE = { text: 'x'.repeat(86) };
const BODY = JSON.stringify({ value: VALUE, version: 'next' });

export function isInstalled(command: string, argument: string): boolean {
  try {
    execFileSync(command, [argument], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

export const load = (options: LoadOptions): Promise<LoadResult> =>
  hasWrk ? loadByWrk(options) : loadByAutocannon(options);

async function loadByWrk({ url, method, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));
  const script = join(directory, 'keys.lua');
  writeFileSync(
    script,
    `math.randomseed(7)
request = function()
  local path = "/cache/key" .. math.random(${KEYS})
  return wrk.format("${method}", path, { ["Content-Type"] = "application/json" }, ${method === 'PUT' ? `'${BODY}'` : 'nil'})
end`,
  );
  try {
    const words = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url];
    const { stdout } = await run('wrk', words);
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
    const errors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
    return { rate, errors };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function loadByAutocannon({ url, method, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const script = new URL('./autocannonLoad.ts', import.meta.url).pathname;
  const options = JSON.stringify({ url, method, connections, seconds, body: BODY, keys: KEYS });
  const child = spawn(process.execPath, [script, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(JSON.parse(text) as LoadResult));
  });
}
