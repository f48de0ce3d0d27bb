/**
 * GETs of a node in the program's own process, beside a Redis over loopback whose client sends many requests
 * ahead of their answers. Both give the program the value.
 */
import * as assert from 'node:assert/strict';
import { openNode } from '../src/index.ts';
import { atLeast, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { keyOf, VALUE_TEXT } from './keys.ts';
import { temporaryDirectory } from './processes.ts';
import { fillRedis, IN_MEMORY, REDIS, type Redis, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const KEYS = 100_000;
/** GETs that the client of Redis sends ahead, and that the node answers in one turn. */
const AT_ONCE = 100;
const FILL_AT_ONCE = 1000;
/** A stride without a common factor with the number of keys, so that neighbours are not asked in turn. */
const STRIDE = 7919;

export async function benchEmbedded(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const skipped = missing(...REDIS);
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const node = resources.use(await openNode({ dataDir: path, durability: 'normal' }));
  await node.ready;
  const value: unknown = JSON.parse(VALUE_TEXT);
  for (let from = 0; from < keys; from += FILL_AT_ONCE) {
    const count = Math.min(FILL_AT_ONCE, keys - from);
    await Promise.all(
      Array.from({ length: count }, (_, index) => node.put(keyOf(from + index), value)),
    );
  }
  const redis = skipped.length > 0 ? null : resources.use(await startRedis(IN_MEMORY));
  if (redis !== null) await fillRedis(redis, keys);
  const names = Array.from({ length: keys }, (_, index) => keyOf((index * STRIDE) % keys));
  const rounds = await inTurn<'embedded' | 'redis', 'perSecond'>(scale, {
    embedded: rateOf(names, scale, async (asked) => {
      for (const name of asked)
        if (node.get(name)?.value === undefined) throw new Error(`no ${name}`);
    }),
    ...(redis !== null && { redis: rateOf(names, scale, (asked) => redisGets(redis, asked)) }),
  });
  for (const name of names.slice(0, 100)) assert.deepEqual(node.get(name)?.value, value);
  const figures = [plain('get of the node', rounds.median('embedded', 'perSecond'), '1/s')];
  if (redis !== null)
    figures.push(
      plain('GET of Redis', rounds.median('redis', 'perSecond'), '1/s'),
      atLeast('node / Redis', rounds.ratio('embedded', 'redis', 'perSecond'), '', 20),
    );
  return { figures, skipped };
}

async function redisGets({ client }: Redis, asked: readonly string[]): Promise<void> {
  const texts = await Promise.all(asked.map((name) => client.get(name)));
  for (const text of texts) {
    if (text === null) throw new Error('Redis lacks a key');
    JSON.parse(text);
  }
}

/** Reads values in portions until the time is over. */
const rateOf =
  (
    names: readonly string[],
    { seconds }: Scale,
    read: (asked: readonly string[]) => Promise<void>,
  ): Measure<'perSecond'> =>
  async () => {
    const startMs = performance.now();
    let count = 0;
    let from = 0;
    do {
      const asked = names.slice(from, from + AT_ONCE);
      await read(asked);
      count += asked.length;
      from = from + AT_ONCE < names.length ? from + AT_ONCE : 0;
    } while (performance.now() - startMs < seconds * 1000);
    return { perSecond: (count * 1000) / (performance.now() - startMs) };
  };
