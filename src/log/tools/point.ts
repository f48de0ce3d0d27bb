/**
 * A point in a log, as people name it: a time (`2026-11-24T10:00:00Z`, or `-10m` before now), an lsn
 * (`lsn:123`), or a cursor that a node gave.
 */

import { type Cursor, decodeCursor, MalformedCursorError } from '../../words/cursor.ts';
import { SettingError } from '../../words/errors.ts';
import { MINUTE_MS, UNITS_MS } from '../../words/time.ts';

/** Times are UTC milliseconds. */
export type Point =
  /** The end of the log, whatever the clock was at its commits. */
  | { readonly kind: 'now'; readonly atMs: number }
  | { readonly kind: 'time'; readonly atMs: number }
  | { readonly kind: 'lsn'; readonly lsn: number }
  | { readonly kind: 'cursor'; readonly cursor: Cursor };

/** The text names no point. */
export class MalformedPointError extends SettingError {
  constructor(text: string, fault = 'it is none of these') {
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    super(
      `${JSON.stringify(shown)} is no point in a log (${fault}): name a time (2026-11-24T10:00:00Z, ` +
        'or -10m), an lsn (lsn:123) or a cursor.',
    );
  }
}

/** A span without its sign: people forget it. */
const SPAN = /^\d{1,9}(?:ms|s|m|h|d)$/;
const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})$/;
const BEFORE_NOW = /^(?:now)?-(\d{1,9})(ms|s|m|h|d)$/;
const LSN = /^lsn:(\d{1,15})$/;

const isUnit = (text: string | undefined): text is keyof typeof UNITS_MS =>
  text !== undefined && Object.hasOwn(UNITS_MS, text);

/** @throws MalformedPointError */
export function parsePoint(text: string, nowMs: number): Point {
  if (text === 'now') return { kind: 'now', atMs: nowMs };
  const [, count, unit] = BEFORE_NOW.exec(text) ?? [];
  if (count !== undefined && isUnit(unit))
    return { kind: 'time', atMs: nowMs - Number(count) * UNITS_MS[unit] };
  const [, lsn] = LSN.exec(text) ?? [];
  if (lsn !== undefined) return { kind: 'lsn', lsn: Number(lsn) };
  const instant = RFC_3339.exec(text);
  if (instant !== null) return { kind: 'time', atMs: instantOf(text, instant) };
  if (SPAN.test(text))
    throw new MalformedPointError(text, `a time before now begins with a minus: -${text}`);
  if (/^\d{1,15}$/.test(text)) throw new MalformedPointError(text, `an lsn is written lsn:${text}`);
  if (/^\d{4}-\d{2}/.test(text))
    throw new MalformedPointError(text, 'a time has a date, hours, minutes and Z or an offset');
  return { kind: 'cursor', cursor: cursorOf(text) };
}

function cursorOf(text: string): Cursor {
  let cursor: Cursor;
  try {
    cursor = decodeCursor(text);
  } catch (error) {
    if (!(error instanceof MalformedCursorError)) throw error;
    throw new MalformedPointError(text);
  }
  // Only the node that gave it knows which they are.
  if (cursor.closed.count > 0)
    throw new MalformedPointError(
      text,
      'the cursor leaves closed logs out, so that it is no place',
    );
  return cursor;
}

function instantOf(text: string, [, date, minutes, seconds, zone]: readonly string[]): number {
  const atMs = Date.parse(`${date}T${minutes}${seconds ?? ':00'}${zone?.toUpperCase()}`);
  if (Number.isNaN(atMs)) throw new MalformedPointError(text, 'there is no such time');
  // `Date` takes the 30th of February for the 2nd of March.
  const local = atMs + offsetMs(zone ?? 'Z');
  if (new Date(local).toISOString().slice(0, 10) !== date)
    throw new MalformedPointError(text, 'there is no such day');
  return atMs;
}

function offsetMs(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}
