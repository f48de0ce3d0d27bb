/** A node that holds four times as much data as it may keep in memory answers every key right. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { metric } from './observe.ts';

const MIB = 1024 * 1024;
const MAX_MEMORY_BYTES = 4 * MIB;
const KEYS = 1500;
/** All values together are four times the bound. */
const VALUE_BYTES = (4 * MAX_MEMORY_BYTES) / KEYS;
const BATCH = 25;
/** Pages that are being written, and the last commit. */
const SLACK_BYTES = 3 * MIB;

const memory = suite('more data than memory');

const keyOf = (index: number): string => `key${index}`;

const textOf = (index: number, version: number): string =>
  `${index}:${version}:`.padEnd(VALUE_BYTES, `${index % 10}`);

/** The versions that clients know: those that were answered, and those that may have been stored. */
class Known {
  readonly answered = new Uint32Array(KEYS);
  readonly sent = new Uint32Array(KEYS);

  /** Writes the keys from `first` on. @returns false once the node is down. */
  async write(node: NodeProcess, first: number): Promise<boolean> {
    const indexes = Array.from({ length: BATCH }, (_, index) => (first + index) % KEYS);
    const ops = indexes.map((index) => {
      const version = (this.sent[index] ?? 0) + 1;
      this.sent[index] = version;
      return { op: 'put', key: keyOf(index), version, value: textOf(index, version) };
    });
    const results = await batch(node, ops).catch(() => null);
    if (results === null) return false;
    for (const [at, { status }] of results.entries()) {
      assert.is(status, 200);
      this.answered[indexes[at] ?? 0] = ops[at]?.version ?? 0;
    }
    return true;
  }

  /** Reads all keys, some by lists, some by batches, some alone. */
  async checkAll(node: NodeProcess): Promise<void> {
    for (let first = 0; first < KEYS; first += BATCH) {
      const indexes = Array.from({ length: BATCH }, (_, index) => first + index);
      const ops = indexes.map((index) => ({ op: 'get', key: keyOf(index) }));
      const least = this.answered.slice();
      const results = await batch(node, ops);
      for (const [at, { version, value }] of results.entries())
        this.#check(least, indexes[at] ?? 0, version, value);
    }
    for (let index = 0; index < KEYS; index += 40) await this.checkOne(node, index);
    const listed = new Set<string>();
    let path: string | null = '/cache?limit=300';
    while (path !== null) {
      const least = this.answered.slice();
      const { entries, next } = (await (await node.request(path)).json()) as ListAnswer;
      for (const { key, version, value } of entries) {
        listed.add(key);
        this.#check(least, Number(key.slice(3)), version, value);
      }
      path = next === null ? null : `/cache?limit=300&after=${next}`;
    }
    assert.is(listed.size, KEYS);
  }

  async checkOne(node: NodeProcess, index: number): Promise<void> {
    const least = this.answered.slice();
    const response = await node.get(keyOf(index));
    assert.is(response.status, 200);
    const { version, value } = (await response.json()) as Result;
    this.#check(least, index, version, value);
  }

  /** @param answered the versions that had been answered before the read. */
  #check(answered: Uint32Array, index: number, version: number | undefined, value: unknown): void {
    const [least, most] = [answered[index] ?? 0, this.sent[index] ?? 0];
    assert.ok(
      version !== undefined && version >= least && version <= most,
      `${keyOf(index)} is at version ${version}, and not from ${least} to ${most}`,
    );
    assert.ok(value === textOf(index, version), `${keyOf(index)} has a wrong value`);
  }
}

interface Result {
  readonly status: number;
  readonly version?: number;
  readonly value?: unknown;
}

interface ListAnswer {
  readonly entries: readonly { key: string; version: number; value: unknown }[];
  readonly next: string | null;
}

async function batch(node: NodeProcess, ops: readonly object[]): Promise<readonly Result[]> {
  const response = await node.request('/cache', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ops }),
  });
  assert.is(response.status, 200);
  return ((await response.json()) as { results: readonly Result[] }).results;
}

async function isWithinBound(node: NodeProcess): Promise<void> {
  const residentBytes = await metric(node, 'hearsay_map_resident_bytes');
  assert.ok(residentBytes < MAX_MEMORY_BYTES + SLACK_BYTES, `${residentBytes} bytes are resident`);
  assert.ok((await metric(node, 'hearsay_map_cold_entries')) > KEYS / 2);
}

memory('every key is answered right beside writes, after a restart and after kill -9', async () => {
  await using cluster = await startCluster({
    nodes: 1,
    environment: { MAX_MEMORY: '4MiB' },
  });
  const node = cluster.node(0);
  const known = new Known();
  for (let first = 0; first < KEYS; first += BATCH) assert.ok(await known.write(node, first));
  await isWithinBound(node);
  let next = 0;
  let isWriting = true;
  const writing = (async () => {
    while (isWriting && (await known.write(node, next))) next += BATCH;
  })();
  await known.checkAll(node);
  isWriting = false;
  await writing;
  await isWithinBound(node);

  await node.restart();
  await isWithinBound(node);
  await known.checkAll(node);
  // Beside writes, the keys that are read may be those that were just written.
  assert.ok((await metric(node, 'hearsay_value_disk_reads_total')) > KEYS / 2);

  const untilKilled = (async () => {
    while (await known.write(node, next)) next += BATCH;
  })();
  await known.checkOne(node, 7);
  await node.kill('SIGKILL');
  await untilKilled;
  await node.start();
  await isWithinBound(node);
  await known.checkAll(node);
});

memory.run();
