/** The store for Keyv 5, on which cache-manager 7 and cacheable 2 stand. */
import { KeyvStore } from './store.ts';

/** An entry of `setMany` in Keyv 5. */
export interface Keyv5Entry {
  readonly key: string;
  readonly value: unknown;
  /** In milliseconds; without it the entry never expires. */
  readonly ttl?: number | undefined;
}

export class KeyvHearsay5 extends KeyvStore {
  /** Keyv 5 keeps its own options here, and offers `iterator` only for dialects that it knows by name. */
  readonly opts: Record<string, unknown> = { dialect: 'redis', url: 'hearsay:' };

  /** @param ttlMs in milliseconds; without it the entry never expires. */
  async set(key: string, value: unknown, ttlMs?: number): Promise<boolean> {
    await this.keys.put(key, value, ttlMs ?? null);
    return true;
  }

  async setMany(entries: readonly Keyv5Entry[]): Promise<void> {
    await Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  /** @returns whether any of the keys was live. */
  async deleteMany(keys: string[]): Promise<boolean> {
    const existed = await Promise.all(keys.map((key) => this.delete(key)));
    return existed.includes(true);
  }

  /** Keys with their values, read page by page; keys are as Keyv 5 passed them, with its own prefix. */
  async *iterator<Value>(
    namespace: string | undefined = this.namespace,
  ): AsyncGenerator<[key: string, value: Value], void> {
    yield* this.keysOf(namespace).entries() as AsyncGenerator<[string, Value], void>;
  }
}
