/** A peer whose part a test plays, message by message, over a real socket. */
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { z } from 'zod';
import type { NodeProcess } from './nodes.ts';
import { waitFor } from './processes.ts';

/** That of the nodes of tests. */
export const TOKEN = 'for-tests';
const LIMIT_MS = 10_000;

export const gossipUrl = (node: Pick<NodeProcess, 'url'>): string =>
  `${node.url.replace('http', 'ws')}/gossip`;

const messageSchema = z.looseObject({ type: z.string() });
export type Said = z.output<typeof messageSchema>;

/** A peer whose part the test plays, message by message. */
export class HandWrittenPeer implements AsyncDisposable {
  readonly received: string[] = [];
  readonly #socket: WebSocket;
  readonly #closed: Promise<unknown>;
  /** Whether the node has said anything before it closed. */
  readonly #greeted: Promise<boolean>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = once(socket, 'close');
    const said = once(socket, 'message').then(() => true);
    this.#greeted = Promise.race([said, this.#closed.then(() => false)]).catch(() => false);
    socket.on('error', () => {});
    socket.on('message', (data) => this.received.push(String(data)));
  }

  /** @param options the peer shows the token of the header unless they say otherwise. */
  static async connect(
    node: Pick<NodeProcess, 'url'>,
    options: ClientOptions = { headers: { 'X-Internal-Token': TOKEN } },
  ): Promise<HandWrittenPeer> {
    const socket = new WebSocket(gossipUrl(node), options);
    const peer = new HandWrittenPeer(socket);
    await once(socket, 'open');
    return peer;
  }

  /** Connects until the node greets: one that begins anew lets nobody in for a moment. */
  static async greeted(node: NodeProcess): Promise<HandWrittenPeer> {
    const found: HandWrittenPeer[] = [];
    const isGreeted = async (): Promise<boolean> => {
      const peer = await HandWrittenPeer.connect(node);
      if (await peer.#greeted) found.push(peer);
      return found.length > 0;
    };
    await waitFor(isGreeted, LIMIT_MS, 'the node greets');
    const [peer] = found;
    if (peer === undefined) throw new Error('The node never greeted.');
    return peer;
  }

  sayText(text: string): void {
    this.#socket.send(text);
  }

  say(message: object): void {
    this.sayText(JSON.stringify(message));
  }

  /** Says the node's own hello back, as another node and with changes. */
  async greet(changes: object): Promise<void> {
    const { type } = await this.receive('hello');
    const hello = this.received.map((text) => messageSchema.parse(JSON.parse(text)));
    const own = hello.find((message) => message.type === type);
    this.say({
      ...own,
      nodeId: 'node9',
      origin: 'node9.zzzzzz',
      instance: 'by hand',
      url: null,
      joined: false,
      ...changes,
    });
  }

  /** The first message of the type. */
  async receive(type: string): Promise<Said> {
    let found: Said | undefined;
    await waitFor(
      () => {
        const said = this.received.map((text) => messageSchema.parse(JSON.parse(text)));
        found = said.find((message) => message.type === type);
        return found !== undefined;
      },
      LIMIT_MS,
      `the node says ${type}`,
    );
    if (found === undefined) throw new Error(`The node never said ${type}.`);
    return found;
  }

  /** Resolves when the node has closed the connection. */
  async closed(): Promise<void> {
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await this.#closed;
  }
}
