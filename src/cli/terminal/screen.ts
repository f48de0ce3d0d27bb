/**
 * The whole terminal as one picture that is drawn again and again, with single keys as input.
 *
 * Invariant: however the process ends, the terminal gets back its own screen, its cursor and its line mode.
 */
import type { Styled } from './color.ts';
import { shownLine } from './output.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CTRL_C = '\x03';

export class Screen {
  readonly #onKey: (key: string) => void;
  readonly #onResize: () => void;
  readonly #leave = () => this.close();
  readonly #read = (bytes: Buffer) => {
    // In raw mode the terminal makes no signal of it.
    for (const key of bytes.toString('latin1')) this.#onKey(key === CTRL_C ? 'q' : key);
  };
  #isOpen = false;

  /**
   * @param onKey gets each key that is pressed; Ctrl-C comes as `q`.
   * @param onResize called when the terminal has another size.
   */
  constructor(onKey: (key: string) => void, onResize: () => void) {
    this.#onKey = onKey;
    this.#onResize = onResize;
  }

  open(): void {
    this.#isOpen = true;
    process.on('exit', this.#leave);
    process.stdout.on('resize', this.#onResize);
    process.stdout.write(ENTER);
    if (process.stdin.isTTY !== true) return;
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#read);
    process.stdin.resume();
  }

  /** @param lines those beyond the height of the terminal are left out. */
  draw(lines: readonly Styled[]): void {
    if (!this.#isOpen) return;
    const rows = process.stdout.rows || Number.POSITIVE_INFINITY;
    const shown = lines.slice(0, rows).map((line) => `${shownLine(line)}${CLEAR_LINE_END}`);
    process.stdout.write(HOME + shown.join('\r\n') + CLEAR_BELOW);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#leave);
    process.stdout.off('resize', this.#onResize);
    if (process.stdin.isTTY === true) {
      process.stdin.off('data', this.#read);
      process.stdin.setRawMode(false);
      process.stdin.pause();
    }
    process.stdout.write(LEAVE);
  }
}
