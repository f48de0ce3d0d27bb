/**
 * Runs all that takes long for its own sake, part after part, and sums up in the last line.
 *
 *   npm run soak                      about an hour and a half
 *   npm run soak -- --minutes 5       five minutes each of the simulator and of chaos
 *   npm run soak -- --only sim,bench  some of the parts
 *
 * Exit codes: 0 every part passed, 1 one failed, 2 usage.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Part {
  readonly name: string;
  readonly about: string;
  readonly words: readonly string[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEFAULT_MINUTES = '30';

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: DEFAULT_MINUTES },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
    },
  });
  const parts = partsOf(values.minutes, values.seed);
  const names = values.only?.split(',') ?? parts.map(({ name }) => name);
  const unknown = names.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0 || !(Number(values.minutes) > 0)) {
    say(`--only takes ${parts.map(({ name }) => name).join(', ')}; --minutes a number above 0.`);
    return 2;
  }
  const startedAt = performance.now();
  const failed: string[] = [];
  const wanted = parts.filter(({ name }) => names.includes(name));
  for (const part of wanted) {
    say(`\n== ${part.name}: ${part.about}`);
    if (!(await passes(part))) failed.push(part.name);
  }
  const minutes = (performance.now() - startedAt) / 60_000;
  if (failed.length > 0) say(`\nFailed: ${failed.join(', ')}`);
  say(
    `soak: ${wanted.length - failed.length} parts passed, ${failed.length} failed, in ${minutes.toFixed(1)} minutes`,
  );
  return failed.length > 0 ? 1 : 0;
}

function partsOf(minutes: string, seed: string): Part[] {
  const parts: Part[] = [
    {
      name: 'bench',
      about:
        'watches of every size, slow readers, a million broken messages, 10,000 groups of requests',
      words: ['scripts/test.mjs', '.bench.test'],
    },
    {
      name: 'sim',
      about: `${minutes} minutes of simulated clusters`,
      words: ['sim/main.ts', '--minutes', minutes, '--seed', seed],
    },
  ];
  if (existsSync(new URL('../chaos/main.ts', import.meta.url)))
    parts.push({
      name: 'chaos',
      about: `${minutes} minutes of faults at five real processes`,
      words: ['chaos/main.ts', '--nodes', '5', '--minutes', minutes, '--seed', seed],
    });
  return parts;
}

function passes({ words }: Part): Promise<boolean> {
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
