/** Real nodes for the benches, each a process, as in production. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ended, freePorts, temporaryDirectory, untilReady } from './processes.ts';
import { program } from './program.ts';

const START_TIMEOUT_MS = 30_000;

export interface NodeStart {
  readonly id: string;
  readonly port: number;
  readonly directory: string;
  /** The URLs of all nodes; without them it is alone. */
  readonly nodes?: readonly string[];
  readonly flags?: readonly string[];
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: 30 seconds. */
  readonly limitMs?: number;
}

/** A process that runs a node. */
export interface NodeProcess extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  readonly pid: number;
  /** Milliseconds from the start of the process until it was healthy. */
  readonly bootMs: number;
  /** Ends it cleanly. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** Resolves once the node is healthy. */
export async function startNode(options: NodeStart): Promise<NodeProcess> {
  const { id, port, directory, flags = [], environment = {}, limitMs } = options;
  const url = `http://127.0.0.1:${port}`;
  const nodes = options.nodes === undefined ? [] : ['--nodes', options.nodes.join(',')];
  const own = ['--port', String(port), '--node-id', id, ...nodes];
  const startedAt = performance.now();
  const words = [program(), 'serve', ...own, '--data-dir', directory, ...flags];
  const child = spawn(process.execPath, [...words, '--log-level', 'warn'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const stop = () => ended(child);
  try {
    const isHealthy = async () => (await fetch(`${url}/_health`)).ok;
    await untilReady(child, url, isHealthy, limitMs ?? START_TIMEOUT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  const bootMs = performance.now() - startedAt;
  const kill = () => ended(child, 'SIGKILL');
  return { url, directory, pid: child.pid ?? 0, bootMs, stop, kill, [Symbol.asyncDispose]: stop };
}

export interface RunningNodes extends AsyncDisposable {
  readonly urls: readonly string[];
  /** The data directory of each. */
  readonly directories: readonly string[];
}

export interface NodesStart extends Pick<NodeStart, 'flags' | 'environment' | 'limitMs'> {
  /** The URL of a node that runs already and that these join. */
  readonly known?: string;
}

/** Starts nodes of one cluster, with empty logs. */
export async function startNodes(count: number, options: NodesStart = {}): Promise<RunningNodes> {
  const { known, ...others } = options;
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const ports = await freePorts(count);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const all = known === undefined ? urls : [known, ...urls];
  const nodes = all.length === 1 ? {} : { nodes: all };
  const started = await Promise.allSettled(
    ports.map((port, index) => {
      const id = `${known === undefined ? 'node' : 'later'}${index + 1}`;
      return startNode({ ...others, ...nodes, id, port, directory: join(path, id) });
    }),
  );
  for (const node of started) if (node.status === 'fulfilled') resources.use(node.value);
  for (const node of started) if (node.status === 'rejected') throw node.reason;
  const running = resources.move();
  return {
    urls,
    directories: ports.map((_port, index) =>
      join(path, `${known === undefined ? 'node' : 'later'}${index + 1}`),
    ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
