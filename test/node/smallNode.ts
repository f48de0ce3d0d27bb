/** A node with little memory and few descriptors, and clients that mean it harm. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as http from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { encodeMessage } from '../../src/gossip/protocol/messages.ts';
import { NOTHING_CLOSED } from '../../src/words/closed.ts';
import { encodeWholeToken } from '../../src/words/cursor.ts';
import { attack } from '../cluster/hostilePeers.ts';
import { HandWrittenPeer, TOKEN } from '../support/handWrittenPeer.ts';
import { NodeProcess } from '../support/nodes.ts';
import { put as putOp, sumOf } from '../support/ops.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const HEAP_MEBIBYTES = 256;
const DESCRIPTORS = 512;
const CLIENTS = 100;
const MAX_TRIES = 10;
const MEBIBYTE = 1024 * 1024;
/** For what a node does with what was sent, while nothing tells that it has. */
const MOMENT_MS = 300;
/** For an answer of a node that has much to do, or has died. */
const ANSWER_LIMIT_MS = 60_000;

const HOST = 'Host: localhost\r\n';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const GET = `GET /_health HTTP/1.1\r\n${HOST}\r\n`;

/** Connections that one hostile client opens, and what it does with each. */
class Attack implements Disposable {
  /** The node, as peers reach it. */
  readonly node: NodeProcess;
  readonly #port: number;
  readonly #sockets: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
    this.node = new NodeProcess('node1', `http://127.0.0.1:${port}`, '', {});
  }

  /** @param reads false: it takes nothing of its answers. */
  open(bytes: string, reads = true): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    if (reads) socket.resume();
    else socket.pause();
    socket.write(bytes);
    this.#sockets.push(socket);
    return socket;
  }

  /** Sends the same again and again, as much as is taken until the node reads no further. */
  async flood(first: string, bytes: number): Promise<void> {
    const socket = this.open(first);
    await wait(MOMENT_MS);
    const chunk = GET.repeat(2000);
    for (let sent = 0; sent < bytes; sent += chunk.length)
      if (!socket.write(chunk) && !(await isDrained(socket))) return;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** @returns false where the other side takes nothing for a moment, or is gone. */
const isDrained = (socket: Socket): Promise<boolean> =>
  once(socket, 'drain', { signal: AbortSignal.timeout(MOMENT_MS) }).then(
    () => true,
    () => false,
  );

const times = (count: number, run: () => void): void => {
  for (let done = 0; done < count; done++) run();
};

const put = (target: string, body: string): string =>
  `PUT ${target} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
const post = (body: string): string =>
  `POST /cache HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;

const gets = JSON.stringify({ ops: Array(1000).fill({ op: 'get', key: 'big0' }) });
const deep = `{"value":${'['.repeat(349_000)}${']'.repeat(349_000)},"version":"next"}`;
const cursor = encodeWholeToken(
  'none',
  new Map(Array.from({ length: 400 }, (_, index) => [`n${index}.aaaaaa`, 1])),
  NOTHING_CLOSED,
);

type NamedAttack = readonly [name: string, run: (attack: Attack) => unknown];

/** Of connections and of requests sent ahead. */
export const ATTACKS: readonly NamedAttack[] = [
  ['more connections than descriptors, which send nothing', (a) => times(600, () => a.open(''))],
  ['as many watchers', (a) => times(600, () => a.open(`GET /watch HTTP/1.1\r\n${HOST}\r\n`))],
  [
    'refused upgrades whose clients keep their half open',
    (a) => times(300, () => a.open(`GET /gossip HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`)),
  ],
  [
    'requests behind a write that waits',
    (a) =>
      a.flood(
        put('/cache/w?acks=99&timeout_ms=60000', '{"value":1,"version":"next"}'),
        16 * MEBIBYTE,
      ),
  ],
  ['requests behind a watch', (a) => a.flood(`GET /watch HTTP/1.1\r\n${HOST}\r\n`, 16 * MEBIBYTE)],
];

/** Those that cost a node the most time. */
export const HEAVY_ATTACKS: readonly NamedAttack[] = [
  [
    'lists that nobody reads',
    (a) => times(60, () => a.open(`GET /cache?prefix=big HTTP/1.1\r\n${HOST}\r\n`, false)),
  ],
  [
    'the state told to watchers that do not read',
    (a) => times(60, () => a.open(`GET /watch?initial=true HTTP/1.1\r\n${HOST}\r\n`, false)),
  ],
  ['batches with long answers', (a) => times(8, () => a.open(post(gets), false))],
  [
    'bodies that do not come',
    (a) =>
      times(150, () =>
        a.open(`PUT /cache/b HTTP/1.1\r\n${HOST}Content-Length: ${MEBIBYTE}\r\n\r\n{`),
      ),
  ],
  ['values of great depth', (a) => times(4, () => a.open(put('/cache/d', deep)))],
  [
    'reads of the past',
    (a) => times(40, () => a.open(`GET /cache/big0?at=-1ms HTTP/1.1\r\n${HOST}\r\n`)),
  ],
  [
    'tokens of many logs',
    (a) =>
      times(150, () => a.open(`GET /cache/a HTTP/1.1\r\n${HOST}Hearsay-After: ${cursor}\r\n\r\n`)),
  ],
];

const gossip = `GET /gossip HTTP/1.1\r\n${HOST}${UPGRADE}X-Internal-Token: ${TOKEN}\r\n\r\n`;
const MADE_UP = 2000;

/** Pushes ops of origins that nobody has heard of. */
async function makeUpOrigins({ node }: Attack): Promise<void> {
  const { origin } = await node.view();
  await using peer = await HandWrittenPeer.connect(node);
  await peer.greet({ nodeId: 'evil', origin: 'evil.aaaaaa', joined: true, admittedBy: origin });
  for (let sent = 0; sent < 10; sent++) {
    const ops = Array.from({ length: MADE_UP }, (_, index) =>
      putOp({ origin: `made${sent}x${index}.aaaaaa`, key: 'made up' }),
    );
    const ranges = ops.map((op) => ({ origin: op.origin, after: 0, to: 1, sum: sumOf([op]) }));
    peer.sayText(encodeMessage({ type: 'delta', delta: { ranges, ops }, answer: null }));
  }
  peer.sayText('{"type":"nothing"}');
  await peer.closed();
}

/** Peers that hold the token. */
export const PEER_ATTACKS: readonly NamedAttack[] = [
  ['connections of peers that say nothing', (a) => times(300, () => a.open(gossip))],
  ['all that a hostile peer can say', (a) => attack(a.node, 1)],
  ['ops of origins that are made up', makeUpOrigins],
  [
    'a hostile peer that comes back',
    async (a) => {
      for (let seed = 2; seed < 5; seed++) await attack(a.node, seed);
    },
  ],
];

/** Whether somebody new who comes is answered. */
const isAnswered = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const request = http.get({ port, path: '/_health', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });

/** Asks until it is answered, as clients do. @returns the status: 503 if it is not for a minute. */
async function ask(url: string, init: RequestInit = {}): Promise<number> {
  const endAt = performance.now() + ANSWER_LIMIT_MS;
  for (;;) {
    const status = await fetch(url, init).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 503,
    );
    if (status !== 503 || performance.now() > endAt) return status;
    await wait(MOMENT_MS);
  }
}

