/** Answered writes stay, through kills and full disks. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECKPOINT_NAME } from '../../src/log/files/checkpointFile.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';
import {
  healthOf,
  logged,
  mapOf,
  metric,
  sameMapWithin,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const run = promisify(execFile);
/** For the lock and the write-ahead log of a node that starts. */
const ROOM_TO_START_BYTES = 256 * 1024;

const durability = suite('durability');

durability('SIGKILL in the middle of writes loses no write that was answered', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const answered = new Map<string, number>();
  for (const writesBeforeKill of [1, 50, 400]) {
    const from = answered.size;
    const writing = range(8).map((client) => putUntilDown(node, client, answered));
    await waitFor(() => answered.size >= from + writesBeforeKill, 20_000, 'writes are answered');
    await node.kill('SIGKILL');
    await Promise.all(writing);
    await node.start();
    const map = await mapOf(node);
    for (const [key, version] of answered) {
      const shown = Number(map.get(key)?.split(' ')[0] ?? 0);
      assert.ok(shown >= version, `${key}: ${version} was answered, and ${shown} is there`);
    }
  }
});

/** Puts rising versions of one client's keys until the node is gone. */
async function putUntilDown(
  node: NodeProcess,
  client: number,
  answered: Map<string, number>,
): Promise<void> {
  for (let version = 1; ; version++) {
    const key = `client${client}/${version % 100}`;
    try {
      const response = await node.put(key, { value: version, version: 'next' });
      const body = await response.text();
      if (response.status === 200) answered.set(key, JSON.parse(body).version);
    } catch {
      return;
    }
  }
}

durability(
  'with durability=normal a node that was killed goes on with all it has, under a new origin',
  async () => {
    await using cluster = await startScripted({ nodes: 2, environment: { DURABILITY: 'normal' } });
    const [first, second] = cluster.nodes;
    assert.ok(first && second);
    const keys = range(20).map((index) => `key/${index}`);
    await batch(first, puts(keys, 'before', 1));
    await batch(second, puts(['other'], 'before', 1));
    const before = await sameMapWithin(3000, cluster.nodes);
    const { origin } = await first.view();
    await first.kill('SIGKILL');
    await first.start();
    await waitFor(async () => (await first.view()).origin !== origin, 5000, 'it has a new origin');
    await waitForMetric(cluster.nodes, 'hearsay_members', 2, 5000);
    await waitFor(
      async () => (await batch(first, puts(['after'], 'after', 1)))[0] === 200,
      5000,
      'it writes again',
    );
    const after = await sameMapWithin(3000, cluster.nodes);
    assert.equal(after.size, before.size + 1);
    for (const [key, shown] of before) assert.is(after.get(key), shown);
    const vector = (await second.view()).vector;
    assert.is(vector[origin], (await first.view()).vector[origin]);

    // A clean stop leaves nothing in doubt.
    const second2 = (await second.view()).origin;
    await second.stop();
    await second.start();
    assert.is((await second.view()).origin, second2);
  },
);

durability(
  'a log that was damaged while its node was down is refused at start, and an empty one brings all back',
  async () => {
    await using cluster = await startCluster({ nodes: 2 });
    const [first, second] = [cluster.node(0), cluster.node(1)];
    await batch(
      second,
      puts(
        range(20).map((index) => `key/${index}`),
        'true',
        1,
      ),
    );
    const before = await sameMapWithin(3000, cluster.nodes);
    await second.stop();
    const file = join(second.dataDir, 'hearsay.db');
    const database = new Database(file);
    database.prepare(`UPDATE op SET value = '"forged"' WHERE key = 'key/7'`).run();
    database.close();
    // With its checkpoint it would start, prove its rows and then stop.
    await rm(join(second.dataDir, CHECKPOINT_NAME));
    const refusal = await second.start().then(
      () => 'It started.',
      (error: unknown) => String(error),
    );
    assert.ok(refusal.includes(second.dataDir), refusal);
    assert.match(
      refusal,
      /is damaged at lsn \d+: .* Move the data directory aside and start the node empty/,
    );
    await rename(second.dataDir, `${second.dataDir}.damaged`);
    await second.start();
    assert.equal(await sameMapWithin(5000, [first, second]), before);
  },
);

const noMounts = await whyNoMounts();
const mounting = noMounts === null ? durability : durability.skip;
if (noMounts !== null) process.stdout.write(`No test of a full disk: ${noMounts}\n`);

