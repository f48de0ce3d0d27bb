// time limit: 600 s
/**
 * The description of the REST interface by the tools of others: a linter, a maker of typed clients, and a collection
 * for Postman against each of three nodes. npx brings them, so this needs a registry of npm.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../support/nodes.ts';
import { temporaryDirectory } from '../support/processes.ts';

const description = suite('description of the REST interface');

const LINTER = '@redocly/cli@2';
const CLIENT_MAKER = ['--package', 'openapi-typescript@7', '--package', 'typescript@5.9.3'];
const RUNNER = 'newman@6';
const COLLECTION = fileURLToPath(
  new URL('../../postman/hearsay.postman_collection.json', import.meta.url),
);

async function run(directory: string, words: readonly string[]): Promise<string> {
  const child = spawn('npx', ['--yes', ...words], {
    cwd: directory,
    env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const [code] = await once(child, 'close');
  assert.is(code, 0, text);
  return text;
}

/** Calls as a program would write them: they compile only if the description knows their paths and fields. */
const CALLS = `
import type { paths } from './api';
type Ok<Path extends keyof paths, Method extends keyof paths[Path]> =
  paths[Path][Method] extends { responses: { 200: { content: { 'application/json': infer Body } } } } ? Body : never;
type Sent<Path extends keyof paths, Method extends keyof paths[Path]> =
  paths[Path][Method] extends { requestBody: { content: { 'application/json': infer Body } } } ? Body : never;
export const put: Sent<'/cache/{key}', 'put'> = { value: { a: 1 }, version: 1, ttl_ms: 1000 };
// @ts-expect-error: a version is a number, or next.
export const wrong: Sent<'/cache/{key}', 'put'> = { value: 1, version: 'first' };
export const versionOf = (entry: Ok<'/cache/{key}', 'get'>): number => entry.version;
export const nextOf = (list: Ok<'/cache', 'get'>): string | null => list.next;
export const batch: Sent<'/cache', 'post'> = { ops: [{ op: 'get', key: 'a' }] };
export const nameOf = (cluster: Ok<'/_cluster', 'get'>): string => cluster.cluster.name;
export const writesOf = (figures: Ok<'/_figures', 'get'>): number[] => figures.rates.writes;
export const behindOf = (list: Ok<'/_watchers', 'get'>): number[] => list.watchers.map((one) => one.behind_ops);
`;

description('a linter, a typed client and Postman find it right', async () => {
  await using ends = new AsyncDisposableStack();
  const cluster = ends.use(await startCluster());
  const { path: directory } = ends.use(await temporaryDirectory());
  const answer = await cluster.node(0).request('/openapi.json');
  await writeFile(join(directory, 'openapi.json'), await answer.text());

  const told = await run(directory, [LINTER, 'lint', '--extends=recommended', 'openapi.json']);
  assert.not.match(told, /You have \d+ warning/);

  await run(directory, [
    ...CLIENT_MAKER,
    '--',
    'openapi-typescript',
    'openapi.json',
    '-o',
    'api.d.ts',
  ]);
  await writeFile(join(directory, 'calls.ts'), CALLS);
  await run(directory, [
    ...CLIENT_MAKER,
    '--',
    'tsc',
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    'calls.ts',
  ]);

  for (const { url } of cluster.nodes)
    await run(directory, [RUNNER, 'run', COLLECTION, '--env-var', `base=${url}`]);
});

description.run();
