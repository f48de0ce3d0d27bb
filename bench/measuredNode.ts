/** A node in a process of its own that tells of its heap and its event loop. */
import { fork } from 'node:child_process';

const PROCESS = new URL('./measuredNodeProcess.ts', import.meta.url).pathname;
/** The event loop's delay is looked at so often; this much of every delay is the look itself. */
export const RESOLUTION_MS = 1;

/** Answers of the process, one at a time. */
export interface Measures {
  readonly url?: string;
  readonly heapBytes?: number;
  readonly longestDelayMs?: number;
}

export interface MeasuredNode extends AsyncDisposable {
  readonly url: string;
  /** After a collection of garbage. */
  heapBytes(): Promise<number>;
  /** The longest delay of the event loop since the last time it was asked. */
  longestDelayMs(): Promise<number>;
}

/**
 * @param directory of the data.
 * @param settings as environment variables.
 * @param heapMiB the most that its JavaScript heap may hold; without it, Node's default.
 */
export async function startMeasuredNode(
  directory: string,
  settings: Readonly<Record<string, string>> = {},
  heapMiB?: number,
): Promise<MeasuredNode> {
  const { PATH, NODE_COMPILE_CACHE, GLIBC_TUNABLES } = process.env;
  const child = fork(PROCESS, {
    execArgv: [
      '--expose-gc',
      ...(heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`]),
    ],
    env: { PATH, NODE_COMPILE_CACHE, GLIBC_TUNABLES, PORT: '0', DATA_DIR: directory, ...settings },
  });
  const told = (): Promise<Measures> =>
    new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('the measured node has ended'));
      child.once('exit', fail);
      child.once('message', (measures: Measures) => {
        child.off('exit', fail);
        resolve(measures);
      });
    });
  const ask = (question: 'heap' | 'delay'): Promise<Measures> => {
    const answer = told();
    child.send(question);
    return answer;
  };
  const { url = '' } = await told();
  return {
    url,
    heapBytes: async () => (await ask('heap')).heapBytes ?? Number.NaN,
    longestDelayMs: async () => (await ask('delay')).longestDelayMs ?? Number.NaN,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await exit;
    },
  };
}
