/**
 * The map as it was at a moment. One walk over the heads of the log remembers, for each key that was
 * live, the lsn of its row. So memory grows with the number of live keys, and neither with their values
 * nor with the log.
 *
 * A row that won beat the row of its key that had won before it, so the last of them is the entry.
 */

import { DamagedLogError, HearsayError } from '../../words/errors.ts';
import { at, present } from '../../words/invariant.ts';
import { compareKeys } from '../../words/keyOrder.ts';
import type { Put } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { type Head, type LogSource, MAX_ROWS_AT, type Mark } from './logSource.ts';
import { isDeadAt, isOf, type Moment } from './moment.ts';
import type { Walk } from './walk.ts';

/** Key → lsn of the entry that was live, in no particular order. */
export type LiveLsns = ReadonlyMap<string, number>;

export interface LiveEntry {
  readonly lsn: number;
  readonly committedAt: number;
  readonly op: Put;
}

/** Stands for the op id of a mark, which has none; a moment that looks at op ids gets heads. */
const NO_ID = { origin: '', seq: 0 };

/** Gathers the live entries. */
export class LiveFold {
  readonly #moment: Moment;
  readonly #lsns = new Map<string, number>();

  constructor(moment: Moment) {
    this.#moment = moment;
  }

  get lsns(): LiveLsns {
    return this.#lsns;
  }

  /** @param mark a whole head if the moment tells expiries up to an op id. */
  take(mark: Mark | Head): void {
    const { kind, key, expiresAt } = mark;
    if (!mark.won || (kind !== 'put' && kind !== 'delete') || !isOf(this.#moment, mark)) return;
    // An entry that is dead by the moment stays so until a later row of the key comes.
    const { origin, seq } = 'seq' in mark ? mark : NO_ID;
    if (
      kind === 'delete' ||
      (expiresAt !== null && isDeadAt(this.#moment, { kind, expiresAt, origin, seq }))
    )
      this.#lsns.delete(key);
    else this.#lsns.set(key, mark.lsn);
  }
}

/** @param prefix only keys that begin with it. */
export async function liveAt(
  source: LogSource,
  moment: Moment,
  walk: Walk,
  prefix = '',
): Promise<LiveLsns> {
  const fold = new LiveFold(moment);
  const pages = moment.expired.upTo === null ? walk.marks(source) : walk.heads(source);
  for await (const marks of pages)
    for (const mark of marks) if (mark.key.startsWith(prefix)) fold.take(mark);
  return fold.lsns;
}

/** The entry of one key that was live at the moment. */
export async function entryAt(
  source: LogSource,
  moment: Moment,
  walk: Walk,
  key: string,
): Promise<LiveEntry | undefined> {
  let found: LiveEntry | undefined;
  for await (const rows of walk.rowsOn(source, key))
    for (const row of rows) {
      if (!row.won || !isOf(moment, row)) continue;
      const { lsn, committedAt, op } = row;
      if (op.kind === 'put') found = { lsn, committedAt, op };
      else if (op.kind === 'delete') found = undefined;
    }
  return found !== undefined && isDeadAt(moment, found.op) ? undefined : found;
}

/**
 * The entries of those keys that were live at the moment, by key. Their lengths are known before one is read.
 *
 * @param keys may name one more than once, and then it counts as often.
 * @param maxBytes of keys, values and metas.
 * @returns null if the entries are longer together. @throws RowGoneError
 */
export async function entriesOfKeys(
  source: LogSource,
  moment: Moment,
  walk: Walk,
  keys: readonly string[],
  maxBytes: number,
): Promise<ReadonlyMap<string, LiveEntry> | null> {
  const wanted = new Set(keys);
  const fold = new LiveFold(moment);
  const lengths = new Map<string, number>();
  for await (const heads of walk.heads(source))
    for (const head of heads) {
      if (!wanted.has(head.key)) continue;
      fold.take(head);
      if (fold.lsns.get(head.key) === head.lsn) lengths.set(head.key, head.textBytes);
    }
  const { lsns } = fold;
  const bytes = keys.reduce((sum, key) => sum + (lsns.has(key) ? (lengths.get(key) ?? 0) : 0), 0);
  if (bytes > maxBytes) return null;
  const found = new Map<string, LiveEntry>();
  for await (const entries of entriesOf(source, lsns))
    for (const entry of entries) found.set(entry.op.key, entry);
  return found;
}

/** The row was there when the walk passed it, and is gone now. */
export class RowGoneError extends HearsayError {
  constructor(place: string) {
    super(`The log ${place} was compacted while it was read; run the command again.`);
  }
}

/**
 * Reads the entries whole, in the order of code points, page by page.
 *
 * @param onDamaged called for each entry that can't be read; without it, the first such entry ends the
 *   reading.
 * @throws RowGoneError if compaction has removed a row meanwhile.
 */
export async function* entriesOf(
  source: LogSource,
  lsns: LiveLsns,
  afterKey: string | null = null,
  onDamaged?: (key: string, lsn: number) => void,
): AsyncGenerator<readonly LiveEntry[]> {
  const keys = [...lsns.keys()].filter(
    (key) => afterKey === null || compareKeys(key, afterKey) > 0,
  );
  keys.sort(compareKeys);
  for (let from = 0; from < keys.length; from += MAX_ROWS_AT) {
    const page = keys.slice(from, from + MAX_ROWS_AT);
    yield await entriesAt(source, page, lsns, onDamaged);
  }
}

async function entriesAt(
  source: LogSource,
  keys: readonly string[],
  lsns: LiveLsns,
  onDamaged: ((key: string, lsn: number) => void) | undefined,
): Promise<readonly LiveEntry[]> {
  try {
    const rows = await source.rowsAt(keys.map((key) => lsnOf(lsns, key)));
    if (rows.length < keys.length) throw new RowGoneError(source.place);
    return rows.flatMap(asEntry);
  } catch (error) {
    if (!(error instanceof DamagedLogError) || onDamaged === undefined) throw error;
  }
  if (keys.length === 1) {
    const only = at(keys, 0);
    onDamaged(only, lsnOf(lsns, only));
    return [];
  }
  // Halving finds the entries that are not damaged themselves.
  const half = Math.ceil(keys.length / 2);
  const first = await entriesAt(source, keys.slice(0, half), lsns, onDamaged);
  return [...first, ...(await entriesAt(source, keys.slice(half), lsns, onDamaged))];
}

const lsnOf = (lsns: LiveLsns, key: string): number =>
  present(lsns.get(key), 'the lsn of a live key');

function asEntry({ lsn, committedAt, op }: Row): LiveEntry[] {
  return op.kind === 'put' ? [{ lsn, committedAt, op }] : [];
}
