/** Limits that are set by name and counted where a test of the part alone can not see the name: in a whole node. */
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { PROOF_SUBPROTOCOL } from '../../src/gossip/protocol/proof.ts';
import { listSchema, problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { readSettings } from '../../src/node/settings.ts';
import { startNode } from '../../src/node/startNode.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const limits = suite('limits that are set');

const QUIET = { info: () => {}, warn: () => {}, error: () => {} };
const TOKEN = 'for-tests';
const LIMIT_MS = 20_000;

limits('a list has at most max-list-entries, and nobody may ask for more', async () => {
  await using node = await nodeWith({ maxListEntries: '2' });
  for (const key of ['a', 'b', 'c'])
    await fetch(`${node.url}/cache/${key}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: '{"value":1,"version":1}',
    });
  const page = listSchema.parse(await (await fetch(`${node.url}/cache`)).json());
  assert.equal([page.entries.map(({ key }) => key), page.next], [['a', 'b'], 'b']);
  assert.is((await fetch(`${node.url}/cache?limit=2`)).status, 200);
  const refused = await fetch(`${node.url}/cache?limit=3`);
  assert.is(refused.status, 422);
  assert.is(problemSchema.parse(await refused.json()).errors?.[0]?.field, 'limit');
});

limits('one peer too many that proves nothing takes the place of the oldest', async () => {
  await using node = await nodeWith({ maxUnprovedPeers: '2' });
  using peers = new Peers(node.url);
  const oldest = await peers.connect(PROOF_SUBPROTOCOL);
  const second = await peers.connect(PROOF_SUBPROTOCOL);
  assert.is(await metric(node, 'hearsay_unproved_peers'), 2);
  const third = await peers.connect(PROOF_SUBPROTOCOL);
  await waitFor(() => oldest.readyState === WebSocket.CLOSED, LIMIT_MS, 'the oldest is closed');
  // Not for its silence, which closes it too.
  await waitFor(
    async () => (await metric(node, 'hearsay_gossip_rejected_total{reason="crowded"}')) === 1,
    LIMIT_MS,
    'it is counted',
  );
  assert.equal([second.readyState, third.readyState], [WebSocket.OPEN, WebSocket.OPEN]);
});

limits('beyond max-peer-connections a peer gets 503, whatever it knows', async () => {
  await using node = await nodeWith({ maxPeerConnections: '1' });
  using peers = new Peers(node.url);
  const first = await peers.connect();
  const refused = await peers.connect().then(
    () => '',
    (error: unknown) => String(error),
  );
  assert.match(refused, /503/);
  assert.is(first.readyState, WebSocket.OPEN);
});

limits.run();

interface Running extends AsyncDisposable {
  readonly url: string;
}

async function nodeWith(flags: Readonly<Record<string, string>>): Promise<Running> {
  const directory = await temporaryDirectory();
  const settings = readSettings(
    {
      dataDir: directory.path,
      port: '0',
      joinTimeoutMs: '0ms',
      internalToken: TOKEN,
      ...flags,
    },
    {},
  );
  const node = await startNode(settings, { logger: QUIET });
  await waitFor(() => node.replica.readiness.isWritable, LIMIT_MS, 'the node takes writes');
  return {
    url: node.url,
    [Symbol.asyncDispose]: async () => {
      await node.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function metric({ url }: Running, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Connections to /gossip that say nothing. */
class Peers {
  readonly #url: string;
  readonly #sockets: WebSocket[] = [];

  constructor(url: string) {
    this.#url = `${url.replace(/^http/, 'ws')}/gossip`;
  }

  /** @param subprotocol by which a peer says that it will prove that it knows the token; without it, it shows the token. */
  async connect(subprotocol?: string): Promise<WebSocket> {
    const socket =
      subprotocol === undefined
        ? new WebSocket(this.#url, { headers: { 'X-Internal-Token': TOKEN } })
        : new WebSocket(this.#url, subprotocol);
    this.#sockets.push(socket);
    await once(socket, 'open');
    socket.on('error', () => {});
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.terminate();
  }
}
