/**
 * The bundle of the program and of worlds, for the processes that tests and `npm run worlds` start: `npm test` starts
 * some 400. It is kept between runs. A test that is run by itself (`node test/x.test.ts`) starts the sources.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PLACE, PROGRAM_ENTRIES, ROOT } from './bundle.ts';
import { makeBundle, writeBundle } from './wholeBundle.ts';

const CACHE = join(ROOT, 'node_modules', '.cache', 'program');
const ENTRIES = [
  ...PROGRAM_ENTRIES,
  // A node into which tests put faults.
  'test/cluster/scriptedChild.ts',
  // Commands that share a process.
  'test/support/sharedCommandsChild.ts',
];
/** The bundle also depends on these; packages are as the lockfile names them. */
const ALWAYS_INPUTS = ['package.json', 'package-lock.json', ...makers()];
/** In each bundle: the files of which it was made, a line for each. */
const INPUTS = 'inputs.txt';
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Makes the bundle of the sources as they are now, unless it is there.
 *
 * @returns the file that is the `hearsay` command.
 */
export async function bundleProgram(): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const kept = keptPlace();
  const place = kept ?? (await makePlace());
  const now = new Date();
  utimesSync(place, now, now);
  return join(place, ...PLACE, 'main.js');
}

/** @returns the bundle that would be made again: each file that it was made of is as it was then. */
function keptPlace(): string | undefined {
  return readdirSync(CACHE)
    .map((name) => join(CACHE, name))
    .find((place) => {
      const list = join(place, INPUTS);
      if (!existsSync(list)) return false;
      return place === placeOf(readFileSync(list, 'utf8').split('\n'));
    });
}

async function makePlace(): Promise<string> {
  const whole = await makeBundle(ENTRIES);
  const inputs = [whole.program, whole.page, whole.worlds]
    .flatMap((part) => part.inputs)
    .filter((path) => !path.includes('node_modules/') && existsSync(join(ROOT, path)));
  const sorted = [...new Set(inputs)].sort();
  const place = placeOf(sorted);
  removeOld();
  // Complete before it has its name: another run may look for it.
  const made = mkdtempSync(join(CACHE, 'made-'));
  writeBundle(made, whole);
  writeFileSync(join(made, INPUTS), sorted.join('\n'));
  moveTo(place, made);
  return place;
}

/** @returns the folder of the bundle that is made of these files, as they are now. */
function placeOf(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of [...ALWAYS_INPUTS, ...inputs]) {
    const file = join(ROOT, path);
    hash.update(`\n${path}\n`).update(existsSync(file) ? readFileSync(file) : '');
  }
  return join(CACHE, hash.digest('hex').slice(0, 16));
}

/** The scripts that make it. */
function makers(): string[] {
  const names = readdirSync(join(ROOT, 'scripts')).filter((name) => /bundle|^testP/i.test(name));
  return names.sort().map((name) => `scripts/${name}`);
}

function moveTo(place: string, made: string): void {
  try {
    renameSync(made, place);
  } catch (error) {
    rmSync(made, { recursive: true });
    // Another run was first, with the same content.
    if (!existsSync(place)) throw error;
  }
}

function removeOld(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - madeAt > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}
