/**
 * Takes the lines of a node's log to stderr without ever holding up the node.
 *
 * Invariants: a write never waits and never throws. A line that can't be written now waits, up to a
 * bound, or is dropped and counted. Lines keep their order, and no line is written in part before
 * another.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/**
 * Writes now, as far as there is room. @returns the number of bytes taken. @throws the system's error.
 */
export type WriteBytes = (bytes: Uint8Array) => number;

const STDERR = 2;
const RETRY_MS = 50;
const LINE_FEED = Buffer.from('\n');

export class LogDestination {
  readonly #writeBytes: WriteBytes;
  readonly #maxWaitingBytes: number;
  /** Lines that wait. */
  #waiting: Uint8Array[] = [];
  /** Whether a part of the first line is written. */
  #isBegun = false;
  #waitingBytes = 0;
  /** Whether an error cut the last line: then a line feed comes before the next. */
  #isCut = false;
  #timer: NodeJS.Timeout | null = null;
  #dropped = 0;

  /** @param maxWaitingBytes beyond it, further lines are dropped. */
  constructor(writeBytes: WriteBytes, maxWaitingBytes: number) {
    this.#writeBytes = writeBytes;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its line feed. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length > 0) this.flush();
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes.length > this.#maxWaitingBytes) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.flush();
  }

  /** Writes as much of the waiting lines as there is room for now. */
  flush(): void {
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      const taken = this.#take(line);
      if (taken === null) break;
      this.#waitingBytes -= taken;
      this.#isBegun = taken < line.length;
      if (this.#isBegun) this.#waiting[0] = line.subarray(taken);
      else this.#waiting.shift();
    }
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS).unref();
  }

  /** @returns the number of bytes that were written or dropped; null if there is no room now. */
  #take(line: Uint8Array): number | null {
    try {
      if (this.#isCut) this.#writeBytes(LINE_FEED);
      this.#isCut = false;
      return this.#writeBytes(line);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return null;
      this.#dropped++;
      this.#isCut ||= this.#isBegun;
      return line.length;
    }
  }

  #retry(): void {
    this.#timer = null;
    this.flush();
  }
}

/** A file takes every line at once, or not at all; a reader of a pipe or a terminal may hang. */
export function stderrWriter(maxWaitingBytes: number): WriteBytes {
  const status = fstatSync(STDERR);
  if (status.isFile()) return (bytes) => writeSync(STDERR, bytes);
  const own = withoutWaiting();
  if (own !== null) return (bytes) => writeSync(own, bytes);
  if (status.isCharacterDevice() && process.stderr.isTTY !== true)
    return (bytes) => writeSync(STDERR, bytes);
  return (bytes) => {
    if (process.stderr.writableLength > maxWaitingBytes)
      throw Object.assign(new Error('No room.'), { code: 'EAGAIN' });
    process.stderr.write(bytes);
    return bytes.length;
  };
}

/**
 * A second descriptor of stderr on which a write fails instead of waiting; null if the system offers
 * none.
 */
function withoutWaiting(): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${STDERR}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return null;
  }
}
