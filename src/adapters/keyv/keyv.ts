/** The store for Keyv 6. */
import { KeyvStore } from './store.ts';

/** An entry of `setMany`. */
export interface KeyvEntry {
  readonly key: string;
  readonly value: unknown;
  /** In milliseconds since 1970; without it the entry never expires. */
  readonly expires?: number | undefined;
}

const METHODS = [
  ...(['get', 'getMany', 'has', 'hasMany', 'set', 'setMany', 'delete', 'deleteMany'] as const),
  ...(['clear', 'disconnect', 'iterator'] as const),
];

interface Method {
  exists: boolean;
  methodType: 'sync' | 'async' | 'none';
}

export interface KeyvCapabilities {
  compatible: boolean;
  store: 'mapLike' | 'keyvStorage' | 'asyncMap' | 'none';
  methods: Record<(typeof METHODS)[number], Method>;
  expires: boolean;
}

/** A store for `new Keyv({ store })` of Keyv 6. Keyv 5 needs `KeyvHearsay5`. */
export class KeyvHearsay extends KeyvStore {
  /** Says that times of expiry are absolute. Without it Keyv 6 would pass times to live. */
  get capabilities(): KeyvCapabilities {
    const methods = METHODS.map((name) => {
      // Keyv counts a generator among the methods that answer at once.
      const methodType = name === 'iterator' ? 'sync' : 'async';
      return [name, { exists: true, methodType }];
    });
    return {
      compatible: true,
      store: 'keyvStorage',
      methods: Object.fromEntries(methods) as KeyvCapabilities['methods'],
      expires: true,
    };
  }

  /**
   * Keyv 5 alone reads it. It would pass a time to live for a time of expiry, so that nothing would be kept.
   *
   * @throws TypeError always.
   */
  get opts(): never {
    throw new TypeError('KeyvHearsay is a store for Keyv 6: use KeyvHearsay5 with Keyv 5.');
  }

  /** @param expires in milliseconds since 1970, by this machine's clock; a past one keeps nothing. */
  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    await this.keys.put(key, value, expires === undefined ? null : expires - Date.now());
    return true;
  }

  async setMany(entries: readonly KeyvEntry[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value, expires }) => this.set(key, value, expires)));
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.delete(key)));
  }

  /** Keys without their namespace, with their values, read page by page. */
  async *iterator<Value>(): AsyncGenerator<[key: string, value: Value], void> {
    yield* this.keys.entries() as AsyncGenerator<[string, Value], void>;
  }
}
