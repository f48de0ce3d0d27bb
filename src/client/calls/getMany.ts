/** Many keys as they were at one point, in one request. */
import { InvalidRequestError, ServerError } from '../errors.ts';
import { isObject, type JsonObject } from '../json.ts';
import { checkNames } from '../knownNames.ts';
import { type Entry, readEntry } from './entry.ts';
import type { OpSender } from './opSender.ts';
import { getOp } from './ops.ts';

export interface GetManyOptions {
  /** The past: a time (RFC 3339, or `-10m`), an lsn (`lsn:123`) or a cursor. Default: now. */
  readonly at?: string;
  /** Tokens whose writes the read must see. */
  readonly after?: string | null;
  readonly signal?: AbortSignal;
}

const NAMES: ReadonlySet<string> = new Set<keyof GetManyOptions>(['at', 'after', 'signal']);

/**
 * @returns the entries in the order of the keys, undefined where a key is absent. They are of one moment:
 *   no write of the node that answers lies between two of them.
 * @throws InvalidRequestError for a wrong key or point, ServerError for too many bytes; the errors of
 *   `OpSender.exchange`.
 */
export async function getMany<T>(
  sender: OpSender,
  keys: readonly string[],
  options: GetManyOptions,
): Promise<(Entry<T> | undefined)[]> {
  checkNames('getMany', options, NAMES);
  const { at, after, signal } = options;
  const { maxBatchOps } = sender.failover.settings;
  if (keys.length > maxBatchOps)
    throw new InvalidRequestError(`One call must not ask for more than ${maxBatchOps} keys.`);
  const asked = keys.map((key) => getOp(key).key);
  const body = JSON.stringify({ keys: asked, ...(at !== undefined && { at }) });
  const words = { after: sender.after(after), isWrite: false, waitMs: 0 };
  const { answer, endpoint } = await sender.exchange(
    { method: 'POST', path: '/cache/get', body, ...words },
    { signal },
  );
  const entries = answer.status === 200 ? readEntries<T>(asked, answer.body ?? {}) : null;
  if (entries !== null) return entries;
  throw new ServerError(
    `${endpoint} answered a read of many keys without their entries (${answer.status}): is it a node of this release?`,
    answer.status,
  );
}

/** @returns null if the body holds no entries, or others. */
function readEntries<T>(
  keys: readonly string[],
  { entries }: JsonObject,
): (Entry<T> | undefined)[] | null {
  if (!Array.isArray(entries) || entries.length !== keys.length) return null;
  const found: (Entry<T> | undefined)[] = [];
  for (const [index, key] of keys.entries()) {
    const row: unknown = entries[index];
    const entry = isObject(row) && row.key === key ? readEntry<T>(key, row) : null;
    if (entry === null && row !== null) return null;
    found.push(entry ?? undefined);
  }
  return found;
}
