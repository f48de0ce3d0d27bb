/**
 * A table as a process reads it: a local copy that stays current. Each value is parsed once, when it
 * comes; one that does not parse has a row whose value is null.
 */
import type { z } from 'zod';
import type { Cache, Entry } from './cache.ts';
import { type TableName, tablePrefix } from './keys.ts';

export interface Row<T> {
  readonly key: string;
  /** Null: the value does not parse. */
  readonly value: T | null;
  readonly version: number;
}

export interface RowChange<T> {
  readonly key: string;
  /** Undefined: the key is gone. */
  readonly row: Row<T> | undefined;
  /** Whether its time is over, so that it may be that the news of a later write is only missing. */
  readonly isExpiry: boolean;
}

export class TableMirror<T> implements AsyncDisposable {
  /** Resolves once the copy is complete for the first time. */
  readonly synced: Promise<void>;
  readonly #mirror: ReturnType<Cache['reader']['mirror']>;
  readonly #parse: (entry: Entry) => Row<T>;
  readonly #rows = new WeakMap<Entry, Row<T>>();
  #lastCurrentAtMs: number;

  /** @param region only its keys. */
  constructor(cache: Cache, table: TableName, schema: z.ZodType<T>, region?: string) {
    this.#mirror = cache.reader.mirror(tablePrefix(table, region));
    this.#parse = (entry) => ({
      key: entry.key,
      value: cache.malformed.parse(table, schema, () => entry.value),
      version: entry.version,
    });
    this.synced = this.#mirror.synced;
    this.#lastCurrentAtMs = performance.now();
  }

  /** Whether the copy is connected and caught up. */
  get isCurrent(): boolean {
    return this.#mirror.isCurrent;
  }

  /** Milliseconds since somebody last saw it current; 0 while it is. */
  get staleMs(): number {
    const nowMs = performance.now();
    if (this.isCurrent) this.#lastCurrentAtMs = nowMs;
    return nowMs - this.#lastCurrentAtMs;
  }

  get(key: string): Row<T> | undefined {
    const entry = this.#mirror.get(key);
    return entry === undefined ? undefined : this.#rowOf(entry);
  }

  *rows(): Generator<Row<T>, void, undefined> {
    for (const entry of this.#mirror) yield this.#rowOf(entry);
  }

  /** @returns a function that removes the listener. */
  onChange(listener: (change: RowChange<T>) => void): () => void {
    return this.#mirror.onChange(({ type, key, entry }) => {
      const row = entry === undefined ? undefined : this.#rowOf(entry);
      listener({ key, row, isExpiry: type === 'expire' });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#mirror.close();
  }

  #rowOf(entry: Entry): Row<T> {
    const present = this.#rows.get(entry);
    if (present !== undefined) return present;
    const row = this.#parse(entry);
    this.#rows.set(entry, row);
    return row;
  }
}
