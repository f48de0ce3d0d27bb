/** Times, durations, sizes and values as people read them. */
import { inspect } from 'node:util';
import { decodeValue } from '../../client/values/values.ts';
import { hlcToMs } from '../../words/hlc.ts';
import type { Op } from '../../words/op.ts';
import { UNITS_BYTES } from '../../words/size.ts';
import { LAST_INSTANT_MS, UNITS_MS } from '../../words/time.ts';
import { parseExactly } from './exactJson.ts';
import { shownValue } from './values.ts';

/** RFC 3339, for machines, and for people who paste it as a POINT. */
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

/** A duration such as `24h`, `90s` or `250ms`: exact if it is short, else rounded to two units. */
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

/** The TTL that the writer gave; null if the op never expires. */
export const ttlMsOf = ({ expiresAt, hlc }: Pick<Op, 'expiresAt' | 'hlc'>): number | null =>
  expiresAt === null ? null : Math.max(0, expiresAt - hlcToMs(hlc));

export function ttlText(op: Pick<Op, 'expiresAt' | 'hlc'>): string {
  const ttlMs = ttlMsOf(op);
  return ttlMs === null ? '' : durationText(ttlMs);
}

/** A longer value is not parsed, and only its beginning is shown. */
const PARSED_CHARACTERS = 4096;

/** A value on one line: typed values as JavaScript writes them. */
export function valueText({ kind, value, meta }: Pick<Op, 'kind' | 'value' | 'meta'>): string {
  if (value === null) return '';
  // Plain JSON is shown as it was sent.
  if (kind !== 'put' || meta === null || value.length > PARSED_CHARACTERS) return value;
  try {
    return shownValue({ value: decodeValue(parseExactly(value), JSON.parse(meta)) });
  } catch {
    // The client may still apply such annotations: here the JSON is shown.
    return value;
  }
}

/** A key in a form that can be pasted into a shell. */
export const quoted = (text: string): string =>
  /^[\w./:@%+,-]+$/.test(text) ? text : inspect(text);
