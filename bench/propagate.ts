/**
 * The time from the answer to a write until two other nodes have shown it to a watcher: of three nodes, of three plain
 * caches, which have logs and no rules, and of a Redis primary with two replicas whose keyspace notifications are the
 * watch. All of them sync each write to the disk first. One process writes and watches, so that one clock serves all.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { atMost, type Figure, median, type Outcome, percentile, plain } from './figures.ts';
import { inTurn, type Rounds } from './inTurn.ts';
import { VALUE_TEXT } from './keys.ts';
import { checkValues } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { paced, poolOf, putter } from './pacedPuts.ts';
import { startPlainCache } from './plainCache.ts';
import { ALWAYS, REDIS, type RedisClient, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const RATES = [1000, 5000];
const OTHERS = 2;
const CONNECTIONS = 64;
const SEEN_TIMEOUT_MS = 60_000;

const NAMES = { node: 'nodes', plain: 'plain caches', redis: 'Redis' } as const;
type Side = keyof typeof NAMES;
const SIDES = ['node', 'plain', 'redis'] as const satisfies readonly Side[];
type Measured = 'medianMs' | 'p99Ms' | 'perSecond';

/** Three processes, one of which takes writes. */
interface Cluster extends AsyncDisposable {
  /** Resolves with the answer. */
  write(key: string): Promise<void>;
  /** @throws Error unless the two others hold the keys 0 to `count` of the prefix. */
  check(prefix: string, count: number): Promise<void>;
}

/** Notes when each key was seen on the last of the others. */
class Sightings {
  readonly #times = new Map<string, number>();
  readonly #seenAt = new Map<string, number>();

