/** Reads values that a person types and shows values exactly: no digit is lost on the way. */
import { inspect } from 'node:util';
import { Bytes } from '../../client/values/bytes.ts';
import { type Encoded, encodeValue } from '../../client/values/values.ts';
import { SettingError } from '../../words/errors.ts';
import { onOneLine } from './escape.ts';
import { DeepJson, parseExactly } from './exactJson.ts';

/**
 * Reads VALUE: JSON, or else the text itself.
 *
 * @throws SettingError for a text that begins as a list, an object or a quoted text and is not JSON: a
 *   person who forgets a bracket does not want to store a text.
 */
export function parseValue(text: string): unknown {
  const value = parsedOrText(text);
  if (value instanceof DeepJson)
    throw new SettingError(
      'VALUE is nested too deeply for this command: send it with PUT /cache/{key}.',
    );
  return value;
}

function parsedOrText(text: string): unknown {
  try {
    return parseExactly(text);
  } catch (error) {
    if (!/^\s*[[{"]/.test(text)) return text;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingError(
      `VALUE begins like JSON and is not JSON (${reason}): mend it, or add --string to store it as text.`,
    );
  }
}

/** An entry or a put as one line of JSON, with the names that the REST interface has. */
export function entryJson(
  facts: Readonly<Record<string, unknown>>,
  entry: { readonly value: unknown } | null,
): string {
  const head = JSON.stringify(facts).slice(0, -1);
  if (entry === null) return `${head}}`;
  const comma = head === '{' ? '' : ',';
  try {
    const { value, meta } = encoded(entry.value);
    const annotations = meta === null ? '' : `,"meta":${meta}`;
    return `${head}${comma}"value":${value}${annotations}}`;
  } catch (error) {
    return `${head}${comma}"error":${JSON.stringify(messageOf(error))}}`;
  }
}

/**
 * A value on one line, for people: as JSON, or as JavaScript writes it if JSON has no form for it. Of bytes, which nobody
 * can read, the type and the size.
 */
export function shownValue(entry: { readonly value: unknown }): string {
  try {
    if (entry.value instanceof Bytes) return onOneLine(shownBytes(entry.value));
    const { value, meta } = encoded(entry.value);
    if (meta === null) return onOneLine(value);
    const breakLength = Number.POSITIVE_INFINITY;
    return onOneLine(inspect(entry.value, { depth: 20, breakLength, compact: true }));
  } catch (error) {
    return `(${messageOf(error)})`;
  }
}

export const shownBytes = ({ bytes, type }: Bytes): string => `${type}, ${bytes.length} bytes`;

/** A value by itself: a text unquoted, any other value as JSON, over several lines if it is long. */
export function printedValue(value: unknown, columns: number): string {
  if (typeof value === 'string') return value;
  if (value instanceof DeepJson) return value.text;
  const { value: text, meta } = encodeValue(value);
  if (meta !== null)
    return inspect(value, { depth: 20, breakLength: columns, maxArrayLength: null });
  return text.length <= columns ? text : JSON.stringify(value, null, 2);
}

const encoded = (value: unknown): Encoded =>
  value instanceof DeepJson ? { value: value.text, meta: null } : encodeValue(value);

/** Blanks, controls and characters without a width hide where a key ends, or how it is written. */
const AMBIGUOUS_KEY = /^$|^"|[\s\p{C}]/u;

/** A key in a table: unchanged, or as JSON if it could be taken for another key. */
export const shownKey = (key: string): string =>
  AMBIGUOUS_KEY.test(key) ? onOneLine(JSON.stringify(key)) : key;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
