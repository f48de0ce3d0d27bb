/** Lines on stdout and stderr, written no faster than they are read, and safe for a terminal. */
import { once } from 'node:events';
import { painted, type Styled } from './color.ts';
import { forTerminal } from './escape.ts';

const TERMINAL_COLUMNS = 80;
const GATHERED_CHARACTERS = 64 * 1024;

/** Whether each line is an element of one JSON document, and whether its first one is still to come. */
let elements: 'none' | 'first' | 'later' = 'none';

/** @param areElements whether each line from now on is an element of one JSON document, an array. */
export function printElements(areElements: boolean): void {
  elements = areElements ? 'first' : 'none';
}

/** Ends the document, if there is one. A failure without any result prints none. */
export async function endElements(isFailure: boolean): Promise<void> {
  const empty = isFailure ? '' : '[]\n';
  const end = elements === 'first' ? empty : elements === 'later' ? '\n]\n' : '';
  elements = 'none';
  if (end !== '') await write(end);
}

/** Prints one line, or a value of several lines. Resolves once there is room for more. */
export async function printLine(line: string | Styled): Promise<void> {
  await write(separated(shownLine(line)));
}

function separated(line: string): string {
  if (elements === 'none') return `${line}\n`;
  const before = elements === 'first' ? '[\n' : ',\n';
  elements = 'later';
  return before + line;
}

/** Writes bytes as they are, with nothing behind them: for a file or a program, never for a terminal. */
export async function printBytes(bytes: Uint8Array): Promise<void> {
  await write(bytes);
}

/** The line as stdout gets it: safe for a terminal, and with colours if it has them. */
export function shownLine(line: string | Styled): string {
  const safe = process.stdout.isTTY === true ? forTerminal : (text: string) => text;
  return typeof line === 'string' ? safe(line) : painted(line, safe, process.stdout);
}

/** A message for people, on stderr: never mixed with data. */
export function note(message: string): void {
  process.stderr.write(`${process.stderr.isTTY === true ? forTerminal(message) : message}\n`);
}

/** The system's reason for a write that failed, as a phrase. */
export const writeFailure = (error: Error): string =>
  'code' in error && error.code === 'ENOSPC' ? 'no room is left' : error.message;

/**
 * The columns of the terminal that shows the output; 80 if it does not name its width. Null if the
 * output goes elsewhere, unless COLUMNS sets a width.
 */
export function outputColumns(): number | null {
  const asked = /^[1-9]\d{0,4}$/.test(process.env.COLUMNS ?? '')
    ? Number(process.env.COLUMNS)
    : null;
  if (process.stdout.isTTY !== true) return asked;
  // A terminal that a program has made may report 0.
  return process.stdout.columns || asked || TERMINAL_COLUMNS;
}

/** Gathers many lines into one system call. */
export class LineOutput {
  #text = '';

  /** Resolves once there is room for more. */
  async line(line: string | Styled): Promise<void> {
    this.#text += separated(shownLine(line));
    if (this.#text.length >= GATHERED_CHARACTERS) await this.flush();
  }

  /** Called before a pause, and at the end. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await write(text);
  }
}

/** @param output that is safe for a terminal, if there is one. */
async function write(output: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(output)) await once(process.stdout, 'drain');
}
