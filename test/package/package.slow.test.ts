// time limit: 400 s
/**
 * The package as its users get it: packed, unpacked beside nothing but what comes with it, type-checked,
 * read and run. `npm run package-check` does the same with a real `npm install`, and lints.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { cp, readdir, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  linkDependencies,
  mustRun,
  pack,
  run,
  typeErrors,
  unpack,
  writePrograms,
} from '../../scripts/consumer.ts';
import { temporaryDirectory } from '../support/processes.ts';

const NATIVE = 'better-sqlite3';

const consumer = await temporaryDirectory();
// One package for all tests, which takes a while to make: so it goes when the process does.
process.once('exit', () => rmSync(consumer.path, { recursive: true, force: true }));
const tarball = await pack(consumer.path);
const root = await unpack(tarball, consumer.path);
await linkDependencies(consumer.path);
await writePrograms(consumer.path);

const packed = suite('package');

packed('a command that a signal ends, or that is not there, is told by name', async () => {
  const killed = await run(tmpdir(), 'sh', '-c', 'echo said; kill -9 $$');
  assert.is(killed.code, 1);
  assert.match(killed.output, /^said\nSIGKILL: /);
  const missing = await run(tmpdir(), 'no-such-command');
  assert.is(missing.code, 1);
  assert.match(missing.output, /no-such-command/);
});

packed('type-checks with every resolution, libraries included, and in a browser', async () => {
  assert.equal(await typeErrors(consumer.path), []);
});

packed('its public types name no package of its inside', async () => {
  const reached = await typesFrom(join(root, 'dist', 'index.d.ts'));
  await typesFrom(join(root, 'dist', 'client', 'index.d.ts'), reached);
  assert.ok(reached.size > 10);
  const packages = [...reached].flatMap(([file, imports]) =>
    imports
      .filter((specifier) => !specifier.startsWith('.'))
      .map((specifier) => `${relative(root, file)} names ${specifier}`),
  );
  assert.equal(packages, []);
});

packed('a program of both faces runs', async () => {
  const output = await mustRun(consumer.path, process.execPath, 'node.ts');
  assert.is(output, "1 [ 'a' ] NotReadableError\n");
});

packed('the command runs, and says its version', async () => {
  const { version, bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const output = await mustRun(
    consumer.path,
    process.execPath,
    join(root, bin.hearsay),
    '--version',
  );
  assert.is(output, `${version}\n`);
});

packed('every example type-checks in the project of a user', async () => {
  const files = await readdir(join(root, 'examples'));
  const examples = files.filter((name) => name.endsWith('.ts'));
  for (const name of examples) await cp(join(root, 'examples', name), join(consumer.path, name));
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024'];
  const lib = ['--lib', 'es2024,esnext.disposable', '--types', 'node'];
  const compiler = join(consumer.path, 'sources', 'node_modules', 'typescript', 'bin', 'tsc');
  const words = [compiler, ...options, ...lib, ...examples];
  assert.equal(await run(consumer.path, process.execPath, ...words), { code: 0, output: '' });
});

packed('every link of its documents leads to a file that it holds', async () => {
  const documents = (await readdir(root, { recursive: true })).filter((name) =>
    name.endsWith('.md'),
  );
  assert.ok(documents.includes('README.md'));
  const broken: string[] = [];
  for (const name of documents) {
    const text = await readFile(join(root, name), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(target)) continue;
      const file = join(root, dirname(name), target.replace(/#.*$/, ''));
      if (!existsSync(file)) broken.push(`${name} links to ${target}`);
    }
  }
  assert.equal(broken, []);
});

packed('it holds nothing that a user has no use for', async () => {
  const names = await readdir(root, { recursive: true });
  const wrong =
    /(^|\/)(test|sim|scripts|data)\/|\.(db|tgz|log)$|(?<!\.js)\.map$|tsconfig|(^|\/)\.(?!$)/;
  assert.equal(
    names.filter((name) => wrong.test(name)),
    [],
  );
});

packed('a stack trace can name the lines of the sources, which the maps hold', async () => {
  const text = (name: string) => readFile(join(root, 'dist', name), 'utf8');
  const ofLibrary = JSON.parse(await text('index.js.map'));
  assert.equal(ofLibrary.sources, ['../src/index.ts']);
  assert.match(ofLibrary.sourcesContent[0], 'startNode');
  const ofProgram = JSON.parse(await text('program/nodeProgram.js.map'));
  const place = ofProgram.sources.indexOf('../../src/cli/nodeProgram.ts');
  assert.match(ofProgram.sourcesContent[place], 'runProgram');
});

packed('a node and the other commands need no package beside them but the native one', async () => {
  await using folder = await temporaryDirectory();
  const place = join(folder.path, 'node_modules');
  await cp(root, join(place, 'hearsay'), { recursive: true });
  await symlink(join(consumer.path, 'node_modules', 'better-sqlite3'), join(place, NATIVE));
  const command = join(place, 'hearsay', 'dist', 'program', 'main.js');
  const data = join(folder.path, 'data');
  const settings = ['--port', '0', '--data-dir', data, '--log-level', 'info'];
  const child = spawn(process.execPath, [command, 'serve', ...settings], { stdio: 'pipe' });
  let told = '';
  child.stderr.on('data', (chunk) => {
    told += chunk;
    if (/ serves\./.test(told)) child.kill('SIGTERM');
  });
  await once(child, 'exit');
  assert.match(told, / serves\./);
  const words = [command, 'log', 'verify', '--data-dir', data];
  const verified = await run(folder.path, process.execPath, ...words);
  assert.is(verified.code, 0, verified.output);
});

packed('the program comes with the licence of each package in it', async () => {
  const folder = join(root, 'dist', 'program');
  const notices = await readFile(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  const named = new Set([...notices.matchAll(/^(\S+)@\S+ \(.+\)$/gm)].map(([, name]) => name));
  const maps = (await readdir(folder)).filter((name) => name.endsWith('.map'));
  const bundled = new Set<string>();
  for (const name of maps) {
    const { sources }: { sources: string[] } = JSON.parse(
      await readFile(join(folder, name), 'utf8'),
    );
    for (const source of sources) {
      const [, last] = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source) ?? [];
      if (last !== undefined) bundled.add(last);
    }
  }
  assert.ok(bundled.size > 50);
  // The script and the styles of the page have no map.
  for (const name of ['preact', 'swagger-ui-dist', 'uplot']) bundled.add(name);
  assert.equal([...bundled].sort(), [...named].sort());
  // All but one bring the text.
  assert.equal(notices.match(/^It comes without the text of its licence\.$/gm)?.length, 1);
});

packed.run();

/** The declarations that a face reaches, each with what it imports. */
async function typesFrom(
  file: string,
  found = new Map<string, string[]>(),
): Promise<Map<string, string[]>> {
  if (found.has(file)) return found;
  const text = await readFile(file, 'utf8');
  const imports = [...text.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(
    ([, specifier = '']) => specifier,
  );
  found.set(file, imports);
  for (const specifier of imports)
    if (specifier.startsWith('.'))
      await typesFrom(join(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts')), found);
  return found;
}
