/**
 * A real node of two that a stream of wrong messages meets while it serves clients. They come over real sockets
 * from a peer that had itself let in, each connection from another address, since an address that breaks the
 * protocol again and again is refused.
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from '../../../src/gossip/protocol/messages.ts';
import { seeded } from '../../../src/words/random.ts';
import { allShowWithin, metric } from '../../cluster/observe.ts';
import { type ScriptedNode, startScripted } from '../../cluster/scripted.ts';
import { succeeds } from '../../log/tools/run.ts';
import { messageTexts } from '../../support/brokenTexts.ts';
import { helloOf } from '../../support/cores.ts';
import { ORIGINS } from '../../support/generators.ts';
import { gossipUrl, HandWrittenPeer, TOKEN } from '../../support/handWrittenPeer.ts';
import { patientDuration } from '../../support/processes.ts';
import { firstDigest, rightPushes } from './fuzzing.ts';

/** The peer, as it calls itself. */
const [, , ORIGIN] = ORIGINS;
/** Connections at one time. */
const AT_ONCE = 16;
const MESSAGES_A_PUSH = 100;
const MOST_DRAWN = 1000;
const CLIENT_PAUSE_MS = 20;
const LOOKS = 10;
const LOOK_INTERVAL_MS = 500;
const LIMIT_MS = 30_000;
/** Messages that end the connection: as another node, as an error, or because they claim the impossible. */
const ENDING: ReadonlySet<Message['type']> = new Set(['hello', 'error', 'delta', 'confirmed']);
/** No message at all: the node has read all before it once it closes the connection for this. */
const LAST_TEXT = '{"type":"nothing"}';

export interface FuzzedProcess {
  /** Messages that were sent over connections that no earlier message had ended. */
  readonly messages: number;
  readonly connections: number;
  readonly faults: number;
  readonly opsReceived: number;
  readonly rejoins: number;
  /** Answers that clients got, and that were right. */
  readonly answers: number;
  /** The longest pause of the node's event loop that its metrics told, in milliseconds. */
  readonly longestPauseMs: number;
  /** Bytes in use after garbage collection: at the start, and in even steps to the end. */
  readonly memoryBytes: readonly number[];
}

export interface FuzzOptions {
  /** How many are sent, at least. */
  readonly messages: number;
  /** Messages over one connection, before one that ends it: a connection costs more time than a message. */
  readonly aConnection: number;
  readonly seed: number;
}

/** @throws AssertionError if the node ends, a client's answer is wrong, or the log does not verify. */
export async function fuzzProcess(options: FuzzOptions): Promise<FuzzedProcess> {
  const { messages } = options;
  const environment = { JOIN_TIMEOUT: patientDuration(10_000), LOG_LEVEL: 'warn' };
  await using cluster = await startScripted({ nodes: 2, environment });
  const [node, other] = cluster.nodes;
  assert.ok(node && other);
  const stream = new WrongMessages(node, await helloTo(node), options);
  const client = new Client(node);
  const memoryBytes: number[] = [await memoryOf(node)];
  let longestPauseMs = 0;
  const look = async (): Promise<void> => {
    while (!stream.isOver) {
      const pauseMs = 1000 * (await metric(node, 'nodejs_eventloop_lag_max_seconds'));
      longestPauseMs = Math.max(longestPauseMs, pauseMs);
      await wait(LOOK_INTERVAL_MS);
      if (stream.sent < (memoryBytes.length * messages) / LOOKS || stream.isOver) continue;
      memoryBytes.push(await memoryOf(node));
      // Collecting garbage was this test's own pause.
      await metric(node, 'nodejs_eventloop_lag_max_seconds');
    }
  };
  const isOver = (): boolean => stream.isOver;
  await Promise.all([stream.run(), client.run(isOver), look()]);
  memoryBytes.push(await memoryOf(node));
  await client.checkAll();
  await allShowWithin(LIMIT_MS, [node, other], [client.lastKey]);
  const measured = {
    faults: await totalOf(node, 'hearsay_peer_faults_total'),
    opsReceived: await metric(node, 'hearsay_ops_received_total'),
    rejoins: await metric(node, 'hearsay_rejoins_total'),
  };
  assert.not.match(node.logs(), /nobody planned|could not be handled|Hearsay is at fault/);
  for (const one of [node, other]) {
    assert.is(await one.stop(), 0);
    await succeeds('log', 'verify', '--data-dir', one.dataDir);
  }
  const { sent, connections } = stream;
  const { answers } = client;
  return { ...measured, messages: sent, connections, answers, longestPauseMs, memoryBytes };
}

const memoryOf = async (node: ScriptedNode): Promise<number> =>
  Number(await node.order({ kind: 'memory' }));

