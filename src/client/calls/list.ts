/** The keys with a prefix, page by page. */

import { InvalidRequestError, ServerError } from '../errors.ts';
import { isObject, type JsonObject, stringMember } from '../json.ts';
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

interface Page<Item> {
  readonly items: readonly Item[];
  /** The key, or the prefix, that the next page starts after; null at the end. */
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
  const { values = true } = options;
  const query = { prefix: checkedText('A prefix', options.prefix ?? ''), ...bare(values) };
  yield* eachItem(sender, options, query, (body) =>
    readAll(body.entries, (row) => readRow<T>(row, values)),
  );
}

const bare = (values: boolean): Readonly<Record<string, string>> =>
  values ? {} : { values: 'false' };

export interface LevelOptions extends Omit<ListOptions, 'values'> {
  /** Not empty; default `/`. */
  readonly delimiter?: string;
}

const LEVEL_NAMES: ReadonlySet<string> = new Set<keyof LevelOptions>([
  'prefix',
  'delimiter',
  'startAfter',
  'limit',
  'pageSize',
  'after',
  'signal',
]);

/** A key of the level, without its value. */
export type LevelEntry = Omit<Entry, 'value'>;

/** A longer prefix, up to and with the first delimiter, which keys below the level share. */
export interface LevelPrefix {
  readonly prefix: string;
}

/**
 * One level of the tree that the delimiter makes of keys: live keys without it after the prefix, and the
 * prefixes of the others, each once, in one order of code points. The limit counts both.
 *
 * @throws the errors of `Failover.send`.
 */
export async function* listLevel(
  sender: OpSender,
  options: LevelOptions,
): AsyncGenerator<LevelEntry | LevelPrefix, void, undefined> {
  checkNames('listLevel', options, LEVEL_NAMES);
  const { prefix = '', delimiter = '/' } = options;
  if (delimiter === '') throw new InvalidRequestError('A delimiter must not be empty.');
  const query = {
    prefix: checkedText('A prefix', prefix),
    delimiter: checkedText('A delimiter', delimiter),
    ...bare(false),
  };
  yield* eachItem(sender, options, query, (body) => {
    const entries = readAll(body.entries, (row) => readLevelEntry(row));
    const prefixes = readAll(body.prefixes, (one) =>
      typeof one === 'string' ? { prefix: one } : null,
    );
    if (entries === null || prefixes === null) return null;
    return [...entries, ...prefixes].sort((left, right) =>
      compareCodePoints(placeOf(left), placeOf(right)),
    );
  });
}

const placeOf = (item: LevelEntry | LevelPrefix): string =>
  'prefix' in item ? item.prefix : item.key;

/** @param read the items of a page; null for an answer that holds no page. */
async function* eachItem<Item>(
  sender: OpSender,
  options: Omit<ListOptions, 'prefix' | 'values'>,
  query: Readonly<Record<string, string>>,
  read: (body: JsonObject) => readonly Item[] | null,
): AsyncGenerator<Item, void, undefined> {
  const pageSize = whole('pageSize', options.pageSize ?? 500, 1, 1_000_000);
  let left = whole('limit', options.limit ?? Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
  let next: string | null = options.startAfter ?? null;
  const progress = new ListProgress(next);
  while (left > 0) {
    const words = new URLSearchParams({ ...query, limit: String(Math.min(left, pageSize)) });
    if (next !== null) words.set('after', checkedText('startAfter', next));
    const page: Page<Item> = await readPage(sender, `/cache?${words}`, options, read);
    yield* page.items;
    left -= page.items.length;
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

async function readPage<Item>(
  sender: OpSender,
  path: string,
  { after, signal }: Pick<ListOptions, 'after' | 'signal'>,
  read: (body: JsonObject) => readonly Item[] | null,
): Promise<Page<Item>> {
  const { answer, endpoint } = await sender.exchange(
    { method: 'GET', path, after: sender.after(after), isWrite: false, waitMs: 0 },
    { signal },
  );
  const body = answer.body ?? {};
  const items = answer.status === 200 ? read(body) : null;
  if (items !== null) return { items, next: stringMember(body, 'next') };
  throw new ServerError(
    `${endpoint} answered a list without a list (${answer.status}): is it a node of Hearsay?`,
    answer.status,
  );
}

/** @returns null if they are no list, or one of them is not in the form of an item. */
function readAll<Item>(rows: unknown, read: (row: unknown) => Item | null): Item[] | null {
  if (!Array.isArray(rows)) return null;
  const items = rows.flatMap((row: unknown) => read(row) ?? []);
  return items.length === rows.length ? items : null;
}

function readRow<T>(row: unknown, hasValues: boolean): Entry<T> | null {
  if (!isObject(row)) return null;
  const key = stringMember(row, 'key');
  if (key === null) return null;
  return hasValues ? readEntry<T>(key, row) : readEntryFacts<T>(key, row);
}

function readLevelEntry(row: unknown): LevelEntry | null {
  const entry = readRow(row, false);
  return entry && { key: entry.key, version: entry.version, expiresAt: entry.expiresAt };
}
