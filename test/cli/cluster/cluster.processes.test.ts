// time limit: 300 s
/** `hearsay cluster` as a real process, with its children. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { freePorts } from '../../support/ports.ts';
import {
  CommandProcess,
  processExists,
  runCommand,
  temporaryDirectory,
  waitFor,
} from '../../support/processes.ts';
import { PROGRAM } from '../../support/program.ts';

const cluster = suite('cluster');

const START_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
/** As in src/cli/cluster/cluster.ts. */
const LEAST_RUN_MS = 3000;

interface Place {
  readonly firstPort: number;
  readonly dataDir: string;
  /** By default three. */
  readonly nodes?: 2;
  /** By default none. */
  readonly authFile?: string;
}

cluster(
  'runs three nodes, says where, and keeps their data; a second Ctrl-C is the first',
  async () => {
    await using directory = await temporaryDirectory();
    await using other = await temporaryDirectory();
    // The last of the second command's ports is the first of the first's; the third has its own.
    const firstPort = await freePorts(8);
    const place = { firstPort: firstPort + 2, dataDir: directory.path };
    const urls = [0, 1, 2].map((index) => `http://localhost:${place.firstPort + index}`);
    {
      await using command = await startCluster(place);
      for (const url of urls) assert.ok(command.stdout.includes(url), url);
      assert.match(command.stdout, /node3 .* data in .*node3\n/);
      const [begins, ...lines] = command.stderr.trimEnd().split('\n');
      assert.is(begins, `Starting 3 nodes at ${urls[0]} to ${place.firstPort + 2} …`);
      for (const line of lines) assert.match(line, /^(node[123] \| |Still waiting: )/);
      const stored = await fetch(`${urls[0]}/cache/greeting`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: '{"value": "hello", "version": "next"}',
      });
      assert.is(stored.status, 200);
      await waitFor(async () => (await greetingAt(urls[1])) === 'hello', 3000, 'node2 has it');
      // Neither the nodes nor this command were told a token: they find that of their user.
      const stat = await runCommand(['log', 'stat', '--url', urls[1] ?? '', '--json']);
      assert.is(stat.code, 0, stat.stderr);
      await refusesOthers(firstPort, directory.path, other.path);
      assert.ok(command.isRunning);
      // A terminal's Ctrl-C reaches the children too, and under npm this command twice.
      for (const pid of childrenOf(command)) process.kill(pid, 'SIGINT');
      await stopAndCheck(command, ['SIGINT', 'SIGINT']);
    }
    await using again = await startCluster(place);
    assert.is(await greetingAt(urls[2]), 'hello');
    const pids = childrenOf(again);
    again.signal('SIGKILL');
    await waitFor(() => !pids.some(processExists), END_LIMIT_MS, 'it leaves no node behind');
  },
);

/** Says in one sentence that a port is in use, or a directory held. */
async function refusesOthers(firstPort: number, heldDir: string, otherDir: string): Promise<void> {
  const [port, held] = await Promise.all([
    runCommand(wordsFor({ firstPort, dataDir: otherDir }), { LOG_LEVEL: 'error' }),
    runCommand(wordsFor({ firstPort: firstPort + 5, dataDir: heldDir }), { LOG_LEVEL: 'error' }),
  ]);
  assert.match(
    port.stderr,
    new RegExp(`^Port ${firstPort + 2} of 127\\.0\\.0\\.1 is in use [^\\n]+\\.\\n$`),
  );
  assert.match(
    held.stderr,
    /^Starting 3 nodes [^\n]+\nThe data directory [^\n]+node[123] is in use [^\n]+\.\n$/,
  );
  for (const { code, stdout } of [port, held]) {
    assert.is(code, 1);
    assert.is(stdout, '');
  }
  assert.equal(await readdir(otherDir), [], 'a port in use leaves no directory behind');
}

