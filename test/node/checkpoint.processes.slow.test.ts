/** Checkpoints of real nodes: kill -9, damage, logs that were put back. */
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECKPOINT_NAME } from '../../src/log/files/checkpointFile.ts';
import { readSettings } from '../../src/node/settings.ts';
import { type RunningNode, startNode } from '../../src/node/startNode.ts';
import { DamagedLogError } from '../../src/words/errors.ts';
import { startCluster } from '../support/nodes.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const test = suite('checkpoints of real nodes');

const LIMIT_MS = 20_000;
const KEYS = Array.from({ length: 300 }, (_, index) => `key${index}`);

/** The node is closed with the test, however that ends. */
interface Started extends AsyncDisposable {
  readonly node: RunningNode;
  readonly notes: string[];
}

async function started(dataDir: string, more: object = {}): Promise<Started> {
  const notes: string[] = [];
  const logger = {
    info: (text: string) => void notes.push(text),
    warn: (text: string) => void notes.push(text),
    error: () => {},
  };
  const flags = { dataDir, port: '0', joinTimeoutMs: '0ms', internalToken: 'for-tests', ...more };
  const node = await startNode(readSettings(flags, {}), { logger });
  return { node, notes, [Symbol.asyncDispose]: () => node.close() };
}

async function putAll({ url }: RunningNode, keys: readonly string[], value: string): Promise<void> {
  const ops = keys.map((key) => ({ op: 'put', key, value, version: 'next' }));
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ops }),
  };
  const put = async (): Promise<boolean> => (await fetch(`${url}/cache`, request)).ok;
  await waitFor(put, LIMIT_MS, 'the keys are put');
}

const shown = ({ replica }: RunningNode): string[] =>
  [...replica.map.entries()].map(({ key, value }) => `${key}=${value}`).sort();

const health = async ({ url }: RunningNode): Promise<{ proved?: number; status: string }> =>
  (await (await fetch(`${url}/_health`)).json()) as { proved?: number; status: string };

const isReplayed = (notes: readonly string[]): string | undefined =>
  notes.find((note) => note.includes('replayed from the start'));

test('a node that was stopped starts from its checkpoint, and proves its log afterwards', async () => {
  await using directory = await temporaryDirectory();
  await using first = await started(directory.path);
  await putAll(first.node, KEYS, 'one');
  await putAll(first.node, KEYS, 'two');
  const before = shown(first.node);
  await first.node.close();
  await using second = await started(directory.path);
  assert.equal(shown(second.node), before);
  assert.is(isReplayed(second.notes), undefined);
  assert.is((await health(second.node)).status, 'ok');
  await waitFor(async () => (await health(second.node)).proved === undefined, LIMIT_MS, 'proved');
  assert.ok(second.notes.includes('Every row of the log is proved.'));
  const metrics = await (await fetch(`${second.node.url}/metrics`)).text();
  assert.match(metrics, /^hearsay_log_proved_ratio 1$/m);
  assert.match(metrics, /^hearsay_checkpoint_lag_rows 0$/m);
});

test('damage to a checkpoint, and a log that was put back beside it, cost a replay and nothing else', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, CHECKPOINT_NAME);
  const database = join(directory.path, 'hearsay.db');
  await using first = await started(directory.path);
  await putAll(first.node, KEYS, 'one');
  const before = shown(first.node);
  await first.node.close();
  await copyFile(database, join(directory.path, 'older.db'));
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(file, bytes);

  await using second = await started(directory.path);
  assert.equal(shown(second.node), before);
  assert.match(String(isReplayed(second.notes)), /does not have its checksum/);
  await putAll(second.node, KEYS.slice(0, 9), 'two');
  await second.node.close();
  assert.ok(existsSync(file));
  await copyFile(join(directory.path, 'older.db'), database);

  await using third = await started(directory.path);
  assert.equal(shown(third.node), before);
  assert.match(String(isReplayed(third.notes)), /and the log ends at lsn/);
});

test('damage to a row that a start did not read stops the node, and refuses the next start', async () => {
  await using directory = await temporaryDirectory();
  await using first = await started(directory.path);
  await putAll(first.node, KEYS, 'one');
  await first.node.close();
  const database = new Database(join(directory.path, 'hearsay.db'));
  database.prepare(`UPDATE op SET value = '"other"' WHERE lsn = 50`).run();
  database.close();
  await using second = await started(relative(process.cwd(), directory.path));
  assert.is(isReplayed(second.notes), undefined);
  const failure = await second.node.failure.catch((error: unknown) => error);
  assert.ok(failure instanceof DamagedLogError);
  assert.equal([failure.file, failure.lsn], [directory.path, 50], 'whose message names both');
  await second.node.close();
  const again = await started(directory.path).catch((error: unknown) => error);
  assert.instance(again, DamagedLogError);
});

test('no checkpoint is written where none is wanted', async () => {
  await using directory = await temporaryDirectory();
  await using first = await started(directory.path, { checkpointIntervalMs: '0ms' });
  await putAll(first.node, KEYS, 'one');
  await first.node.close();
  assert.not(existsSync(join(directory.path, CHECKPOINT_NAME)));
});

test('SIGKILL while checkpoints are written leaves every answered write', async () => {
  await using cluster = await startCluster({
    nodes: 1,
    environment: { CHECKPOINT_INTERVAL: '1ms' },
  });
  const node = cluster.node(0);
  for (let round = 1; round <= 3; round++) {
    const value = { value: round, version: round };
    for (const key of KEYS.slice(0, 40))
      assert.is((await node.put(`${key}/${round}`, value)).status, 200);
    await waitFor(() => existsSync(join(node.dataDir, CHECKPOINT_NAME)), LIMIT_MS, 'a checkpoint');
    await node.kill('SIGKILL');
    await node.start();
    for (let earlier = 1; earlier <= round; earlier++)
      for (const key of KEYS.slice(0, 40)) {
        const answer = await node.request(`/cache/${encodeURIComponent(`${key}/${earlier}`)}`);
        assert.is(answer.status, 200);
      }
  }
  const replays = node.logs().match(/replayed from the start, because ([^"]*)/g) ?? [];
  assert.equal(replays, []);
});

test.run();
