/**
 * Both apps of this folder, each built without a cluster and then served by two real servers of Next.js, at one node each:
 * an invalidation at one is seen by the other.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { createClient } from 'hearsay/client';
import type { HearsayCacheHandler } from 'hearsay/next';
import type { CacheHandler } from 'next/cache.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { freePorts } from '../../test/support/ports.ts';
import { waitFor } from '../../test/support/processes.ts';

const FOLDER = import.meta.dirname;
const NEXT = join(FOLDER, 'node_modules/next/dist/bin/next');
const HEARSAY = join(FOLDER, 'node_modules/hearsay');
const [here = '', there = ''] = (process.env.HEARSAY_URL ?? '').split(',');
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9';
const ROUNDS = 10;
const LIMIT_MS = 60_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Next reads the package as users have it: compiled, and without a link out of the folder. */
async function compileHearsay(): Promise<void> {
  const source = join(FOLDER, '../../src');
  const entries = {
    next: join(source, 'adapters/next/index.ts'),
    client: join(source, 'client/index.ts'),
  };
  await build({
    entryPoints: entries,
    outdir: join(HEARSAY, 'compiled'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
  });
  const file = join(HEARSAY, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  for (const [name, types] of Object.entries(entries))
    manifest.exports[`./${name}`] = {
      types: types.replace(source, './src'),
      default: `./compiled/${name}.js`,
    };
  await writeFile(file, JSON.stringify(manifest));
}

function next(words: readonly string[], environment: NodeJS.ProcessEnv) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...environment };
  const child = spawn(process.execPath, [NEXT, ...words], { cwd: FOLDER, env, stdio: 'pipe' });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, ended, output: () => output };
}

async function buildApp(app: string): Promise<void> {
  const startMs = performance.now();
  const { ended, output } = next(['build', app], { HEARSAY_URL: NOWHERE, UPSTREAM_URL: NOWHERE });
  const code = await ended;
  assert.is(code, 0, output());
  assert.not.match(output(), /hearsay/i, 'a build asks no node, and warns of nothing');
  console.log(`${app}: built in ${((performance.now() - startMs) / 1000).toFixed(1)} s.`);
}

/** The compiler sees here that the handler has the type that Next asks for. */
const asNextSeesIt = (handler: HearsayCacheHandler): CacheHandler => handler;

class Server {
  readonly #url: string;
  readonly #process: ReturnType<typeof next>;

  private constructor(url: string, process: ReturnType<typeof next>) {
    this.#url = url;
    this.#process = process;
  }