cluster('output that can not be written stops no node', async () => {
  await using directory = await temporaryDirectory();
  const firstPort = await freePorts(2);
  await using full = await open('/dev/full', 'w');
  const words = ['cluster', '--nodes', '2', '--first-port', String(firstPort)];
  const child = spawn(process.execPath, [PROGRAM, ...words, '--data-dir', directory.path], {
    stdio: ['ignore', full.fd, 'pipe'],
  });
  const ended = once(child, 'exit');
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  try {
    const told = () => /The output can't be written: no room is left\./.test(stderr);
    await waitFor(told, START_LIMIT_MS, 'the cluster says so');
    for (const port of [firstPort, firstPort + 1])
      assert.is((await fetch(`http://localhost:${port}/_health`)).status, 200);
    child.kill('SIGTERM');
    assert.is((await ended)[0], 0);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

cluster(
  'starts a node again that was killed, and stops the others when it ends right after its start',
  async () => {
    await using directory = await temporaryDirectory();
    const firstPort = await freePorts(2);
    await using command = await startCluster({ firstPort, dataDir: directory.path, nodes: 2 });
    const url = (index: number): string => `http://localhost:${firstPort + index}/cache/greeting`;
    const headers = { 'content-type': 'application/json' };
    const body = '{"value": "hello", "version": 1}';
    // A node that ends right after its start is not started again.
    await new Promise((resolve) => setTimeout(resolve, LEAST_RUN_MS));
    process.kill(childrenOf(command)[1] ?? 0, 'SIGKILL');
    await waitFor(() => command.stderr.includes('is started again'), END_LIMIT_MS, 'it is told');
    assert.match(command.stderr, /^node2 has ended \(SIGKILL\) and is started again\.$/m);
    assert.is((await fetch(url(0), { method: 'PUT', headers, body })).status, 200);
    const isThere = async (): Promise<boolean> =>
      (await fetch(url(1)).catch(() => null))?.status === 200;
    await waitFor(isThere, START_LIMIT_MS, 'node2 is back and has what was written meanwhile');
    await waitFor(
      () => {
        for (const pid of childrenOf(command).slice(1, 2))
          if (processExists(pid)) process.kill(pid, 'SIGKILL');
        return !command.isRunning;
      },
      START_LIMIT_MS,
      'the command has ended',
    );
    assert.is(await command.ended(), 1);
    assert.match(
      command.stderr.trimEnd().split('\n').at(-1) ?? '',
      /^node\d has ended unexpectedly and the others were stopped: SIGKILL\.$/,
    );
    for (const pid of childrenOf(command)) assert.not.ok(processExists(pid));
  },
);

cluster(
  'with a file of tokens it becomes ready all the same, and starts a killed node again',
  async () => {
    await using directory = await temporaryDirectory();
    const authFile = join(directory.path, 'tokens.json');
    await writeFile(authFile, '{"version": 1, "tokens": []}\n', { mode: 0o600 });
    const firstPort = await freePorts(2);
    const place = { firstPort, dataDir: directory.path, nodes: 2, authFile } as const;
    await using command = await startCluster(place);
    assert.is((await fetch(`http://localhost:${firstPort}/_cluster`)).status, 401);
    assert.match(command.stdout, /Authorization: Bearer TOKEN/);
    await new Promise((resolve) => setTimeout(resolve, LEAST_RUN_MS));
    process.kill(childrenOf(command)[1] ?? 0, 'SIGKILL');
    await waitFor(() => command.stderr.includes('is started again'), END_LIMIT_MS, 'it is told');
    await waitFor(
      async () => (await fetch(`http://localhost:${firstPort + 1}/readyz`)).status === 200,
      START_LIMIT_MS,
      'node2 is ready again',
    );
    assert.ok(command.isRunning);
  },
);

cluster.run();

function wordsFor({ firstPort, dataDir, nodes, authFile }: Place): string[] {
  const words = ['cluster', '--first-port', String(firstPort), '--data-dir', dataDir];
  if (authFile !== undefined) words.push('--auth-file', authFile);
  return nodes === undefined ? words : [...words, '--nodes', String(nodes)];
}

async function startCluster(place: Place): Promise<CommandProcess> {
  const command = new CommandProcess(wordsFor(place));
  try {
    await waitFor(
      () => /export HEARSAY_URL=\S+\n/.test(command.stdout) || !command.isRunning,
      START_LIMIT_MS,
      'the nodes see one another',
    );
    assert.ok(command.isRunning, command.stderr);
    return command;
  } catch (error) {
    await command[Symbol.asyncDispose]();
    throw error;
  }
}

/** The processes of its nodes, in the order of their names. */
function childrenOf({ stderr }: CommandProcess): number[] {
  const found = stderr.matchAll(/^(node\d+) \| .* serves\..* pid=(\d+)$/gm);
  // Of a node that was started again the last.
  const pids = new Map([...found].map(([, nodeId = '', pid]) => [nodeId, Number(pid)]));
  const named = new Set(stderr.match(/^node\d+(?= \| )/gm));
  assert.ok(pids.size >= 2);
  assert.is(pids.size, named.size);
  return [...pids].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pid]) => pid);
}

async function stopAndCheck(command: CommandProcess, signals: NodeJS.Signals[]): Promise<void> {
  const pids = childrenOf(command);
  for (const signal of signals) command.signal(signal);
  assert.is(await command.ended(), 0);
  assert.is(
    command.stderr.match(/ has stopped\. event=stopped$/gm)?.length,
    pids.length,
    command.stderr,
  );
  for (const pid of pids) assert.not.ok(processExists(pid));
}

async function greetingAt(url: string | undefined): Promise<unknown> {
  const response = await fetch(`${url}/cache/greeting`);
  return z.object({ value: z.unknown() }).parse(await response.json()).value;
}
