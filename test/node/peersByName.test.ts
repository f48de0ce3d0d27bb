// time limit: 120 s
/** Nodes that know one another by one name alone, which a real name server answers. */
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSettings } from '../../src/node/settings.ts';
import { type RunningNode, startNode } from '../../src/node/startNode.ts';
import { startNameServer } from '../support/nameServer.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const byName = suite('peers by name');

const QUIET = { info: () => {}, warn: () => {}, error: () => {} };
const LIMIT_MS = 60_000;
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

byName('nodes behind one name find each other, and those that come to it later', async () => {
  await using directory = await temporaryDirectory();
  await using names = await startNameServer(HOSTS.slice(0, 2));
  await using stack = new AsyncDisposableStack();
  const port = await freePorts(1);
  const resolver = new Resolver();
  resolver.setServers([names.server]);
  const start = async (host: string): Promise<RunningNode> => {
    const flags = {
      nodeId: `node${host.at(-1)}`,
      dataDir: join(directory.path, host),
      host,
      port: String(port),
      nodes: `http://cache.example:${port}`,
      internalToken: 'for-tests-of-names',
    };
    const node = await startNode(readSettings(flags, {}), {
      logger: QUIET,
      lookup: (name) => resolver.resolve4(name),
    });
    stack.defer(() => node.close());
    return node;
  };
  const started = await Promise.all(HOSTS.slice(0, 2).map(start));
  const isOneCluster = (nodes: readonly RunningNode[]): boolean =>
    nodes.every(({ replica }) => replica.members.size === nodes.length) &&
    new Set(nodes.map(({ replica }) => replica.header.clusterId)).size === 1;
  await waitFor(() => isOneCluster(started), LIMIT_MS, 'the first two are one cluster');
  names.addresses = HOSTS;
  const all = [...started, await start(HOSTS[2])];
  await waitFor(() => isOneCluster(all), LIMIT_MS, 'the third has come to them');
  for (const node of all) assert.ok(node.replica.readiness.isReadable);
});

byName.run();
