/** Nodes like those of `startCluster`, but of a script that lets a test put faults into them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { NodeProcess, type Readiness } from '../support/nodes.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';
import { SCRIPTED_NODE } from '../support/program.ts';
import './compileCache.ts';
import type { Order, Plan } from './orders.ts';

const START_LIMIT_MS = 30_000;

type Faults = Partial<Omit<Plan, 'environment'>>;
type Environment = Readonly<Record<string, string>>;

const replySchema = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ScriptedNode extends NodeProcess {
  readonly #settings: Environment;
  #faults: Faults;
  #child: ChildProcess | null = null;
  #ended: Promise<number | NodeJS.Signals | null> = Promise.resolve(null);
  #logs = '';
  #lastId = 0;

  constructor(nodeId: string, url: string, dataDir: string, settings: Environment, faults: Faults) {
    super(nodeId, url, dataDir, settings);
    this.#settings = settings;
    this.#faults = faults;
  }

  override get pid(): number {
    return this.#running.pid ?? 0;
  }

  override get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  override logs(): string {
    return this.#logs;
  }

  /** From the next start on. */
  setFaults(faults: Faults): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  override async start(readiness: Readiness = 'healthy', extra: Environment = {}): Promise<void> {
    const environment = { ...this.#settings, ...extra };
    const plan: Plan = { environment, clockAheadMs: 0, lostShare: 0, ...this.#faults };
    const child = fork(SCRIPTED_NODE, [JSON.stringify(plan)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    running.add(child);
    this.#ended = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      return signal ?? code;
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#logs += text;
      });
    const isReady = async (): Promise<boolean> => {
      if (!this.isRunning) return true;
      const response = await this.request('/_health');
      await response.arrayBuffer();
      return response.ok || readiness === 'answers';
    };
    await waitFor(isReady, START_LIMIT_MS, `${this.nodeId} ${readiness}`);
    if (!this.isRunning) throw new Error(`${this.nodeId} ended while it started:\n${this.#logs}`);
  }

  override async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#running.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await this.#ended;
  }

  override stop(): Promise<number | NodeJS.Signals | null> {
    this.#running.kill('SIGTERM');
    return this.#ended;
  }

  /** Has the node do something that no client can ask for. @returns what came of it. */
  order(order: Order): Promise<unknown> {
    const child = this.#running;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const onMessage = (message: unknown): void => {
        const reply = replySchema.parse(message);
        if (reply.id !== id) return;
        child.off('message', onMessage);
        if (reply.error === undefined) resolve(reply.result);
        else reject(new Error(reply.error));
      };
      child.on('message', onMessage);
      child.send({ id, order }, (error) => error && reject(error));
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  get #running(): ChildProcess {
    if (this.#child === null) throw new Error(`${this.nodeId} was not started.`);
    return this.#child;
  }
}

export interface ScriptedOptions {
  /** How many; 3 by default. */
  readonly nodes?: number;
  /** On top of every node's settings. */
  readonly environment?: Environment;
  /** Undefined takes a setting away. */
  readonly environmentOf?: (
    index: number,
    urls: readonly string[],
  ) => Readonly<Record<string, string | undefined>>;
  readonly faultsOf?: (index: number) => Faults;
  /** Nodes that are made but not started. */
  readonly later?: readonly number[];
}

export interface ScriptedCluster extends AsyncDisposable {
  readonly nodes: readonly ScriptedNode[];
  readonly directory: string;
}

/** The nodes that run have formed one cluster when this resolves. */
export async function startScripted(options: ScriptedOptions = {}): Promise<ScriptedCluster> {
  const { nodes: count = 3, environment, environmentOf, faultsOf, later = [] } = options;
  await using undo = new AsyncDisposableStack();
  const { path: directory } = undo.use(await temporaryDirectory());
  const firstPort = await freePorts(count);
  const urls = Array.from({ length: count }, (_, index) => `http://127.0.0.1:${firstPort + index}`);
  const nodes = urls.map((url, index) => {
    const nodeId = `node${index + 1}`;
    const dataDir = join(directory, nodeId);
    const settings = {
      NODE_ID: nodeId,
      NODES: urls.filter((_, other) => !later.includes(other) || other === index).join(','),
      URL: url,
      PORT: String(firstPort + index),
      DATA_DIR: dataDir,
      INTERNAL_TOKEN: 'for-tests',
      ...environment,
      ...environmentOf?.(index, urls),
    };
    const given = Object.entries(settings).filter((entry): entry is [string, string] => !!entry[1]);
    const own = Object.fromEntries(given);
    return undo.use(new ScriptedNode(nodeId, url, dataDir, own, faultsOf?.(index) ?? {}));
  });
  await Promise.all(nodes.filter((_, index) => !later.includes(index)).map((node) => node.start()));
  const kept = undo.move();
  return { nodes, directory, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
