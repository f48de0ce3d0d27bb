// time limit: 300 s
/** `hearsay serve` as a real process. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../support/nodes.ts';
import { freePorts } from '../support/ports.ts';
import {
  CommandProcess,
  type Environment,
  runCommand,
  temporaryDirectory,
  waitFor,
} from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

const serve = suite('serve');

const START_LIMIT_MS = 20_000;
/** Two signals within this time count as one. */
const ONE_PRESS_MS = 500;

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  serve(`stops on ${signal} and exits with 0, and opens no debugger on SIGUSR1`, async () => {
    await using directory = await temporaryDirectory();
    await using node = await startNode({ DATA_DIR: directory.path });
    node.command.signal('SIGUSR1');
    const isWell = async (): Promise<boolean> => (await fetch(`${node.url}/_health`)).ok;
    await waitFor(isWell, START_LIMIT_MS, 'the node is well after SIGUSR1');
    node.command.signal(signal);
    assert.is(await node.command.ended(), 0);
    assert.is(node.command.stdout, '');
    assert.not.match(node.command.stderr, /ebugger/);
    const logged = node.command.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(logged.some(({ msg, node: name }) => msg === 'Stopping.' && name === 'node1'));
    assert.is(logged.at(-1).msg, 'Node node1 has stopped.');
  });
}

serve('a full disk below its log costs lines, and they are counted', async () => {
  await using full = await open('/dev/full', 'w');
  await servesWith(full.fd);
});

serve('a reader of its log that hangs stops nothing', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'log');
  await promisify(execFile)('mkfifo', [path]);
  // Opened for both, the pipe has a reader that never reads.
  await using pipe = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
  await assertFull(pipe);
  await using stderr = await open(path, 'w');
  // A line waits until it is beyond the bound.
  await servesWith(stderr.fd, { MAX_LOG_BUFFER_BYTES: '1KiB', LOG_LEVEL: 'trace' }, false);
});

serve('stops in time while its peers go on', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  assert.is(await first.stop(), 0, first.logs());
  await first.start('answers');
  assert.is(await second.stop(), 0, second.logs());
});

serve('takes a Ctrl-C that comes twice, as under npm, for one', async () => {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ DATA_DIR: directory.path });
  await using request = await unfinishedRequest(node.url);
  node.command.signal('SIGINT');
  node.command.signal('SIGINT');
  assert.is(await node.command.ended(), 0);
  assert.ok(request.started);
});

serve('ends at once when a signal insists', async () => {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ DATA_DIR: directory.path, LEAVE_DELAY: '10m' });
  node.command.signal('SIGINT');
  await waitFor(() => node.command.stderr.includes('Stopping.'), 5000, 'the node stops');
  // A signal that comes sooner may be the second half of one Ctrl-C.
  await wait(ONE_PRESS_MS + 100);
  node.command.signal('SIGINT');
  assert.is(await node.command.ended(), 130);
  assert.not.match(node.command.stderr, 'has stopped');
});

serve('says in one sentence that its port is in use, or its directory held', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  const { port } = new URL(node.url);
  const other = join(cluster.directory, 'other');
  const onPort = await runCommand(['serve', '--port', port, '--data-dir', other]);
  assert.is(
    onPort.stderr,
    `Port ${port} of 127.0.0.1 is in use by another process; stop that process or choose another port.\n`,
  );
  assert.is(onPort.code, 1);
  assert.not.ok(existsSync(other), 'a port in use leaves no directory behind');
  const { dataDir } = node;
  const { code, stderr } = await runCommand(['serve', '--port', '0', '--data-dir', dataDir]);
  assert.match(stderr, /^The data directory [^\n]+ is in use by another process; [^\n]+\.\n$/);
  assert.ok(stderr.includes(dataDir));
  assert.is(code, 1);
  assert.is((await node.put('key', { value: 1, version: 1 })).status, 200, 'the first goes on');
});