  static async start(app: string, node: string, upstream = NOWHERE): Promise<Server> {
    const port = await freePorts(1);
    const words = ['start', app, '--port', String(port), '--hostname', '127.0.0.1'];
    const process = next(words, { HEARSAY_URL: node, UPSTREAM_URL: upstream });
    const server = new Server(`http://127.0.0.1:${port}`, process);
    await until(async () => {
      if (process.child.exitCode !== null) throw new Error(process.output());
      return (await fetch(server.#url).catch(() => null))?.status === 200;
    });
    return server;
  }

  async get(path: string): Promise<string> {
    const answer = await fetch(this.#url + path);
    const text = await answer.text();
    assert.is(answer.status, 200, `${path}: ${text}\n${this.#process.output()}`);
    return text;
  }

  /** The bold text of a page: who made it, and when. */
  async made(path: string): Promise<string> {
    const html = await this.get(path);
    return /<b>(?:<!-- -->)?([^<]+)</.exec(html)?.[1] ?? html;
  }

  async price(id: number): Promise<string> {
    return (JSON.parse(await this.get(`/api/price?id=${id}`)) as { made: string }).made;
  }

  async invalidate(query: string): Promise<void> {
    const answer = await fetch(`${this.#url}/api/invalidate?${query}`, { method: 'POST' });
    assert.is(answer.status, 204, this.#process.output());
  }

  output(): string {
    return this.#process.output();
  }

  async stop(): Promise<void> {
    this.#process.child.kill('SIGTERM');
    await this.#process.ended;
  }
}

/** Runs with two servers of an app, each at a node of its own. */
async function onTwoServers(
  app: string,
  run: (first: Server, second: Server) => Promise<void>,
  upstream?: string,
): Promise<void> {
  const servers = await Promise.all([here, there].map((node) => Server.start(app, node, upstream)));
  const [first, second] = servers as [Server, Server];
  try {
    await run(first, second);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

const until = (condition: () => Promise<boolean>): Promise<void> =>
  waitFor(condition, LIMIT_MS, 'the servers show what is expected');

/** Asks until both servers show the same, which both then go on to show. */
async function agreed(ask: (server: Server) => Promise<string>, ...servers: Server[]) {
  let shown: string[] = [];
  await until(async () => {
    shown = [];
    for (const server of servers) shown.push(await ask(server));
    return new Set(shown).size === 1;
  });
  return shown[0] ?? '';
}

const servers = suite('two servers of Next.js');

servers('take the handler as theirs', () => {
  assert.type(asNextSeesIt, 'function');
});

servers('are built without a cluster', async () => {
  await compileHearsay();
  for (const app of ['shop', 'news']) await buildApp(app);
});

servers('share what "use cache" keeps, and see invalidations of each other', async () => {
  await onTwoServers('shop', async (first, second) => {
    const price = (server: Server) => server.price(1);
    let shown = await agreed(price, first, second);

    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await first.invalidate('tag=prices');
      const startMs = performance.now();
      while ((await second.price(1)) === shown)
        assert.ok(performance.now() - startMs < LIMIT_MS, 'the other server shows what is invalid');
      times.push(performance.now() - startMs);
      assert.is.not(await first.price(1), shown, 'a server sees its own invalidation at once');
      shown = await agreed(price, first, second);
    }
    const [fastest, median] = [0, ROUNDS / 2].map((at) => times.sort((a, b) => a - b)[at] ?? 0);
    const told = [fastest, median].map((ms) => (ms ?? 0).toFixed(1)).join(' ms at best, ');
    console.log(`revalidateTag was seen at the other server after ${told} ms in the middle.`);

    await first.invalidate('tag=price-1&soft');
    await until(async () => (await second.price(1)) !== shown);
    shown = await agreed(price, first, second);

    const product = (server: Server) => server.made('/products/1');
    assert.is(await agreed(product, first, second), shown, 'pages show the same entry');
    await first.invalidate('path=/products/1');
    await until(async () => (await product(second)) !== shown);
    assert.is.not(await product(first), shown);
    await agreed(product, first, second);

    const home = (server: Server) => server.made('/');
    const before = await agreed(home, first, second);
    await second.invalidate('tag=prices');
    await until(async () => (await home(first)) !== before);
    assert.is.not(await agreed(home, first, second), before);
  });
});

servers('keep entries until they expire, and no longer', async () => {
  const client = createClient({ endpoints: [here] });
  const lives: number[] = [];
  for await (const { expiresAt } of client.list({ prefix: 'shop:use-cache/', values: false }))
    lives.push((expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now());
  await client.close();
  assert.ok(lives.length > 0);
  for (const lifeMs of lives) assert.ok(lifeMs > 900_000 && lifeMs <= 3_600_000, String(lifeMs));
});

servers('share pages and fetches of the older handler', async () => {
  let answers = 0;
  const upstream = createServer((_request, response) => {
    answers += 1;
    response.end(`answer ${answers}`);
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  try {
    await onTwoServers(
      'news',
      async (first, second) => {
        const home = (server: Server) => server.made('/');
        const before = await agreed(home, first, second);
        await first.invalidate('path=/');
        await until(async () => (await home(second)) !== before);
        assert.is.not(await agreed(home, first, second), before);

        const fetched = (server: Server) => server.get('/fetched');
        const answer = await agreed(fetched, first, second);
        assert.is(await fetched(first), answer);
        await second.invalidate('tag=upstream');
        await until(async () => (await fetched(first)) !== answer);
        const later = await agreed(fetched, first, second);
        assert.is.not(later, answer);
        await first.invalidate('tag=upstream&soft');
        await until(async () => (await fetched(second)) !== later);
      },
      `http://127.0.0.1:${port}`,
    );
  } finally {
    upstream.close();
  }
});

servers('go on without a cluster', async () => {
  const server = await Server.start('shop', NOWHERE);
  try {
    assert.is.not(await server.price(1), await server.price(1), 'nothing is kept');
    assert.match(server.output(), /hearsay\/next goes on without the cache/);
  } finally {
    await server.stop();
  }
});

servers.run();
