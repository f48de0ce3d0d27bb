/**
 * The processor time of one GET, PUT, page of a list and expiry, and the time to open, at 10 thousand to 10
 * million keys. Nodes of all sizes run at the same time and are measured in turn.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Figure, type Outcome, point } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { keyOf, PUT_BODY, spread, VALUE } from './keys.ts';
import { fillByLines } from './lines.ts';
import { Load, type LoadRequest } from './load.ts';
import { checkValues, metric, sendOps } from './nodeAnswers.ts';
import { type NodeProcess, startNode } from './nodes.ts';
import { freePorts, temporaryDirectory } from './processes.ts';
import { processorMs } from './processorTime.ts';
import { type Scale, scaled } from './scale.ts';

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000] as const;
const CONNECTIONS = 32;
/** The most keys that requests name. */
const REQUESTS = 100_000;
const PAGE = 100;
const DYING = 50_000;
const TTL_MS = 3000;
/** By then a node that keeps up has dropped all of them. */
const AFTER_DEATH_MS = 2000;
const POLL_INTERVAL_MS = 200;
const LIMIT_MS = 600_000;
/** From the smallest to the greatest; a processor's caches hold the smallest map alone. */
const MOST = 1.3;

type Size = `${number}`;
type Measured = 'get' | 'put' | 'list' | 'sweep' | 'boot';

const NAMES: Readonly<Record<Exclude<Measured, 'boot'>, string>> = {
  get: 'GET',
  put: 'PUT',
  list: `list page of ${PAGE}`,
  sweep: 'expiry of a key',
};

export async function benchGrow(scale: Scale): Promise<Outcome> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const sizes = [...new Set(SIZES.map((keys) => scaled(keys, scale)))];
  const sides: Record<Size, Measure<Measured>> = {};
  for (const keys of sizes)
    sides[`${keys}`] = resources.use(await sideOf(keys, path, scale)).measure;
  const rounds = await inTurn<Size, Measured>(scale, sides);
  const figures: Figure[] = [];
  const [least = 0] = sizes;
  const most = sizes.at(-1) ?? least;
  for (const [name, shown] of Object.entries(NAMES) as [Exclude<Measured, 'boot'>, string][]) {
    for (const keys of sizes)
      figures.push(point(shown, keys, rounds.median(`${keys}`, name), 'µs'));
    const ratio = rounds.ratio(`${most}`, `${least}`, name);
    figures.push(atMost(`${shown}, ratio of the greatest to the smallest map`, ratio, '', MOST));
  }
  for (const keys of sizes)
    figures.push(point('opening', keys, rounds.median(`${keys}`, 'boot') / 1000, 's'));
  return { figures, skipped: [] };
}

interface GrownNode extends AsyncDisposable {
  readonly measure: Measure<Measured>;
}

async function sideOf(keys: number, path: string, scale: Scale): Promise<GrownNode> {
  await using resources = new AsyncDisposableStack();
  const [port = 0] = await freePorts(1);
  const start = (): Promise<NodeProcess> =>
    startNode({
      id: `node${keys}`,
      port,
      directory: join(path, String(keys)),
      flags: ['--durability', 'normal'],
      limitMs: LIMIT_MS,
    });
  let node = await start();
  resources.defer(() => node.stop());
  await fillByLines(node.url, keys);
  const load = (requestOf: (index: number) => LoadRequest): Load =>
    resources.use(new Load(CONNECTIONS, spread(keys, REQUESTS).map(requestOf)));
  const gets = load((index) => ({ method: 'GET', path: `/cache/${keyOf(index)}` }));
  const puts = load((index) => ({ method: 'PUT', path: `/cache/${keyOf(index)}`, body: PUT_BODY }));
  const lists = load((index) => ({
    method: 'GET',
    path: `/cache?prefix=key&after=${keyOf(index)}&limit=${PAGE}`,
  }));
  const each = async (requests: Load): Promise<number> => {
    const before = processorMs(node.pid);
    const { answers } = await requests.run(node.url, scale.seconds);
    return ((processorMs(node.pid) - before) * 1000) / answers;
  };
  const measure = async (): Promise<Record<Measured, number>> => {
    const [get, put, list] = [await each(gets), await each(puts), await each(lists)];
    const sweep = await sweepOf(node, scaled(DYING, scale));
    await node.stop();
    node = await start();
    await checkValues(node.url, keys);
    return { get, put, list, sweep, boot: node.bootMs };
  };
  const held = resources.move();
  return { measure, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** @returns the processor time of one expiry in microseconds, after what the node needs when idle is taken off. */
async function sweepOf(node: NodeProcess, keys: number): Promise<number> {
  const before = await entriesOf(node);
  const ops = Array.from({ length: keys }, (_, index) => ({
    op: 'put',
    key: `dying${index}`,
    value: VALUE,
    version: 'next',
    ttl_ms: TTL_MS,
  }));
  await sendOps(node.url, ops);
  const dying = await usedIn(node, before);
  const idle = await usedIn(node, before);
  return ((dying.usedMs - (idle.usedMs / idle.tookMs) * dying.tookMs) * 1000) / keys;
}

const entriesOf = ({ url }: NodeProcess): Promise<number> => metric(url, 'hearsay_map_entries');

/**
 * The processor time of a node for somewhat longer than keys live, until no more than `entries` are left. Its metrics are
 * read only at the end, since that takes as long as the expiry of thousands of keys.
 */
async function usedIn(
  node: NodeProcess,
  entries: number,
): Promise<{ usedMs: number; tookMs: number }> {
  const startMs = processorMs(node.pid);
  const startedAt = performance.now();
  for (let waitMs = TTL_MS + AFTER_DEATH_MS; ; waitMs = POLL_INTERVAL_MS) {
    await wait(waitMs);
    const isOver = (await entriesOf(node)) <= entries;
    const tookMs = performance.now() - startedAt;
    if (isOver) return { usedMs: processorMs(node.pid) - startMs, tookMs };
    if (tookMs > LIMIT_MS) throw new Error('keys stayed after their death');
  }
}
