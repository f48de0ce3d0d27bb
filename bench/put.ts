/**
 * PUTs of one node, each synced to the disk before it is answered, on 64 connections: beside the bare
 * server, which keeps nothing, the plain cache, which has a log and no rules, Redis with `appendfsync always`, and the
 * JSON gateway of etcd.
 */
import { startBareServer } from './bareServer.ts';
import { type Etcd, etcdGet, etcdPut, etcdSend, startEtcd } from './etcd.ts';
import { atLeast, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure, type Rounds } from './inTurn.ts';
import { keyOf, PUT_BODY, VALUE_TEXT } from './keys.ts';
import { Load } from './load.ts';
import { checkPuts, checkValues, fillKeys, sumOfVersions } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { startPlainCache } from './plainCache.ts';
import { ALWAYS, REDIS, redisLoad, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const KEYS = 100_000;
const CONNECTIONS = 64;

type Side = 'bare' | 'plain' | 'node' | 'redis' | 'etcd';

export async function benchPut(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const skipped = [...missing(...REDIS), ...missing('etcd')];
  await using resources = new AsyncDisposableStack();
  const sides: Partial<Record<Side, Measure<'perSecond'>>> = {};
  const puts = resources.use(putsOf(keys));

  const bare = resources.use(await startBareServer(keys));
  sides.bare = () => puts.run(bare.url, scale.seconds);

  const plainCache = resources.use(await startPlainCache());
  await fillKeys(plainCache.url, keys);
  sides.plain = () => puts.run(plainCache.url, scale.seconds);

  const [url = ''] = resources.use(await startNodes(1)).urls;
  await fillKeys(url, keys);
  let answered = keys;
  let runs = 0;
  sides.node = async () => {
    const result = await puts.run(url, scale.seconds);
    answered += result.answers;
    runs++;
    return result;
  };

  if (missing(...REDIS).length === 0) {
    const redis = resources.use(await startRedis(ALWAYS));
    const load = { test: 'set', connections: CONNECTIONS, pipeline: 1, keys } as const;
    sides.redis = redisLoad(redis, load, scale.seconds);
  }
  if (missing('etcd').length === 0) {
    const gateway = resources.use(
      new Load(
        CONNECTIONS,
        Array.from({ length: keys }, (_, index) => etcdPut(keyOf(index), VALUE_TEXT)),
      ),
    );
    const etcd = resources.use(await startEtcd());
    await etcdSend(etcd, etcdPut(keyOf(0), VALUE_TEXT));
    sides.etcd = etcdSide(etcd, gateway, scale);
  }

  const rounds = await inTurn<Side, 'perSecond'>(scale, sides);
  for (const one of [bare.url, plainCache.url, url]) await checkValues(one, keys);
  checkPuts(await sumOfVersions(url), answered, runs * CONNECTIONS);
  return { figures: figuresOf(rounds, sides), skipped };
}

const putsOf = (keys: number): Load =>
  new Load(
    CONNECTIONS,
    Array.from({ length: keys }, (_, index) => ({
      method: 'PUT',
      path: `/cache/${keyOf(index)}`,
      body: PUT_BODY,
    })),
  );

function etcdSide(etcd: Etcd, load: Load, scale: Scale): Measure<'perSecond'> {
  return async () => {
    const before = await etcdGet(etcd, keyOf(0));
    const result = await load.run(etcd.url, scale.seconds);
    const after = await etcdGet(etcd, keyOf(0));
    if (after.revision - before.revision < result.answers)
      throw new Error(`etcd answered ${result.answers} puts and has taken fewer`);
    if (after.value !== VALUE_TEXT) throw new Error('etcd has another value than was put');
    return result;
  };
}

const figuresOf = (rounds: Rounds<Side, 'perSecond'>, sides: Partial<Record<Side, unknown>>) => [
  plain('bare node:http server, in memory', rounds.median('bare', 'perSecond'), '1/s'),
  plain('node, durability=full', rounds.median('node', 'perSecond'), '1/s'),
  atLeast('node / bare server', rounds.ratio('node', 'bare', 'perSecond'), '', 0.8),
  plain('plain cache', rounds.median('plain', 'perSecond'), '1/s'),
  plain('plain cache / bare server', rounds.ratio('plain', 'bare', 'perSecond'), ''),
  plain('node / plain cache', rounds.ratio('node', 'plain', 'perSecond'), ''),
  ...(sides.redis === undefined
    ? []
    : [
        plain('Redis SET, appendfsync always', rounds.median('redis', 'perSecond'), '1/s'),
        atLeast('node / Redis', rounds.ratio('node', 'redis', 'perSecond'), '', 0.8),
        plain('plain cache / Redis', rounds.ratio('plain', 'redis', 'perSecond'), ''),
      ]),
  ...(sides.etcd === undefined
    ? []
    : [
        plain('etcd, JSON gateway', rounds.median('etcd', 'perSecond'), '1/s'),
        atLeast('node / etcd', rounds.ratio('node', 'etcd', 'perSecond'), '', 5),
        plain('plain cache / etcd', rounds.ratio('plain', 'etcd', 'perSecond'), ''),
      ]),
];
