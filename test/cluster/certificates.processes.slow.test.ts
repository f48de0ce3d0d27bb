/** Nodes that know each other by certificates alone, and get new ones while clients ask. */
import { once } from 'node:events';
import * as https from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, setDefaultCACertificates } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { peerUri } from '../../src/net/peerNames.ts';
import { type TestAuthority, testAuthorities } from '../support/certificates.ts';
import { type NodeProcess, startCluster, waitForConvergence } from '../support/nodes.ts';
import { type Environment, waitFor } from '../support/processes.ts';
import { metric, waitForMetric } from './observe.ts';

const certificates = suite('certificates of real nodes');

const LIMIT_MS = 20_000;
const HOUR_MS = 3_600_000;

/** Writes what the node shows to clients and to peers. */
async function write(authority: TestAuthority, index: number, toMs: number) {
  const nodeId = `node${index + 1}`;
  const names = [peerUri('hearsay', nodeId)];
  const server = await authority.write(`server-${nodeId}`, { toMs });
  const peer = await authority.write(nodeId, { names, uses: ['server', 'client'], toMs });
  return {
    PEER_AUTH: 'mtls',
    TLS_CERT: server.cert,
    TLS_KEY: server.key,
    PEER_TLS_CERT: peer.cert,
    PEER_TLS_KEY: peer.key,
    PEER_TLS_CA: authority.file,
  };
}

certificates(
  'nodes get new certificates by SIGHUP while clients ask: no request fails, and all stay level',
  async () => {
    await using made = await testAuthorities();
    const { authority } = made;
    setDefaultCACertificates([authority.pair.cert]);
    const firstEnd = endAfter(HOUR_MS);
    const environments: Environment[] = [];
    for (const index of [0, 1, 2]) environments.push(await write(authority, index, firstEnd));
    await using cluster = await startCluster({
      scheme: 'https',
      environmentOf: (index) => environments[index] ?? {},
    });
    const { nodes } = cluster;
    await waitForMetric(nodes, 'hearsay_peer_connections{by="mtls"}', 2, LIMIT_MS);
    for (const node of nodes) assert.equal(await endsOf(node), [firstEnd, firstEnd, firstEnd]);

    const load = new Load(nodes);
    for (const [index, node] of nodes.entries()) {
      const end = endAfter((index + 2) * HOUR_MS);
      await write(authority, index, end);
      await load.goesOn();
      process.kill(node.pid, 'SIGHUP');
      const isTaken = async () => (await endsOf(node)).every((one) => one === end);
      await waitFor(isTaken, LIMIT_MS, `${node.nodeId} shows its new certificates`);
      await hangUp(node);
      await load.goesOn();
    }
    await load.end();
    await waitForConvergence(nodes, LIMIT_MS);

    const third = cluster.node(2);
    await third.restart();
    const stored = await third.put('after', { value: 1, version: 'next' });
    assert.is(stored.status, 200);
    await waitForConvergence(nodes, LIMIT_MS);
    await waitForMetric(nodes, 'hearsay_peer_connections{by="mtls"}', 2, LIMIT_MS);
    for (const node of nodes) {
      assert.is((await node.get('after')).status, 200);
      assert.is(await metric(node, 'hearsay_tls_reload_failed'), 0);
      assert.is(await metric(node, 'hearsay_peer_connections{by="challenge"}'), 0);
    }
  },
);

certificates.run();

/** Certificates end at a whole second. */
const endAfter = (durationMs: number): number =>
  Math.floor((Date.now() + durationMs) / 1000) * 1000;

/** Its files are as they were, so that only the signal makes the node read both pairs again. */
async function hangUp(node: NodeProcess): Promise<void> {
  const reloads = await metric(node, 'hearsay_tls_reloads_total');
  process.kill(node.pid, 'SIGHUP');
  const isRead = async () => (await metric(node, 'hearsay_tls_reloads_total')) >= reloads + 2;
  await waitFor(isRead, LIMIT_MS, `${node.nodeId} reads its certificates`);
}

/** The ends of its certificates in UTC milliseconds: as the metrics tell of both, and as a new connection shows. */
async function endsOf(node: NodeProcess): Promise<number[]> {
  const told = ['server', 'peer'].map(async (name) => {
    const seconds = `hearsay_tls_not_after_timestamp_seconds{certificate="${name}"}`;
    return (await metric(node, seconds)) * 1000;
  });
  const { hostname, port } = new URL(node.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'secureConnect');
  const shown = socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0;
  socket.destroy();
  return [...(await Promise.all(told)), shown];
}

/** Clients of each node, of which one keeps its connection and one makes a new one for each request. */
class Load {
  readonly #counts: number[] = [];
  readonly #failures: string[] = [];
  readonly #loads: Promise<void>[];
  #isOver = false;

  constructor(nodes: readonly NodeProcess[]) {
    this.#loads = nodes.flatMap((node) => [
      this.#repeat(async () => {
        const answer = await node.put(node.nodeId, { value: 1, version: 'next' });
        await answer.arrayBuffer();
        return answer.status;
      }),
      this.#repeat(() => askAnew(`${node.url}/cache?limit=10`)),
    ]);
  }

  /** Resolves once each client has got further answers. */
  async goesOn(): Promise<void> {
    const before = [...this.#counts];
    const isFurther = () => this.#counts.every((count, index) => count > (before[index] ?? 0) + 2);
    await waitFor(isFurther, LIMIT_MS, 'all clients get answers');
  }

  /** @throws the failures of requests. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loads);
    assert.equal(this.#failures, []);
  }

  async #repeat(ask: () => Promise<number>): Promise<void> {
    const index = this.#counts.push(0) - 1;
    while (!this.#isOver) {
      const status = await ask().catch((error: Error) => error);
      if (status !== 200) this.#failures.push(String(status));
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    }
  }
}

const askAnew = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = https.get(url, { agent: false }, (response) => {
      text(response).then(() => resolve(response.statusCode ?? 0), reject);
    });
    request.on('error', reject);
  });