mounting(
  'a full disk answers 507 and loses nothing, and the node goes on when there is room again',
  async () => {
    await using disk = await smallDisk(6);
    await using cluster = await startCluster({
      nodes: 2,
      environmentOf: (index) => (index === 0 ? { DATA_DIR: join(disk.path, 'node1') } : {}),
    });
    const [node, peer] = [cluster.node(0), cluster.node(1)];
    const filler = join(disk.path, 'filler');
    const value = 'x'.repeat(20_000);
    const answered: string[] = [];
    const putNext = async (): Promise<number> => {
      const key = `key/${answered.length}`;
      const response = await node.put(key, { value, version: 1 });
      if (response.status === 200) answered.push(key);
      else if (response.status === 507) assert.match(await response.text(), /disk is full/);
      return response.status;
    };
    for (let count = 0; count < 10; count++) assert.is(await putNext(), 200);
    await fillUp(filler);
    const full = async (): Promise<boolean> => (await putNext()) === 507;
    await waitFor(full, 10_000, 'the disk is full');

    const { status, reasons } = await healthOf(node);
    assert.is(status, 'degraded');
    assert.match(String(reasons), /The disk is full/);
    assert.is(await metric(node, 'hearsay_disk_full'), 1);
    await waitForLog(node, /The disk is full: writes are answered with 507/, 2000);

    // It serves what it has, and what it can't take in of its peer it takes in later.
    assert.is((await node.get(answered[0] ?? '')).status, 200);
    assert.is((await peer.put('of the peer', { value, version: 1 })).status, 200);
    await waitFor(
      () => logged(node, /not taken now.*disk is full/).length > 0,
      10_000,
      'the ops of the peer are refused',
    );
    assert.is((await node.get('of the peer')).status, 404);
    assert.is((await node.delete(answered[0] ?? '')).status, 507);
    assert.is((await node.get(answered[0] ?? '')).status, 200);

    await rm(filler);
    await waitFor(async () => (await putNext()) === 200, 5000, 'writes are taken again');
    await waitFor(async () => (await healthOf(node)).status === 'ok', 5000, 'it is healthy');
    await waitForLog(node, /The disk has room again/, 2000);
    const shown = await sameMapWithin(5000, cluster.nodes);
    assert.equal([...shown.keys()].sort(), [...answered, 'of the peer'].sort());
    assert.is(await metric(node, 'hearsay_rejoins_total'), 0);
    await node.restart();
    assert.equal(await mapOf(node), shown);
  },
);

mounting('a node that starts on a nearly full disk says so before a write fails', async () => {
  await using disk = await smallDisk(4);
  const dataDir = join(disk.path, 'node1');
  await using cluster = await startCluster({
    nodes: 1,
    environmentOf: () => ({ DATA_DIR: dataDir }),
  });
  const node = cluster.node(0);
  assert.is((await healthOf(node)).status, 'ok');
  assert.ok((await metric(node, 'hearsay_disk_free_bytes')) > 1024 * 1024);
  const wal = await metric(node, 'hearsay_write_ahead_log_bytes');
  assert.is((await node.put('a', { value: 'x'.repeat(20_000), version: 1 })).status, 200);
  const grows = async () => (await metric(node, 'hearsay_write_ahead_log_bytes')) > wal;
  await waitFor(grows, 5000, 'the metric grows with the file');
  await node.stop();
  const filler = join(disk.path, 'filler');
  await fillUp(filler);
  await truncate(filler, (await stat(filler)).size - ROOM_TO_START_BYTES);
  await node.start();
  const { status, reasons } = await healthOf(node);
  assert.is(status, 'degraded');
  assert.match(String(reasons), /The disk has less than 1 MiB left/);
  assert.match(node.logs(), /The disk has less than 1 MiB left/);
});

durability.run();

/** Null where this process may mount a disk of its own. */
async function whyNoMounts(): Promise<string | null> {
  if (process.platform !== 'linux') return 'only Linux has tmpfs.';
  if (process.getuid?.() !== 0) return 'only root may mount.';
  try {
    await using disk = await smallDisk(1);
    return existsSync(disk.path) ? null : 'the mount is not there.';
  } catch (error) {
    return String(error);
  }
}

async function smallDisk(mebibytes: number): Promise<{ path: string } & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const { path: directory } = undo.use(await temporaryDirectory());
  const path = join(directory, 'disk');
  await mkdir(path);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  undo.defer(async () => {
    await run('umount', ['-l', path]);
  });
  const kept = undo.move();
  return { path, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Takes all the room there is. */
async function fillUp(file: string): Promise<void> {
  for (let bytes = 1024 * 1024; bytes >= 4096; bytes /= 2)
    try {
      for (;;) await writeFile(file, Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
    }
}
