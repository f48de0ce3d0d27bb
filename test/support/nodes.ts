/** Nodes of a cluster for tests, each a real process of `hearsay serve` with its own directory. */
import { join } from 'node:path';
import { z } from 'zod';
import { freePorts } from './ports.ts';
import { CommandProcess, type Environment, temporaryDirectory, waitFor } from './processes.ts';

const START_LIMIT_MS = 20_000;
const START_TRIES = 3;

const clusterViewSchema = z.looseObject({
  node: z.string(),
  origin: z.string(),
  vector: z.record(z.string(), z.number()),
  map_sum: z.object({ sum: z.string(), as_of: z.string().nullable() }),
  peers: z.array(z.looseObject({ node: z.string().nullable(), state: z.string() })),
});

export type ClusterView = z.output<typeof clusterViewSchema>;

/**
 * `healthy`: it may write, which a node with peers may only once it has heard them or has waited for
 * `JOIN_TIMEOUT`. `answers`: it listens.
 */
export type Readiness = 'healthy' | 'answers';

export class NodeProcess {
  readonly nodeId: string;
  readonly url: string;
  readonly dataDir: string;
  readonly #environment: Environment;
  #process: CommandProcess | null = null;
  #earlierLogs = '';

  constructor(nodeId: string, url: string, dataDir: string, environment: Environment) {
    this.nodeId = nodeId;
    this.url = url;
    this.dataDir = dataDir;
    this.#environment = environment;
  }

  get pid(): number {
    return this.#current.pid;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false;
  }

  /** All that it has logged, before restarts too. */
  logs(): string {
    return this.#earlierLogs + (this.#process?.stderr ?? '');
  }

  /** @param extra comes on top of the environment that the node was made with. */
  async start(readiness: Readiness = 'healthy', extra: Environment = {}): Promise<void> {
    this.#earlierLogs = this.logs();
    const started = new CommandProcess(['serve'], { ...this.#environment, ...extra });
    this.#process = started;
    await waitFor(
      async () => !started.isRunning || (await this.#isReady(readiness)),
      START_LIMIT_MS,
      `${this.nodeId} ${readiness}`,
    );
    if (started.isRunning) return;
    await started.ended();
    throw new Error(`${this.nodeId} ended while it started:\n${started.stderr}`);
  }

  /** SIGSTOP and SIGCONT return at once; of any other signal the process is waited for to end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#current.signal(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await this.#current.ended();
  }

  /** Asks it to stop. @returns its exit code, or the signal that ended it. */
  stop(): Promise<number | NodeJS.Signals | null> {
    this.#current.signal('SIGTERM');
    return this.#current.ended();
  }

  async restart(readiness: Readiness = 'healthy'): Promise<void> {
    if (this.isRunning) await this.stop();
    await this.start(readiness);
  }

  request(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  /** @param body as `PUT /cache/{key}` takes it. */
  put(key: string, body: object): Promise<Response> {
    return this.request(`/cache/${encodeURIComponent(key)}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  get(key: string): Promise<Response> {
    return this.request(`/cache/${encodeURIComponent(key)}`);
  }

  delete(key: string): Promise<Response> {
    return this.request(`/cache/${encodeURIComponent(key)}`, { method: 'DELETE' });
  }

  /** `GET /_cluster` */
  async view(): Promise<ClusterView> {
    const response = await this.request('/_cluster');
    return clusterViewSchema.parse(await response.json());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  async #isReady(readiness: Readiness): Promise<boolean> {
    const response = await this.request('/_health');
    await response.arrayBuffer();
    return response.ok || readiness === 'answers';
  }

  get #current(): CommandProcess {
    if (this.#process === null) throw new Error(`${this.nodeId} was not started.`);
    return this.#process;
  }
}

export interface ClusterOptions {
  /** How many; 3 by default. */
  readonly nodes?: number;
  /** Settings of all nodes. */
  readonly environment?: Environment;
  /** Further settings of one; its index counts from 0. @param urls of all, by their indexes. */
  readonly environmentOf?: (index: number, urls: readonly string[]) => Environment;
  /** Of the nodes' URLs; `http` by default. */
  readonly scheme?: 'http' | 'https';
}

export interface TestCluster extends AsyncDisposable {
  readonly nodes: readonly NodeProcess[];
  /** One of them; a test that names a node which isn't there fails. */
  node(index: number): NodeProcess;
  /** Holds the data of all nodes. */
  readonly directory: string;
}

/** Resolves once all are healthy and see one another. To be held by `await using`. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  await using undo = new AsyncDisposableStack();
  const { path: directory } = undo.use(await temporaryDirectory());
  const nodes = await startedNodes(options, directory);
  for (const node of nodes) undo.use(node);
  await waitFor(() => allConnected(nodes), START_LIMIT_MS, 'all nodes see one another');
  const kept = undo.move();
  return {
    nodes,
    directory,
    node: (index) => {
      const node = nodes[index];
      if (node === undefined) throw new Error(`The cluster has no node ${index}.`);
      return node;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Resolves once all that run hold the same ops and the same map. */
export async function waitForConvergence(
  nodes: readonly NodeProcess[],
  timeoutMs: number,
): Promise<void> {
  const running = nodes.filter((node) => node.isRunning);
  await waitFor(
    async () => {
      const views = await Promise.all(running.map((node) => node.view()));
      const states = views.map(({ vector, map_sum }) => JSON.stringify({ vector, map_sum }));
      if (new Set(states).size === 1) return true;
      throw new Error(states.join(' ≠ '));
    },
    timeoutMs,
    'all nodes hold the same',
  );
}

/** Between choosing a port and listening on it another process may take it: then all are begun anew. */
async function startedNodes(options: ClusterOptions, directory: string): Promise<NodeProcess[]> {
  for (let tries = 1; ; tries += 1) {
    const nodes = await plannedNodes(options, directory);
    const results = await Promise.allSettled(nodes.map((node) => node.start()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return nodes;
    for (const node of nodes) await node[Symbol.asyncDispose]();
    if (tries === START_TRIES || !/is in use/.test(String(failed.reason))) throw failed.reason;
  }
}

async function plannedNodes(
  { nodes: count = 3, environment, environmentOf, scheme = 'http' }: ClusterOptions,
  directory: string,
): Promise<NodeProcess[]> {
  const firstPort = await freePorts(count);
  const ports = Array.from({ length: count }, (_unused, index) => firstPort + index);
  const urls = ports.map((port) => `${scheme}://127.0.0.1:${port}`);
  return urls.map((url, index) => {
    const nodeId = `node${index + 1}`;
    const dataDir = join(directory, nodeId);
    const own = {
      NODE_ID: nodeId,
      NODES: urls.join(','),
      URL: url,
      PORT: String(ports[index]),
      DATA_DIR: dataDir,
      INTERNAL_TOKEN: 'for-tests',
    };
    return new NodeProcess(nodeId, url, dataDir, {
      ...own,
      ...environment,
      ...environmentOf?.(index, urls),
    });
  });
}

async function allConnected(nodes: readonly NodeProcess[]): Promise<boolean> {
  const views = await Promise.all(nodes.map((node) => node.view()));
  return views.every(
    ({ peers }) => peers.filter(({ state }) => state === 'connected').length >= nodes.length - 1,
  );
}