/** The sum over all labels. */
async function totalOf(node: ScriptedNode, name: string): Promise<number> {
  const text = await (await node.request('/metrics')).text();
  const values = text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** The hello of a peer that the node lets in. */
async function helloTo(node: ScriptedNode): Promise<string> {
  await using peer = await HandWrittenPeer.greeted(node);
  const own = decodeMessage(JSON.stringify(await peer.receive('hello')));
  if (own.type !== 'hello') throw new Error(`The node begins with ${own.type}.`);
  const { clusterId, formedAt, origin } = own;
  const clock = Date.now();
  return encodeMessage(helloOf(ORIGIN, { clusterId, formedAt, admittedBy: origin, clock }));
}

interface Opened extends AsyncDisposable {
  readonly socket: WebSocket;
  readonly closed: Promise<unknown>;
}

async function opened(node: ScriptedNode, localAddress: string): Promise<Opened> {
  const socket = new WebSocket(gossipUrl(node), {
    headers: { 'X-Internal-Token': TOKEN },
    perMessageDeflate: false,
    localAddress,
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await Promise.race([once(socket, 'open'), closed]);
  const dispose = async (): Promise<void> => {
    socket.terminate();
    await closed;
  };
  return { socket, closed, [Symbol.asyncDispose]: dispose };
}

/** The messages, over as many connections as they need. */
class WrongMessages {
  sent = 0;
  connections = 0;
  readonly #node: ScriptedNode;
  readonly #hello: string;
  readonly #options: FuzzOptions;
  readonly #nextText: () => string;
  /** Texts that were drawn and not sent yet: those that may end a connection come last on one. */
  readonly #ending: string[] = [];
  readonly #others: string[] = [];
  // All, as any push may find its connection ended by another one of the same peer.
  readonly #nextPush = rightPushes(Number.POSITIVE_INFINITY);
  #pushed = 0;
  #isOver = false;

  constructor(node: ScriptedNode, hello: string, options: FuzzOptions) {
    this.#node = node;
    this.#hello = hello;
    this.#options = options;
    this.#nextText = messageTexts(seeded(options.seed), options.seed);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async run(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => this.#sendSome(index === 0)));
    } finally {
      this.#isOver = true;
    }
  }

  /** @param pushes whether right ops go out too: those of one origin go one after another. */
  async #sendSome(pushes: boolean): Promise<void> {
    while (this.sent < this.#options.messages) {
      const number = ++this.connections;
      const bytes = [16, 8, 0].map((shift) => (number >> shift) & 255);
      await using one = await opened(this.#node, `127.${bytes.join('.')}`);
      one.socket.send(this.#hello);
      one.socket.send(firstDigest(Date.now()));
      if (pushes && this.sent >= this.#pushed * MESSAGES_A_PUSH) {
        this.#pushed++;
        this.#send(one.socket, this.#nextPush());
      }
      for (let count = 0; count < this.#options.aConnection; count++)
        this.#send(one.socket, this.#next(false));
      this.#send(one.socket, this.#next(true));
      one.socket.send(LAST_TEXT);
      await one.closed;
    }
  }

  #next(ends: boolean): string {
    for (;;) {
      const drawn = (ends ? this.#ending : this.#others).pop();
      if (drawn !== undefined) return drawn;
      const text = this.#nextText();
      if (!mayEnd(text)) this.#others.push(text);
      else if (this.#ending.length < MOST_DRAWN) this.#ending.push(text);
    }
  }

  #send(socket: WebSocket, text: string): void {
    socket.send(text);
    this.sent++;
  }
}

/** Whether the node may close the connection for it: a message after it would not be read. */
function mayEnd(text: string): boolean {
  try {
    const message = decodeMessage(text);
    // A clock that is ahead ends it too, and is no fault.
    return message.type === 'digest' ? message.digest.clock > Date.now() : ENDING.has(message.type);
  } catch {
    return true;
  }
}

const valueIn = (text: string): unknown =>
  z.object({ value: z.unknown() }).parse(JSON.parse(text)).value;

/** A client of the node, which writes and reads all the time. */
class Client {
  answers = 0;
  readonly #node: ScriptedNode;
  readonly #written = new Map<string, number>();
  #lastKey = '';

  constructor(node: ScriptedNode) {
    this.#node = node;
  }

  get lastKey(): string {
    return this.#lastKey;
  }

  async run(isOver: () => boolean): Promise<void> {
    for (let value = 1; !isOver() || value === 1; value++) {
      const key = `of a client ${value % 50}`;
      const put = await this.#answered(() => this.#node.put(key, { value, version: 'next' }));
      assert.is(put.status, 200);
      this.#written.set(key, value);
      this.#lastKey = key;
      await this.#check(key, value);
      this.answers += 2;
      await wait(CLIENT_PAUSE_MS);
    }
  }

  async checkAll(): Promise<void> {
    for (const [key, value] of this.#written) await this.#check(key, value);
  }

  async #check(key: string, expected: number): Promise<void> {
    const response = await this.#answered(() => this.#node.get(key));
    assert.equal(valueIn(await response.text()), expected, key);
  }

  /** A node may always ask a client to come again. */
  async #answered(ask: () => Promise<Response>): Promise<Response> {
    for (;;) {
      const response = await ask();
      if (response.status !== 503) return response;
      await response.arrayBuffer();
      await wait(LOOK_INTERVAL_MS);
    }
  }
}
