/** PUTs at a steady rate, each one's answer checked: in this process, or in one of its own. */
import { fork } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { PUT_BODY } from './keys.ts';
import { ended } from './processes.ts';

const PROCESS = new URL('./pacedPutsProcess.ts', import.meta.url).pathname;
const SLICE_MS = 5;
const HEADERS = { 'Content-Type': 'application/json' };

export interface Pace {
  readonly perSecond: number;
  /** Asked between requests. */
  readonly isOver: () => boolean;
}

/** Calls at a steady rate until told to stop, and waits for the last of them. @returns the number of calls. */
export async function paced(
  { perSecond, isOver }: Pace,
  call: (index: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  const calls = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  let ended = Promise.withResolvers<void>();
  let count = 0;
  while (!isOver()) {
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    for (; count < due; count++) {
      const called = call(count).catch(failure.reject);
      calls.add(called);
      void called.then(() => {
        calls.delete(called);
        ended.resolve();
      });
    }
    await Promise.race([wait(SLICE_MS), failure.promise]);
    // A server that falls behind is not asked for ever more: the rate that it took is told.
    while (calls.size > perSecond) {
      ended = Promise.withResolvers();
      await Promise.race([ended.promise, failure.promise]);
    }
  }
  await Promise.race([Promise.all(calls), failure.promise]);
  return count;
}

/** @returns a function that puts one key, and rejects unless the answer is 200. */
export function putter(pool: Pool): (key: string) => Promise<void> {
  return async (key) => {
    const { statusCode, body } = await pool.request({
      method: 'PUT',
      path: `/cache/${key}`,
      headers: HEADERS,
      body: PUT_BODY,
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`a PUT was answered with ${statusCode}`);
  };
}

export const poolOf = (url: string, connections: number): Pool =>
  new Pool(url, { connections, pipelining: 1, bodyTimeout: 60_000, headersTimeout: 60_000 });

export interface PutTask {
  readonly url: string;
  readonly perSecond: number;
  readonly connections: number;
  /** The keys that are put, in an order that looks random. */
  readonly keys: number;
}

export interface PutReport {
  readonly answered: number;
  readonly seconds: number;
}

export interface PutsBeside {
  /** Rejects if one was refused. */
  stop(): Promise<PutReport>;
}

/** Starts to put in another process, and resolves once it does. */
export async function putBeside(task: PutTask): Promise<PutsBeside> {
  const child = fork(PROCESS, [JSON.stringify(task)]);
  const told = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once('exit', () => reject(new Error('the process that puts has ended')));
      child.once('message', (message) => resolve(message as T));
    });
  await told<string>();
  return {
    stop: async () => {
      const report = told<PutReport>();
      if (child.connected) child.send('stop');
      try {
        return await report;
      } finally {
        await ended(child);
      }
    },
  };
}
