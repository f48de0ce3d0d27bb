/**
 * The `hearsay` program in a few files, made of the sources and of the packages that it uses by esbuild, for the
 * package (`npm run build`) and for the processes that tests start. A node loads some 550 files, its own and those
 * of its packages: to find and link them takes half of the work of its start.
 *
 * It stays JavaScript module by module, and nothing is minified. Parts that the sources load when they need them are
 * files of their own. esbuild does not keep the names of functions: it would name each function again whenever it is made, which took a
 * tenth of a PUT.
 */
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where the bundle lies below the folder of package.json: as deep as the sources, which look for it. */
export const PLACE = ['dist', 'program'] as const;

/**
 * The files of the program, each with the parts that it loads when it needs them. They share no code: a process needs
 * only one, but for worker threads, and a node that starts would wait for a file for each set of commands that share something.
 * The command loads the two programs by name, and threads their workers.
 */
export const PROGRAM_ENTRIES: readonly string[] = [
  'src/main.ts',
  'src/cli/nodeProgram.ts',
  'src/cli/wholeProgram.ts',
  'src/log/sqlite/readerWorker.ts',
  'src/log/sqlite/writerWorker.ts',
  'src/log/files/integrityWorker.ts',
  'src/log/files/lineWorker.ts',
];

/** It has to be the copy that the process already uses, if there is one. */
const NOT_BUNDLED = ['@opentelemetry/api'];

export interface Bundle {
  readonly files: readonly OutputFile[];
  /** Files of which it is made, from the root. */
  readonly inputs: readonly string[];
}

/**
 * Bundles the program as its sources are now.
 *
 * @param entries files below the root; each becomes a file of its name.
 * @param sourcemap whether files come with maps, which hold the sources.
 */
export async function bundle(entries: readonly string[], sourcemap: boolean): Promise<Bundle> {
  const files = new Map<string, OutputFile>();
  const inputs = new Set<string>();
  for (const entry of entries) {
    const { outputFiles, metafile } = await build({
      ...OPTIONS,
      entryPoints: [entry],
      outdir: PLACE.join('/'),
      sourcemap: sourcemap && 'linked',
    });
    for (const file of outputFiles) files.set(file.path, file);
    for (const input of Object.keys(metafile.inputs)) inputs.add(input);
  }
  return { files: [...files.values()], inputs: [...inputs] };
}

/**
 * Bundles programs of which many run on one machine: what several of them use is in files that they share, so that it is
 * made once.
 *
 * @param entries source files below the root, by the names of their files below the folder of the bundle, without extensions.
 * @param shared folder of the shared files. It has to be as deep as the sources that look for files from where they are.
 */
export async function bundleTogether(
  entries: Readonly<Record<string, string>>,
  shared: string,
): Promise<Bundle> {
  const { outputFiles: files, metafile } = await build({
    ...OPTIONS,
    entryPoints: { ...entries },
    entryNames: '[dir]/[name]',
    chunkNames: `${shared}/[name]-[hash]`,
    outdir: '.',
  });
  return { files, inputs: Object.keys(metafile.inputs) };
}

/** The command loads the rest of itself by the names that it has in the bundle. */
const PROGRAMS: Plugin = {
  name: 'programs',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/cli\/(node|whole)Program\.ts$/ }, ({ path }) => ({
      path: path.replace('/cli', '').replace('.ts', '.js'),
      external: true,
    }));
  },
};

/**
 * `import 'node:fs'` makes all that the module could give ready, such as streams, fetch, HTTP/2 and web cryptography,
 * which `require` leaves until they are used: a tenth of each start.
 */
const BUILTINS: Plugin = {
  name: 'builtins',
  setup: ({ onResolve, onLoad }) => {
    const names = new Set(builtinModules);
    onResolve({ filter: /^(node:)?[\w/]+$/ }, ({ path, kind }) => {
      const name = path.replace('node:', '');
      return kind === 'import-statement' && names.has(name)
        ? { path: name, namespace: 'builtin' }
        : undefined;
    });
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}');`,
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

/** The sources find it by a `require` of their own, for Node's sake. */
const ROUTER: Plugin = {
  name: 'router',
  setup: ({ onLoad }) => {
    onLoad({ filter: /src[\\/]http[\\/]routes[\\/]router\.ts$/ }, () => ({
      contents: "export { Router } from '@koa/router';",
    }));
  },
};

/** Its own file looks for the native part beside itself, so that file stays where npm has put it. */
const NATIVE: Plugin = {
  name: 'native',
  setup: ({ onLoad }) => {
    onLoad({ filter: /better-sqlite3[\\/]lib[\\/]binding\.js$/ }, () => ({
      contents: `
        const { dirname, join } = require('node:path');
        const folder = dirname(require.resolve('better-sqlite3/package.json'));
        module.exports = require(join(folder, 'lib', 'binding.js'));`,
    }));
  },
};

/** The library of metrics needs traces for exemplars alone, for which no metric here asks; they are sixty files. */
const EXEMPLARS: Plugin = {
  name: 'exemplars',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@opentelemetry\/api$/ }, ({ path, importer }) =>
      /node_modules[\\/]prom-client[\\/]/.test(importer)
        ? { path, namespace: 'exemplars' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'exemplars' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const OPTIONS = {
  absWorkingDir: ROOT,
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: NOT_BUNDLED,
  // Packages in CommonJS require Node's own modules.
  banner: {
    js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
  },
  plugins: [PROGRAMS, BUILTINS, LOCALES, ROUTER, NATIVE, EXEMPLARS],
  legalComments: 'none',
  logLevel: 'error',
  metafile: true,
  write: false,
} as const satisfies BuildOptions;
