/** Nodes that speak TLS to each other: they converge, and nobody comes in whose certificate is not right. */
import * as https from 'node:https';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Wanted } from '../../src/cli/tls/issue.ts';
import type { KeyPair } from '../../src/net/certificates.ts';
import { peerUri } from '../../src/net/peerNames.ts';
import { writeAuthFile } from '../../src/node/authFiles.ts';
import type { GivenSettings } from '../../src/node/nodeSettings.ts';
import { completeSettings } from '../../src/node/settings.ts';
import { type RunningNode, startNode } from '../../src/node/startNode.ts';
import {
  type TestAuthorities,
  type TestAuthority,
  testAuthorities,
} from '../support/certificates.ts';
import { HandWrittenPeer } from '../support/handWrittenPeer.ts';
import { freePorts } from '../support/ports.ts';
import { patientDuration, waitFor } from '../support/processes.ts';

const peers = suite('TLS between nodes');

const LIMIT_MS = 20_000;
const VALUE = JSON.stringify('x'.repeat(1_000_000));

interface TlsPeer {
  readonly node: RunningNode;
  readonly lines: readonly string[];
}

interface Place extends AsyncDisposable {
  readonly made: TestAuthorities;
  readonly urls: readonly string[];
  /** @param index of its URL. */
  start(index: number, settings?: GivenSettings): Promise<TlsPeer>;
  /** The settings of a certificate for peers. */
  certificate(nodeId: string, more?: Partial<Wanted>, by?: TestAuthority): Promise<GivenSettings>;
}

