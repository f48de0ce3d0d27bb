/**
 * Values to JSON and back. A value for which JSON has a form goes out as plain JSON that any client
 * reads; any other goes with superjson's annotations beside it, in `meta`.
 *
 * Invariants: a value that is read equals the value that was stored, or storing it has thrown; the
 * annotations of another client can neither pollute a prototype nor hide other entries.
 */

import { InvalidRequestError, UndecodableValueError } from '../errors.ts';
import { isObject } from '../json.ts';
import { checkAnnotations, hasAnnotations } from './annotations.ts';
import { Bytes, bytesFrom, bytesJson } from './bytes.ts';
import { invalid, kindOf } from './valueCheck.ts';
import { createSuperJson } from './valueTypes.ts';

export interface Encoded {
  /** JSON text. */
  readonly value: string;
  /** Annotations as JSON text; null if the value is plain JSON. */
  readonly meta: string | null;
}

/**
 * A value that is JSON text already. `put` and `batch` send the text with every digit, and add nothing
 * to its annotations.
 */
export class JsonText {
  readonly value: string;
  readonly meta: string | null;
  /**
   * @param value JSON text.
   * @param meta superjson's annotations as JSON text, or `"bytes"` for raw bytes in base64; null for none.
   * @throws InvalidRequestError for a text that is not JSON.
   */
  constructor(value: string, meta: string | null = null) {
    this.value = checkedJson(value);
    this.meta = meta === null ? null : checkedJson(meta);
  }

  /** The bytes that the text describes; null if it describes none. */
  get raw(): Bytes | null {
    return this.meta === null ? null : bytesFrom(JSON.parse(this.value), JSON.parse(this.meta));
  }
}

function checkedJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw invalid('its text is not JSON', error);
  }
}

const superJson = createSuperJson();

/** @throws InvalidRequestError for a value that can't be stored. */
export function encodeValue(value: unknown): Encoded {
  if (value instanceof JsonText) return value;
  if (value instanceof Bytes) return bytesJson(value);
  try {
    if (kindOf(value) === 'json') return { value: textOf(value), meta: null };
    const { json, meta } = superJson.serialize(value);
    // Objects that occur twice read back as two, because superjson mixes up the order of sets that
    // share them.
    return { value: textOf(json), meta: textOf({ values: meta?.values, v: 1 }) };
  } catch (error) {
    if (error instanceof InvalidRequestError) throw error;
    if (error instanceof RangeError) throw invalid('it is nested too deeply', error);
    // superjson refuses keys such as `constructor` beside annotated values; a toJSON() may throw.
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * @param json the value from `JSON.parse`. It is changed in place: don't use it afterwards.
 * @throws UndecodableValueError if the annotations can't be applied.
 */
export function decodeValue(json: unknown, meta: unknown): unknown {
  if (!isObject(meta) || !hasAnnotations(meta)) return bytesFrom(json, meta) ?? json;
  try {
    checkAnnotations(meta, json);
    // A copy would lose members called `__proto__`.
    return superJson.deserialize({ json: json as never, meta: meta as never }, { inPlace: true });
  } catch (error) {
    throw new UndecodableValueError(
      `The value has annotations that can't be applied: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}

function textOf(json: unknown): string {
  const text: string | undefined = JSON.stringify(json);
  if (text === undefined) throw invalid('it has no form in JSON');
  return text;
}
