// Runs the tests: every *.test.ts below test and worlds/test as a process of its own, so that a file which crashes,
// hangs or leaves something behind spoils no other. uvu alone lets some of that pass: a file that
// throws away its suite, or never runs it, exits 0. Here only a printed summary counts.
// Files that start no processes share one, as starting it costs more than most of them take. If anything of such a
// group is not as it should be, each of its files runs again by itself.
//
//   node scripts/test.mjs [--directory DIR] [--slow | --all] [FOLDER OF test | PART OF A FILE NAME …]
//
// Files called *.slow.test.ts are the second set, of --slow; *.bench.test.ts take minutes. Both run where a part
// names them, or with --all.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

// Half of the files start nodes and wait for them, so the cores have room for one more.
const FILES_AT_ONCE = availableParallelism() + 1;
const DIRECTORIES = ['test', 'worlds/test'];
const DEFAULT_LIMIT_SECONDS = 180;
// These wait most, so they come first, with those that name a limit; the short ones fill the gaps.
const STARTS_PROCESSES = /\.processes(\.slow|\.bench)?\.test\.ts$/;
const IS_SLOW = /\.slow\.test\.ts$/;
const IS_LONG = /\.bench\.test\.ts$/;
const SETS = new Map([
  ['--slow', 'slow'],
  ['--all', 'all'],
]);
// More would keep one core busy to the end.
const MOST_IN_GROUP = 12;
const GROUP_END = /^END ([\d.]+) ([\d.]+) (.+)$/gm;
// The first line of a file may give it more time, or the machine to itself for what it measures.
const LIMIT_LINE = /^\/\/ time limit: (\d+) s\b/;
const ALONE_LINE = /^\/\/.*\bruns alone\b/;

const running = new Set();

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `The tests need Node 24 and this is ${process.versions.node}: run them with \`npm test\`, which finds it.\n`,
  );
  process.exit(1);
}
// The test processes lead groups of their own, so Ctrl-C in a terminal does not reach them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
process.on('exit', () => {
  for (const child of running) killGroup(child);
});

// Half of what a node costs to start is making code of its sources: that is kept between processes.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../node_modules/.cache/compiled', import.meta.url),
);

// Only now, as it is TypeScript, which an older Node can't read.
const { measurePatience, patience } = await import('./patience.ts');
await main();

async function main() {
  measurePatience();
  const { directories, set, filters } = parameters(process.argv.slice(2));
  const present = directories.flatMap(testFiles);
  const names = filters.map((filter) => namesOf(filter, directories[0]));
  const files = present.filter((file) => isWanted(file, names, set));
  const startedAt = performance.now();
  if (files.some((file) => STARTS_PROCESSES.test(file))) await bundle();
  const results = [];
  const take = async (queue) => {
    for (let group = queue.shift(); group; group = queue.shift()) {
      for (const result of await runGroup(group)) {
        report(result);
        results.push(result);
      }
    }
  };
  const together = files.filter((file) => !runsAlone(file));
  const isLong = (file) => STARTS_PROCESSES.test(file) || namesLimit(file);
  const long = together.filter(isLong).sort((a, b) => limitOf(b) - limitOf(a));
  const queue = [
    ...long.map((file) => [file]),
    ...groupsOf(together.filter((file) => !isLong(file))),
  ];
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, () => take(queue)));
  await take(files.filter(runsAlone).map((file) => [file]));

  const failing = results.filter(({ failed }) => failed > 0);
  if (failing.length > 0) say(`\nFailed: ${failing.map(({ file }) => file).join(', ')}`);
  if (files.length === 0) say('No test file matches.');
  const sum = (count) => results.reduce((total, result) => total + result[count], 0);
  const seconds = (performance.now() - startedAt) / 1000;
  say(
    `${files.length} files in ${seconds.toFixed(1)} s, with ${sum('processorSeconds').toFixed(1)} s of processors`,
  );
  const leftOut = (kind) =>
    present.filter((file) => kind.test(file) && !files.includes(file)).length;
  if (set === 'usual' && filters.length === 0)
    say(
      `Left out: ${leftOut(IS_SLOW)} slow files (npm run test:slow), ${leftOut(IS_LONG)} long ones (npm run soak).`,
    );
  say(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = failing.length > 0 || files.length === 0 ? 1 : 0;
}

// The nodes and commands that tests start are made of a few files, in place of 400. Coverage counts in sources.
async function bundle() {
  if (process.env.HEARSAY_TEST_PROGRAM || process.env.NODE_V8_COVERAGE) return;
  const { bundleProgram } = await import('./testProgram.ts');
  process.env.HEARSAY_TEST_PROGRAM = await bundleProgram();
}

function parameters(words) {
  const sets = words.filter((word) => SETS.has(word));
  const filters = words.filter((word) => !SETS.has(word));
  const set = SETS.get(sets.at(-1)) ?? 'usual';
  const option = filters.indexOf('--directory');
  if (option === -1) {
    const pathOf = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
    return { directories: DIRECTORIES.map(pathOf), set, filters };
  }
  const [, directory] = filters.splice(option, 2);
  return { directories: [directory], set, filters };
}

function isWanted(file, names, set) {
  const isOfSet =
    set === 'all' ||
    (set === 'slow' ? IS_SLOW.test(file) : !IS_SLOW.test(file) && !IS_LONG.test(file));
  if (names.length === 0) return isOfSet;
  return names.some((isNamed) => isNamed(file)) && (set !== 'slow' || isOfSet);
}

