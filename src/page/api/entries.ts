/** Entries as the page reads and writes them. Values stay the text that the node sent: numbers keep their digits. */
import { memberText } from '../../words/json.ts';
import { RAW_MARK } from '../../words/rawValue.ts';
import { type RawBytes, rawText, UNKNOWN_TYPE } from '../words/rawBytes.ts';
import type { Level } from './answers.ts';
import { type Answer, AskError, nodes } from './nodes.ts';

export interface Entry {
  readonly key: string;
  /** JSON text, as it was sent by its writer; of raw bytes as `rawText` makes it. */
  readonly value: string;
  /** The annotations of typed values, or the mark of raw bytes; null without either. */
  readonly meta: unknown;
  readonly version: number;
  /** UTC milliseconds. */
  readonly expiresAt: number | null;
  readonly etag: string;
}

const pathOf = (key: string): string => `/cache/${encodeURIComponent(key)}`;

/** @returns null if the key is absent. @throws AskError */
export async function readEntry(key: string): Promise<Entry | null> {
  try {
    return entryOf(key, await nodes.read(pathOf(key)));
  } catch (error) {
    if (error instanceof AskError && error.status === 404) return null;
    throw error;
  }
}

function entryOf(key: string, { bytes, text, headers }: Answer): Entry {
  const etag = headers.get('ETag') ?? '';
  const version = headers.get('Hearsay-Version');
  // Only an answer of raw bytes tells its facts in headers.
  if (version !== null) {
    const expiresAt = headers.get('Hearsay-Expires-At');
    const type = headers.get('Content-Type') ?? UNKNOWN_TYPE;
    return {
      key,
      value: rawText({ bytes, type }),
      meta: RAW_MARK,
      version: Number(version),
      expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
      etag,
    };
  }
  const parsed: { version: number; expires_at: string | null; meta?: unknown } = JSON.parse(text);
  return {
    key,
    value: memberText(text, 'value') ?? 'null',
    meta: parsed.meta ?? null,
    version: parsed.version,
    expiresAt: parsed.expires_at === null ? null : Date.parse(parsed.expires_at),
    etag,
  };
}

export interface Draft {
  readonly key: string;
  /** JSON text with its annotations, null without any; or raw bytes. */
  readonly value: { readonly text: string; readonly meta: unknown } | RawBytes;
  readonly ttlMs: number | null;
}

/**
 * Writes only over the entry that the person has seen; null: only where there is none.
 *
 * @throws AskError 412 if another has come between.
 */
export async function writeEntry({ key, value, ttlMs }: Draft, over: Entry | null): Promise<void> {
  const condition: Record<string, string> =
    over === null ? { 'If-None-Match': '*' } : { 'If-Match': over.etag };
  if ('bytes' in value) {
    await nodes.write('PUT', pathOf(key), value.bytes, {
      ...condition,
      'Content-Type': value.type,
      'Hearsay-Version': 'next',
      ...(ttlMs !== null && { 'Hearsay-TTL-Ms': String(ttlMs) }),
    });
    return;
  }
  const ttl = ttlMs === null ? '' : `,"ttl_ms":${ttlMs}`;
  const meta = value.meta === null ? '' : `,"meta":${JSON.stringify(value.meta)}`;
  const body = `{"value":${value.text},"version":"next"${ttl}${meta}}`;
  await nodes.write('PUT', pathOf(key), body, condition);
}

/** Deletes only the entry that the person has seen. @throws AskError 412 */
export async function deleteEntry({ key, etag }: Entry): Promise<void> {
  await nodes.write('DELETE', pathOf(key), undefined, { 'If-Match': etag });
}

/** @returns how many there were. @throws AskError */
export async function deleteFolder(prefix: string): Promise<number> {
  const { text } = await nodes.write('DELETE', `/cache?prefix=${encodeURIComponent(prefix)}`);
  const { count }: { count: number } = JSON.parse(text);
  return count;
}

const query = (prefix: string, after: string | null, limit: number): string =>
  `/cache?prefix=${encodeURIComponent(prefix)}&limit=${limit}&values=false` +
  (after === null ? '' : `&after=${encodeURIComponent(after)}`);

/** One level of the tree of keys. @throws AskError */
export const readLevel = (
  prefix: string,
  separator: string,
  after: string | null,
  limit: number,
): Promise<Level> =>
  nodes.readJson<Level>(
    query(prefix, after, limit) +
      (separator === '' ? '' : `&delimiter=${encodeURIComponent(separator)}`),
  );

/** More keys than this are not counted one by one. */
const MOST_COUNTED = 100_000;
const COUNT_PAGE = 1000;

/** @returns the number of keys, and whether there are more. @throws AskError */
export async function countKeys(
  prefix: string,
  told: (sofar: number) => void,
): Promise<{ readonly keys: number; readonly isMore: boolean }> {
  let after: string | null = null;
  let keys = 0;
  do {
    const { entries, next }: Level = await nodes.readJson<Level>(query(prefix, after, COUNT_PAGE));
    keys += entries.length;
    after = next;
    told(keys);
  } while (after !== null && keys < MOST_COUNTED);
  return { keys, isMore: after !== null };
}
