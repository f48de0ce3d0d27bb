/** Shows the progress of a command on stderr, once it has run for a second. */
import type { Walk } from '../../log/tools/walk.ts';

const FIRST_AFTER_MS = 1000;
const TERMINAL_EVERY_MS = 200;
const ELSEWHERE_EVERY_MS = 5000;

export class Progress {
  readonly #what: string;
  readonly #startedAt = performance.now();
  #lastAt = 0;
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
    const isTerminal = process.stderr.isTTY === true;
    const everyMs = isTerminal ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
    if (now - this.#startedAt < FIRST_AFTER_MS || now - this.#lastAt < everyMs) return;
    this.#lastAt = now;
    this.#isShown = isTerminal;
    const percent = share === null ? '' : `, ${Math.floor(share * 100)} %`;
    const seconds = ((now - this.#startedAt) / 1000).toFixed(0);
    const line = `${this.#what}: ${count.toLocaleString('en')} ${unit}${percent}, ${seconds} s`;
    process.stderr.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  }

  /** Clears the line, so that the next output stands alone. */
  end(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}
