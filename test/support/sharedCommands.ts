/**
 * Runs `hearsay` commands in one process that they share, for tests of what commands do. To start a process
 * costs more than most commands take. Tests of processes themselves take `runCommand` of processes.ts: of
 * signals, of output that can't be written, of `serve` and `cluster`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { type Environment, environmentWithoutSettings } from './processes.ts';
import { COMMANDS_CHILD } from './program.ts';
import { type Ended, type Request, replySchema } from './sharedCommandsMessages.ts';

class SharedProcess {
  readonly #child: ChildProcess = fork(COMMANDS_CHILD, [], { stdio: 'inherit' });
  readonly #waiting = new Map<number, (ended: Ended | Error) => void>();
  #lastId = 0;

  constructor() {
    this.#child.on('message', (message) => {
      const { id, ended } = replySchema.parse(message);
      this.#waiting.get(id)?.(ended);
    });
    this.#child.on('exit', (code, signal) => {
      const error = new Error(`The process of the commands has ended: ${signal ?? code}.`);
      for (const end of this.#waiting.values()) end(error);
    });
    process.on('exit', () => this.#child.kill('SIGKILL'));
    this.#hold();
    // Its processor time counts for the test only if this process has seen it end.
    process.once('beforeExit', () => {
      this.#child.ref();
      if (this.#child.connected) this.#child.disconnect();
    });
  }

  run(request: Omit<Request, 'id'>): Promise<Ended> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (ended) => {
        this.#waiting.delete(id);
        this.#hold();
        if (ended instanceof Error) reject(ended);
        else resolve(ended);
      });
      this.#hold();
      this.#child.send({ ...request, id });
    });
  }

  /** The test's process lives on for commands that run, and for no other reason. */
  #hold(): void {
    if (this.#waiting.size > 0) {
      this.#child.ref();
      this.#child.channel?.ref();
    } else {
      this.#child.unref();
      this.#child.channel?.unref();
    }
  }
}

let shared: SharedProcess | null = null;

/**
 * Runs one command, after those before it.
 *
 * @param environment comes on top of this process's, which holds no settings then.
 * @param input its stdin.
 */
export function runShared(
  words: readonly string[],
  environment: Environment = {},
  input = '',
): Promise<Ended> {
  shared ??= new SharedProcess();
  const all = { ...environmentWithoutSettings(), ...environment };
  const given = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return shared.run({ words: [...words], environment: Object.fromEntries(given), input });
}
