/** The deletes that a log holds, as nodes of protocol 1 ask for them before they offer ops again (rule 12). */
import type { Log } from '../log/log.ts';

export interface DeletesPage {
  /** Keys and the HLCs of their deletes, in order of arrival. */
  readonly deletes: readonly (readonly [key: string, hlc: number])[];
  /** The lsn that the next page starts after; null at the end of the log. */
  readonly next: number | null;
}

const PAGE_ROWS = 4096;
/** UTF-16 code units of keys in a page. */
const PAGE_KEYS_LENGTH = 64 * 1024;

/**
 * @param since only deletes with a greater HLC are returned. @param after an lsn; 0 starts at the
 *   beginning.
 */
export async function deletesAfter(log: Log, since: number, after: number): Promise<DeletesPage> {
  const deletes: [string, number][] = [];
  let length = 0;
  const heads = await log.headsAfter(after, PAGE_ROWS);
  for (const { lsn, kind, key, hlc } of heads) {
    if (kind !== 'delete' || hlc <= since) continue;
    deletes.push([key, hlc]);
    length += key.length;
    if (length >= PAGE_KEYS_LENGTH) return { deletes, next: lsn };
  }
  return { deletes, next: heads.at(-1)?.lsn ?? null };
}
