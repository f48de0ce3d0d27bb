/**
 * Runs the adapters with the libraries that they are for, in those libraries' own suites where there are any:
 * `npm run adapters`, or `npm run adapters -- keyv5`. Each folder of `adapters/` has packages of its own, outside the
 * lockfile, which are installed without their scripts. All share one cluster of two nodes, named by HEARSAY_URL.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningNode, startNode } from '../src/index.ts';
import { freePorts } from '../test/support/ports.ts';
import { ROOT } from './consumer.ts';

const FOLDER = join(ROOT, 'adapters');
const INSTALL = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
}

const names = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, 'package.json')))
  .map(({ name }) => name);
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`No such adapter: ${unknown.join(', ')}. There are ${names.join(', ')}.`);
  process.exit(2);
}

const failed: string[] = [];
await onTwoNodes(async (url) => {
  for (const name of names.filter((one) => wanted.length === 0 || wanted.includes(one)))
    if (!(await runAll(name, url))) failed.push(name);
});
const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
if (wanted.length === 0 && !(await run(ROOT, {}, process.execPath, compiler, '-p', 'adapters')))
  failed.push('types');
console.log(failed.length === 0 ? 'adapters: all good.' : `adapters: ${failed.join(', ')} failed.`);
process.exit(failed.length === 0 ? 0 : 1);

/** @returns whether the folder's tests have passed, and its example has run. */
async function runAll(name: string, url: string): Promise<boolean> {
  const folder = join(FOLDER, name);
  const startMs = performance.now();
  const environment = { HEARSAY_URL: url };
  const hasPassed =
    (await install(folder)) &&
    (await run(folder, environment, 'npm', 'test', '--silent')) &&
    (!existsSync(join(folder, 'example.ts')) ||
      (await run(folder, environment, process.execPath, 'example.ts')));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${name}: ${hasPassed ? 'passed' : 'failed'} in ${seconds} s.`);
  return hasPassed;
}

/** Installs the packages that the folder names, unless that is done, and puts Hearsay beside them. */
async function install(folder: string): Promise<boolean> {
  const modules = join(folder, 'node_modules');
  const mark = join(modules, '.installed');
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== manifest) {
    await rm(modules, { recursive: true, force: true });
    if (!(await run(folder, {}, 'npm', 'install', '--loglevel=error', ...INSTALL))) return false;
  }
  await linkSources(join(modules, 'hearsay'));
  await writeFile(mark, manifest);
  return true;
}

/** The package as its users import it, but of the sources: so nothing has to be built. */
async function linkSources(place: string): Promise<void> {
  const { exports }: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const sources = Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => [path, sourceOf(path)]);
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  await symlink(join(ROOT, 'src'), join(place, 'src'));
  const own = { name: 'hearsay', type: 'module', exports: Object.fromEntries(sources) };
  await writeFile(join(place, 'package.json'), JSON.stringify(own));
}

function sourceOf(path: string): string {
  if (path === '.') return './src/index.ts';
  const folder = path === './client' ? 'client' : join('adapters', path);
  return `./src/${folder}/index.ts`;
}

/** Runs with the URLs of two nodes, with a comma between them. */
async function onTwoNodes(work: (url: string) => Promise<void>): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'hearsay-adapters-'));
  const first = await freePorts(2);
  const nodes = [first, first + 1].map((port) => `http://127.0.0.1:${port}`);
  const starts = nodes.map((_, index) => {
    const nodeId = `node${index + 1}`;
    return startNode({ nodeId, nodes, port: first + index, dataDir: join(data, nodeId) });
  });
  const started: RunningNode[] = [];
  try {
    started.push(...(await Promise.all(starts)));
    await Promise.all(started.map(({ ready }) => ready));
    await work(nodes.join(','));
  } finally {
    await Promise.all(started.map((node) => node.close()));
    await rm(data, { recursive: true, force: true });
  }
}

/** Runs with the output of this process. @returns whether it ended with 0. */
async function run(
  folder: string,
  environment: NodeJS.ProcessEnv,
  command: string,
  ...words: string[]
): Promise<boolean> {
  const env = { ...process.env, ...environment };
  const child = spawn(command, words, {
    cwd: folder,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  return code === 0;
}
