/** The client runs in browsers: it imports nothing of Node's, no package but superjson, types without Node's. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { importsOf, lineAt, sourceFiles } from '../../scripts/source.ts';

const browser = suite('browser');

const SOURCES = sourceFiles('src/client');
const NODE_ONLY =
  /(?<![.\w])(process|Buffer|require|global|setImmediate|clearImmediate|__dirname|__filename)\b/g;

browser('it imports its own files and superjson, whose imports are as harmless', () => {
  assert.ok(SOURCES.length > 10);
  const foreign = SOURCES.flatMap((file) =>
    importsOf(file)
      .filter(
        (specifier) =>
          specifier !== 'superjson' && !/^(\.\/|(\.\.\/)+)(\w+\/)*\w+\.ts$/.test(specifier),
      )
      .map((specifier) => `${file.path} imports ${specifier}`),
  );
  assert.equal(foreign, []);
});

browser('it names nothing that only Node has', () => {
  const found = SOURCES.flatMap(({ path, text, code }) =>
    [...code.matchAll(NODE_ONLY)].map(
      (match) => `${path}:${lineAt(text, match.index)} ${match[0]}`,
    ),
  );
  assert.equal(found, []);
});

/** Missing in Node 22, or in browsers of the last years. */
const TOO_YOUNG =
  /\b(Map|Object)\.groupBy\b|\bPromise\.(withResolvers|try)\b|\bArray\.fromAsync\b|\bIterator\.|\bRegExp\.escape\b|^\s*(await )?using /gm;

browser('it asks for nothing that came later than Node 22', () => {
  const found = SOURCES.flatMap(({ path, text, code }) =>
    [...code.matchAll(TOO_YOUNG)].map(
      (match) => `${path}:${lineAt(text, match.index)} ${match[0]}`,
    ),
  );
  assert.equal(found, []);
});

browser("its types need those of browsers and none of Node's", async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const words = [
    ...['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck'],
    ...['--noUncheckedIndexedAccess', '--allowImportingTsExtensions', '--verbatimModuleSyntax'],
    ...['--target', 'es2024', '--lib', 'es2024,dom,dom.iterable'],
    ...['--module', 'nodenext', '--types', '', 'src/client/index.ts'],
  ];
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [compiler, ...words], { cwd: root }, (error, out, err) =>
      resolve(error === null ? '' : `${out}${err}` || error.message),
    );
  });
  assert.is(output, '');
});

/**
 * All of the library with superjson, as a page loads it. Calls are methods of one object, so a bundler can leave
 * none out: getOrSet, tags and counters take 4.5 KiB of it, which is less than a second library for them would.
 */
const BUDGET_BYTES = 28 * 1024;

browser(
  'its bundle, compressed, keeps to its budget and holds no package but superjson',
  async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../../src/client/index.ts', import.meta.url))],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2023',
      write: false,
      metafile: true,
    });
    const packages = Object.keys(metafile.inputs).flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
    );
    assert.equal([...new Set(packages)].sort(), ['copy-anything', 'superjson']);
    const sizeBytes = gzipSync(outputFiles[0]?.contents ?? '').length;
    assert.ok(sizeBytes > 10_000 && sizeBytes <= BUDGET_BYTES, `${sizeBytes} bytes`);
  },
);

browser.run();
