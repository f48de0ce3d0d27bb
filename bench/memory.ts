/**
 * The memory of a million keys: of a node and of Redis, each started on what it had written, and of the
 * store in pages beside the one in plain objects, each in a process of its own.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { StoreFigures } from './entryStores.ts';
import { atLeast, atMost, type Figure, median, plain } from './figures.ts';
import { fillKeys } from './fill.ts';
import { isInstalled, VALUE } from './load.ts';
import { freePorts, untilHealthy } from './nodes.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const STORES = new URL('./entryStores.ts', import.meta.url).pathname;
const KEYS = 1_000_000;
/** More than a Map of JavaScript holds. */
const MANY_KEYS = 20_000_000;
/** A node and Redis have given back by then what they needed for the start alone. */
const SETTLE_MS = 3000;

/** @param share of the keys, for a quick run. */
export async function benchMemory(share: number, rounds: number): Promise<Figure[]> {
  const keys = Math.round(KEYS * share);
  return [
    plain('keys, with values of 100 bytes', keys, ''),
    ...(await ofProcesses(keys)),
    ...(await ofStores(keys, rounds, share)),
  ];
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
  if (!isInstalled('redis-server', '--version')) return figures;
  const redis = await redisWith(keys);
  return [
    ...figures,
    plain('Redis, resident bytes a key', redis.bytesAKey, 'B'),
    plain('Redis, opening its append-only file', redis.seconds, 's'),
    atMost('bytes, ratio of the two', node.bytesAKey / redis.bytesAKey, '', 1.3),
    plain('opening, ratio of the two', node.seconds / redis.seconds, ''),
  ];
}

async function nodeWith(keys: number): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const start = (name: string): ChildProcess => {
    const where = ['--port', String(port), '--data-dir', join(directory, name)];
    const words = [MAIN, 'serve', ...where, '--durability', 'normal', '--log-level', 'warn'];
    return spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const running = async (name: string, run: (child: ChildProcess) => Promise<void>) => {
    const child = start(name);
    try {
      await untilHealthy(url, OPENING_LIMIT_MS);
      await run(child);
    } finally {
      await ended(child);
    }
  };
  try {
    let [empty, full, seconds] = [0, 0, 0];
    await running('empty', async (child) => {
      await wait(SETTLE_MS);
      empty = residentBytes(child);
    });
    await running('full', () => fillKeys(url, keys, 1));
    const startedAt = performance.now();
    await running('full', async (child) => {
      seconds = (performance.now() - startedAt) / 1000;
      await wait(SETTLE_MS);
      full = residentBytes(child);
    });
    return { bytesAKey: (full - empty) / keys, seconds };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const OPENING_LIMIT_MS = 600_000;

async function redisWith(keys: number): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-bench-'));
  const [port = 0] = await freePorts(1);
  const cli = (...words: string[]): string =>
    execFileSync('redis-cli', ['-p', String(port), ...words], { encoding: 'utf8' });
  const start = (): ChildProcess => {
    const plainFile = ['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--save', ''];
    const where = ['--port', String(port), '--dir', directory];
    return spawn('redis-server', [...where, ...plainFile], { stdio: 'ignore' });
  };
  const ready = async (): Promise<void> => {
    const endAt = performance.now() + OPENING_LIMIT_MS;
    while (performance.now() < endAt) {
      try {
        if (cli('ping').trim() === 'PONG') return;
      } catch {
        // It does not listen yet.
      }
      await wait(20);
    }
    throw new Error('redis-server does not answer');
  };
  let child = start();
  try {
    await ready();
    const empty = residentBytes(child);
    const text = JSON.stringify(VALUE);
    const BATCH = 10_000;
    for (let from = 1; from <= keys; from += BATCH) {
      const count = Math.min(BATCH, keys - from + 1);
      const lines = Array.from({ length: count }, (_, index) =>
        commandOf(`key${from + index}`, text),
      );
      execFileSync('redis-cli', ['-p', String(port), '--pipe'], { input: lines.join('') });
    }
    await ended(child);
    const startedAt = performance.now();
    child = start();
    await ready();
    const seconds = (performance.now() - startedAt) / 1000;
    await wait(SETTLE_MS);
    return { bytesAKey: (residentBytes(child) - empty) / keys, seconds };
  } finally {
    await ended(child);
    rmSync(directory, { recursive: true, force: true });
  }
}

const commandOf = (key: string, value: string): string =>
  `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;

/** Linux tells it in kibibytes. */
function residentBytes({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

async function ofStores(keys: number, rounds: number, share: number): Promise<Figure[]> {
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
    keys: Math.round(MANY_KEYS * share),
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
    atMost('resident bytes after them, ratio', written.overwrittenRatio, '', 1.5),
    atMost('longest slice of compaction', written.longestSliceMs, 'ms', 5),
    atLeast('small keys in one store', many.keys, '', MANY_KEYS * share),
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
