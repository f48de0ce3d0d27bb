/** Addresses that no edge serves for a while, by a keyed hash of the day. */
import { z } from 'zod';
import type { Cache } from './cache.ts';
import { keyOf, partsOf } from './keys.ts';
import { TableMirror } from './tableMirror.ts';

export const BLOCK_TTL_MS = 10 * 60_000;

const blockSchema = z.object({ v: z.literal(1), untilMs: z.int().min(0) });

export class BlockTable implements AsyncDisposable {
  readonly #cache: Cache;
  readonly #mirror: TableMirror<z.output<typeof blockSchema>>;

  constructor(cache: Cache) {
    this.#cache = cache;
    this.#mirror = new TableMirror(cache, 'blocked', blockSchema);
  }

  /** @returns UTC milliseconds; null if no edge has blocked it. */
  untilMs(hash: string): number | null {
    return this.#mirror.get(keyOf('blocked', hash))?.value?.untilMs ?? null;
  }

  /** @throws HearsayError if no node answers. */
  async block(hash: string, untilMs: number): Promise<void> {
    const options = { ttlMs: BLOCK_TTL_MS };
    await this.#cache.writer.put(keyOf('blocked', hash), { v: 1, untilMs }, options);
  }

  /** Hashes that are blocked, in no order. */
  hashes(): string[] {
    return [...this.#mirror.rows()].flatMap(({ key }) => partsOf('blocked', key, 1) ?? []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#mirror[Symbol.asyncDispose]();
  }
}
