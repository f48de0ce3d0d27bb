/**
 * One node of `hearsay cluster`: a child process that runs `hearsay serve`.
 *
 * Invariant: it never outlives this process, because it stops when the channel to it closes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { NodePlan } from './clusterPlan.ts';
import { fromChild } from './messages.ts';
import { UNDER_CLUSTER_FLAG } from './parent.ts';

/** The end of a child. */
export interface ChildEnd {
  readonly nodeId: string;
  /** The reason in the child's own sentence; null if it gave none. */
  readonly failure: string | null;
  /** `exit code 1` or `SIGKILL` */
  readonly how: string;
}

export class ChildNode {
  readonly plan: NodePlan;
  /** Resolves, and never rejects, once it has ended and all its output has been passed on. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  #isMuted = false;
  #isServing = false;
  #waitsFor: string | null = 'has not started to serve yet';

  readonly #onLine: (line: string) => void;

  /**
   * @param entry the file that is the `hearsay` command.
   * @param onLine takes each line of its output, with its name before it.
   */
  constructor(plan: NodePlan, entry: string, onLine: (line: string) => void) {
    this.plan = plan;
    this.#onLine = onLine;
    this.#process = spawn(process.execPath, [entry, 'serve', UNDER_CLUSTER_FLAG], {
      env: { ...process.env, ...plan.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process.on('message', (message) => {
      const told = fromChild(message);
      if (told?.kind === 'serving') this.#isServing = true;
      if (told?.kind === 'waiting') this.#waitsFor = told.reason;
      if (told?.kind === 'ready') this.#waitsFor = null;
    });
    this.ended = this.#whenEnded();
  }

  /** Whether it has come so far that it listened. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** The end of a sentence that begins with its name; null once it has been ready. */
  get waitsFor(): string | null {
    return this.#waitsFor;
  }

  /**
   * Asks it to stop. A signal would count as a second Ctrl-C, because a terminal sends one to the child
   * too.
   */
  stop(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Drops the rest of its output. */
  mute(): void {
    this.#isMuted = true;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async #whenEnded(): Promise<ChildEnd> {
    const { nodeId } = this.plan;
    let failure: string | null = null;
    this.#process.on('message', (message) => {
      const told = fromChild(message);
      if (told?.kind === 'failed') failure = told.sentence;
    });
    try {
      // Not `close`, which never comes if this side has closed the channel.
      const [[code, signal]] = await Promise.all([
        once(this.#process, 'exit'),
        once(this.#process, 'disconnect'),
        ...outputs(this.#process).map((stream) => this.#passOn(stream)),
      ]);
      return { nodeId, failure, how: signal ?? `exit code ${code}` };
    } catch (error) {
      // It could not be started at all.
      return { nodeId, failure, how: error instanceof Error ? error.message : String(error) };
    }
  }

  /** @returns once there are no more lines. */
  async #passOn(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream }))
      if (!this.#isMuted) this.#onLine(`${this.plan.nodeId} | ${line}`);
  }
}

function outputs({ stdout, stderr }: ChildProcess): Readable[] {
  return [stdout, stderr].filter((stream) => stream !== null);
}
