/** Short commands of the system, such as `ip`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** @throws Error with the command's output if it fails. */
export async function command(file: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await run(file, words, { timeout: TIMEOUT_MS, maxBuffer: 1 << 30 });
  return stdout;
}

/** @returns whether the command succeeded. */
export async function succeeds(file: string, ...words: readonly string[]): Promise<boolean> {
  return command(file, ...words).then(
    () => true,
    () => false,
  );
}
