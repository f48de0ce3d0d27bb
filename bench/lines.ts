/** Requests with an op a line, sent as a client sends a file. */
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { keyOf, VALUE } from './keys.ts';

/** Ops of one request. */
const LINES = 100_000;

export const linesOf = (ops: readonly object[]): Buffer =>
  Buffer.from(ops.map((op) => `${JSON.stringify(op)}\n`).join(''));

/** @returns the body of the answer. */
export function sendLines(url: string, text: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const sent = request(`${url}/cache`, { method: 'POST', headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve(Buffer.concat(parts).toString()));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    pipeline(piecesOf(text), sent).catch(reject);
  });
}

function* piecesOf(text: Buffer): Generator<Buffer> {
  for (let from = 0; from < text.length; from += 65_536) yield text.subarray(from, from + 65_536);
}

/** @throws Error unless each line was answered with 200, and the last line counts them. */
export function checkLines(answer: string, count: number): void {
  const lines = answer.trimEnd().split('\n');
  const last = JSON.parse(lines.pop() ?? '{}') as { count?: number };
  const good = lines.filter((line) => line.startsWith('{"status":200,')).length;
  if (last.count !== count || good !== count)
    throw new Error(`of ${count} lines, ${good} were answered with 200`);
}

/** Waits while a node that has just started takes no writes yet: a condition that never holds is judged only after. */
async function untilWritable(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/cache/absent`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'If-Match': '*' },
      body: '{"value": 1, "version": "next"}',
    });
    await answer.arrayBuffer();
    if (answer.status === 412) return;
    if (answer.status !== 503) throw new Error(`a condition was answered with ${answer.status}`);
    await wait(20);
  }
}

/** Puts keys, in requests of a hundred thousand: the quickest way for many. */
export async function fillByLines(url: string, keys: number): Promise<void> {
  await untilWritable(url);
  for (let from = 0; from < keys; from += LINES) {
    const count = Math.min(LINES, keys - from);
    const ops = Array.from({ length: count }, (_, index) => ({
      op: 'put',
      key: keyOf(from + index),
      value: VALUE,
      version: 'next',
    }));
    checkLines(await sendLines(url, linesOf(ops)), count);
  }
}
