/** Shows the progress of a command on stderr, once it has run for a second. */
import type { Walk } from '../../log/tools/walk.ts';
import { type Done, progressLine } from './progressText.ts';

const FIRST_AFTER_MS = 1000;
const TERMINAL_EVERY_MS = 200;
const ELSEWHERE_EVERY_MS = 5000;
const TERMINAL_COLUMNS = 80;

export class Progress {
  readonly #what: string;
  readonly #startedAt = performance.now();
  #lastAt = 0;
  #first: Done | null = null;
  #isShown = false;

  /** @param what the word before the figures: `verify`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Fits a walk's `onPage`. */
  get onPage(): (walk: Walk) => void {
    return (walk) => this.show(walk.rows, 'rows', walk.share);
  }

  /** @param share from 0 to 1, or null if the end is not known. */
  show(count: number, unit: string, share: number | null): void {
    const now = performance.now();
    const done = { count, share, elapsedMs: now - this.#startedAt };
    this.#first ??= done;
    const isTerminal = process.stderr.isTTY === true;
    const everyMs = isTerminal ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
    if (now - this.#startedAt < FIRST_AFTER_MS || now - this.#lastAt < everyMs) return;
    this.#lastAt = now;
    this.#isShown = isTerminal;
    const columns = isTerminal ? process.stderr.columns || TERMINAL_COLUMNS : null;
    const line = progressLine(this.#what, unit, this.#first, done, columns);
    process.stderr.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  }

  /** Clears the line, so that the next output stands alone. */
  end(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}
