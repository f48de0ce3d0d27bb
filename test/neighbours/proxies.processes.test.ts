// time limit: 120 s
/** A node behind nginx and behind Varnish, by the very files that docs/proxies.md names. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { readSettings } from '../../src/node/settings.ts';
import { startNode } from '../../src/node/startNode.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const proxies = suite('behind a proxy');

const START_LIMIT_MS = 30_000;
const QUIET = { info: () => {}, warn: () => {}, error: () => {} };

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

/** A proxy that listens on the first port, in front of the node at the second. */
type StartProxy = (directory: string, port: number, nodePort: number) => Promise<ChildProcess>;

const startNginx: StartProxy = async (directory, port, nodePort) => {
  const site = example('nginx.conf')
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replace(/127\.0\.0\.1:800[123]/g, `127.0.0.1:${nodePort}`);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join('\n');
  const file = join(directory, 'nginx.conf');
  await writeFile(join(directory, 'site.conf'), site);
  await writeFile(
    file,
    `daemon off; master_process off; pid ${directory}/pid; events {}
http { access_log off; ${places} include ${directory}/site.conf; }`,
  );
  return spawn('nginx', ['-e', 'stderr', '-p', directory, '-c', file]);
};

const startVarnish: StartProxy = async (directory, port, nodePort) => {
  const file = join(directory, 'hearsay.vcl');
  await writeFile(file, example('varnish.vcl').replace(/"800[123]"/g, `"${nodePort}"`));
  const words = ['-F', '-j', 'none', '-n', join(directory, 'work'), '-s', 'malloc,16m'];
  return spawn('varnishd', [...words, '-a', `127.0.0.1:${port}`, '-f', file]);
};

/** Runs with a node behind the proxy. */
async function behind(
  start: StartProxy,
  run: (url: string, nodeUrl: string) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  const flags = { dataDir, port: '0', joinTimeoutMs: '0ms', internalToken: 'for-tests' };
  const node = await startNode(readSettings(flags, {}), { logger: QUIET });
  const port = await freePorts(1);
  const folder = join(directory.path, 'proxy');
  await mkdir(folder);
  const proxy = await start(folder, port, Number(new URL(node.url).port));
  let output = '';
  for (const stream of [proxy.stdout, proxy.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const url = `http://127.0.0.1:${port}`;
  const isReady = async () => {
    if (proxy.exitCode !== null) throw new Error(output);
    return (await fetch(`${url}/_health`)).ok;
  };
  try {
    await waitFor(isReady, START_LIMIT_MS, 'The proxy does not answer');
    await run(url, node.url);
  } finally {
    proxy.kill('SIGTERM');
    if (proxy.exitCode === null) await once(proxy, 'exit');
    await node.close();
  }
}

const put = (url: string, value: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ value, version: 'next' }),
  });

async function valueAt(url: string): Promise<unknown> {
  const response = await fetch(url);
  const body: unknown = await response.json();
  if (response.status !== 200) return response.status;
  return typeof body === 'object' && body !== null && 'value' in body ? body.value : undefined;
}

const listSchema = z.looseObject({ entries: z.array(z.looseObject({ key: z.string() })) });

const keysAt = async (url: string): Promise<string[]> =>
  listSchema.parse(await (await fetch(url)).json()).entries.map(({ key }) => key);

/** Everything that the node answers may change at once, so that no answer may be an older one. */
async function showsWhatIs(url: string, nodeUrl: string): Promise<void> {
  const key = '/cache/user%2F7';
  assert.is(await valueAt(url + key), 404);
  assert.is(await valueAt(url + key), 404);
  assert.is((await put(url + key, 'one')).status, 200);
  assert.is(await valueAt(url + key), 'one');
  // Past the proxy, as a write at another node is.
  assert.is((await put(nodeUrl + key, 'two')).status, 200);
  assert.is(await valueAt(url + key), 'two');
  assert.equal(await keysAt(`${url}/cache?prefix=user/`), ['user/7']);
  assert.is((await fetch(nodeUrl + key, { method: 'DELETE' })).status, 200);
  assert.is(await valueAt(url + key), 404);
  assert.equal(await keysAt(`${url}/cache?prefix=user/`), []);
}

