/**
 * `npm run compatibility -- [COMMIT] [--write]`: shows that a node of another commit and one of this tree form a cluster,
 * that writes reach each from the other, and that each opens the log of the other.
 *
 * The other commit is unpacked into a temporary folder and set up there as anybody would set it up. With `--write` the
 * transcript goes into docs/compatibility.md.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { freePorts } from '../test/support/ports.ts';
import { Caller } from './clients/caller.ts';
import type { Call, Request } from './history/call.ts';
import { LAST_RELEASE } from './lastRelease.ts';
import { MAIN } from './nodes/environment.ts';
import { ChaosNode } from './nodes/node.ts';
import { at } from './nodes/nodes.ts';
import { readLog, readMap } from './nodes/reading.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs', 'compatibility.md');
const MARK = /<!-- transcript -->\n```text\n[\s\S]*?```/;
const SETUP_TIMEOUT_MS = 600_000;
const TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 100;
const TOKEN = 'compatibility';

const touchedSchema = z.object({ token: z.string(), expires_at: z.string() });
const clusterSchema = z.object({
  cluster: z.object({ id: z.string() }),
  members: z.array(z.unknown()),
  peers: z.array(z.object({ agrees: z.boolean().nullable() })),
});

const run = promisify(execFile);
const lines: string[] = [];
let isCompatible = true;

const words = process.argv.slice(2);
const commit = words.find((word) => !word.startsWith('-')) ?? LAST_RELEASE;
const folder = mkdtempSync(join(tmpdir(), 'hearsay-compatibility-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const other = await unpack();
const names = { this: 'this tree', other: `${commit} (${versionOf(other)})` } as const;
await compare();
if (words.includes('--write')) write();
process.exit(isCompatible ? 0 : 1);

/** @returns the folder of the other commit, ready to run. */
async function unpack(): Promise<string> {
  const target = join(folder, 'other');
  const archive = join(folder, 'other.tar');
  await run('git', ['-C', ROOT, 'archive', '--output', archive, commit]);
  await run('mkdir', ['-p', target]);
  await run('tar', ['-xf', archive, '-C', target]);
  const setup = join(target, 'scripts', 'setup.mjs');
  await run(process.execPath, [setup], { cwd: target, timeout: SETUP_TIMEOUT_MS });
  return target;
}

function versionOf(root: string): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

async function compare(): Promise<void> {
  const otherMain = join(other, 'src', 'main.ts');
  // Nodes of 0.1.0 dial the URLs that a peer had before for ever, so both rounds use the same.
  const firstPort = await freePorts(2);
  tell(`Node 1 is of ${names.other}, node 2 of ${names.this}.`);
  const first = await start([otherMain, MAIN], firstPort);
  await exchange(first, 'a');
  await stop(first);
  for (const [index, main] of [MAIN, otherMain].entries()) await compareLogs(first, index, main);

  tell('Each starts on the directory of the other: node 1 is of this tree now.');
  const second = await start([MAIN, otherMain], firstPort);
  await show('the entries of before are there', () => holdsAll(second, ['a/0', 'a/1']));
  await exchange(second, 'b');
  await stop(second);
  for (const [index, main] of [otherMain, MAIN].entries()) await compareLogs(second, index, main);

  tell(
    'Node 1 is of the other again and names nobody; node 2 is new, of this tree, with PEER_AUTH=header.',
  );
  const third = await start([otherMain, MAIN], await freePorts(2), 'apart', [
    { NODES: '', JOIN_TIMEOUT: '0ms' },
    { URL: '', PEER_AUTH: 'header' },
  ]);
  await exchange(third, 'c');
  await stop(third);
}

async function start(
  mains: readonly [string, string],
  firstPort: number,
  directory = 'nodes',
  own: readonly Readonly<Record<string, string>>[] = [],
): Promise<readonly ChaosNode[]> {
  const urls = mains.map((_main, index) => `http://127.0.0.1:${firstPort + index}`);
  const nodes = mains.map(
    (main, index) =>
      new ChaosNode({
        index,
        directory: join(folder, directory),
        clientUrl: urls[index] ?? '',
        command: [],
        settings: {
          PORT: String(firstPort + index),
          NODES: urls.join(','),
          INTERNAL_TOKEN: TOKEN,
          JOIN_TIMEOUT: '60s',
          ...own[index],
        },
        incidents: [],
        main,
      }),
  );
  process.on('exit', () => {
    for (const node of nodes) node.signal('SIGKILL');
  });
  for (const node of nodes) await node.start();
  await show('both serve, in one cluster of two members', async () => {
    const clusters = await Promise.all(nodes.map(clusterOf));
    const ids = new Set(clusters.map(({ cluster }) => cluster.id));
    return ids.size === 1 && clusters.every(({ members }) => members.length === 2);
  });
  return nodes;
}

