/**
 * Runs `hearsay` commands for a test (sharedCommands.ts), one after another in this one process. Each finds a
 * process as of its own: its environment, its stdin, its output and its exit code.
 */
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { run as runProgram } from '../../src/cli/wholeProgram.ts';
import { type Ended, requestSchema } from './sharedCommandsMessages.ts';

const ENTRY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

class Collected extends Writable {
  #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  take(): string {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks = [];
    return text;
  }
}

const end = process.exit.bind(process);
// Each command adds listeners.
process.setMaxListeners(0);
const [stdout, stderr] = [new Collected().setMaxListeners(0), new Collected().setMaxListeners(0)];
const replace = (name: string, value: unknown): unknown =>
  Object.defineProperty(process, name, { value, configurable: true, writable: true });
replace('stdout', stdout);
replace('stderr', stderr);
// A command that has ended makes sure, a second later, that its process does.
replace('exit', () => {});

async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  input: string,
): Promise<Ended> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  replace('stdin', Readable.from(input === '' ? [] : [Buffer.from(input)]));
  process.exitCode = undefined;
  await runProgram(words, ENTRY);
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return { code, stdout: stdout.take(), stderr: stderr.take() };
}

// Connections that a client keeps open would hold it.
process.on('disconnect', () => end(0));

let last: Promise<unknown> = Promise.resolve();
process.on('message', (message) => {
  const { id, words, environment, input } = requestSchema.parse(message);
  last = last.then(async () => {
    process.send?.({ id, ended: await run(words, environment, input) });
  });
});
