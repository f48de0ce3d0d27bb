/**
 * Changes one condition of the source at a time, runs the unit tests that reach it, and lists the
 * changes that no test notices.
 *
 *   npm run mutate                               every condition of the rules, the gossip, the replica, the watch
 *   npm run mutate -- --file memberKeeper        only files whose path holds this
 *   npm run mutate -- --number 50 --seed 3       a sample
 *
 * Survivors that `docs/simulation.md` lists and explains are counted apart. Exit codes: 0 no other
 * survived, 1 some did, 2 usage.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { seeded, shuffled } from '../src/words/random.ts';
import { type Mutant, mutantsOf, reachedFrom } from './mutants.ts';
import { patience } from './patience.ts';
import { type SourceFile, sourceFiles } from './source.ts';

const ROOT = new URL('..', import.meta.url);
const MUTATED = ['src/rules', 'src/gossip', 'src/replica', 'src/watch'];
const TESTED = ['test/rules', 'test/words', 'test/gossip', 'test/replica', 'test/watch'];
/** Real processes, long runs and real sockets take too long for thousands of runs. */
const LEFT_OUT = /\.(processes|bench)\.test\.ts$|socket/;
const RUN = fileURLToPath(new URL('mutantRun.ts', import.meta.url));
const DOCUMENT = new URL('../docs/simulation.md', import.meta.url);
/** An endless loop is noticed too. */
const LIMIT_MS = 60_000;

type Outcome = 'killed' | 'survived' | 'known';

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      file: { type: 'string', default: '' },
      number: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '1' },
    },
  });
  const number = Number(values.number);
  const sources = sourceFiles(...MUTATED).filter(({ path }) => path.includes(values.file));
  if (sources.length === 0 || !(number > 0) || !Number.isSafeInteger(Number(values.seed))) {
    say('--file takes a part of a path; --number and --seed take whole numbers.');
    return 2;
  }
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const testsOf = testFinder();
  const all = sources.flatMap(mutantsOf);
  const mutants = shuffled(all, seeded(Number(values.seed))).slice(0, number);
  mutants.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.start - b.start));
  if (!(await allPass(mutants, testsOf))) return 1;

  const known = knownSurvivors();
  const counts: Record<Outcome, number> = { killed: 0, survived: 0, known: 0 };
  const queue = [...mutants];
  const work = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const [near = [], far = []] = testsOf(mutant.file);
      const survives = (await passes(near, mutant)) && (await passes(far, mutant));
      const outcome = !survives ? 'killed' : known.has(rowOf(mutant)) ? 'known' : 'survived';
      counts[outcome]++;
      if (outcome === 'survived') say(`${mutant.file}:${mutant.line}\n  ${rowOf(mutant)}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  say(
    `${mutants.length} of ${all.length} mutants: ${counts.killed} killed, ${counts.survived} survived, ${counts.known} known survivors`,
  );
  return counts.survived > 0 ? 1 : 0;
}

/**
 * The tests that import a file, directly or through others: first those of its own folder, which most
 * often notice a change, then the others.
 */
function testFinder(): (path: string) => readonly (readonly string[])[] {
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
  const sizeOf = (path: string): number => reached.get(path)?.size ?? 0;
  return (path) => {
    const fitting = tests.filter((test) => reached.get(test)?.has(path));
    const [near, far]: [string[], string[]] = [[], []];
    const folder = path.replace(/^src/, 'test').replace(/[^/]+$/, '');
    for (const test of fitting) (test.startsWith(folder) ? near : far).push(test);
    const own = path.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');
    const byNearness = (a: string, b: string): number =>
      Number(b === own) - Number(a === own) || sizeOf(a) - sizeOf(b);
    return [near.sort(byNearness), far.sort(byNearness)];
  };
}

async function allPass(
  mutants: readonly Mutant[],
  testsOf: (path: string) => readonly (readonly string[])[],
): Promise<boolean> {
  const tests = [...new Set(mutants.flatMap(({ file }) => testsOf(file).flat()))];
  if (await passes(tests)) return true;
  say(`The tests fail without any change: ${tests.join(', ')}`);
  return false;
}

function passes(tests: readonly string[], mutant?: Mutant): Promise<boolean> {
  // Nothing reaches the file: any change of it survives.
  if (tests.length === 0) return Promise.resolve(true);
  const environment = { ...process.env };
  if (mutant !== undefined) {
    const { file, start, end, change } = mutant;
    const url = pathToFileURL(fileURLToPath(new URL(file, ROOT))).href;
    environment.HEARSAY_MUTANT = JSON.stringify({ url, start, end, change });
  }
  const child = spawn(process.execPath, [RUN, ...tests], {
    cwd: ROOT,
    stdio: 'ignore',
    env: environment,
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS * patience());
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

/** A mutant as the table of survivors names it. */
function rowOf({ file, source, text, change }: Mutant): string {
  const shown = text.replace(/\s+/g, ' ');
  return `| \`${file}\` | \`${source}\` | \`${shown}\` → \`${change}\` |`.replaceAll(
    '||',
    '\\|\\|',
  );
}

/** Rows of the document, without their last column and without padding. */
function knownSurvivors(): Set<string> {
  const rows = readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `src\/.*$/gm);
  return new Set(
    [...rows].map(([row]) => {
      const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return `| ${cells.slice(1, 4).join(' | ')} |`;
    }),
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
