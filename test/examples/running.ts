/** Runs an example as its reader does, on the sources in the place of the package. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface RunningExample {
  /** All that it has printed. */
  readonly output: () => string;
  /** Ends it as Ctrl-C does. @returns its exit code. */
  readonly stop: () => Promise<number | null>;
}

/** @param name of the file in `examples/`. @param words its arguments. */
export async function withExample(
  name: string,
  words: readonly (string | number)[],
  run: (example: RunningExample) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, name);
  await writeFile(file, onSources(await readFile(join(ROOT, 'examples', name), 'utf8')));
  const child = spawn(process.execPath, [file, ...words.map(String)], {
    cwd: directory.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  const exited = once(child, 'exit');
  try {
    await run({
      output: () => output,
      stop: async () => {
        child.kill('SIGINT');
        await exited;
        return child.exitCode;
      },
    });
  } catch (error) {
    throw new Error(`${String(error)}; the example printed: ${output}`, { cause: error });
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
  }
}

/** `hearsay/keyv` is `src/adapters/keyv/index.ts`, and so on. */
function onSources(text: string): string {
  return text.replaceAll(/from '([^'.]+)'/g, (line, name: string) => {
    if (name.startsWith('node:')) return line;
    return `from '${new URL(placeOf(name), `file://${ROOT}`).href}'`;
  });
}

function placeOf(name: string): string {
  const [, part] = /^hearsay(?:\/(.+))?$/.exec(name) ?? [];
  if (name === 'hearsay') return 'src/index.ts';
  if (part === 'client') return 'src/client/index.ts';
  if (part !== undefined) return `src/adapters/${part}/index.ts`;
  return import.meta.resolve(name);
}
