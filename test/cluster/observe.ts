/** A node from outside: its whole map, its metrics, its health, its log lines. */
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { type NodeProcess, waitForConvergence } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import './compileCache.ts';

const pageSchema = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      value: z.unknown(),
      version: z.number(),
      expires_at: z.string().nullable(),
    }),
  ),
  next: z.string().nullable(),
});

const healthSchema = z.looseObject({
  status: z.string(),
  reasons: z.array(z.string()).optional(),
});

/** Every live entry of the node: key → its version and value. @throws Error while clients may not read. */
export async function mapOf(node: NodeProcess): Promise<Map<string, string>> {
  const map = new Map<string, string>();
  let after: string | null = null;
  do {
    const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
    const response = await node.request(`/cache?limit=1000${query}`);
    if (response.status !== 200) throw new Error(`${node.nodeId} answers ${response.status}`);
    const page: z.output<typeof pageSchema> = pageSchema.parse(await response.json());
    for (const { key, value, version } of page.entries)
      map.set(key, `${version} ${JSON.stringify(value)}`);
    after = page.next;
  } while (after !== null);
  return map;
}

/** Waits until all that run hold the same ops, and checks that they show the same. @returns that. */
export async function sameMapWithin(
  timeoutMs: number,
  nodes: readonly NodeProcess[],
): Promise<Map<string, string>> {
  await waitForConvergence(nodes, timeoutMs);
  const running = nodes.filter((node) => node.isRunning);
  let maps: Map<string, string>[] = [];
  const allAnswer = async (): Promise<boolean> => {
    maps = await Promise.all(running.map(mapOf));
    return true;
  };
  // One that has rejoined lets its clients read a moment later.
  await waitFor(allAnswer, timeoutMs, 'all nodes let their clients read');
  const [first = new Map<string, string>(), ...others] = maps;
  for (const other of others) assert.equal([...other], [...first]);
  return first;
}

/**
 * Waits until all that run show the same, these keys among it; not that they hold the same ops, which
 * they never will of an origin that was forked. @returns what they show.
 */
export async function allShowWithin(
  timeoutMs: number,
  nodes: readonly NodeProcess[],
  keys: readonly string[],
): Promise<Map<string, string>> {
  let shown = new Map<string, string>();
  const showAll = async (): Promise<boolean> => {
    const running = nodes.filter((node) => node.isRunning);
    // Their sums first, as to read whole maps again and again would leave the nodes no time. Where a clock
    // is wrong the sums are of different minutes and say nothing.
    const views = await Promise.all(running.map((node) => node.view()));
    const different = (part: 'sum' | 'as_of') => new Set(views.map((view) => view.map_sum[part]));
    if (different('as_of').size === 1 && different('sum').size > 1)
      throw new Error('the sums of their maps differ');
    const maps = await Promise.all(running.map(mapOf));
    for (const [index, map] of maps.entries()) {
      const missing = keys.filter((key) => !map.has(key));
      if (missing.length > 0) throw new Error(`node ${index + 1} lacks ${missing.join(', ')}`);
    }
    const texts = maps.map((map) => JSON.stringify([...map]));
    if (new Set(texts).size > 1) throw new Error('they differ');
    shown = maps[0] ?? shown;
    return true;
  };
  await waitFor(showAll, timeoutMs, `all nodes show ${keys.length} keys`);
  return shown;
}

/** When each node last told its metrics here. */
const toldAtMs = new WeakMap<NodeProcess, number>();
/** A node tells the same metrics for a second; its timers may be late. */
const METRICS_AGE_MS = 1100;

/** The metric as of now. @param name with its labels, if it has some. */
export async function metric(node: NodeProcess, name: string): Promise<number> {
  const ageMs = performance.now() - (toldAtMs.get(node) ?? Number.NEGATIVE_INFINITY);
  if (ageMs < METRICS_AGE_MS) await wait(METRICS_AGE_MS - ageMs);
  return lateMetric(node, name);
}

/** The metric as of the last second, at once: for those who ask again and again. */
export async function lateMetric(node: NodeProcess, name: string): Promise<number> {
  const text = await (await node.request('/metrics')).text();
  toldAtMs.set(node, performance.now());
  const value = new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`${node.nodeId} has no metric ${name}.`);
  return Number(value);
}

export async function waitForMetric(
  nodes: readonly NodeProcess[],
  name: string,
  expected: number,
  timeoutMs: number,
): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const values = await Promise.all(nodes.map((node) => lateMetric(node, name)));
    if (values.every((value) => value === expected)) return true;
    throw new Error(`it is ${values.join(', ')}`);
  };
  await waitFor(isThere, timeoutMs, `${name} is ${expected}`);
}

export async function healthOf(node: NodeProcess): Promise<z.output<typeof healthSchema>> {
  return healthSchema.parse(await (await node.request('/_health')).json());
}

export async function waitForHealth(
  nodes: readonly NodeProcess[],
  timeoutMs: number,
): Promise<void> {
  const isHealthy = async (): Promise<boolean> => {
    const states = await Promise.all(nodes.map(healthOf));
    if (states.every(({ status }) => status === 'ok')) return true;
    throw new Error(JSON.stringify(states));
  };
  await waitFor(isHealthy, timeoutMs, 'all are healthy');
}

/** The messages of the log lines that match. */
export function logged(node: NodeProcess, pattern: RegExp): string[] {
  const messages: string[] = [];
  for (const line of node.logs().split('\n')) {
    const message = messageOf(line);
    if (pattern.test(message)) messages.push(message);
  }
  return messages;
}

function messageOf(line: string): string {
  try {
    const parsed: unknown = JSON.parse(line);
    return z.object({ msg: z.string() }).parse(parsed).msg;
  } catch {
    return line;
  }
}

export async function waitForLog(
  node: NodeProcess,
  pattern: RegExp,
  timeoutMs: number,
): Promise<void> {
  await waitFor(
    () => logged(node, pattern).length > 0,
    timeoutMs,
    `${node.nodeId} logs ${pattern}`,
  );
}
