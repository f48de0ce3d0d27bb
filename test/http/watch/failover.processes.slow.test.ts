// time limit: 300 s
/**
 * Watchers over real processes: nodes are killed and started again under them, and they are cut and go
 * on from their cursors on other nodes. What they saw is held against the log's own history.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { decodeCursor } from '../../../src/words/cursor.ts';
import { compareOps, isOnKey, type KeyOp } from '../../../src/words/op.ts';
import { covers } from '../../../src/words/vector.ts';
import { type NodeProcess, startCluster, waitForConvergence } from '../../support/nodes.ts';
import { patientDuration, waitFor } from '../../support/processes.ts';
import type { SeenEvent } from '../../watch/hub/fakeSink.ts';
import { SocketClient } from './watchServer.ts';

const failover = suite('watchers of nodes that are killed');

const WATCHERS = 20;
const KEYS = 60;
const PREFIXES = ['', 'key', 'key1', 'key2', 'key33', 'none'];
const LONG_MS = 30_000;

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;

/** Keeps itself connected to any node, goes on from its last cursor, and is cut now and then. */
class Roamer {
  readonly prefix: string;
  readonly seen: SeenEvent[] = [];
  connections = 0;
  readonly #nodes: readonly NodeProcess[];
  #client: SocketClient | null = null;
  #isOver = false;
  /** Stays on the node from here on. */
  #lastNode: NodeProcess | null = null;

  constructor(nodes: readonly NodeProcess[], prefix: string) {
    this.#nodes = nodes;
    this.prefix = prefix;
    void this.#run();
  }

  get cursor(): string | undefined {
    return this.seen.at(-1)?.cursor;
  }

  cut(): void {
    this.#client?.socket.terminate();
  }

  settleOn(node: NodeProcess): void {
    this.#lastNode = node;
    this.cut();
  }

  stop(): void {
    this.#isOver = true;
    this.cut();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const node = this.#lastNode ?? pick(this.#nodes);
      const query = new URLSearchParams({ prefix: this.prefix, initial: 'true' });
      if (this.cursor !== undefined) query.set('cursor', this.cursor);
      const client = new SocketClient(`${node.url.replace('http', 'ws')}/watch?${query}`, {});
      this.#client = client;
      client.socket.on('message', (data) => this.seen.push(JSON.parse(String(data))));
      this.connections++;
      await client.closed;
    }
  }
}

failover('see every last state, in order, nothing twice, whatever dies', async () => {
  await using cluster = await startCluster({
    environment: { JOIN_TIMEOUT: patientDuration(3000) },
  });
  const { nodes } = cluster;
  const roamers = Array.from(
    { length: WATCHERS },
    (_, index) => new Roamer(nodes, PREFIXES[index % PREFIXES.length] ?? ''),
  );
  let isStorm = true;
  const writing = write(nodes, () => isStorm);
  const cutting = setInterval(() => pick(roamers).cut(), 20);
  for (const victim of nodes) {
    const seen = roamers[0]?.seen.length ?? 0;
    await waitFor(() => (roamers[0]?.seen.length ?? 0) > seen + 200, LONG_MS, 'events come');
    await victim.kill('SIGKILL');
    await victim.start('answers');
  }
  isStorm = false;
  const written = await writing;
  clearInterval(cutting);
  await waitFor(() => allHealthy(nodes), LONG_MS, 'all nodes are healthy');
  await waitForConvergence(nodes, LONG_MS);
  for (const [index, roamer] of roamers.entries()) roamer.settleOn(cluster.node(index % 3));
  for (const node of nodes) await waitFor(() => noTimeIsNear(node), LONG_MS, 'nothing expires');
  await allAtEnd(cluster.node(0), nodes, roamers);

  for (const roamer of roamers) roamer.stop();
  const shown = await list(cluster.node(0));
  for (const node of nodes) await node.stop();
  const history = await historyOf(cluster.node(0).dataDir);
  let resets = 0;
  for (const roamer of roamers) resets += judge(roamer, history, shown);
  const connections = roamers.reduce((sum, roamer) => sum + roamer.connections, 0);
  assert.ok(connections > 3 * WATCHERS, `${connections} connections`);
  assert.is(resets, 0, 'nothing was compacted, so nobody started anew');
  if (process.env.SHOW)
    console.log({ written, connections, events: roamers.map(({ seen }) => seen.length) });
});