async function place(): Promise<Place> {
  await using undo = new AsyncDisposableStack();
  const made = undo.use(await testAuthorities());
  const server = await made.authority.write('server');
  const port = await freePorts(3);
  const urls = [0, 1, 2].map((index) => `https://127.0.0.1:${port + index}`);
  const kept = undo.move();
  let certificates = 0;
  return {
    made,
    urls,
    start: async (index, settings = {}) => {
      const lines: string[] = [];
      const line = (text: string): void => {
        lines.push(text);
      };
      const given: GivenSettings = {
        nodeId: `node${index + 1}`,
        nodes: urls,
        url: urls[index] ?? null,
        port: port + index,
        dataDir: join(made.directory, `data${index}`),
        internalToken: 'for-tests',
        tlsCert: server.cert,
        tlsKey: server.key,
        peerTlsCa: made.authority.file,
        pullIntervalMs: 100,
        joinTimeoutMs: Number.parseInt(patientDuration(1000), 10),
        ...settings,
      };
      const node = await startNode(completeSettings(given), {
        logger: { info: line, warn: line, error: (_details, text) => line(text) },
      });
      kept.defer(() => node.close());
      return { node, lines };
    },
    certificate: async (nodeId, more = {}, by = made.authority) => {
      const names = [peerUri('hearsay', nodeId)];
      const uses = ['server', 'client'] as const;
      const name = `peer${++certificates}`;
      const { cert, key } = await by.write(name, { names, uses, ...more });
      return { peerTlsCert: cert, peerTlsKey: key };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const isWritable = ({ node }: TlsPeer) =>
  waitFor(() => node.replica.readiness.isWritable, LIMIT_MS, 'the node may be written');

async function put({ node }: TlsPeer, key: string): Promise<void> {
  const request = {
    kind: 'put',
    key,
    value: VALUE,
    version: 'next',
    ttlMs: null,
    meta: null,
  } as const;
  await node.replica.submit([request]);
}

const has = ({ node }: TlsPeer, key: string): boolean => node.replica.get(key).kind === 'found';

async function metric({ node }: TlsPeer, name: string): Promise<number> {
  const line = (await node.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

/** Each gets the writes of the other. */
async function converge(one: TlsPeer, other: TlsPeer): Promise<void> {
  await Promise.all([isWritable(one), isWritable(other)]);
  for (const [from, to, key] of [
    [one, other, 'from one'],
    [other, one, 'from the other'],
  ] as const) {
    await put(from, key);
    await waitFor(() => has(to, key), LIMIT_MS, `a value of a megabyte has come ${key}`);
  }
}

const told = ({ lines }: TlsPeer, sentence: RegExp): Promise<void> =>
  waitFor(() => lines.some((line) => sentence.test(line)), LIMIT_MS, String(sentence));

peers('nodes that prove the token converge over TLS, verified by authority and name', async () => {
  await using at = await place();
  const [one, other] = await Promise.all([at.start(0), at.start(1)]);
  await converge(one, other);
});

peers('a node does not talk to one whose certificate it can not verify', async () => {
  await using at = await place();
  const { authority, stranger } = at.made;
  const wrongName = await authority.write('named', { names: ['cache.example.com'] });
  const named = { tlsCert: wrongName.cert, tlsKey: wrongName.key };
  const one = await at.start(0, { ...named, nodes: at.urls.slice(0, 1) });
  const wary = await at.start(1);
  await told(wary, /its certificate bears another name than its URL/);
  const distrusting = await at.start(2, { peerTlsCa: stranger.file });
  await told(distrusting, /of no authority that this node trusts: .* --peer-tls-ca/);
  assert.is(await metric(one, 'hearsay_peer_connections{by="challenge"}'), 0);
});

peers('by certificates alone, nodes converge that are named as they say', async () => {
  await using at = await place();
  const mtls = async (nodeId: string): Promise<GivenSettings> => ({
    peerAuth: 'mtls',
    ...(await at.certificate(nodeId)),
  });
  const one = await at.start(0, await mtls('node1'));
  // A node that takes proofs takes certificates too, so that a cluster changes node by node.
  const other = await at.start(1, { ...(await mtls('node2')), peerAuth: 'challenge' });
  await converge(one, other);
  assert.is(await metric(one, 'hearsay_peer_connections{by="mtls"}'), 1);
});

peers(
  'the port for peers has the certificate for peers, and that for clients needs none',
  async () => {
    await using at = await place();
    const port = await freePorts(2);
    const urls = [0, 1].map((index) => `https://127.0.0.1:${port + index}`);
    const apart = async (index: number): Promise<GivenSettings> => ({
      peerAuth: 'mtls',
      ...(await at.certificate(`node${index + 1}`)),
      tlsCert: null,
      tlsKey: null,
      nodes: urls,
      url: urls[index] ?? null,
      peerPort: port + index,
    });
    const [one, other] = [await at.start(0, await apart(0)), await at.start(1, await apart(1))];
    assert.match(one.node.url, /^http:/);
    assert.is(one.node.peerUrl, urls[0]);
    await converge(one, other);
  },
);

peers('a certificate of another node or cluster opens nothing', async () => {
  await using at = await place();
  const own = { peerAuth: 'mtls', ...(await at.certificate('node1')) } as const;
  const one = await at.start(0, { ...own, nodes: at.urls.slice(0, 1) });
  // By hand, for a node does not start with such a certificate.
  const dial = async (...names: string[]): Promise<HandWrittenPeer> =>
    HandWrittenPeer.connect(one.node, {
      ...(await at.made.authority.issue({ names, uses: ['server', 'client'] })),
      ca: at.made.authority.pair.cert,
    });
  await using other = await dial(peerUri('hearsay', 'node9'));
  await other.greet({ nodeId: 'node2', origin: 'node2.zzzzzz' });
  await told(one, /its hello has another nodeId than it has proved/);
  await other.closed();
  const both = [peerUri('hearsay', 'node2'), peerUri('hearsay', 'node3')];
  for (const names of [[peerUri('c', 'node2')], ['127.0.0.1'], both])
    await dial(...names).then(
      () => assert.unreachable(`${names} opened a connection`),
      (error: Error) => assert.match(error.message, /Unexpected server response: 403/),
    );
  assert.is(one.node.replica.members.size, 1);
  assert.is(await metric(one, 'hearsay_gossip_rejected_total{reason="certificate"}'), 3);
});

peers(
  'a node whose certificate is of another authority, or for no client, is told so',
  async () => {
    await using at = await place();
    const own = { peerAuth: 'mtls', ...(await at.certificate('node1')) } as const;
    const one = await at.start(0, { ...own, nodes: at.urls.slice(0, 1) });
    const mtls = { peerAuth: 'mtls', nodes: at.urls.slice(0, 2) } as const;
    const wrong: GivenSettings[] = [
      { ...mtls, ...(await at.certificate('node2', {}, at.made.stranger)) },
      { ...mtls, ...(await at.certificate('node2', { uses: ['server'] })) },
      {},
    ];
    for (const settings of wrong) {
      const other = await at.start(1, settings);
      await told(other, /it does not take this node's certificate/);
      assert.is(one.node.replica.members.size, 1);
      await other.node.close();
    }
    assert.ok((await metric(one, 'hearsay_gossip_rejected_total{reason="certificate"}')) > 0);
  },
);

peers('an authority for peers makes no callers, and one for clients no peers', async () => {
  await using at = await place();
  const { authority, stranger, directory } = at.made;
  const authFile = join(directory, 'tokens.json');
  writeAuthFile(authFile, {
    version: 1,
    tokens: [],
    certificates: [{ name: 'web', scopes: ['read'] }],
  });
  const one = await at.start(0, {
    peerAuth: 'mtls',
    ...(await at.certificate('node1')),
    authFile,
    tlsClientCa: stranger.file,
    nodes: at.urls.slice(0, 1),
  });
  await waitFor(() => one.node.replica.readiness.isReadable, LIMIT_MS, 'the node is readable');
  const { cert: ca } = authority.pair;
  const statusOf = (path: string, pair: KeyPair, headers = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { ca, ...pair, headers, agent: false };
      https
        .get(one.node.url + path, options, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
        .on('upgrade', (_response, socket) => {
          socket.destroy();
          resolve(101);
        })
        .on('error', reject);
    });
  const wanted = { commonName: 'web', uses: ['client'] } as const;
  assert.is(await statusOf('/cache/a', await authority.issue(wanted)), 401);
  assert.is(await statusOf('/cache/a', await stranger.issue(wanted)), 404);
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  const node = { ...wanted, names: [peerUri('hearsay', 'node2')] };
  assert.is(await statusOf('/gossip', await stranger.issue(node), upgrade), 403);
  assert.is(await statusOf('/gossip', await authority.issue(node), upgrade), 101);
});

peers('a peer whose certificate ends is dropped at a ping', async () => {
  await using at = await place();
  const own = { peerAuth: 'mtls', ...(await at.certificate('node1')) } as const;
  const one = await at.start(0, { ...own, nodes: at.urls.slice(0, 1) });
  const short = await at.certificate('node2', { toMs: Date.now() + 5000 });
  await at.start(1, { ...short, peerAuth: 'mtls', nodes: at.urls.slice(0, 2) });
  const open = () => metric(one, 'hearsay_peer_connections{by="mtls"}');
  await waitFor(async () => (await open()) === 1, LIMIT_MS, 'they are connected');
  await waitFor(async () => (await open()) === 0, LIMIT_MS, 'the peer is dropped');
});

peers.run();