/** Writes at each, and looks at the other. */
async function exchange(nodes: readonly ChaosNode[], prefix: string): Promise<void> {
  const caller = new Caller(nodes);
  const call = (wish: Partial<Request>): Promise<Call> => caller.call('compatibility', wish);
  for (const from of [0, 1]) {
    const to = 1 - from;
    const key = `${prefix}/${from}`;
    const [writer, reader] = [`node ${from + 1}`, `node ${to + 1}`];
    let token: string | null = null;
    await show(`a PUT at ${writer} that waits for both says acks 2`, async () => {
      const wish = { method: 'PUT', key, node: from, value: `${key} v`, version: 'next' } as const;
      const { answer } = await call({ ...wish, acks: 2 });
      token = answer.token;
      return answer.acks === 2;
    });
    await show(`${reader} reads it by its token, with value and version`, async () => {
      const { answer } = await call({ key, node: to, after: token });
      return answer.status === 200 && answer.value === `${key} v`;
    });
    await show(`a lower version is refused at ${reader} with 409`, async () => {
      const wish = { method: 'PUT', key, node: to, value: 'low', version: 0 } as const;
      return (await call(wish)).answer.status === 409;
    });
    await show(`a DELETE at ${writer} of what ${reader} wrote shows at ${reader}`, async () => {
      const gone = `${prefix}/gone/${from}`;
      const wish = { method: 'PUT', key: gone, node: to, value: 'gone', version: 'next' } as const;
      const put = await call(wish);
      const remove = await call({
        method: 'DELETE',
        key: gone,
        node: from,
        after: put.answer.token,
      });
      const read = await call({ key: gone, node: to, after: remove.answer.token });
      return remove.answer.status === 200 && read.answer.status === 404;
    });
    await show(`an entry with a TTL expires at the same time on both`, async () => {
      const brief = `${prefix}/brief/${from}`;
      const wish = { method: 'PUT', key: brief, value: 'brief', version: 'next' } as const;
      const put = await call({ ...wish, node: from, ttlMs: 300_000 });
      await call({ key: brief, node: to, after: put.answer.token });
      const maps = await Promise.all(nodes.map(readMap));
      return maps.every((map) => map.get(brief)?.expiresAt === put.answer.expiresAt);
    });
    const writerNode = at(nodes, from);
    if (await knowsTouch(writerNode))
      await show(`a touch at ${writer} moves the expiry on both`, async () => {
        const brief = `${prefix}/brief/${from}`;
        const before = (await readMap(writerNode)).get(brief)?.expiresAt;
        const { token, expires_at: expiresAt } = await touch(writerNode, brief);
        await call({ key: brief, node: to, after: token });
        const maps = await Promise.all(nodes.map(readMap));
        const told = maps.map((map) => JSON.stringify(map.get(brief)?.expiresAt));
        return (
          before !== undefined &&
          new Set(told).size === 1 &&
          expiresAt !== null &&
          told[0] !== JSON.stringify(before)
        );
      });
  }
  await show('both say that they agree, and show the same map', async () => {
    const clusters = await Promise.all(nodes.map(clusterOf));
    const maps = await Promise.all(nodes.map(readMap));
    const [one, two] = maps.map((map) => JSON.stringify([...map]));
    if (one !== two) throw new Error(`the maps are ${one} and ${two}`);
    const peers = clusters.map((cluster) => cluster.peers);
    if (!peers.flat().every(({ agrees }) => agrees))
      throw new Error(`the peers are ${JSON.stringify(peers)}`);
    return true;
  });
}

/** Nodes before 0.4 know no touch. */
async function knowsTouch({ clientUrl }: ChaosNode): Promise<boolean> {
  const answer = await fetch(`${clientUrl}/openapi.json`);
  return (await answer.text()).includes('/cache/{key}/touch');
}

async function touch(
  { clientUrl }: ChaosNode,
  key: string,
): Promise<z.output<typeof touchedSchema>> {
  const answer = await fetch(`${clientUrl}/cache/${encodeURIComponent(key)}/touch`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"ttl_ms":900000}',
  });
  return touchedSchema.parse(await answer.json());
}

async function holdsAll(nodes: readonly ChaosNode[], keys: readonly string[]): Promise<boolean> {
  const maps = await Promise.all(nodes.map(readMap));
  return maps.every((map) => keys.every((key) => map.has(key)));
}

async function stop(nodes: readonly ChaosNode[]): Promise<void> {
  const stopped = await Promise.all(nodes.map((node) => node.stop()));
  await show('both stop when they are asked to', async () => !stopped.includes(false));
}

/** @param reader the command line of the commit that did not write the log. */
async function compareLogs(
  nodes: readonly ChaosNode[],
  index: number,
  reader: string,
): Promise<void> {
  const node = at(nodes, index);
  const whose = reader === MAIN ? names.this : names.other;
  const read = await readLog(node, reader);
  const damage = read.damage ?? '';
  await show(`${whose} verifies the log of node ${index + 1}: whole ${damage}`.trim(), async () => {
    return read.damage === null;
  });
  const writer = reader === MAIN ? join(other, 'src', 'main.ts') : MAIN;
  const own = await readLog(node, writer);
  await show(
    `${whose} and the writer of the log export the same ${own.ops.length} ops`,
    async () => {
      return own.ops.length > 0 && JSON.stringify(own.ops) === JSON.stringify(read.ops);
    },
  );
}

async function clusterOf({ clientUrl }: ChaosNode): Promise<z.output<typeof clusterSchema>> {
  const response = await fetch(`${clientUrl}/_cluster`);
  return clusterSchema.parse(await response.json());
}

/** Waits for a statement to come true, and tells whether it did. */
async function show(statement: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + TIMEOUT_MS;
  let reason = '';
  while (performance.now() < endAt) {
    try {
      if (await isTrue()) {
        tell(`  ok    ${statement}`);
        return;
      }
      reason = '';
    } catch (error) {
      reason = ` (${error instanceof Error ? error.message : String(error)})`;
    }
    await wait(POLL_INTERVAL_MS);
  }
  isCompatible = false;
  tell(`  FAIL  ${statement}${reason}`);
}

function tell(line: string): void {
  console.log(line);
  lines.push(line);
}

function write(): void {
  const page = readFileSync(PAGE, 'utf8');
  const head = `$ npm run compatibility -- ${commit}`;
  const text = [head, ...lines].join('\n');
  writeFileSync(
    PAGE,
    page.replace(MARK, () => `<!-- transcript -->\n\`\`\`text\n${text}\n\`\`\``),
  );
}
