/**
 * Many ops in few requests: batches of 100 on 8 connections, one op a line, and the client library that
 * makes batches by itself. Beside it stands Redis with 25 connections that each send 32 requests ahead,
 * so that as many ops are under way there as here; and the plain cache, which has a log and no rules, with the
 * same batches.
 */
import { createClient } from '../src/client/index.ts';
import { atLeast, type Figure, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure, type Rounds } from './inTurn.ts';
import { keyOf, VALUE } from './keys.ts';
import { checkLines, linesOf, sendLines } from './lines.ts';
import { Load } from './load.ts';
import { checkPuts, checkValues, fillKeys, sendOps, sumOfVersions } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { startPlainCache } from './plainCache.ts';
import { ALWAYS, fillForBenchmark, REDIS, redisLoad, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const KEYS = 100_000;
const CONNECTIONS = 8;
const BATCH = 100;
/** Different batches that are sent again and again. */
const BATCHES = 200;
const REDIS_CONNECTIONS = 25;
const REDIS_PIPELINE = 32;
/** Ops of one request with an op a line. */
const LINES = 20_000;
/** Calls under way at the client: as many as ops under way otherwise. */
const CALLS = CONNECTIONS * BATCH;

type Kind = 'put' | 'get';
type Own = 'batches' | 'lines' | 'client';
type Side = Own | 'plain' | 'redis';
const NAMES: Readonly<Record<Own, string>> = {
  batches: 'batches of 100',
  lines: 'an op a line',
  client: "the client's batches",
};
const LEAST: Readonly<Record<Kind, number>> = { put: 0.6, get: 1 };

export async function benchBulk(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const skipped = missing(...REDIS);
  await using resources = new AsyncDisposableStack();
  const [url = ''] = resources.use(await startNodes(1)).urls;
  const redis = skipped.length > 0 ? null : resources.use(await startRedis(ALWAYS));
  const plainCache = resources.use(await startPlainCache());
  await fillKeys(url, keys);
  await fillKeys(plainCache.url, keys);
  if (redis !== null) await fillForBenchmark(redis, keys);
  const figures: Figure[] = [];
  const counted = { answered: keys, underWay: 0 };
  for (const kind of ['put', 'get'] as const) {
    const ops = opsOf(kind, keys);
    using load = batchLoad(ops);
    const client = resources.use(createClient({ endpoints: [url], timeoutMs: 60_000 }));
    const count = (answers: number, underWay: number): void => {
      if (kind === 'get') return;
      counted.answered += answers;
      counted.underWay += underWay;
    };
    const rounds = await inTurn<Side, 'perSecond'>(scale, {
      batches: async () => {
        const { answers, perSecond } = await load.run(url, scale.seconds);
        count(answers * BATCH, CONNECTIONS * BATCH);
        return { perSecond: perSecond * BATCH };
      },
      lines: linesSide(url, ops, scale, count),
      client: clientSide(client, kind, keys, scale, count),
      plain: async () => {
        const { perSecond } = await load.run(plainCache.url, scale.seconds);
        return { perSecond: perSecond * BATCH };
      },
      ...(redis !== null && {
        redis: redisLoad(
          redis,
          { test: kind === 'put' ? 'set' : 'get', ...UNDER_WAY, keys },
          scale.seconds,
        ),
      }),
    });
    figures.push(...figuresOf(kind, rounds, redis !== null));
  }
  await sendOps(url, opsOf('get', keys).slice(0, BATCH)); // wrk looks at statuses alone
  for (const one of [url, plainCache.url]) await checkValues(one, keys);
  checkPuts(await sumOfVersions(url), counted.answered, counted.underWay);
  return { figures, skipped };
}

const UNDER_WAY = { connections: REDIS_CONNECTIONS, pipeline: REDIS_PIPELINE } as const;

/** In an order that meets every key before any twice, and no two neighbours after one another. */
const opsOf = (kind: Kind, keys: number): object[] =>
  Array.from({ length: BATCHES * BATCH }, (_, index) => {
    const key = keyOf((index * 7919) % keys);
    return kind === 'get' ? { op: 'get', key } : { op: 'put', key, value: VALUE, version: 'next' };
  });

const batchLoad = (ops: readonly object[]): Load =>
  new Load(
    CONNECTIONS,
    Array.from({ length: BATCHES }, (_, batch) => ({
      method: 'POST',
      path: '/cache',
      body: JSON.stringify({ ops: ops.slice(batch * BATCH, (batch + 1) * BATCH) }),
    })),
  );

type Count = (answers: number, underWay: number) => void;

/** 8 connections send requests with an op a line, one after another, until the time is up. */
function linesSide(
  url: string,
  ops: readonly object[],
  { seconds, share }: Scale,
  count: Count,
): Measure<'perSecond'> {
  const lines = ops.slice(0, Math.min(ops.length, Math.max(200, LINES * share)));
  const text = linesOf(lines);
  return async () => {
    const startedAt = performance.now();
    const texts: string[] = [];
    const send = async (): Promise<void> => {
      do texts.push(await sendLines(url, text));
      while (performance.now() - startedAt < seconds * 1000);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    const perSecond = (texts.length * lines.length) / ((performance.now() - startedAt) / 1000);
    for (const answer of texts) checkLines(answer, lines.length);
    count(texts.length * lines.length, 0);
    return { perSecond };
  };
}

/** Calls without end, as a program makes them, until the time is up. */
function clientSide(
  client: ReturnType<typeof createClient>,
  kind: Kind,
  keys: number,
  { seconds }: Scale,
  count: Count,
): Measure<'perSecond'> {
  let next = 0;
  return async () => {
    const startedAt = performance.now();
    let answers = 0;
    const call = async (): Promise<void> => {
      while (performance.now() - startedAt < seconds * 1000) {
        const key = keyOf((next++ * 7919) % keys);
        if (kind === 'put') await client.put(key, VALUE);
        else if ((await client.get<typeof VALUE>(key))?.value.text !== VALUE.text)
          throw new Error(`the node has another value of ${key} than was put`);
        answers++;
      }
    };
    await Promise.all(Array.from({ length: CALLS }, call));
    count(answers, 0);
    return { perSecond: answers / ((performance.now() - startedAt) / 1000) };
  };
}

function figuresOf(kind: Kind, rounds: Rounds<Side, 'perSecond'>, hasRedis: boolean): Figure[] {
  const figures: Figure[] = [];
  const yardstick = `Redis ${kind === 'put' ? 'SET, appendfsync always' : 'GET'}, pipelined by 32`;
  if (hasRedis) figures.push(plain(yardstick, rounds.median('redis', 'perSecond'), 'ops/s'));
  for (const side of ['batches', 'lines', 'client'] as const) {
    const name = `${kind}, ${NAMES[side]}`;
    figures.push(plain(name, rounds.median(side, 'perSecond'), 'ops/s'));
    if (!hasRedis) continue;
    const ratio = rounds.ratio(side, 'redis', 'perSecond');
    figures.push(atLeast(`${name} / Redis`, ratio, '', LEAST[kind]));
  }
  const name = `${kind}, plain cache, ${NAMES.batches}`;
  figures.push(plain(name, rounds.median('plain', 'perSecond'), 'ops/s'));
  if (hasRedis)
    figures.push(plain(`${name} / Redis`, rounds.ratio('plain', 'redis', 'perSecond'), ''));
  const ratio = rounds.ratio('batches', 'plain', 'perSecond');
  figures.push(plain(`${kind}, ${NAMES.batches} / plain cache`, ratio, ''));
  return figures;
}