serve('says in one sentence that it can not listen', async () => {
  await using directory = await temporaryDirectory();
  const words = [
    'serve',
    '--host',
    'nowhere.invalid',
    '--internal-token',
    'a-token-of-sixteen',
    '--open',
  ];
  const { code, stderr } = await runCommand(words, { DATA_DIR: directory.path });
  assert.match(stderr, /^This machine can't listen on port 8000 of nowhere\.invalid: [^\n]+\.\n$/);
  assert.is(code, 1);
});

serve(
  'has what it answered after SIGKILL, and logs for people, or nothing, where it is told to',
  async () => {
    const environment = { LOG_FORMAT: 'text', URL: 'http://node1.test:8000' };
    await using cluster = await startCluster({ nodes: 1, environment });
    const node = cluster.node(0);
    assert.is((await node.put('a/b', { value: { text: 'kept' }, version: 3 })).status, 200);
    await node.kill();
    assert.not.ok(node.isRunning);
    // The URL that others use, and the address that it listens on.
    const first =
      /^[\d:.]{12} info {2}Node node1 serves\. event=serving origin=node1\.\S+ url=http:\/\/node1\.test:8000 listens=127\.0\.0\.1:\d+/m;
    assert.match(node.logs(), first);
    const before = node.logs();
    await node.start('healthy', { LOG_LEVEL: 'silent' });
    const answer = await (await node.get('a/b')).json();
    assert.equal(answer, { value: { text: 'kept' }, version: 3, expires_at: null });
    assert.is(await node.stop(), 0);
    assert.is(node.logs(), before);
  },
);

serve.run();

/** Fills a pipe. */
async function assertFull(pipe: FileHandle): Promise<void> {
  const page = Buffer.alloc(4096, '\n');
  for (let written = 0; written < 2 ** 24; written += page.length) {
    try {
      await pipe.write(page);
    } catch (error) {
      assert.is(error instanceof Error && 'code' in error && error.code, 'EAGAIN');
      return;
    }
  }
  assert.unreachable('a pipe without an end');
}

/** Starts a node with this as its stderr, asks it for its health, and stops it. */
async function servesWith(
  stderr: number,
  environment: Environment = {},
  isDropping = true,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const port = await freePorts(1);
  const child = spawn(process.execPath, [PROGRAM, 'serve'], {
    stdio: ['ignore', 'ignore', stderr],
    env: { ...process.env, ...environment, DATA_DIR: directory.path, PORT: String(port) },
  });
  const ended = once(child, 'exit');
  try {
    const url = `http://127.0.0.1:${port}`;
    await waitFor(async () => (await fetch(`${url}/_health`)).ok, START_LIMIT_MS, 'it serves');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const dropped = Number(/^hearsay_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
    assert.is(dropped > 0, isDropping, `${dropped} dropped`);
    child.kill('SIGTERM');
    assert.is((await ended)[0], 0);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

interface StartedNode extends AsyncDisposable {
  readonly command: CommandProcess;
  readonly url: string;
}

/** On any free port. */
async function startNode(environment: Environment): Promise<StartedNode> {
  const command = new CommandProcess(['serve', '--port', '0'], environment);
  try {
    const urlOf = () => /"url":"([^"]+)"/.exec(command.stderr)?.[1];
    await waitFor(
      () => urlOf() !== undefined || !command.isRunning,
      START_LIMIT_MS,
      'the node serves',
    );
    const url = urlOf();
    if (url === undefined) throw new Error(`The node did not start:\n${command.stderr}`);
    return { command, url, [Symbol.asyncDispose]: () => command[Symbol.asyncDispose]() };
  } catch (error) {
    await command[Symbol.asyncDispose]();
    throw error;
  }
}

/** A PUT whose body never comes, as the node knows by now: it has asked for that body. */
async function unfinishedRequest(url: string): Promise<{ started: boolean } & AsyncDisposable> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  const head = ['PUT /cache/a HTTP/1.1', 'Host: a', 'Content-Type: application/json'];
  socket.write([...head, 'Content-Length: 10', 'Expect: 100-continue', '', ''].join('\r\n'));
  const [data] = await once(socket, 'data');
  return {
    started: String(data).startsWith('HTTP/1.1 100 '),
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  };
}