// A word that is the name of a folder means its files alone, so that `rules` stays quick.
function namesOf(filter, directory) {
  const folder = join(relative(process.cwd(), directory), filter, sep);
  return existsSync(folder) ? (file) => file.startsWith(folder) : (file) => file.includes(filter);
}

function runsAlone(file) {
  return IS_LONG.test(file) || ALONE_LINE.test(firstLineOf(file));
}

function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.test.ts') && !name.split(sep).includes('node_modules'))
    .map((name) => relative(process.cwd(), join(directory, name)))
    .sort();
}

// Of about one size, and so many that all cores have work; neighbours together, as they load the same sources.
function groupsOf(files) {
  const count = Math.max(FILES_AT_ONCE, Math.ceil(files.length / MOST_IN_GROUP));
  const size = Math.ceil(files.length / count);
  const groups = [];
  for (let from = 0; from < files.length; from += size) groups.push(files.slice(from, from + size));
  return groups;
}

async function runGroup(files) {
  if (files.length > 1) {
    const script = fileURLToPath(new URL('testGroup.mjs', import.meta.url));
    const limitSeconds = Math.max(...files.map(limitOf));
    const ran = await run([script, ...files], limitSeconds);
    const results = ran.code === 0 ? partsOf(ran.text) : [];
    const areGood = results.every(({ failed }) => failed === 0);
    if (areGood && results.length === files.length) return results;
  }
  const results = [];
  for (const file of files) results.push(await runFile(file));
  return results;
}

// What each file of a group has printed, judged as if it had run by itself.
function partsOf(output) {
  let from = 0;
  return [...output.matchAll(GROUP_END)].map((end) => {
    const [line, seconds, processorSeconds, file] = end;
    const text = output.slice(from, end.index);
    from = end.index + line.length;
    const times = { seconds: Number(seconds), processorSeconds: Number(processorSeconds) };
    return { file, ...times, text, ...judge({ text, code: 0, signal: null, timedOut: false }) };
  });
}

async function runFile(file) {
  const limitSeconds = limitOf(file);
  const script = fileURLToPath(new URL('testFile.mjs', import.meta.url));
  const ran = await run([script, file], limitSeconds);
  const { seconds, processorSeconds, text } = ran;
  return { file, seconds, processorSeconds, text, ...judge({ ...ran, limitSeconds }) };
}

/** Resolves once a process has ended, or has taken longer than its limit. */
function run(words, limitSeconds) {
  const startedAt = performance.now();
  const output = [];
  const child = spawn(process.execPath, words, {
    // A group of its own, so that whatever the test starts can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  running.add(child);
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  let processorTime = '';
  child.stdio[3].on('data', (chunk) => {
    processorTime += chunk;
  });

  let timedOut = false;
  const checkLimit = () => {
    if (performance.now() - startedAt < limitSeconds * 1000 * patience()) return;
    timedOut = true;
    killGroup(child);
  };
  const timer = setInterval(checkLimit, Math.min(1000, limitSeconds * 250));

  return new Promise((resolve) => {
    // A process that the test left behind holds the pipes open: without this, `close` may never come.
    child.on('exit', () => {
      clearInterval(timer);
      killGroup(child);
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      const text = Buffer.concat(output).toString('utf8');
      const seconds = (performance.now() - startedAt) / 1000;
      const processorSeconds = Number(processorTime);
      resolve({ text, code, signal, timedOut, seconds, processorSeconds });
    });
  });
}

function namesLimit(file) {
  return LIMIT_LINE.test(firstLineOf(file));
}

function limitOf(file) {
  return Number(LIMIT_LINE.exec(firstLineOf(file))?.[1] ?? DEFAULT_LIMIT_SECONDS);
}

function firstLineOf(file) {
  return readFileSync(file, 'utf8').split('\n', 1)[0];
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already, or this system has no groups.
    child.kill('SIGKILL');
  }
}

// What a file has to show: one summary, with a test in it, and the exit code that belongs to it.
function judge({ text, code, signal, timedOut, seconds, limitSeconds }) {
  const summaries = [
    ...text.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm),
  ];
  const [total, passed, skipped] = (summaries.at(-1) ?? []).slice(1).map(Number);
  const wrong = (why) => ({
    passed: passed ?? 0,
    failed: Math.max(1, (total ?? 0) - (passed ?? 0)),
    skipped: skipped ?? 0,
    why,
  });

  if (timedOut)
    return wrong(`still running after ${seconds.toFixed(1)} s, with a limit of ${limitSeconds} s`);
  if (signal) return wrong(`ended by ${signal}`);
  if (summaries.length === 0)
    return wrong(`exit code ${code} without a summary: did it call .run()?`);
  // A suite that is run later than the first turn starts uvu again, which forgets the first exit code.
  if (summaries.length > 1)
    return wrong('more than one summary: call every .run() before the first await');
  if (total === 0 && skipped === 0) return wrong('it registered no test');
  if (passed < total) return wrong(undefined);
  if (code !== 0) return wrong(`exit code ${code} although every test passed`);
  return { passed, failed: 0, skipped };
}

function report({ file, passed, failed, skipped, seconds, processorSeconds, text, why }) {
  const counts = [`${passed} passed`];
  if (failed > 0) counts.push(`${failed} failed`);
  if (skipped > 0) counts.push(`${skipped} skipped`);
  say(
    `${failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${counts.join(', ')} (${seconds.toFixed(1)} s, of processors ${processorSeconds.toFixed(1)} s)`,
  );
  if (why) say(`     ${why}`);
  if (failed > 0) say(`${text.trimEnd()}\n`);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
