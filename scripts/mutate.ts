/**
 * Changes one condition of the source at a time, runs the unit tests that reach it, and lists the
 * changes that no test notices.
 *
 *   npm run mutate                               every condition of the rules, the gossip, the replica, the watch
 *   npm run mutate -- --file memberKeeper        only files whose path holds this, or one of several
 *   npm run mutate -- --survivors earlier.txt    only the changes that the output of an earlier run tells as survivors
 *   npm run mutate -- --number 50 --seed 3       a sample
 *   npm run mutate -- --near                     only by the tests of the file's folder: quick, and stricter
 *   npm run mutate -- --jobs 1                   one at a time; else one for each core
 *
 * Survivors that `docs/simulation.md` lists and explains are counted apart. Exit codes: 0 no other
 * survived, 1 some did, 2 usage.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { seeded, shuffled } from '../src/words/random.ts';
import { explainedRows, MUTATED, type Mutant, mutantsOf, reachedFrom, rowOf } from './mutants.ts';
import { patience } from './patience.ts';
import { type SourceFile, sourceFiles } from './source.ts';

const ROOT = new URL('..', import.meta.url);
const TESTED = ['test/rules', 'test/words', 'test/gossip', 'test/replica', 'test/watch'];
/** Real processes and long runs take too long for thousands of runs. */
const LEFT_OUT = /\.(processes|slow|bench)\.test\.ts$/;
const RUN = fileURLToPath(new URL('mutantRun.ts', import.meta.url));
const DOCUMENT = new URL('../docs/simulation.md', import.meta.url);
/** A child finds there the code that another one has compiled, and takes half of the processor time. */
const COMPILE_CACHE = join(tmpdir(), 'hearsay-mutants');
/** An endless loop is noticed too: tests that take so many times as long as without any change. */
const LIMIT_TIMES = 10;
const LEAST_LIMIT_MS = 5000;
/** Beyond this something hangs without any change, milliseconds on an idle machine. */
const BASELINE_LIMIT_MS = 120_000;

/** The end of what a failed test says, characters. */
const MAX_OUTPUT = 8000;

type Outcome = 'killed' | 'survived' | 'known';

interface Flags {
  readonly file: readonly string[];
  readonly survivors?: string;
  readonly number?: number;
  readonly seed: number;
  readonly near: boolean;
  readonly jobs: number;
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
};

const command = new Command('npm run mutate --')
  .description(
    'Changes one condition of the source at a time, and lists the changes that no test notices.',
  )
  .option('--file <part...>', 'only files whose path holds this, or one of several', [''])
  .option('--survivors <output>', 'only the survivors that this file, the output of a run, tells')
  .option('--number <number>', 'a sample of so many; else every condition', whole)
  .option('--seed <number>', 'the seed of the sample', whole, 1)
  .option('--near', "only by the tests of the file's folder: quick, and stricter", false)
  .option('--jobs <number>', 'how many at a time', whole, availableParallelism())
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

process.exitCode = await main(command.parse().opts<Flags>());

async function main({ file, survivors, number, seed, near, jobs }: Flags): Promise<number> {
  const sources = sourceFiles(...MUTATED).filter(({ path }) =>
    file.some((part) => path.includes(part)),
  );
  if (sources.length === 0) {
    say(
      `No file below ${MUTATED.join(', ')} has "${file.join('", "')}" in its path: name a part of one.`,
    );
    return 2;
  }
  const told =
    survivors === undefined ? null : new Set(explainedRows(readFileSync(survivors, 'utf8')));
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const groupsOf = testFinder(near);
  const all = sources
    .flatMap(mutantsOf)
    .filter((mutant) => told === null || told.has(rowOf(mutant)));
  const mutants = shuffled(all, seeded(seed)).slice(0, number);
  mutants.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.start - b.start));
  const usualMs = await usualTimes(mutants, groupsOf);
  if (usualMs === null) return 1;
  const orderOf = ordered(groupsOf, usualMs);

  const known = new Set(explainedRows(readFileSync(DOCUMENT, 'utf8')));
  const counts: Record<Outcome, number> = { killed: 0, survived: 0, known: 0 };
  const queue = [...mutants];
  const left = new Map<string, number>();
  for (const { file } of mutants) left.set(file, (left.get(file) ?? 0) + 1);
  const work = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const tests = orderOf(mutant.file);
      const { passes, lastTest } = await resultOf([...tests], limitsOf(usualMs), mutant);
      if (!passes && lastTest !== null) moveToFront(tests, lastTest);
      const outcome = !passes ? 'killed' : known.has(rowOf(mutant)) ? 'known' : 'survived';
      counts[outcome]++;
      if (outcome === 'survived') say(`${mutant.file}:${mutant.line}\n  ${rowOf(mutant)}`);
      left.set(mutant.file, (left.get(mutant.file) ?? 0) - 1);
      if (left.get(mutant.file) === 0) say(`${mutant.file} is done`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  say(
    `${mutants.length} of ${all.length} mutants: ${counts.killed} killed, ${counts.survived} survived, ${counts.known} known survivors`,
  );
  return counts.survived > 0 ? 1 : 0;
}

