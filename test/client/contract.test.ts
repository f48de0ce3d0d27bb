/** The cases of `clients/contract.json`, by this client and by the one in Python, where there is a Python. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Bytes,
  type ClientOptions,
  type ConflictError,
  createClient,
  type Deleted,
  type Entry,
  HearsayError,
  type Stored,
} from '../../src/client/index.ts';
import { startNode } from '../../src/index.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { type Fault, FaultProxy, type Seen } from './support.ts';

const CLIENTS = fileURLToPath(new URL('../../clients/', import.meta.url));
/** Nobody listens there. */
const DEAD_URL = 'http://127.0.0.1:1';

interface Step {
  readonly call: string;
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly prefix?: string;
  readonly value?: unknown;
  readonly version?: number;
  readonly ttl_ms?: number | null;
  readonly up_to_version?: number;
  readonly start_after?: string;
  readonly limit?: number;
  readonly values?: boolean;
  readonly initial?: boolean;
  readonly resume?: boolean;
  readonly take?: number;
  readonly ops?: readonly Op[];
  /** Its key is not relative to the case. */
  readonly isWhole?: boolean;
  readonly result?: unknown;
  readonly error?: string;
  readonly currentVersion?: number;
  readonly status?: number;
}

interface Op {
  readonly op: 'put' | 'get' | 'delete' | 'touch';
  readonly key: string;
  readonly value?: unknown;
  readonly ttl_ms?: number | null;
  readonly up_to_version?: number;
}

interface Case {
  readonly name: string;
  readonly isWhole?: boolean;
  readonly client?: {
    readonly endpoints?: readonly ('live' | 'dead')[];
    readonly maxRounds?: number;
    readonly readYourWrites?: boolean;
    readonly tokens?: readonly string[];
  };
  readonly steps: readonly Step[];
}

const { cases }: { cases: readonly Case[] } = JSON.parse(
  readFileSync(`${CLIENTS}contract.json`, 'utf8'),
);

const contract = suite('contract of the clients');

contract('the client in TypeScript passes every case', async () => {
  await onNode(async (url) => {
    for (const [number, one] of cases.entries()) await new Run(one, number, url).run();
  });
});

contract('the client in Python passes every case', async () => {
  await onNode(async (url) => {
    const output = await python(`${CLIENTS}python/contract.py`, url, DEAD_URL);
    if (output === null) return;
    const told = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(
      told.filter(({ failure }) => failure !== null),
      [],
    );
    assert.is(told.length, cases.length);
  });
});

contract.run();

/** One case by the client in TypeScript. */
class Run {
  readonly #case: Case;
  readonly #front: string;
  readonly #options: ClientOptions;
  #cursor: string | undefined;

  constructor(one: Case, number: number, url: string) {
    const {
      endpoints = ['live'],
      maxRounds = 7,
      readYourWrites = false,
      tokens,
    } = one.client ?? {};
    const given = [...(tokens ?? [])];
    this.#case = one;
    this.#front = one.isWhole === true ? '' : `typescript/${number}/`;
    this.#options = {
      endpoints: endpoints.map((name) => (name === 'live' ? url : DEAD_URL)),
      maxRounds,
      readYourWrites,
      backoffMs: 1,
      maxBackoffMs: 20,
      ...(tokens && { token: async () => given.shift() ?? '' }),
    };
  }

  async run(): Promise<void> {
    await using client = createClient(this.#options);
    for (const [number, step] of this.#case.steps.entries()) {
      const where = `${this.#case.name}, step ${number}`;
      const outcome = await this.#call(client, step).then(
        (result) => ({ result }),
        (error: unknown) => {
          if (error instanceof HearsayError) return { error };
          throw error;
        },
      );
      if ('result' in outcome) {
        assert.is(step.error, undefined, `${where}: ${JSON.stringify(outcome.result)}`);
        if ('result' in step) assert.equal(outcome.result, step.result, where);
      } else {
        const { error } = outcome;
        assert.is(error.name, step.error, `${where}: ${error.message}`);
        for (const name of ['currentVersion', 'status'] as const)
          if (name in step) assert.is(Reflect.get(error, name), step[name], where);
      }
    }
  }

  async #call(client: ReturnType<typeof createClient>, step: Step): Promise<unknown> {
    const front = step.isWhole === true ? '' : this.#front;
    const key = front + (step.key ?? '');
    const prefix = front + (step.prefix ?? '');
    switch (step.call) {
      case 'get':
        return told(await client.get(key));
      case 'put':
        return told(await client.put(key, toValue(step.value), putOptions(step)));
      case 'delete': {
        const { up_to_version: upToVersion } = step;
        return told(await client.delete(key, upToVersion === undefined ? {} : { upToVersion }));
      }
      case 'touch':
        return told(await client.touch(key, step.ttl_ms ?? null));
      case 'getMany':
        return (await client.getMany((step.keys ?? []).map((one) => front + one))).map(told);
      case 'deletePrefix':
        return client.deletePrefix(prefix);
      case 'batch':
        return (await client.batch((step.ops ?? []).map((op) => batchOp(op, front)))).map(told);
      case 'list': {
        const { limit, values = true, start_after: after } = step;
        const startAfter = after === undefined ? {} : { startAfter: front + after };
        const rows: unknown[] = [];
        const options = { prefix, values, ...startAfter, ...(limit !== undefined && { limit }) };
        for await (const entry of client.list(options))
          rows.push([entry.key.slice(front.length), ...(told(entry) as unknown[])]);
        return rows;
      }
      case 'watch': {
        const { initial = false, values = true, take = 0, resume = false } = step;
        const cursor = resume && this.#cursor !== undefined ? { cursor: this.#cursor } : {};
        await using watch = client.watch({ prefix, initial, values, ...cursor });
        const events: unknown[] = [];
        while (events.length < take) {
          const { value: event } = await watch.next();
          if (event === undefined) throw new Error('The watch has ended.');
          events.push(
            'key' in event
              ? [
                  event.type,
                  event.key.slice(front.length),
                  event.type === 'put' ? shown(event.value) : null,
                  event.version,
                ]
              : [event.type],
          );
        }
        this.#cursor = watch.cursor ?? undefined;
        return events;
      }
      default:
        throw new Error(`There is no call ${step.call}.`);
    }
  }
}

