/** Programs that a bench runs: their last line of JSON, and the processor time of others meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { processorMs } from './processorTime.ts';

const BOTS = fileURLToPath(new URL('../bots/main.ts', import.meta.url));

const botsSchema = z.object({
  seated: z.number(),
  refused: z.number(),
  refusedBy: z.record(z.string(), z.number()),
  bytesPerSecond: z.number(),
  frameGapP99Ms: z.number(),
  longestGapMs: z.number(),
  arrivalGapP99Ms: z.number(),
  arrivalLongestGapMs: z.number(),
  faults: z.number(),
  firstFault: z.string().nullable(),
});

export type BotsLine = z.output<typeof botsSchema>;

/** @returns the line of JSON that the program prints at its end. */
export async function lineOf(words: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  return JSON.parse(text);
}

export interface BotsOptions {
  readonly count: number;
  /** How long they play before anything is counted. */
  readonly settleSeconds?: number;
  readonly seconds: number;
  /** As region/world; null for any of the first region. */
  readonly world?: string | null;
}

export async function runBots(
  edgeUrl: string,
  { count, settleSeconds = 0, seconds, world = null }: BotsOptions,
): Promise<BotsLine> {
  const words = ['--count', `${count}`, '--seconds', `${seconds}`, '--edge-url', edgeUrl];
  words.push('--settle-seconds', `${settleSeconds}`);
  if (world !== null) words.push('--world', world);
  return botsSchema.parse(await lineOf([BOTS, ...words]));
}

/** @returns the processor time that the process took while the work was under way, in milliseconds. */
export async function processorMsOf<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly ms: number }> {
  const before = processorMs(pid);
  const result = await work();
  return { result, ms: processorMs(pid) - before };
}

/** @returns what the pattern's group found in its output. @throws Error if the program ends before. */
export async function saidBy(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const [, found] = pattern.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`A program ended: ${text}`)));
  });
}
