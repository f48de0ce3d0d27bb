/** Counts values that do not parse, by table. */
import type { z } from 'zod';
import type { TableName } from './keys.ts';

export class MalformedValues {
  readonly #counts = new Map<TableName, number>();

  /** Values that did not parse, since the start of the process. */
  get counts(): ReadonlyMap<TableName, number> {
    return this.#counts;
  }

  /** @returns null, counted, if the value does not parse. */
  parse<T>(table: TableName, schema: z.ZodType<T>, read: () => unknown): T | null {
    const value = safely(read);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.#counts.set(table, (this.#counts.get(table) ?? 0) + 1);
    return null;
  }
}

/** Reading the value of an entry throws if its annotations can't be applied. */
function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