const putOptions = ({ version, ttl_ms: ttlMs }: Pick<Step, 'version' | 'ttl_ms'>) => ({
  ...(version !== undefined && { version }),
  ...(ttlMs !== undefined && { ttlMs }),
});

function batchOp({ op, key, value, up_to_version: upToVersion, ...rest }: Op, front: string) {
  const whole = front + key;
  switch (op) {
    case 'get':
      return { op, key: whole };
    case 'put':
      return { op, key: whole, value: toValue(value), ...putOptions(rest) };
    case 'touch':
      return { op, key: whole, ttlMs: rest.ttl_ms ?? null };
    case 'delete':
      return { op, key: whole, ...(upToVersion !== undefined && { upToVersion }) };
  }
}

/** The result in the form of the table. */
function told(result: Entry | Stored | Deleted | Error | { version: number } | undefined): unknown {
  if (result === undefined) return null;
  if (result instanceof Error)
    return { error: result.name, currentVersion: (result as ConflictError).currentVersion };
  if ('existed' in result) return { existed: result.existed };
  const { version } = result;
  const expires = 'expiresAt' in result && result.expiresAt !== null;
  return 'key' in result ? [shown(result.value), version, expires] : [version, expires];
}

function toValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value;
  const { $bytes, type } = value as { readonly $bytes: string; readonly type: string };
  return new Bytes(Buffer.from($bytes, 'base64'), type);
}

/** Lists without values, and deletes, have none. */
function shown(value: unknown): unknown {
  if (!(value instanceof Bytes)) return value ?? null;
  return { $bytes: Buffer.from(value.bytes).toString('base64'), type: value.type };
}

/** Runs with a node behind a proxy that does to some keys what the cases say of them. */
async function onNode(run: (url: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ port: 0, nodes: [], dataDir: directory.path });
  await node.ready;
  const proxy = await FaultProxy.inFrontOf(node.url);
  const met = new Set<string>();
  const isFirst = ({ method, path }: Seen): boolean => {
    const isNew = !met.has(`${method} ${path}`);
    met.add(`${method} ${path}`);
    return isNew;
  };
  proxy.faultOf = (request): Fault => {
    const { path, method, headers } = request;
    if (path.includes('swallow') && method !== 'GET' && isFirst(request)) return 'swallow';
    if (path.endsWith('token') && headers.authorization !== 'Bearer new') return UNAUTHORIZED;
    // Readers of their own writes wait for them.
    if (path.endsWith('own') && method === 'GET' && !headers['hearsay-after']) return BAD;
    if (!path.endsWith('overtaken') || method !== 'PUT' || !isFirst(request)) return 'pass';
    // Nobody is answered, and another writer is there before the next attempt.
    proxy.beforeAnswer = async () => {
      proxy.beforeAnswer = async () => {};
      await node.put(decodeURIComponent(path.slice('/cache/'.length)), 'other', { version: 7 });
    };
    return 'swallow';
  };
  try {
    await run(proxy.url);
  } finally {
    await proxy.close();
  }
}

const problem = (status: number, detail: string): Fault => ({
  status,
  headers: { 'Content-Type': 'application/problem+json' },
  body: JSON.stringify({ detail }),
});
const UNAUTHORIZED = problem(401, 'The token is not known.');
const BAD = problem(400, 'The read does not name the writes that it waits for.');

/** @returns its output; null, after it has said so, if this machine has no Python of 3.9 or newer. */
function python(...words: string[]): Promise<string | null> {
  return new Promise((resolve, reject) => {
    execFile('python3', words, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        console.log('skipped a part: python3 is not installed: apt-get install python3');
        resolve(null);
      } else reject(new Error(`${stdout}${stderr}`, { cause: error }));
    });
  });
}
