/** Keeps programs running: one that ends is started again, sooner the longer it has lived. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './worldsPlan.ts';

/** Making code of the sources is half of a start, and takes memory: it is kept between processes. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));
const AGAIN_MS = 200;
const MOST_AGAIN_MS = 5000;
const STEADY_MS = 5000;

export class Supervised {
  readonly #program: Program;
  readonly #logDirectory: string;
  readonly #onRestart: (name: string) => void;
  #child: ChildProcess | null = null;
  #again: NodeJS.Timeout | undefined;
  #againMs = AGAIN_MS;
  #isOver = false;

  constructor(program: Program, logDirectory: string, onRestart: (name: string) => void) {
    this.#program = program;
    this.#logDirectory = logDirectory;
    this.#onRestart = onRestart;
    this.#start();
  }

  get name(): string {
    return this.#program.name;
  }

  get isHealthy(): Promise<boolean> {
    const { healthUrl } = this.#program;
    return fetch(healthUrl, { signal: AbortSignal.timeout(1000) }).then(
      async (answer) => {
        await answer.body?.cancel();
        return answer.ok;
      },
      () => false,
    );
  }

  /** @param limitMs after which it is killed. */
  async end(signal: NodeJS.Signals, limitMs: number): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#again);
    const child = this.#child;
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const killing = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await ended;
    clearTimeout(killing);
  }

  #start(): void {
    const { name, file, words, environment } = this.#program;
    const logFile = join(this.#logDirectory, `${name}.log`);
    const log = openSync(logFile, 'a', 0o600);
    const startedAtMs = performance.now();
    // A group of its own: Ctrl-C reaches this process alone, which ends the others in order.
    const child = spawn(process.execPath, [file, ...words], {
      env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...environment },
      detached: true,
      // A program ends when this channel does: it outlives no supervisor, whatever ends that.
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    // A node that can't start says the reason here alone.
    child.on('message', (message) => appendFileSync(logFile, `${JSON.stringify(message)}\n`));
    // For operators, and for those who try out what is lost with a process.
    if (child.pid !== undefined)
      writeFileSync(join(this.#logDirectory, `${name}.pid`), `${child.pid}\n`, { mode: 0o600 });
    this.#child = child;
    child.once('exit', () => {
      this.#child = null;
      if (this.#isOver) return;
      const isSteady = performance.now() - startedAtMs >= STEADY_MS;
      this.#againMs = isSteady ? AGAIN_MS : Math.min(MOST_AGAIN_MS, this.#againMs * 2);
      this.#onRestart(name);
      this.#again = setTimeout(() => this.#start(), this.#againMs);
    });
    child.on('error', () => {});
  }
}
