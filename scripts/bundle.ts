/**
 * The `hearsay` program in a few files, for the processes that tests start. A node loads 400 files, its own
 * and those of its packages. To find and link them takes half of the work of its start, and `npm test` starts
 * some 400 processes.
 *
 * It is made of the sources by esbuild. It stays JavaScript module by module, with the names of classes and
 * functions: nothing is minified. A test that is run by itself (`node test/x.test.ts`), and every program
 * but the runner of the tests, starts `src/main.ts`.
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
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'program');
/** As deep below the copy of package.json as the sources are below package.json. */
const DEPTH = ['dist', 'program'];
/** Worker threads load their files by name, beside the file that starts them. */
const ENTRIES = [
  'src/main.ts',
  'src/log/sqlite/readerWorker.ts',
  'src/log/sqlite/writerWorker.ts',
  'src/log/files/integrityWorker.ts',
  'src/log/files/lineWorker.ts',
  // A node into which tests put faults.
  'test/cluster/scriptedChild.ts',
  // Commands that share a process.
  'test/support/sharedCommandsChild.ts',
];
/**
 * `import 'node:http'` also makes fetch, HTTP/2 and web streams ready, which `require` leaves until they are used:
 * 60 ms of each start.
 */
const BUILTINS: Plugin = {
  name: 'builtins',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'import-statement'
        ? { path: path.replace('node:', ''), namespace: 'builtin' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
    }));
  },
};
/** Fifty languages of zod's messages, of which the program speaks one. */
const LOCALES: Plugin = {
  name: 'locales',
  setup: ({ onLoad }) => {
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Makes the bundle of the sources as they are now, unless it is there.
 *
 * @returns the file that is the `hearsay` command.
 */
export async function bundleProgram(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    entryNames: '[name]',
    outdir: 'out',
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    keepNames: true,
    // It finds its compiled part beside its own file.
    external: ['better-sqlite3'],
    // Packages in CommonJS require Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [BUILTINS, LOCALES],
    logLevel: 'error',
  });
  const description = readFileSync(join(ROOT, 'package.json'));
  const hash = createHash('sha256').update(description);
  for (const { hash: content } of outputFiles) hash.update(content);
  const place = join(CACHE, hash.digest('hex').slice(0, 16));
  if (existsSync(place)) {
    const now = new Date();
    utimesSync(place, now, now);
  } else {
    mkdirSync(CACHE, { recursive: true });
    removeOld();
    // Complete before it has its name: another run may look for it.
    const made = mkdtempSync(join(CACHE, 'made-'));
    mkdirSync(join(made, ...DEPTH), { recursive: true });
    writeFileSync(join(made, 'package.json'), description);
    for (const { path, contents } of outputFiles)
      writeFileSync(join(made, ...DEPTH, basename(path)), contents);
    moveTo(place, made);
  }
  return join(place, ...DEPTH, 'main.js');
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