  see(key: string): void {
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, times);
    if (times === OTHERS) this.#seenAt.set(key, performance.now());
  }

  /** @throws Error unless all of them have been seen within a minute. */
  async untilSeen(keys: readonly string[]): Promise<number[]> {
    const endAt = performance.now() + SEEN_TIMEOUT_MS;
    while (keys.some((key) => !this.#seenAt.has(key))) {
      if (performance.now() > endAt) throw new Error('the others have not shown every write');
      await wait(10);
    }
    return keys.map((key) => this.#seenAt.get(key) ?? Number.NaN);
  }

  forget(): void {
    this.#times.clear();
    this.#seenAt.clear();
  }
}

export async function benchPropagate(scale: Scale): Promise<Outcome> {
  const skipped = missing(...REDIS);
  await using resources = new AsyncDisposableStack();
  const clusters: Partial<Record<Side, (perSecond: number) => Promise<Record<Measured, number>>>> =
    {};
  for (const side of SIDES) {
    if (side === 'redis' && skipped.length > 0) continue;
    const seen = new Sightings();
    const cluster = resources.use(await START[side](seen));
    clusters[side] = (perSecond) => measure(cluster, seen, perSecond, scale.seconds);
  }
  const figures: Figure[] = [];
  for (const rate of RATES) {
    const perSecond = scaled(rate, scale);
    const sides = Object.entries(clusters).map(([side, run]) => [side, () => run(perSecond)]);
    const rounds = await inTurn<Side, Measured>(scale, Object.fromEntries(sides));
    figures.push(...figuresOf(`${rate}/s`, rounds, skipped.length === 0));
  }
  return { figures, skipped };
}

/** So that the keys of each measurement are new. */
let measurements = 0;

async function measure(
  cluster: Cluster,
  sightings: Sightings,
  perSecond: number,
  seconds: number,
): Promise<Record<Measured, number>> {
  const prefix = `visible${measurements++}-`;
  const answeredAt: number[] = [];
  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1000;
  const count = await paced({ perSecond, isOver }, async (index) => {
    await cluster.write(`${prefix}${index}`);
    answeredAt[index] = performance.now();
  });
  const tookMs = performance.now() - startedAt;
  const keys = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const seenAt = await sightings.untilSeen(keys);
  // A write may be seen before its answer has come: then it took no time at all.
  const delays = seenAt.map((at, index) => Math.max(0, at - (answeredAt[index] ?? Number.NaN)));
  await cluster.check(prefix, count);
  sightings.forget();
  return {
    medianMs: median(delays),
    p99Ms: percentile(delays, 0.99),
    perSecond: count / (tookMs / 1000),
  };
}

async function startHearsay(sightings: Sightings): Promise<Cluster> {
  await using resources = new AsyncDisposableStack();
  const { urls } = resources.use(await startNodes(1 + OTHERS));
  return await overHttp(urls, sightings, resources.move());
}

async function startPlain(sightings: Sightings): Promise<Cluster> {
  await using resources = new AsyncDisposableStack();
  const first = resources.use(await startPlainCache());
  const urls = [first.url];
  for (let index = 0; index < OTHERS; index++) {
    const follower = await startPlainCache(first.followPort);
    urls.push(resources.use(follower).url);
  }
  return await overHttp(urls, sightings, resources.move());
}

/** @param urls of caches that watchers are told by over WebSockets; the first takes the writes. */
async function overHttp(
  urls: readonly string[],
  sightings: Sightings,
  caches: AsyncDisposable,
): Promise<Cluster> {
  await using resources = new AsyncDisposableStack();
  resources.use(caches);
  const [first = '', ...others] = urls;
  for (const url of others) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/watch?prefix=visible&values=false`);
    resources.defer(() => socket.terminate());
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.on('message', (data: Buffer) => {
        const text = data.toString('latin1');
        const key = /"key":"(visible[\d-]+)"/.exec(text)?.[1];
        if (key !== undefined) sightings.see(key);
        else if (text.includes('"synced"')) resolve();
      });
    });
  }
  const pool = poolOf(first, CONNECTIONS);
  resources.defer(() => pool.close());
  const running = resources.move();
  return {
    write: putter(pool),
    check: async (prefix, count) => {
      for (const url of others) await checkValues(url, count, (index) => `${prefix}${index}`);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function startReplicas(sightings: Sightings): Promise<Cluster> {
  await using resources = new AsyncDisposableStack();
  const primary = resources.use(await startRedis(ALWAYS));
  const replicas: RedisClient[] = [];
  for (let index = 0; index < OTHERS; index++) {
    const follow = ['--replicaof', `127.0.0.1 ${primary.port}`, '--notify-keyspace-events', 'E$'];
    const replica = resources.use(await startRedis([...ALWAYS, ...follow]));
    replicas.push(replica.client);
    const watcher = replica.client.duplicate();
    watcher.on('error', () => {});
    resources.defer(() => watcher.destroy());
    await watcher.connect();
    await watcher.subscribe('__keyevent@0__:set', (key) => sightings.see(key));
  }
  await untilLinked(replicas);
  const running = resources.move();
  return {
    write: async (key) => {
      await primary.client.set(key, VALUE_TEXT);
    },
    check: async (prefix, count) => {
      for (const replica of replicas)
        for (const index of [0, count - 1])
          if ((await replica.get(`${prefix}${index}`)) !== VALUE_TEXT)
            throw new Error('a replica of Redis lacks a write that it has shown');
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function untilLinked(replicas: readonly RedisClient[]): Promise<void> {
  const endAt = performance.now() + SEEN_TIMEOUT_MS;
  for (const replica of replicas)
    while (!(await replica.info('replication')).includes('master_link_status:up')) {
      if (performance.now() > endAt) throw new Error('a replica of Redis finds no primary');
      await wait(20);
    }
}

const START: Readonly<Record<Side, (sightings: Sightings) => Promise<Cluster>>> = {
  node: startHearsay,
  plain: startPlain,
  redis: startReplicas,
};

function figuresOf(rate: string, rounds: Rounds<Side, Measured>, hasRedis: boolean): Figure[] {
  const figures: Figure[] = [];
  for (const side of SIDES) {
    if (side === 'redis' && !hasRedis) continue;
    const name = `${rate}, ${NAMES[side]}`;
    figures.push(plain(`${name}: writes a second`, rounds.median(side, 'perSecond'), '1/s'));
    figures.push(plain(`${name}: median`, rounds.median(side, 'medianMs'), 'ms'));
    figures.push(plain(`${name}: 99th percentile`, rounds.median(side, 'p99Ms'), 'ms'));
  }
  if (!hasRedis) return figures;
  const percentiles = `${rate}, 99th percentiles`;
  figures.push(atMost(`${percentiles}, nodes / Redis`, ratioOf('node', rounds), '', 1));
  figures.push(plain(`${percentiles}, plain caches / Redis`, ratioOf('plain', rounds), ''));
  return figures;
}

/** Of the medians, and none below 0.01 ms: a replica of Redis may show most writes before their answer. */
const ratioOf = (side: Side, rounds: Rounds<Side, Measured>): number =>
  Math.max(0.01, rounds.median(side, 'p99Ms')) / Math.max(0.01, rounds.median('redis', 'p99Ms'));
