/**
 * Real processes for tests: one `hearsay` command, or nodes that run as in production.
 *
 * Invariant: nothing outlives the test file. What a test starts ends with its `await using`, and what
 * even that has missed ends with this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { patience } from '../../scripts/patience.ts';
import { describeSettings } from '../../src/node/settingKinds.ts';
import { settingsShape } from '../../src/node/settings.ts';
import { PROGRAM } from './program.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const STATE_HOME = join(tmpdir(), `hearsay-tests-${userInfo().username}`);
/** A long wait polls rarely: nodes that answer fifty times a second have no time for what is waited for. */
const MIN_POLL_INTERVAL_MS = 20;
const MAX_POLL_INTERVAL_MS = 200;
const POLLS_OF_WAIT = 10;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One `hearsay` command, or another program, as a process. */
export class CommandProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
  #stdout = '';
  #stderr = '';

  /** @param environment comes on top of this process's, which holds no settings then. */
  constructor(
    words: readonly string[],
    environment: Environment = {},
    directory?: string,
    program: string = PROGRAM,
  ) {
    this.#process = spawn(process.execPath, [program, ...words], {
      cwd: directory,
      env: { ...environmentWithoutSettings(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text) => {
      this.#stdout += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    running.add(this.#process);
    this.#ended = once(this.#process, 'close').then(([code, signal]) => {
      running.delete(this.#process);
      return [code, signal] as const;
    });
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('The process could not be started.');
    return pid;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Its output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** @returns its exit code, or the signal that ended it, once all that it wrote is here. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const [code, signal] = await this.#ended;
    return signal ?? code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }
}

/** Runs a command that ends by itself. */
export async function runCommand(
  words: readonly string[],
  environment: Environment = {},
): Promise<{ code: number | NodeJS.Signals | null; stdout: string; stderr: string }> {
  await using command = new CommandProcess(words, environment);
  const code = await command.ended();
  return { code, stdout: command.stdout, stderr: command.stderr };
}

/** A directory that goes with the test. */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'hearsay-test-'));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, [Symbol.asyncDispose]: remove };
}

/** Whether any process has the id: one that the test did not start itself, for instance. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Polls until the condition holds. One that throws does not hold, so it may ask a node that is down.
 *
 * @param timeoutMs milliseconds on an idle machine; a busy one gets more.
 * @throws Error that says what did not come true, and the last reason where there was one.
 */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
): Promise<void> {
  const startedAt = performance.now();
  let waitedMs = 0;
  let reason = '';
  do {
    try {
      if (await condition()) return;
      reason = '';
    } catch (error) {
      reason = ` (${error instanceof Error ? error.message : String(error)})`;
    }
    const share = (performance.now() - startedAt) / POLLS_OF_WAIT;
    await wait(Math.min(MAX_POLL_INTERVAL_MS, Math.max(MIN_POLL_INTERVAL_MS, share)));
    waitedMs = performance.now() - startedAt;
  } while (waitedMs < timeoutMs * patience());
  throw new Error(`Not within ${Math.round(waitedMs)} ms: ${what}${reason}`);
}

/** A duration grows less with the load than a deadline: the test waits for all of it, and makes load itself. */
const DURATION_SHARE = 3;

/** How much longer than usual a duration is to be that nodes measure, such as `MEMBER_TIMEOUT`; at least 1. */
export const stretch = (): number => Math.max(1, patience() / DURATION_SHARE);

/** A setting of a node that must not run out because the machine is busy, such as `MEMBER_TIMEOUT`. */
export function patientDuration(timeMs: number): string {
  return `${Math.round(timeMs * stretch())}ms`;
}

/** The settings of the person who runs the tests must not reach the nodes. */
export function environmentWithoutSettings(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const { environment: name } of describeSettings(settingsShape))
    if (name !== null) delete environment[name];
  for (const name of [
    'FIRST_PORT',
    'COLUMNS',
    ...['URL', 'TOKEN', 'CONFIG', 'CONTEXT'].map((name) => `HEARSAY_${name}`),
  ])
    delete environment[name];
  // Where the token of this user lies, of which tests have their own.
  environment.XDG_STATE_HOME = STATE_HOME;
  environment.XDG_CONFIG_HOME = STATE_HOME;
  return environment;
}
