/** Entries as the page reads and writes them. Values stay the text that the node sent: numbers keep their digits. */
import { memberText } from '../../words/json.ts';
import type { Level } from './answers.ts';
import { AskError, nodes } from './nodes.ts';

export interface Entry {
  readonly key: string;
  /** JSON text, as it was sent by its writer. */
  readonly value: string;
  /** The annotations of typed values; null without any. */
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
    const { text, headers } = await nodes.read(pathOf(key));
    return entryOf(key, text, headers.get('ETag') ?? '');
  } catch (error) {
    if (error instanceof AskError && error.status === 404) return null;
    throw error;
  }
}

function entryOf(key: string, text: string, etag: string): Entry {
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
  /** JSON text. */
  readonly value: string;
  readonly ttlMs: number | null;
  /** The annotations of the value that was edited, which go with it. */
  readonly meta: unknown;
}

/**
 * Writes only over the entry that the person has seen; null: only where there is none.
 *
 * @throws AskError 412 if another has come between.
 */
export async function writeEntry(draft: Draft, over: Entry | null): Promise<void> {
  const ttl = draft.ttlMs === null ? '' : `,"ttl_ms":${draft.ttlMs}`;
  const meta = draft.meta === null ? '' : `,"meta":${JSON.stringify(draft.meta)}`;
  const body = `{"value":${draft.value},"version":"next"${ttl}${meta}}`;
  const condition: Record<string, string> =
    over === null ? { 'If-None-Match': '*' } : { 'If-Match': over.etag };
  await nodes.write('PUT', pathOf(draft.key), body, condition);
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
