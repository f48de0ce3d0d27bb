/**
 * The package, installed by npm into an empty project, type-checked there by the compiler that most people
 * have, run, and linted by publint and "are the types wrong?". Needs a registry: `npm run package-check`.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, pack, typeErrors, writePrograms } from './consumer.ts';

const PUBLINT = 'publint@0.3.25';
const ARE_THE_TYPES_WRONG = '@arethetypeswrong/cli@0.18.5';
const COMPILER = 'typescript@5.9.3';
const NODE_TYPES = '@types/node@24.19.2';
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

const folder = await mkdtemp(join(tmpdir(), 'hearsay-package-'));
try {
  const tarball = await pack(folder);
  const consumer = join(folder, 'consumer');
  await mkdir(consumer);
  await writePrograms(consumer);
  await mustRun(consumer, 'npm', 'install', ...QUIET, tarball, COMPILER, NODE_TYPES);
  const compiler = join(consumer, 'node_modules', 'typescript', 'bin', 'tsc');
  const errors = await typeErrors(consumer, compiler);
  if (errors.length > 0) throw new Error(errors.join('\n'));
  console.log('types: right with node16, nodenext, bundler and in a browser.');
  await mustRun(consumer, process.execPath, 'node.ts');
  await mustRun(consumer, join(consumer, 'node_modules', '.bin', 'hearsay'), '--version');
  console.log('run: the library and the command do.');
  await mustRun(folder, 'npx', '--yes', PUBLINT, tarball, '--strict');
  console.log('publint: all good.');
  // The package is of ES modules alone: a require of it works on the Nodes that it needs.
  await mustRun(folder, 'npx', '--yes', ARE_THE_TYPES_WRONG, tarball, '--profile', 'esm-only');
  console.log('are the types wrong: no.');
} finally {
  await rm(folder, { recursive: true, force: true });
}
