/**
 * The time from the start of a process until it answers, after a clean stop: with 1,000,000 keys that
 * were written once, and with 10,000,000 ops on 1,000,000 keys. Beside it Redis, from its append-only
 * file as plain commands, and from its snapshot.
 */
import { join } from 'node:path';
import { atMost, type Figure, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { fillByLines } from './lines.ts';
import { checkValues } from './nodeAnswers.ts';
import { startNode } from './nodes.ts';
import { freePorts, temporaryDirectory } from './processes.ts';
import { checkRedis, fillRedis, PLAIN_AOF, REDIS, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const KEYS = 1_000_000;
const LIMIT_MS = 600_000;
/** An append-only file that is never made shorter. */
const AOF = [...PLAIN_AOF, '--auto-aof-rewrite-percentage', '0', '--appendfsync', 'no'];
const RDB = ['--appendonly', 'no', '--save', ''];

type Side = 'node' | 'aof' | 'rdb';

export async function benchBoot(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const figures = [
    ...(await measure('one op a key', keys, 1, scale)),
    ...(await measure('ten ops a key', keys, 10, scale)),
  ];
  return { figures, skipped: missing(...REDIS) };
}

/** @param times how often each key is put. */
async function measure(name: string, keys: number, times: number, scale: Scale): Promise<Figure[]> {
  using ofNode = temporaryDirectory();
  using ofAof = temporaryDirectory();
  using ofRdb = temporaryDirectory();
  const hasRedis = missing(...REDIS).length === 0;
  const rounds = await inTurn<Side, 'ms'>(scale, {
    node: await nodeSide(ofNode.path, keys, times),
    ...(hasRedis && {
      aof: await redisSide(AOF, ofAof.path, keys, times),
      // A snapshot holds each key once, however often it was put.
      rdb: await redisSide(RDB, ofRdb.path, keys, 1),
    }),
  });
  const figures = [plain(`${name}, node`, rounds.median('node', 'ms') / 1000, 's')];
  for (const [side, of, most] of [
    ['aof', 'Redis, append-only file', 0.5],
    ['rdb', 'Redis, snapshot', 1],
  ] as const)
    if (hasRedis)
      figures.push(
        plain(`${name}, ${of}`, rounds.median(side, 'ms') / 1000, 's'),
        atMost(`${name}, node / ${of}`, rounds.ratio('node', side, 'ms'), '', most),
      );
  return figures;
}

async function nodeSide(directory: string, keys: number, times: number): Promise<Measure<'ms'>> {
  const [port = 0] = await freePorts(1);
  const path = join(directory, 'node1');
  const options = { id: 'node1', port, directory: path, limitMs: LIMIT_MS };
  const durability = ['--durability', 'normal'];
  {
    await using node = await startNode({ ...options, flags: durability });
    for (let time = 0; time < times; time++) await fillByLines(node.url, keys);
  }
  return async () => {
    await using node = await startNode({ ...options, flags: durability });
    await checkValues(node.url, keys);
    return { ms: node.bootMs };
  };
}

async function redisSide(
  flags: readonly string[],
  directory: string,
  keys: number,
  times: number,
): Promise<Measure<'ms'>> {
  {
    await using redis = await startRedis(flags, directory);
    for (let time = 0; time < times; time++) await fillRedis(redis, keys);
    if (flags === RDB) await redis.client.sendCommand(['SAVE']);
  }
  return async () => {
    await using redis = await startRedis(flags, directory);
    await checkRedis(redis, keys);
    return { ms: redis.bootMs };
  };
}