/** A tag that came through the proxy is one that the node knows, weakened or not. */
async function revalidates(url: string, nodeUrl: string): Promise<void> {
  const key = '/cache/tagged';
  await put(url + key, 'one');
  const tag = async (): Promise<string> => (await fetch(url + key)).headers.get('etag') ?? '';
  const first = await tag();
  assert.match(first, /^(W\/)?"/);
  const unchanged = await fetch(url + key, { headers: { 'If-None-Match': first } });
  assert.is(unchanged.status, 304);
  assert.is((await put(nodeUrl + key, 'two')).status, 200);
  const changed = await fetch(url + key, { headers: { 'If-None-Match': first } });
  assert.is(changed.status, 200);
  assert.is((await put(url + key, 'three', { 'If-Match': first })).status, 412);
  assert.is((await put(url + key, 'three', { 'If-Match': await tag() })).status, 200);
}

/** Each event comes while the watch goes on, and not once a buffer of the proxy is full. */
async function streams(url: string): Promise<void> {
  let text = '';
  const request = http.get(`${url}/watch?prefix=w`, (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  });
  request.on('error', () => {});
  try {
    await waitFor(() => text.includes('event: synced'), START_LIMIT_MS, 'No stream begins');
    await put(`${url}/cache/w1`, 'told');
    await waitFor(() => text.includes('event: put'), START_LIMIT_MS, 'The stream tells nothing');
  } finally {
    request.destroy();
  }
}

async function upgrades(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/watch?prefix=s`);
  const seen: string[] = [];
  socket.on('message', (data) => seen.push(String(data)));
  socket.on('error', (error) => seen.push(String(error)));
  const has = (word: string) => () => {
    if (seen.some((text) => text.includes(word))) return true;
    throw new Error(seen.join());
  };
  try {
    await waitFor(has('synced'), START_LIMIT_MS, 'No watch begins');
    await put(`${url}/cache/s1`, 'told');
    await waitFor(has('told'), START_LIMIT_MS, 'The watch tells nothing');
  } finally {
    socket.terminate();
  }
}

/** A body of one op a line, longer than any other body may be, is stored whole. */
async function takesLongBodies(url: string): Promise<void> {
  const value = 'x'.repeat(1000);
  const count = 3000;
  const body = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ op: 'put', key: `bulk/${index}`, value, version: 'next' }),
  ).join('\n');
  const headers = { 'Content-Type': 'application/x-ndjson' };
  const answer = await fetch(`${url}/cache`, { method: 'POST', headers, body });
  assert.is(answer.status, 200);
  const lines = (await answer.text()).trimEnd().split('\n');
  assert.is(lines.length, count + 1);
  assert.match(lines.at(-1) ?? '', `{"count":${count},"token":`);
  assert.is(await valueAt(`${url}/cache/bulk%2F${count - 1}`), value);
}

/** Clients that come through the proxy are not offered the routes of peers and operators. */
async function hidesTheInside(url: string): Promise<void> {
  for (const path of ['/gossip', '/metrics', '/_log', '/_log/rows', '/_cluster/retire'])
    assert.is((await fetch(url + path)).status, 404, path);
}

for (const [command, versionFlag, start] of [
  ['nginx', '-v', startNginx],
  ['varnishd', '-V', startVarnish],
] as const) {
  const name = `${command}: no stale answer, tags hold, events come at once, WebSockets open`;
  if (spawnSync(command, [versionFlag]).error !== undefined) {
    console.log(`${command} is not installed: what stands behind it is not tried.`);
    proxies.skip(name, () => {});
    continue;
  }
  proxies(name, () =>
    behind(start, async (url, nodeUrl) => {
      await showsWhatIs(url, nodeUrl);
      await revalidates(url, nodeUrl);
      await streams(url);
      await upgrades(url);
      await hidesTheInside(url);
      await takesLongBodies(url);
    }),
  );
}

proxies.run();
