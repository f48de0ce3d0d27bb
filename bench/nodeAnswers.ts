/** Fills a node through its REST interface and reads back from there, so that answers are checked. */
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { keyOf, spread, VALUE } from './keys.ts';

const BATCH = 1000;
const SAMPLES = 100;
const JOIN_TIMEOUT_MS = 30_000;
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** @throws Error unless the answer is 2xx. */
async function answered(url: string, init?: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** Sends a batch, again while the node has not joined its cluster yet. */
async function batched(url: string, body: string): Promise<Response> {
  const endAt = performance.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${url}/cache`, { method: 'POST', headers: JSON_TYPE, body });
    if (answer.ok) return answer;
    const text = await answer.text();
    if (answer.status !== 503 || performance.now() > endAt)
      throw new Error(`${url} answered ${answer.status}: ${text}`);
    await wait(100);
  }
}

/** Carries out ops in batches of a thousand. */
export async function sendOps(url: string, ops: readonly object[]): Promise<void> {
  for (let from = 0; from < ops.length; from += BATCH) {
    const body = JSON.stringify({ ops: ops.slice(from, from + BATCH) });
    const answer = await batched(url, body);
    const { results } = (await answer.json()) as { results: { status: number }[] };
    const refused = results.find(({ status }) => status !== 200);
    if (refused !== undefined)
      throw new Error(`${url} refused an op of a batch with ${refused.status}`);
  }
}

/** Puts keys in batches of a thousand. */
export async function fillKeys(
  url: string,
  keys: number,
  members: Readonly<Record<string, unknown>> = {},
  nameOf: (index: number) => string = keyOf,
): Promise<void> {
  for (let from = 0; from < keys; from += BATCH)
    await sendOps(
      url,
      Array.from({ length: Math.min(BATCH, keys - from) }, (_, index) => ({
        op: 'put',
        key: nameOf(from + index),
        value: VALUE,
        version: 'next',
        ...members,
      })),
    );
}

/** @throws Error unless a sample of the keys has the value that was put. */
export async function checkValues(
  url: string,
  keys: number,
  nameOf: (index: number) => string = keyOf,
): Promise<void> {
  for (const index of spread(keys, SAMPLES)) {
    const answer = await answered(`${url}/cache/${nameOf(index)}`);
    const { value } = (await answer.json()) as { value: unknown };
    if (!isDeepStrictEqual(value, VALUE))
      throw new Error(`${url} has another value of ${nameOf(index)} than was put`);
  }
}

/** The sum of the versions of all keys: each put with the version `next` makes it greater by one. */
export async function sumOfVersions(url: string): Promise<number> {
  let sum = 0;
  let after: string | null = null;
  do {
    const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
    const answer = await answered(`${url}/cache?values=false&limit=1000${query}`);
    const page = (await answer.json()) as { entries: { version: number }[]; next: string | null };
    for (const { version } of page.entries) sum += version;
    after = page.next;
  } while (after !== null);
  return sum;
}

/** @throws Error if the node holds fewer puts than it has answered, or more than were sent. */
export function checkPuts(found: number, answered: number, underWay: number): void {
  if (found < answered || found > answered + underWay)
    throw new Error(`the node answered ${answered} puts and holds ${found}`);
}

/** The value of a metric without labels. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await answered(`${url}/metrics`)).text();
  const value = new RegExp(`^${name}(?:{[^}]*})? ([\\d.e+-]+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`${url} has no metric ${name}`);
  return Number(value);
}
