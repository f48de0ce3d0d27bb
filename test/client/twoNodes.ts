/** Two nodes in this process whose links a test can cut, for what clients of both must hold. */
import { join } from 'node:path';
import { type ClientOptions, createClient, type HearsayClient } from '../../src/client/index.ts';
import { type RunningNode, startNode } from '../../src/index.ts';
import { Links } from '../cluster/links.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory } from '../support/processes.ts';

export interface TwoNodes {
  readonly nodes: readonly [RunningNode, RunningNode];
  readonly urls: readonly [string, string];
  /** Nothing passes between the nodes from now on. */
  readonly divide: () => void;
  readonly heal: () => void;
  /** A client that is closed with the nodes. Its endpoints are those of the nodes by their indexes. */
  readonly client: (indexes: readonly number[], options?: Partial<ClientOptions>) => HearsayClient;
}

/** Runs with two nodes that have joined. */
export async function withTwoNodes(run: (parts: TwoNodes) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  await using links = await Links.open(2);
  await using stack = new AsyncDisposableStack();
  const port = await freePorts(2);
  const urls = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`] as const;
  const start = async (index: number): Promise<RunningNode> =>
    stack.use(
      await startNode({
        nodeId: `node${index}`,
        nodes: links.settingsOf(index, urls).NODES.split(','),
        port: port + index,
        dataDir: join(directory.path, String(index)),
        pullIntervalMs: 50,
        checkpointIntervalMs: 0,
      }),
    );
  const nodes = [await start(0), await start(1)] as const;
  await Promise.all(nodes.map((node) => node.ready));
  await run({
    nodes,
    urls,
    divide: () => links.divide([[0], [1]]),
    heal: () => links.divide([[0, 1]]),
    client: (indexes, options = {}) =>
      stack.use(
        createClient({
          endpoints: indexes.map((index) => urls[index] ?? ''),
          backoffMs: 1,
          maxBackoffMs: 50,
          attemptTimeoutMs: 10_000,
          ...options,
        }),
      ),
  });
}
