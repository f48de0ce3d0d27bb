/**
 * The bundle of the program for the processes that tests start: `npm test` starts some 400. It is kept between
 * runs. A test that is run by itself (`node test/x.test.ts`) starts `src/main.ts`.
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
import { basename, join } from 'node:path';
import { bundle, PLACE, PROGRAM_ENTRIES, ROOT } from './bundle.ts';
import { bundlePage, writePage } from './bundlePage.ts';

const CACHE = join(ROOT, 'node_modules', '.cache', 'program');
const ENTRIES = [
  ...PROGRAM_ENTRIES,
  // A node into which tests put faults.
  'test/cluster/scriptedChild.ts',
  // Commands that share a process.
  'test/support/sharedCommandsChild.ts',
];
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Makes the bundle of the sources as they are now, unless it is there.
 *
 * @returns the file that is the `hearsay` command.
 */
export async function bundleProgram(): Promise<string> {
  const { files } = await bundle(ENTRIES, false);
  const description = readFileSync(join(ROOT, 'package.json'));
  const page = await bundlePage();
  const hash = createHash('sha256').update(description);
  for (const { hash: content } of files) hash.update(content);
  hash.update(page.script);
  for (const path of page.inputs)
    if (path.startsWith('src/')) hash.update(readFileSync(join(ROOT, path)));
  const place = join(CACHE, hash.digest('hex').slice(0, 16));
  if (existsSync(place)) {
    const now = new Date();
    utimesSync(place, now, now);
  } else {
    mkdirSync(CACHE, { recursive: true });
    removeOld();
    // Complete before it has its name: another run may look for it.
    const made = mkdtempSync(join(CACHE, 'made-'));
    mkdirSync(join(made, ...PLACE), { recursive: true });
    writeFileSync(join(made, 'package.json'), description);
    for (const { path, contents } of files)
      writeFileSync(join(made, ...PLACE, basename(path)), contents);
    writePage(join(made, 'dist', 'page'), page);
    moveTo(place, made);
  }
  return join(place, ...PLACE, 'main.js');
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
