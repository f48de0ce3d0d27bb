/**
 * The time from the answer to a PUT at one node until another node shows it: at 1,000 writes a second,
 * by a watch at the other node, in this process, so that one clock serves both.
 */

import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { atMost, type Figure, percentile, plain } from './figures.ts';
import { VALUE } from './load.ts';
import { startNodes } from './nodes.ts';

const WRITES_PER_SECOND = 1000;
const SLICE_MS = 10;
const WARM_UP_MS = 2000;

/** @param seconds how long to write. */
export async function benchVisibility(seconds: number): Promise<Figure[]> {
  await using nodes = await startNodes(3);
  const [writeUrl = '', watchUrl = ''] = nodes.urls;
  const answeredAt = new Map<string, number>();
  const seenAt = new Map<string, number>();
  const watch = new WebSocket(`${watchUrl.replace('http', 'ws')}/watch?values=false`);
  await new Promise((resolve, reject) => {
    watch.once('open', resolve);
    watch.once('error', reject);
  });
  watch.on('message', (data) => {
    const event = JSON.parse(String(data)) as { type: string; key?: string };
    if (event.type === 'put' && event.key !== undefined) seenAt.set(event.key, performance.now());
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const startedAt = performance.now();
  const measured: string[] = [];
  const writes: Promise<void>[] = [];
  for (let written = 0; performance.now() - startedAt < seconds * 1000 + WARM_UP_MS; ) {
    const due = ((performance.now() - startedAt) / 1000) * WRITES_PER_SECOND;
    for (; written < due; written++) {
      const key = `visible${written}`;
      if (performance.now() - startedAt > WARM_UP_MS) measured.push(key);
      writes.push(
        put(agent, writeUrl, key).then(() => void answeredAt.set(key, performance.now())),
      );
    }
    await wait(SLICE_MS);
  }
  await Promise.all(writes);
  while (measured.some((key) => !seenAt.has(key))) await wait(SLICE_MS);
  watch.terminate();
  agent.destroy();
  const delays = measured.map((key) => (seenAt.get(key) ?? 0) - (answeredAt.get(key) ?? 0));
  return [
    plain('writes a second', measured.length / seconds, '1/s'),
    plain('PUT visible on another node, median', Math.max(0, percentile(delays, 0.5)), 'ms'),
    atMost(
      'PUT visible on another node, 99th percentile',
      Math.max(0, percentile(delays, 0.99)),
      'ms',
      10,
    ),
  ];
}

function put(agent: Agent, url: string, key: string): Promise<void> {
  const body = JSON.stringify({ value: VALUE, version: 'next' });
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/cache/${key}`,
      {
        agent,
        method: 'PUT',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`answered ${response.statusCode}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
