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
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';

interface Part {
  readonly name: string;
  readonly about: string;
  readonly words: readonly string[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PART_NAMES = ['bench', 'sim', 'chaos'];

interface Flags {
  readonly minutes: number;
  readonly seed: number;
  readonly only: readonly string[];
}

const command = new Command('npm run soak --')
  .description(
    'Runs all that takes long for its own sake, part after part, and sums up in the last line.',
  )
  .option('--minutes <number>', 'for how long the simulator and chaos run each', minutesOf, 30)
  .option('--seed <number>', 'the first seed', seedOf, 1)
  .option('--only <parts>', `some of ${PART_NAMES.join(',')}`, partNamesOf, PART_NAMES)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

process.exitCode = await main(command.parse().opts<Flags>());

function minutesOf(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function seedOf(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('It must be a whole number from 0 on.');
  return value;
}

function partNamesOf(text: string): string[] {
  const names = text.split(',');
  if (!names.every((name) => PART_NAMES.includes(name)))
    throw new InvalidArgumentError(`The parts are ${PART_NAMES.join(', ')}.`);
  return names;
}

async function main({ minutes: partMinutes, seed, only }: Flags): Promise<number> {
  const parts = partsOf(String(partMinutes), String(seed));
  const startedAt = performance.now();
  const failed: string[] = [];
  const wanted = parts.filter(({ name }) => only.includes(name));
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
  return [
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
    {
      name: 'chaos',
      about: `${minutes} minutes of faults at five real processes`,
      words: ['chaos/main.ts', '--nodes', '5', '--minutes', minutes, '--seed', seed],
    },
  ];
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
