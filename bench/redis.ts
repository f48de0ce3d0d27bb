/** Redis beside the nodes: servers with fresh data, and the load of redis-benchmark. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { createClient } from '@redis/client';
import type { Measure } from './inTurn.ts';
import { keyOf, spread, VALUE_TEXT } from './keys.ts';
import { ended, freePorts, temporaryDirectory, untilReady } from './processes.ts';
import type { Tool } from './tools.ts';

export const REDIS: readonly Tool[] = ['redis-server', 'redis-benchmark'];

/** Keeps nothing on the disk. */
export const IN_MEMORY = ['--save', '', '--appendonly', 'no'];
/** Writes every command to a file, which the system syncs when it likes. */
export const PLAIN_AOF = ['--save', '', '--appendonly', 'yes', '--aof-use-rdb-preamble', 'no'];
/** Syncs every write to the disk before it is answered, as a node does. */
export const ALWAYS = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];

const run = promisify(execFile);
const START_TIMEOUT_MS = 600_000;
const FILL_AT_ONCE = 1000;

/** A client that dials until the server answers, since the server may still be starting. */
const clientOf = (port: number) =>
  createClient({ socket: { port, host: '127.0.0.1', reconnectStrategy: 10 } });

export type RedisClient = ReturnType<typeof clientOf>;

export interface Redis extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly client: RedisClient;
  /** Milliseconds from the start of the process until it had read its data. */
  readonly bootMs: number;
  stop(): Promise<void>;
}

/** @param directory of its data; without one it gets an empty one, which goes with it. */
export async function startRedis(flags: readonly string[], directory?: string): Promise<Redis> {
  await using resources = new AsyncDisposableStack();
  const path = directory ?? resources.use(temporaryDirectory()).path;
  const [port = 0] = await freePorts(1);
  const startedAt = performance.now();
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', path];
  const server = spawn('redis-server', [...own, ...flags], { stdio: 'ignore' });
  resources.defer(() => ended(server));
  const client = clientOf(port);
  client.on('error', () => {}); // it tries again; a command that fails says so itself
  resources.defer(() => client.destroy());
  await client.connect();
  const isLoaded = async () => (await client.ping()) === 'PONG';
  await untilReady(server, 'redis-server', isLoaded, START_TIMEOUT_MS);
  const bootMs = performance.now() - startedAt;
  const running = resources.move();
  const stop = () => running.disposeAsync();
  return { port, pid: server.pid ?? 0, client, bootMs, stop, [Symbol.asyncDispose]: stop };
}

/** The name that redis-benchmark gives to a key. */
const benchmarkKey = (index: number): string => `key:${String(index).padStart(12, '0')}`;

/** Sets the keys that redis-benchmark asks for. */
export const fillForBenchmark = (redis: Redis, keys: number): Promise<void> =>
  fillRedis(redis, keys, benchmarkKey);

/** Sets keys, each to the text of a bench's value. */
export async function fillRedis(
  { client }: Redis,
  keys: number,
  nameOf: (index: number) => string = keyOf,
): Promise<void> {
  for (let from = 0; from < keys; from += FILL_AT_ONCE) {
    const count = Math.min(FILL_AT_ONCE, keys - from);
    await Promise.all(
      Array.from({ length: count }, (_, index) => client.set(nameOf(from + index), VALUE_TEXT)),
    );
  }
}

/** @throws Error unless it holds so many keys, and a sample of them has the value that was set. */
export async function checkRedis(
  { client }: Redis,
  keys: number,
  nameOf: (index: number) => string = keyOf,
): Promise<void> {
  const found = await client.dbSize();
  if (found !== keys) throw new Error(`Redis holds ${found} keys and not ${keys}`);
  for (const index of spread(keys, 100))
    if ((await client.get(nameOf(index))) !== VALUE_TEXT)
      throw new Error(`Redis has another value of ${nameOf(index)} than was set`);
}

export interface RedisLoad {
  readonly test: 'get' | 'set';
  readonly connections: number;
  /** Requests that a connection sends ahead of their answers. */
  readonly pipeline: number;
  readonly keys: number;
}

/**
 * Measures with redis-benchmark, which counts requests and not seconds: so each call asks for as many
 * as the last one shows to fit.
 *
 * @returns a function that measures once, in requests a second.
 */
export function redisLoad(redis: Redis, options: RedisLoad, seconds: number): Measure<'perSecond'> {
  let expected = 5000;
  return async () => {
    const count = Math.max(1000, Math.round(expected * seconds));
    const before = await commandStatistics(redis, options.test);
    expected = await benchmark(redis.port, options, count);
    const after = await commandStatistics(redis, options.test);
    if (after.calls - before.calls < count || after.failed > before.failed)
      throw new Error(`Redis carried out fewer than ${count} ${options.test}s`);
    if (options.test === 'get' && after.misses > 0)
      throw new Error(`Redis lacks ${after.misses} keys that were asked for`);
    return { perSecond: expected };
  };
}

async function benchmark(port: number, options: RedisLoad, count: number): Promise<number> {
  const { test, connections, pipeline, keys } = options;
  const words = ['-p', port, '-t', test, '-n', count, '-c', connections, '-P', pipeline];
  const more = ['-r', keys, '-d', VALUE_TEXT.length, '--csv'];
  const { stdout } = await run('redis-benchmark', [...words, ...more].map(String));
  const perSecond = Number(new RegExp(`^"${test}[^"]*","([\\d.]+)"`, 'im').exec(stdout)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark told no rate: ${stdout}`);
  return perSecond;
}

interface CommandStatistics {
  readonly calls: number;
  readonly failed: number;
  readonly misses: number;
}

async function commandStatistics(
  { client }: Redis,
  command: 'get' | 'set',
): Promise<CommandStatistics> {
  const commands = await client.info('commandstats');
  const [, calls, , failed] =
    new RegExp(`cmdstat_${command}:calls=(\\d+)(.*)failed_calls=(\\d+)`).exec(commands) ?? [];
  const misses = /keyspace_misses:(\d+)/.exec(await client.info('stats'))?.[1];
  return { calls: Number(calls ?? 0), failed: Number(failed ?? 0), misses: Number(misses) };
}
