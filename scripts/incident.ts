/**
 * `node scripts/incident.ts`: plays the incident of docs/log.md on three real nodes and writes the
 * transcript into the page, between its marks. Names and times that differ from run to run are those of
 * the last one.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Links } from '../test/cluster/links.ts';
import { startScripted } from '../test/cluster/scripted.ts';
import type { NodeProcess } from '../test/support/nodes.ts';
import { waitFor } from '../test/support/processes.ts';

const PAGE = fileURLToPath(new URL('../docs/log.md', import.meta.url));
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const LIMIT_MS = 15_000;
/** The width of the tables on the page. */
const PAGE_COLUMNS = '100';
const KEY = 'session:ada';

/** The page holds the text around each command: the marks name the commands. */
const MARK = /<!-- run (\w+) -->\n```console\n[\s\S]*?```/g;
/** Progress, which a busy machine gives time to be shown. */
const PROGRESS = /^\w+: [\d,]+ \w+(, \d+ %)?, \d+ s\n/gm;

await using links = await Links.open(3);
await using cluster = await startScripted({
  environment: { PULL_INTERVAL: '200ms', INTERNAL_TOKEN: 'secret' },
  environmentOf: (index, urls) => links.settingsOf(index, urls),
});
const [first, second, third] = cluster.nodes;
if (first === undefined || second === undefined || third === undefined)
  throw new Error('No nodes.');

const shell = prepareShell(cluster.directory);

await play(first, second, third);
await tell();

/** A session that was ended lives on. */
async function play(one: NodeProcess, two: NodeProcess, three: NodeProcess): Promise<void> {
  for (const [index, name] of ['ben', 'cyd', 'dee', 'eve'].entries())
    await put(one, `session:${name}`, 1, { user: name, seen: index });
  await put(one, KEY, 1, { user: 'ada', role: 'admin', seen: 1 });
  await put(two, KEY, 2, { user: 'ada', role: 'admin', seen: 2 });
  await waitFor(async () => (await versionAt(three)) === 2, LIMIT_MS, 'node3 has the session');
  await wait(1200);
  links.divide([[0, 1], [2]]);
  await wait(400);
  await put(three, 'session:cyd', 2, { user: 'cyd', seen: 7 });
  await put(three, KEY, 3, { user: 'ada', role: 'admin', seen: 3 });
  await wait(900);
  // The sign-out of the shop ends the session that it has seen.
  await check(await one.request(`/cache/${KEY}?version=2`, { method: 'DELETE' }));
  await waitFor(async () => (await versionAt(two)) === null, LIMIT_MS, 'node2 has the delete');
  await wait(4000);
  links.divide([[0, 1, 2]]);
  await waitFor(async () => (await versionAt(one)) === 3, LIMIT_MS, 'node1 shows it again');
  await waitFor(async () => (await one.get('session:cyd')).ok, LIMIT_MS, 'all is there');
  await wait(1500);
}

async function put(node: NodeProcess, key: string, version: number, value: object): Promise<void> {
  await check(await node.put(key, { value, version, ttl_ms: 1_800_000 }));
}

async function versionAt(node: NodeProcess): Promise<number | null> {
  const response = await node.get(KEY);
  if (!response.ok) return null;
  const { version } = (await response.json()) as { version: number };
  return version;
}

async function check(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  await response.arrayBuffer();
}

/** Runs every command of the page, in its order, and puts what it printed below it. */
async function tell(): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  const names = [...page.matchAll(MARK)].map(([, name]) => name ?? '');
  const texts = new Map<string, string>();
  for (const name of names) texts.set(name, await runNamed(name));
  writeFileSync(
    PAGE,
    page.replace(
      MARK,
      (_block, name: string) => `<!-- run ${name} -->\n\`\`\`console\n${texts.get(name)}\`\`\``,
    ),
  );
}

/** A moment in the middle of the cut, when the session was ended on the one side and not on the other. */
async function cutMoment(): Promise<string> {
  const { output } = await shell(`hearsay log history ${KEY} --data-dir data/node1 --json`);
  const ops = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; committed_at: string });
  const ended = ops.find(({ kind }) => kind === 'delete')?.committed_at ?? '';
  return new Date(Date.parse(ended) + 1000).toISOString();
}

async function runNamed(name: string): Promise<string> {
  const [node1, node2] = [addressOf(0), addressOf(1)];
  const at = await cutMoment();
  const commands: Readonly<Record<string, readonly string[]>> = {
    symptom: [`curl -s ${node1}/cache/${KEY}`],
    explain: [`hearsay log explain ${KEY} --url ${node1}`],
    history: [`hearsay log history ${KEY} --url ${node1}`],
    at: [
      `hearsay log at ${at} ${KEY} --data-dir data/node1`,
      `hearsay log at ${at} ${KEY} --data-dir data/node3`,
    ],
    tail: [`hearsay log tail --origin node3 --data-dir data/node1`],
    diff: [`hearsay log diff ${node1} data/node3`],
    verify: ['hearsay log verify --data-dir data/node3'],
    mended: [
      `curl -s -X DELETE ${node2}/cache/${KEY}`,
      `hearsay log explain ${KEY} --url ${node2}`,
    ],
  };
  let text = '';
  for (const command of commands[name] ?? []) {
    const { output } = await shell(command);
    text += `$ ${command}\n${output.trimEnd()}\n`;
    if (name === 'mended') await wait(500);
  }
  return shown(text);
}

function addressOf(index: number): string {
  return cluster.nodes[index]?.url ?? '';
}

/** As in production: nodes by their names, data in its place. */
function shown(text: string): string {
  let shownText = text;
  for (const [index, { url }] of cluster.nodes.entries())
    shownText = shownText.replaceAll(url, `http://node${index + 1}:8000`);
  return shownText;
}

function prepareShell(directory: string): (line: string) => Promise<{ output: string }> {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'hearsay'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(bin, 'hearsay'), 0o755);
  mkdirSync(join(directory, 'data'));
  for (const node of ['node1', 'node2', 'node3'])
    symlinkSync(join('..', node), join(directory, 'data', node));
  const path = `${bin}:${process.env.PATH}`;
  const env = { ...process.env, PATH: path, INTERNAL_TOKEN: 'secret', COLUMNS: PAGE_COLUMNS };
  return (line) =>
    new Promise((resolve) => {
      execFile('sh', ['-c', `${line} 2>&1`], { cwd: directory, env }, (_error, stdout) =>
        resolve({ output: stdout.replaceAll(PROGRESS, '') }),
      );
    });
}
