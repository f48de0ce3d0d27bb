/** Lines on stdout and stderr, no faster than they are read. */
import { once } from 'node:events';

const DEFAULT_COLUMNS = 80;
const GATHERED_CHARACTERS = 64 * 1024;

/** Resolves once there is room for more. */
export async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** For people only: never mixed with data. */
export function note(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Why the system did not write, as a phrase for people. */
export const writeFailure = (error: Error): string =>
  'code' in error && error.code === 'ENOSPC' ? 'no room is left' : error.message;

/** How wide a line for people may be. */
export const outputColumns = (): number => process.stdout.columns ?? DEFAULT_COLUMNS;

/** Cuts a line where a terminal would break it; what goes elsewhere stays whole. */
export function fitted(line: string): string {
  if (process.stdout.isTTY !== true) return line;
  const columns = outputColumns();
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}

/** Gathers many lines, so that a line costs no system call. Writes no faster than they are read. */
export class LineOutput {
  #text = '';

  /** Resolves once there is room for more. */
  async line(line: string): Promise<void> {
    this.#text += `${line}\n`;
    if (this.#text.length >= GATHERED_CHARACTERS) await this.flush();
  }

  /** Before a pause, and at the end. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
  }
}