/**
 * The tests that import a file, directly or through others: at first its own, then those of its folder, which most
 * often notice a change, then the others.
 */
function testFinder(onlyNear: boolean): (path: string) => readonly string[][] {
  const files = new Map<string, SourceFile>(
    sourceFiles('src', 'test', 'sim', 'scripts').map((file) => [file.path, file]),
  );
  const tests = [...files.keys()].filter(
    (path) =>
      TESTED.some((folder) => path.startsWith(`${folder}/`)) &&
      path.endsWith('.test.ts') &&
      !LEFT_OUT.test(path),
  );
  tests.push('test/cluster/silence.test.ts');
  const reached = new Map(tests.map((path) => [path, reachedFrom(path, files)]));
  return (path) => {
    const [ownest, near, far]: [string[], string[], string[]] = [[], [], []];
    const folder = path.replace(/^src/, 'test').replace(/[^/]+$/, '');
    const own = path.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');
    for (const test of tests)
      if (reached.get(test)?.has(path))
        (test === own ? ownest : test.startsWith(folder) ? near : far).push(test);
    return [ownest, near, onlyNear ? [] : far];
  };
}

/** The quick tests of each group first. The order of a file is the same list each time, and may be changed. */
function ordered(
  groupsOf: (path: string) => readonly string[][],
  usualMs: ReadonlyMap<string, number>,
): (path: string) => string[] {
  const timeOf = (test: string): number => usualMs.get(test) ?? 0;
  const orders = new Map<string, string[]>();
  return (path) => {
    const order =
      orders.get(path) ??
      groupsOf(path).flatMap((group) => group.toSorted((a, b) => timeOf(a) - timeOf(b)));
    orders.set(path, order);
    return order;
  };
}

/** The next mutant of the file is most often noticed by the same test. */
function moveToFront(tests: string[], test: string): void {
  const [moved] = tests.splice(tests.indexOf(test), 1);
  if (moved !== undefined) tests.unshift(moved);
}

/** How long each test takes without any change, milliseconds; null where one fails, which is told. */
async function usualTimes(
  mutants: readonly Mutant[],
  groupsOf: (path: string) => readonly string[][],
): Promise<ReadonlyMap<string, number> | null> {
  const tests = [...new Set(mutants.flatMap(({ file }) => groupsOf(file).flat()))];
  const result = await resultOf(tests, () => BASELINE_LIMIT_MS * patience());
  if (result.passes) return result.tookMs;
  say(`${result.lastTest} fails without any change:\n${result.output}`);
  return null;
}

function limitsOf(usualMs: ReadonlyMap<string, number>): (test: string) => number {
  return (test) => Math.max(LEAST_LIMIT_MS * patience(), LIMIT_TIMES * (usualMs.get(test) ?? 0));
}

interface Result {
  readonly passes: boolean;
  readonly output: string;
  /** The test that failed, where one did; null where none began. */
  readonly lastTest: string | null;
  readonly tookMs: ReadonlyMap<string, number>;
}

/** Runs the tests in one process, one after another, up to the first that fails. */
function resultOf(
  tests: readonly string[],
  limitMs: (test: string) => number,
  mutant?: Mutant,
): Promise<Result> {
  const tookMs = new Map<string, number>();
  // Nothing reaches the file: any change of it survives.
  if (tests.length === 0)
    return Promise.resolve({ passes: true, output: '', lastTest: null, tookMs });
  const environment: NodeJS.ProcessEnv = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
  if (mutant !== undefined) {
    const { file, start, end, change } = mutant;
    const url = pathToFileURL(fileURLToPath(new URL(file, ROOT))).href;
    environment.HEARSAY_MUTANT = JSON.stringify({ url, start, end, change });
  }
  const child = spawn(process.execPath, [RUN, ...tests], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  let lastTest: string | null = null;
  let startedAt = performance.now();
  const timerFor = (test: string): NodeJS.Timeout => {
    const allowedMs = limitMs(test);
    return setTimeout(() => {
      output += `It took longer than ${Math.round(allowedMs / 1000)} s.`;
      child.kill('SIGKILL');
    }, allowedMs);
  };
  let timer = timerFor(tests[0] ?? '');
  child.on('message', (test) => {
    if (typeof test !== 'string') return;
    clearTimeout(timer);
    timer = timerFor(test);
    const now = performance.now();
    if (lastTest !== null) tookMs.set(lastTest, now - startedAt);
    lastTest = test;
    startedAt = now;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (lastTest !== null) tookMs.set(lastTest, performance.now() - startedAt);
      const passes = code === 0 && !hasUncounted(output);
      resolve({ passes, output: output.slice(-MAX_OUTPUT), lastTest, tookMs });
    });
  });
}

/** uvu says nothing of a test that throws null: its suite passes, with fewer tests than it has. */
function hasUncounted(output: string): boolean {
  const summaries = output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)$/gm);
  return [...summaries].some(([, total, passed]) => total !== passed);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
