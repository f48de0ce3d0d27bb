/**
 * Bounds the log files of processes that others started: each holds its file open and appends to it, so a file
 * that has grown too long is copied beside and emptied in place. A line that comes between the two is lost.
 *
 * Invariant: a directory holds at most two files of about `maxBytes` for each process.
 */
import { copyFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { wholeNumber } from './settings.ts';

const LOOK_EVERY_MS = 10_000;

export const maxLogBytesSchema = wholeNumber(1, 2 ** 40)
  .prefault(String(16 * 2 ** 20))
  .describe('a longer log is put beside and begun anew, in bytes (default 16777216)');

/** @returns the names of the files that were emptied. */
export function emptyLongLogs(directory: string, maxBytes: number): string[] {
  const long = readdirSync(directory).filter(
    (name) => name.endsWith('.log') && statSync(join(directory, name)).size > maxBytes,
  );
  for (const name of long) {
    const path = join(directory, name);
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
  }
  return long;
}

/** Looks at the logs of a directory again and again. */
export class ShortLogs implements Disposable {
  /** Times that a log was emptied. */
  emptied = 0;
  readonly #timer: NodeJS.Timeout;

  /** @param onFault gets an error, such as that of a full disk; the next look tries again. */
  constructor(directory: string, maxBytes: number, onFault: (error: unknown) => void) {
    this.#timer = setInterval(() => {
      try {
        this.emptied += emptyLongLogs(directory, maxBytes).length;
      } catch (error) {
        onFault(error);
      }
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
