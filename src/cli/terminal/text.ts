/** Columns, times, lengths and values as people read them. */

import { inspect } from 'node:util';
import { decodeValue } from '../../client/values/values.ts';
import { hlcToMs } from '../../words/hlc.ts';
import type { Op } from '../../words/op.ts';
import { UNITS_BYTES } from '../../words/size.ts';
import { LAST_INSTANT_MS, UNITS_MS } from '../../words/time.ts';
import { parseExactly } from './exactJson.ts';
import { shownValue, withoutControls } from './values.ts';

/** The width of tables of ops; a wider terminal is used. */
export const WIDE_COLUMNS = 100;
export const tableColumns = (): number => Math.max(WIDE_COLUMNS, process.stdout.columns ?? 0);

/** Characters that take two columns: Chinese, Japanese, Korean, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

const widthOf = (character: string): number => (WIDE.test(character) ? 2 : 1);

/** The text in exactly so many columns, cut or filled; no control characters. */
export function fit(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const { shown, width } = cut(visible(text, columns), columns);
  const filling = ' '.repeat(columns - width);
  return side === 'left' ? shown + filling : filling + shown;
}

/** The text in at most so many columns. */
export const shorten = (text: string, columns: number): string =>
  cut(visible(text, columns), columns).shown;

const PRINTABLE_ASCII = /^[ -~]*$/;

/** No more is looked at: a value may have a megabyte. */
const visible = (text: string, columns: number): string =>
  withoutControls(text.length > 4 * columns ? text.slice(0, 4 * columns) : text);

function cut(text: string, columns: number): { shown: string; width: number } {
  // Nearly always so, and then a column is a character.
  if (PRINTABLE_ASCII.test(text)) {
    if (text.length <= columns) return { shown: text, width: text.length };
    return { shown: `${text.slice(0, columns - 1)}…`, width: columns };
  }
  let width = 0;
  let shown = '';
  for (const character of text) {
    const next = width + widthOf(character);
    if (next > columns) {
      while (width > columns - 1) {
        const last = [...shown].at(-1) ?? '';
        shown = shown.slice(0, shown.length - last.length);
        width -= widthOf(last);
      }
      return { shown: `${shown}…`, width: width + 1 };
    }
    shown += character;
    width = next;
  }
  return { shown, width };
}

/** A line as several of at most so many columns, broken at blanks; those that follow are indented. */
export function wrapped(line: string, columns: number, indent: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const at = rest.lastIndexOf(' ', columns);
    // A word that is longer than a line stays whole: it may be meant for pasting.
    const end = at > rest.search(/\S/) ? at : rest.indexOf(' ', columns);
    if (end === -1) break;
    lines.push(rest.slice(0, end));
    rest = ' '.repeat(indent) + rest.slice(end + 1);
  }
  return [...lines, rest];
}

/** RFC 3339, for machines and for what can be pasted as a POINT. */
export const instant = (atMs: number): string =>
  new Date(Math.min(Math.max(0, atMs), LAST_INSTANT_MS)).toISOString();
export const instantOrNull = (atMs: number | null): string | null =>
  atMs === null ? null : instant(atMs);
/** 2026-11-24 */
export const dayText = (atMs: number): string => instant(atMs).slice(0, 10);
/** 04:51:36.123 */
export const clockText = (atMs: number): string => instant(atMs).slice(11, 23);
/** 2026-11-24 04:51:36 */
export const secondText = (atMs: number): string => instant(atMs).slice(0, 19).replace('T', ' ');

/** The longest first. */
const UNITS = Object.entries(UNITS_MS).reverse();

/** `24h`, `90s`, `250ms`: exact where it is short, else rounded to two units. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  for (const [index, [unit, unitMs]] of UNITS.entries()) {
    if (ms < unitMs) continue;
    const count = Math.floor(ms / unitMs);
    const [nextUnit, nextMs] = UNITS[index + 1] ?? ['ms', 1];
    const rest = Math.floor((ms - count * unitMs) / nextMs);
    return rest === 0 || count >= 10 || nextUnit === 'ms'
      ? `${count}${unit}`
      : `${count}${unit}${rest}${nextUnit}`;
  }
  return `${ms}ms`;
}

export function bytesText(bytes: number): string {
  for (const [unit, unitBytes] of Object.entries(UNITS_BYTES).reverse())
    if (unit !== '' && bytes >= unitBytes) return `${(bytes / unitBytes).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}

export const countText = (count: number): string => count.toLocaleString('en');

/** The TTL that the writer gave; null where the op never expires. */
export const ttlMsOf = ({ expiresAt, hlc }: Pick<Op, 'expiresAt' | 'hlc'>): number | null =>
  expiresAt === null ? null : Math.max(0, expiresAt - hlcToMs(hlc));

export function ttlText(op: Pick<Op, 'expiresAt' | 'hlc'>): string {
  const ttlMs = ttlMsOf(op);
  return ttlMs === null ? '' : durationText(ttlMs);
}

/** Beyond this a value is not parsed: no more than its beginning is shown. */
const PARSED_CHARACTERS = 4096;

/** A value on one line: typed values as JavaScript writes them. */
export function valueText({ kind, value, meta }: Pick<Op, 'kind' | 'value' | 'meta'>): string {
  if (value === null) return '';
  // Plain JSON is shown as it was sent.
  if (kind !== 'put' || meta === null || value.length > PARSED_CHARACTERS) return value;
  try {
    return shownValue({ value: decodeValue(parseExactly(value), JSON.parse(meta)) });
  } catch {
    // Annotations that can't be applied are their client's affair: the JSON is what there is.
    return value;
  }
}

/** A key as it may be pasted into a shell. */
export const quoted = (text: string): string =>
  /^[\w./:@%+,-]+$/.test(text) ? text : inspect(text);