failover.run();

/** Every value is another; some expire, some are deleted. @returns how many writes were stored. */
async function write(nodes: readonly NodeProcess[], goesOn: () => boolean): Promise<number> {
  let stored = 0;
  for (let value = 0; goesOn(); value++) {
    const key = `key${Math.floor(Math.random() * KEYS)}`;
    const ttl = Math.random() < 0.3 ? { ttl_ms: 1 + Math.floor(Math.random() * 800) } : {};
    const isDelete = Math.random() < 0.15;
    try {
      const node = pick(nodes);
      const response = isDelete
        ? await node.delete(key)
        : await node.put(key, { value, version: 'next', ...ttl });
      await response.arrayBuffer();
      if (response.ok) stored++;
    } catch {
      // The node is down.
    }
  }
  return stored;
}

async function allHealthy(nodes: readonly NodeProcess[]): Promise<boolean> {
  const answers = await Promise.all(nodes.map((node) => node.request('/_health')));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return answers.every(({ ok }) => ok);
}

/** One last write for each prefix shows that a watcher has seen all that was before it. */
async function allAtEnd(
  writer: NodeProcess,
  nodes: readonly NodeProcess[],
  roamers: readonly Roamer[],
): Promise<void> {
  const ends = ['key0', 'key10', 'key20', 'key33', 'none'];
  for (const key of ends) await writer.put(key, { value: `end ${key}`, version: 'next' });
  await waitForConvergence(nodes, LONG_MS);
  for (const { prefix, seen } of roamers) {
    const wanted = ends.filter((key) => key.startsWith(prefix)).map((key) => `end ${key}`);
    const isThere = () => wanted.every((end) => seen.some(({ value }) => value === end));
    await waitFor(isThere, LONG_MS, `the end of ${prefix}`);
  }
}

interface Shown {
  readonly key: string;
  readonly value: unknown;
  readonly expires_at: string | null;
}

async function list(node: NodeProcess): Promise<Shown[]> {
  const { entries } = (await (await node.request('/cache?limit=1000')).json()) as {
    entries: Shown[];
  };
  return entries;
}

const noTimeIsNear = async (node: NodeProcess): Promise<boolean> =>
  (await list(node)).every(({ expires_at: at }) => at === null);

async function historyOf(directory: string): Promise<KeyOp[]> {
  const log = await openSqliteLog({
    directory,
    durability: 'full',
    clusterName: 'hearsay',
    newOrigin: () => '',
  });
  try {
    const ops: KeyOp[] = [];
    for (let lsn = 0; ; ) {
      const rows = await log.rowsAfter(lsn, { maxRows: 10_000, maxBytes: 1e8 });
      for (const { op } of rows) if (isOnKey(op)) ops.push(op);
      const last = rows.at(-1);
      if (last === undefined) return ops;
      lsn = last.lsn;
    }
  } finally {
    await log.close();
  }
}

/** @returns how often the watcher was told to start anew. */
function judge(
  { prefix, seen }: Roamer,
  history: readonly KeyOp[],
  shown: readonly Shown[],
): number {
  const byValue = new Map(history.map((op) => [op.value, op]));
  const mirror = new Map<string, unknown>();
  const last = new Map<string, KeyOp>();
  let resets = 0;
  let before: ReturnType<typeof decodeCursor> | null = null;
  for (const { type, key = '', value, cursor } of seen) {
    const told = decodeCursor(cursor);
    if (type === 'reset') {
      resets++;
      mirror.clear();
      last.clear();
    } else if (type === 'put') {
      const op = byValue.get(JSON.stringify(value));
      assert.ok(op, `${key} = ${value} was never written`);
      if (op === undefined) continue;
      const previous = last.get(key);
      assert.ok(previous === undefined || compareOps(op, previous) > 0, `${key} is told in order`);
      assert.not(
        before !== null && before.state === null && covers(before.vector, op),
        'told again',
      );
      last.set(key, op);
      mirror.set(key, value);
    } else if (type === 'delete' || type === 'expire') mirror.delete(key);
    before = told;
  }
  const expected = shown.filter(({ key }) => key.startsWith(prefix));
  assert.equal([...mirror].sort(), expected.map(({ key, value }) => [key, value]).sort());
  return resets;
}
