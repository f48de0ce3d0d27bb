/** The keys with a prefix, page by page. */

import { ServerError } from '../errors.ts';
import { isObject, stringMember } from '../json.ts';
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import { type Entry, readEntry, readEntryFacts } from './entry.ts';
import type { OpSender } from './opSender.ts';
import { checkedText } from './ops.ts';

export interface ListOptions {
  /** Only keys with this prefix; default: all. */
  readonly prefix?: string;
  /** Only keys after this one; default: from the first. */
  readonly startAfter?: string;
  /** At most this many entries, from 0; default: all. */
  readonly limit?: number;
  /** Entries in one request: 1 to 1,000,000, default 500; a node allows 1,000 by default. */
  readonly pageSize?: number;
  /** Whether entries carry their values; without, `value` is undefined. Default true. */
  readonly values?: boolean;
  /** Tokens whose writes every page must see. */
  readonly after?: string | null;
  readonly signal?: AbortSignal;
}

const NAMES: ReadonlySet<string> = new Set<keyof ListOptions>([
  'prefix',
  'startAfter',
  'limit',
  'pageSize',
  'values',
  'after',
  'signal',
]);

interface Page<T> {
  readonly entries: Entry<T>[];
  /** The key that the next page starts after; null at the end. */
  readonly next: string | null;
}

/**
 * Live entries in the order of the Unicode code points of their keys. They are not of one moment: each page shows its node's
 * map at its own time, and a key that is there all the while comes once.
 *
 * @throws the errors of `Failover.send`.
 */
export async function* listEntries<T>(
  sender: OpSender,
  options: ListOptions,
): AsyncGenerator<Entry<T>, void, undefined> {
  checkNames('list', options, NAMES);
  const prefix = checkedText('A prefix', options.prefix ?? '');
  const pageSize = whole('pageSize', options.pageSize ?? 500, 1, 1_000_000);
  let left = whole('limit', options.limit ?? Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
  const hasValues = options.values ?? true;
  let next: string | null = options.startAfter ?? null;
  const progress = new ListProgress(next);
  while (left > 0) {
    const query = new URLSearchParams({ prefix, limit: String(Math.min(left, pageSize)) });
    if (next !== null) query.set('after', checkedText('startAfter', next));
    if (!hasValues) query.set('values', 'false');
    const page: Page<T> = await readPage(sender, `/cache?${query}`, options);
    yield* page.entries;
    left -= page.entries.length;
    if (page.next === null) return;
    progress.take(page.next);
    next = page.next;
  }
}

/** Checks that a list makes progress: the keys grow in one order or the other, so the list ends. */
class ListProgress {
  #last: string | null;
  #isByUnits = true;
  #isByCodePoints = true;

  constructor(startAfter: string | null) {
    this.#last = startAfter;
  }

  /** @throws ServerError if the keys do not grow. */
  take(next: string): void {
    const last = this.#last;
    this.#last = next;
    if (last === null) return;
    this.#isByUnits &&= last < next;
    this.#isByCodePoints &&= compareCodePoints(last, next) < 0;
    if (this.#isByUnits || this.#isByCodePoints) return;
    throw new ServerError(
      'The list makes no progress: its next page begins where an earlier one did. Is it a node of Hearsay?',
      null,
    );
  }
}

/** Nodes list by code points; those before 0.3.0 list by JavaScript's code units, which differ beyond U+FFFF. */
function compareCodePoints(left: string, right: string): number {
  const [lefts, rights] = [[...left], [...right]];
  for (let index = 0; index < Math.min(lefts.length, rights.length); index++) {
    const difference = (lefts[index]?.codePointAt(0) ?? 0) - (rights[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return lefts.length - rights.length;
}

async function readPage<T>(
  sender: OpSender,
  path: string,
  { after, signal, values = true }: ListOptions,
): Promise<Page<T>> {
  const { answer, endpoint } = await sender.exchange(
    { method: 'GET', path, after: sender.after(after), isWrite: false, waitMs: 0 },
    { signal },
  );
  const body = answer.body ?? {};
  const rows: unknown = body.entries;
  if (answer.status === 200 && Array.isArray(rows)) {
    const entries = rows.flatMap((row: unknown) => readRow<T>(row, values) ?? []);
    if (entries.length === rows.length) return { entries, next: stringMember(body, 'next') };
  }
  throw new ServerError(
    `${endpoint} answered a list without a list (${answer.status}): is it a node of Hearsay?`,
    answer.status,
  );
}

function readRow<T>(row: unknown, hasValues: boolean): Entry<T> | null {
  if (!isObject(row)) return null;
  const key = stringMember(row, 'key');
  if (key === null) return null;
  return hasValues ? readEntry<T>(key, row) : readEntryFacts<T>(key, row);
}