const headers = { 'Content-Type': 'application/json' };
const putOf = (value: string): RequestInit => ({
  method: 'PUT',
  headers,
  body: JSON.stringify({ value, version: 'next' }),
});

/** Suffers the attacks one after another, and then serves a hundred clients. */
export async function outlives(attacks: readonly NamedAttack[]): Promise<void> {
  await using directory = await temporaryDirectory();
  const port = await freePorts(2);
  const url = `http://127.0.0.1:${port}`;
  // Of two: a node that is alone would have to believe whatever its only peer claims.
  const [small, other] = [0, 1].map((index) => {
    const own = join(directory.path, `node${index + 1}`);
    const nodes = `${url},http://127.0.0.1:${port + 1}`;
    const words = ['serve', '--node-id', `node${index + 1}`, '--port', String(port + index)];
    words.push('--data-dir', own, '--nodes', nodes, '--internal-token', TOKEN);
    return startSmall([...words, '--send-timeout', '2s', '--peer-refusal', '1s']);
  });
  assert.ok(small && other);
  const { child, output } = small;
  try {
    await waitFor(async () => (await ask(`${url}/_health`)) === 200, 30_000, 'It does not start');
    for (let key = 0; key < 6; key++)
      assert.is(await ask(`${url}/cache/big${key}`, putOf('x'.repeat(900_000))), 200);
    for (const [name, run] of attacks) {
      using hostile = new Attack(port);
      await run(hostile);
      let tries = 0;
      // While they last: connections that time out would let anybody in.
      while (!(await isAnswered(port))) {
        assert.is(child.exitCode, null, `It ends by ${name}: ${output()}`);
        if (++tries > MAX_TRIES) throw new Error(`It answers nobody else while there are ${name}.`);
        await wait(MOMENT_MS);
      }
    }
    const all = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        const own = `${url}/cache/client${client}`;
        return [await ask(own, putOf('x')), await ask(own)];
      }),
    );
    assert.equal(new Set(all.flat()), new Set([200]));
    assert.not.match(output(), /nobody planned|heap out of memory/);
  } finally {
    for (const one of [small, other]) {
      one.child.kill('SIGKILL');
      await one.closed;
    }
  }
}

interface SmallNode {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly closed: Promise<unknown>;
}

function startSmall(words: readonly string[]): SmallNode {
  const limited = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`;
  const flags = [`--max-old-space-size=${HEAP_MEBIBYTES}`, MAIN];
  const child = spawn('sh', ['-c', limited, process.execPath, ...flags, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return { child, output: () => output, closed: once(child, 'close') };
}
