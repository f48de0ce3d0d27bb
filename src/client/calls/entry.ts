/** The entry of a key, as programs see it. */
import { type CachedFacts, readCached } from '../cached/cachedFacts.ts';
import { UndecodableValueError } from '../errors.ts';
import { countMember, instantMember, type JsonObject } from '../json.ts';
import { decodeValue } from '../values/values.ts';

export interface Entry<T = unknown> {
  readonly key: string;
  /**
   * The type `T` is not checked: another client may have stored the value. Reading it throws
   * UndecodableValueError if its annotations can't be applied.
   */
  readonly value: T;
  readonly version: number;
  /** Null if the entry never expires. */
  readonly expiresAt: Date | null;
  /** Names this entry among all; only if `get` was asked for it. */
  readonly etag?: string;
  /** True if a tag of the entry was invalidated softly. Only `get` and `getMany` tell it. */
  readonly isStale?: true;
}

const FACTS = new WeakMap<object, CachedFacts>();

/** The facts beside the value of an entry that a call gave; null if it has none. */
export const factsOf = (entry: Entry): CachedFacts | null => FACTS.get(entry) ?? null;

/** @returns null if the body is no entry. */
export function readEntry<T>(key: string, body: JsonObject): Entry<T> | null {
  const facts = readFacts(key, body);
  if (facts === null || !Object.hasOwn(body, 'value')) return null;
  const entry: Entry<T> = withValue(facts, body);
  const cached = readCached(body.meta);
  if (cached !== null) FACTS.set(entry, cached);
  return entry;
}

/** An entry of a list without values. @returns null if the body is no entry. */
export function readEntryFacts<T>(key: string, body: JsonObject): Entry<T> | null {
  const facts = readFacts(key, body);
  return facts === null ? null : withValue(facts, {});
}

function readFacts(key: string, body: JsonObject): Omit<Entry, 'value'> | null {
  const version = countMember(body, 'version');
  return version === null ? null : { key, version, expiresAt: instantMember(body, 'expires_at') };
}

/** The facts with the value of the body; reading the property throws if the value can't be decoded. */
export function withValue<Facts extends object, T>(
  facts: Facts,
  body: JsonObject,
): Facts & { readonly value: T } {
  try {
    const value = decodeValue(body.value, body.meta);
    return { ...facts, value: value as T };
  } catch (error) {
    if (!(error instanceof UndecodableValueError)) throw error;
    const refuse = (): never => {
      throw error;
    };
    const result = Object.defineProperty({ ...facts }, 'value', { enumerable: true, get: refuse });
    return result as Facts & { readonly value: T };
  }
}

/** The entry with another expiry. Its value is not decoded here, nor copied. */
export function withExpiry<T>(entry: Entry<T>, expiresAt: Date | null): Entry<T> {
  const descriptor = Object.getOwnPropertyDescriptor(entry, 'value') ?? {};
  const { key, version } = entry;
  return Object.defineProperty({ key, version, expiresAt }, 'value', descriptor) as Entry<T>;
}

/** The entry of an event, without the event; its value is not decoded here. */
export function plainEntry<T>(event: Entry<T>): Entry<T> {
  const { key, version, expiresAt } = event;
  const descriptor = Object.getOwnPropertyDescriptor(event, 'value');
  if (descriptor?.get === undefined) return { key, value: event.value, version, expiresAt };
  const entry = Object.defineProperty({ key, version, expiresAt }, 'value', descriptor);
  return entry as Entry<T>;
}
