/**
 * The package as its users get it: packed, put into an empty project, and type-checked there.
 * For `test/package` and for `npm run package-check`.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface Ended {
  readonly code: number;
  /** Its output on both streams. */
  readonly output: string;
}

export function run(folder: string, command: string, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(command, words, options, (error, stdout, stderr) => {
      const { exitCode, signalCode } = child;
      // Below 0 it could not be started; without a code a signal has ended it. It said neither itself.
      const hasEnded = exitCode !== null && exitCode >= 0;
      const why = hasEnded ? '' : `${signalCode ?? 'It did not start'}: ${error?.message ?? ''}`;
      resolve({ code: hasEnded ? exitCode : 1, output: stdout + stderr + why });
    });
  });
}

/** @throws Error with all that it wrote, where it does not end with 0. */
export async function mustRun(
  folder: string,
  command: string,
  ...words: string[]
): Promise<string> {
  const { code, output } = await run(folder, command, ...words);
  if (code === 0) return output;
  throw new Error(`${command} ${words.join(' ')} ended with ${code}:\n${output}`);
}

/** Builds and packs a copy of the sources, so that `dist/` of the checkout is left alone. @returns the tarball. */
export async function pack(folder: string): Promise<string> {
  const copy = join(folder, 'sources');
  const left = ['.git', 'node_modules', 'dist', 'data', 'coverage'];
  await cp(ROOT, copy, { recursive: true, filter: (path) => !left.includes(basename(path)) });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  await mustRun(copy, process.execPath, join('scripts', 'build.ts'));
  await mustRun(copy, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder);
  const { version } = JSON.parse(await readFile(join(copy, 'package.json'), 'utf8'));
  return join(folder, `hearsay-${version}.tgz`);
}

const tsc = (): string => join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/** Unpacks without npm, and without anything that the package needs. @returns the package's folder. */
export async function unpack(tarball: string, consumer: string): Promise<string> {
  const modules = join(consumer, 'node_modules');
  await mkdir(modules, { recursive: true });
  await mustRun(modules, 'tar', '-xzf', tarball);
  await mustRun(modules, 'mv', 'package', 'hearsay');
  return join(modules, 'hearsay');
}

/** The packages of the lockfile that come with Hearsay, as they lie in the checkout, and none for development. */
export async function linkDependencies(consumer: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const names = Object.entries<{ dev?: boolean; optional?: boolean }>(packages)
    .filter(([path, { dev, optional }]) => path.startsWith('node_modules/') && !dev && !optional)
    .map(([path]) => path)
    // Those within others come with them.
    .filter((path) => path.lastIndexOf('node_modules/') === 0);
  // A consumer on Node has these.
  for (const path of [...names, 'node_modules/@types/node', 'node_modules/undici-types']) {
    await mkdir(join(consumer, path, '..'), { recursive: true });
    await symlink(join(ROOT, path), join(consumer, path));
  }
}

/** Module, resolution and further compiler options of one way in which people type-check. */
export const RESOLUTIONS: readonly (readonly [module: string, resolution: string])[] = [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
];

const CLIENT_SOURCE = `
import { createClient, ConflictError, type Entry, type WatchEvent } from 'hearsay/client';
const client = createClient({ endpoints: ['http://localhost:8001'] });
const entry: Entry<{ a: number }> | undefined = await client.get<{ a: number }>('x');
export const f = (event: WatchEvent) => event.type === 'put' && event.value;
console.log(entry?.value.a, ConflictError);
await client.close();
`;

const NODE_SOURCE = `
import { type NodeSettings, NotReadableError, type RunningNode, readSettings, startNode } from 'hearsay';
const settings: NodeSettings = readSettings({ port: '0', dataDir: './data/types' }, {});
const node: RunningNode = await startNode(settings);
await (await startNode({ port: 0, dataDir: './data/plain', nodes: [], limits: { maxKeyBytes: 64 } })).close();
await node.ready;
await node.put('a', { n: 1 }, { ttlMs: 60_000 });
const n: number | undefined = node.get<{ n: number }>('a')?.value.n;
const keys: string[] = [...node.list({ prefix: 'a' })].map(({ key }) => key);
console.log(n, keys, NotReadableError.name);
await node.close();
`;

/** The adapters, whose types need none of the libraries that they are for. */
const ADAPTERS_SOURCE = `
import { HearsayBus, hearsayDriver as bentoDriver } from 'hearsay/bentocache';
import { KeyvHearsay, KeyvHearsay5 } from 'hearsay/keyv';
import { type CacheEntry, createCacheHandler, createIsrHandler } from 'hearsay/next';
import hearsayDriver, { type HearsayDriver } from 'hearsay/unstorage';
const endpoints = ['http://localhost:8001'];
const expires: boolean = new KeyvHearsay({ endpoints, prefix: 'a/' }).capabilities.expires;
const store5: KeyvHearsay5 = new KeyvHearsay5({ endpoints });
const driver: HearsayDriver = hearsayDriver({ endpoints, ttl: 60 });
const entry: CacheEntry | undefined = await createCacheHandler({ endpoints }).get('a', ['t']);
console.log(entry?.tags, createIsrHandler({ endpoints, buildId: 'one' }));
console.log(expires, store5.opts.url, driver.name, HearsayBus, bentoDriver({ endpoints }).factory);
`;

const COMMONJS_SOURCE = `
import type { HearsayClient } from 'hearsay/client' with { 'resolution-mode': 'import' };
async function main() {
  const { createClient } = await import('hearsay/client');
  const client: HearsayClient = createClient({ endpoints: ['http://localhost:8001'] });
  await client.close();
}
void main();
`;

/** A page's script: no types of Node, and no newer library than most people ask for. */
const BROWSER_PROJECT = {
  compilerOptions: {
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
  },
  files: ['client.ts'],
};

/** Programs of a user, one for each face of the package, and one of an older kind of module. */
export async function writePrograms(consumer: string): Promise<void> {
  await writeFile(join(consumer, 'package.json'), '{ "private": true, "type": "module" }');
  await writeFile(join(consumer, 'client.ts'), CLIENT_SOURCE);
  await writeFile(join(consumer, 'node.ts'), NODE_SOURCE);
  await writeFile(join(consumer, 'adapters.ts'), ADAPTERS_SOURCE);
  await writeFile(join(consumer, 'commonjs.cts'), COMMONJS_SOURCE);
  await writeFile(join(consumer, 'browser.json'), JSON.stringify(BROWSER_PROJECT));
}

/**
 * Type-checks the programs, and all types that they reach, in every way.
 *
 * @param compiler the file of `tsc`.
 * @returns what the compiler says where something is wrong, after the name of the way.
 */
export async function typeErrors(consumer: string, compiler = tsc()): Promise<string[]> {
  const errors: string[] = [];
  const check = async (name: string, files: readonly string[], ...options: string[]) => {
    const words = ['--noEmit', '--strict', '--skipLibCheck', 'false', ...options, ...files];
    const { code, output } = await run(consumer, process.execPath, compiler, ...words);
    if (code !== 0) errors.push(`${name}:\n${output}`);
  };
  for (const [module, resolution] of RESOLUTIONS) {
    const faces = ['client.ts', 'node.ts', 'adapters.ts'];
    const files = [...faces, ...(module === 'esnext' ? [] : ['commonjs.cts'])];
    const how = ['--module', module, '--moduleResolution', resolution, '--types', 'node'];
    await check(resolution, files, ...how, '--target', 'es2022');
  }
  await check('browser', [], '--project', 'browser.json');
  return errors;
}
