/**
 * The memory of a million keys: of a node and of Redis, each started on what it had written, and of the
 * store in pages beside the one in plain objects, each in a process of its own.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { StoreFigures } from './entryStores.ts';
import { atLeast, atMost, type Figure, median, type Outcome, plain } from './figures.ts';
import { checkValues, fillKeys } from './nodeAnswers.ts';
import { startNode } from './nodes.ts';
import { freePorts, temporaryDirectory } from './processes.ts';
import { checkRedis, fillRedis, PLAIN_AOF, REDIS, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';

const STORES = new URL('./entryStores.ts', import.meta.url).pathname;
const KEYS = 1_000_000;
/** More than a Map of JavaScript holds. */
const MANY_KEYS = 20_000_000;
/** A node and Redis have given back by then what they needed for the start alone. */
const SETTLE_MS = 3000;

export async function benchMemory(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  return {
    figures: [
      plain('keys, with values of 100 bytes', keys, ''),
      ...(await ofProcesses(keys)),
      ...(await ofStores(keys, scale.rounds, scaled(MANY_KEYS, scale))),
    ],
    skipped: missing(...REDIS),
  };
}

interface Started {
  readonly bytesAKey: number;
  readonly seconds: number;
}

async function ofProcesses(keys: number): Promise<Figure[]> {
  const node = await nodeWith(keys);
  const figures = [
    plain('node, resident bytes a key', node.bytesAKey, 'B'),
    plain('node, opening', node.seconds, 's'),
  ];
  if (missing(...REDIS).length > 0) return figures;
  const redis = await redisWith(keys);
  return [
    ...figures,
    plain('Redis, resident bytes a key', redis.bytesAKey, 'B'),
    plain('Redis, opening its append-only file', redis.seconds, 's'),
    atMost('resident bytes a key, node / Redis', node.bytesAKey / redis.bytesAKey, '', 1.3),
    plain('opening, node / Redis', node.seconds / redis.seconds, ''),
  ];
}

async function nodeWith(keys: number): Promise<Started> {
  using directory = temporaryDirectory();
  const [port = 0] = await freePorts(1);
  const start = (name: string) =>
    startNode({
      id: 'node1',
      port,
      directory: join(directory.path, name),
      flags: ['--durability', 'normal'],
      limitMs: OPENING_LIMIT_MS,
    });
  const settled = async (pid: number): Promise<number> => {
    await wait(keys < KEYS ? 0 : SETTLE_MS);
    return residentBytes(pid);
  };
  let empty = 0;
  {
    await using node = await start('empty');
    empty = await settled(node.pid);
  }
  {
    await using node = await start('full');
    await fillKeys(node.url, keys);
  }
  await using node = await start('full');
  const full = await settled(node.pid);
  await checkValues(node.url, keys);
  return { bytesAKey: (full - empty) / keys, seconds: node.bootMs / 1000 };
}

const OPENING_LIMIT_MS = 600_000;

async function redisWith(keys: number): Promise<Started> {
  using directory = temporaryDirectory();
  let empty = 0;
  {
    await using redis = await startRedis(PLAIN_AOF, directory.path);
    empty = residentBytes(redis.pid);
    await fillRedis(redis, keys);
  }
  await using redis = await startRedis(PLAIN_AOF, directory.path);
  await wait(keys < KEYS ? 0 : SETTLE_MS);
  const bytesAKey = (residentBytes(redis.pid) - empty) / keys;
  await checkRedis(redis, keys);
  return { bytesAKey, seconds: redis.bootMs / 1000 };
}

/** Linux tells it in kibibytes. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function ofStores(keys: number, rounds: number, manyKeys: number): Promise<Figure[]> {
  const runs: { readonly pages: StoreFigures; readonly objects: StoreFigures }[] = [];
  for (let round = 0; round < rounds; round++)
    runs.push({
      pages: await inChild({ store: 'pages', keys, overwrites: 0 }),
      objects: await inChild({ store: 'objects', keys, overwrites: 0 }),
    });
  const of = (which: 'pages' | 'objects', name: keyof StoreFigures): number =>
    median(runs.map((run) => run[which][name]));
  const ratio = (name: keyof StoreFigures): number =>
    median(runs.map(({ pages, objects }) => objects[name] / pages[name]));
  const tenth = Math.round(keys / 10);
  const written = await inChild({ store: 'pages', keys: tenth, overwrites: 100 * tenth });
  const many = await inChild({
    store: 'pages',
    keys: manyKeys,
    overwrites: 0,
    valueLength: 2,
  });
  return [
    plain('store in pages, resident bytes a key', of('pages', 'bytesAKey'), 'B'),
    plain('store in objects, resident bytes a key', of('objects', 'bytesAKey'), 'B'),
    plain('insertion, times as fast as objects', ratio('insertMicroseconds'), ''),
    plain('get, times as fast', ratio('getMicroseconds'), ''),
    plain('full collection of garbage, pages', of('pages', 'collectionMs'), 'ms'),
    plain('full collection of garbage, objects', of('objects', 'collectionMs'), 'ms'),
    plain('overwrites of a tenth as many keys', 100 * tenth, ''),
    atMost('bytes of pages and indexes after them, ratio', written.overwrittenRatio, '', 1.5),
    atMost('longest slice of compaction', written.longestSliceMs, 'ms', 5),
    atLeast('small keys in one store', many.keys, '', manyKeys),
    plain('their resident bytes a key', many.bytesAKey, 'B'),
  ];
}

interface StoreTask {
  readonly store: 'pages' | 'objects';
  readonly keys: number;
  readonly overwrites: number;
  readonly valueLength?: number;
}

async function inChild(task: StoreTask): Promise<StoreFigures> {
  const child = fork(STORES, { execArgv: ['--expose-gc'] });
  const figures = new Promise<StoreFigures>((resolve, reject) => {
    child.once('message', (message) => resolve(message as StoreFigures));
    child.once('exit', () => reject(new Error('the store was not measured')));
  });
  child.send(task);
  return figures;
}

export type { StoreTask };
