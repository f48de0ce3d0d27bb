/** Load on a server from another process: by wrk if it is installed, else by autocannon. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from './tools.ts';

export interface LoadRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: string;
}

export interface LoadResult {
  /** Answers, all of them 2xx. */
  readonly answers: number;
  readonly perSecond: number;
}

export const hasWrk: boolean = isInstalled('wrk');

/** Requests that are sent in an order that looks random, from a file, as long as they are wanted. */
export class Load implements Disposable {
  readonly connections: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));

  constructor(connections: number, requests: readonly LoadRequest[]) {
    this.connections = connections;
    if (hasWrk) {
      writeFileSync(this.#file('requests'), requests.map(rawRequest).join(''));
      writeFileSync(this.#file('load.lua'), luaOf(this.#file('requests')));
    } else writeFileSync(this.#file('requests'), JSON.stringify(requests));
  }

  /** @throws Error if an answer was not 2xx, or a connection broke. */
  async run(url: string, seconds: number): Promise<LoadResult> {
    const { errors, ...result } = hasWrk
      ? await this.#runWrk(url, seconds)
      : await this.#runAutocannon(url, seconds);
    if (errors > 0) throw new Error(`${errors} requests to ${url} failed`);
    if (!(result.answers > 0)) throw new Error(`${url} answered nothing`);
    return result;
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  async #runWrk(url: string, seconds: number): Promise<LoadResult & { errors: number }> {
    const text = await new Promise<string>((resolve, reject) => {
      const words = ['-t1', `-c${this.connections}`, `-d${Math.ceil(seconds)}s`];
      const child = execFile('wrk', [...words, '-s', this.#file('load.lua'), url], (error, out) =>
        error === null ? resolve(out) : reject(error),
      );
      // wrk knows whole seconds only; it sums up when it is interrupted.
      if (!Number.isInteger(seconds)) setTimeout(() => child.kill('SIGINT'), 300 + seconds * 1000);
    });
    const [, connect, read, write] =
      /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(text) ?? [];
    const broken = Number(connect ?? 0) + Number(read ?? 0) + Number(write ?? 0);
    return {
      answers: Number(/^\s*(\d+) requests in/m.exec(text)?.[1]),
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
      errors: broken + Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    };
  }

  #runAutocannon(url: string, seconds: number): Promise<LoadResult & { errors: number }> {
    const script = new URL('./autocannonLoad.ts', import.meta.url).pathname;
    const { connections } = this;
    const options = JSON.stringify({ url, connections, seconds, file: this.#file('requests') });
    const child = spawn(process.execPath, [script, options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => resolve(JSON.parse(text) as LoadResult & { errors: number }));
    });
  }
}

/** Its length stands before it, on a line. */
function rawRequest({ method, path, body }: LoadRequest): string {
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const type = body === undefined ? '' : 'Content-Type: application/json\r\n';
  const raw = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${type}${length}\r\n${body ?? ''}`;
  return `${Buffer.byteLength(raw)}\n${raw}`;
}

const luaOf = (file: string): string => `math.randomseed(7)
local requests = {}
function init()
  local file = assert(io.open("${file}", "rb"))
  for length in file:lines() do requests[#requests + 1] = file:read(tonumber(length)) end
  file:close()
end
function request() return requests[math.random(#requests)] end
`;
