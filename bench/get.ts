/** GETs of one node, beside a bare `node:http` server and Redis: 32 connections, 100,000 keys. */
import { startBareServer } from './bareServer.ts';
import { atLeast, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { keyOf } from './keys.ts';
import { Load } from './load.ts';
import { checkValues, fillKeys } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { fillForBenchmark, IN_MEMORY, REDIS, type Redis, redisLoad, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const KEYS = 100_000;
const CONNECTIONS = 32;

export async function benchGet(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const skipped = missing(...REDIS);
  await using resources = new AsyncDisposableStack();
  const bare = resources.use(await startBareServer(keys));
  const [url = ''] = resources.use(await startNodes(1)).urls;
  const redis = skipped.length > 0 ? null : resources.use(await startRedis(IN_MEMORY));
  await fillKeys(url, keys);
  if (redis !== null) await fillForBenchmark(redis, keys);
  const requests = Array.from(
    { length: keys },
    (_, index) => ({ method: 'GET', path: `/cache/${keyOf(index)}` }) as const,
  );
  using load = new Load(CONNECTIONS, requests);
  const rate = (of: string) => () => load.run(of, scale.seconds);
  const rounds = await inTurn<'bare' | 'node' | 'redis', 'perSecond'>(scale, {
    bare: rate(bare.url),
    node: rate(url),
    ...(redis !== null && { redis: redisGets(redis, keys, scale) }),
  });
  await checkValues(bare.url, keys);
  await checkValues(url, keys);
  const figures = [
    plain('bare node:http server', rounds.median('bare', 'perSecond'), '1/s'),
    plain('node', rounds.median('node', 'perSecond'), '1/s'),
    atLeast('node / bare server', rounds.ratio('node', 'bare', 'perSecond'), '', 0.9),
  ];
  if (redis !== null)
    figures.push(
      plain('Redis GET', rounds.median('redis', 'perSecond'), '1/s'),
      plain('node / Redis', rounds.ratio('node', 'redis', 'perSecond'), ''),
    );
  return { figures, skipped };
}

const redisGets = (redis: Redis, keys: number, { seconds }: Scale): Measure<'perSecond'> =>
  redisLoad(redis, { test: 'get', connections: CONNECTIONS, pipeline: 1, keys }, seconds);
