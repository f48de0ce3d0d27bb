/** Hearsay as a driver of unstorage 1. */
import { Bytes } from '../../client/index.ts';
import { type AdapterOptions, Keyspace } from '../keyspace.ts';

export type HearsayDriverOptions = AdapterOptions & {
  /** The time to live of items that are set without one, in seconds; by default they never expire. */
  readonly ttl?: number | undefined;
  /** Called if a watch ends because no node serves it any more. By default the console warns. */
  readonly onWatchEnd?: ((reason: unknown) => void) | undefined;
};

interface ItemOptions {
  /** In seconds. */
  readonly ttl?: number | undefined;
}

export interface HearsayDriver {
  name: string;
  flags: { maxDepth: boolean; ttl: boolean };
  options: HearsayDriverOptions;
  hasItem(key: string): Promise<boolean>;
  /** Null if the key is absent. Raw bytes are read as UTF-8. */
  getItem(key: string): Promise<string | null>;
  /** Null if the key is absent. Bytes come back as a Uint8Array. */
  getItemRaw(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: ItemOptions): Promise<void>;
  setItemRaw(key: string, value: unknown, options?: ItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  /** The seconds that are left, where the item expires, and its version. Null if the key is absent. */
  getMeta(key: string): Promise<{ ttl?: number; version: number } | null>;
  getKeys(base?: string, options?: { readonly maxDepth?: number | undefined }): Promise<string[]>;
  clear(base?: string): Promise<void>;
  dispose(): Promise<void>;
  /** Tells changes at any node, by anybody. Resolves once it does. */
  watch(callback: (event: 'update' | 'remove', key: string) => void): Promise<() => Promise<void>>;
}

const DELIMITER = ':';

/**
 * A driver for `createStorage({ driver })`. Items are keys under the prefix, `unstorage:` by default.
 *
 * @throws InvalidRequestError that names the option.
 */
export function hearsayDriver(options: HearsayDriverOptions): HearsayDriver {
  const { ttl: defaultSeconds, onWatchEnd = warn, ...connection } = options;
  const keys = Keyspace.open(connection, 'unstorage:');
  const ttlMs = ({ ttl = defaultSeconds }: ItemOptions): number | null =>
    ttl === undefined ? null : ttl * 1000;
  // unstorage calls the functions of a driver without it, so none of them says `this`.
  return {
    name: 'hearsay',
    flags: { maxDepth: true, ttl: true },
    options,
    hasItem: (key) => keys.has(key),
    getItem: async (key) => textOf(await keys.get(key)),
    getItemRaw: async (key) => rawOf(await keys.get(key)),
    setItem: (key, value, itemOptions = {}) => keys.put(key, value, ttlMs(itemOptions)),
    setItemRaw: (key, value, itemOptions = {}) =>
      keys.put(key, toStored(value), ttlMs(itemOptions)),
    removeItem: async (key) => {
      await keys.delete(key);
    },
    getMeta: async (key) => {
      const entry = await keys.entry(key);
      if (entry === undefined) return null;
      const { version, expiresAt } = entry;
      return expiresAt === null ? { version } : { version, ttl: secondsUntil(expiresAt) };
    },
    getKeys: (base = '', { maxDepth } = {}) =>
      allOf(maxDepth === undefined ? keys.keys(base) : keys.keysToDepth(base, DELIMITER, maxDepth)),
    clear: (base) => keys.clear(base),
    dispose: () => keys.close(),
    watch: (callback) =>
      keys.follow({
        values: false,
        onEvent: ({ type }, key) => callback(type === 'put' ? 'update' : 'remove', key),
        onEnd: onWatchEnd,
      }),
  };
}

/** Bytes are stored as such, so that a GET by HTTP answers them; any other raw value as it is. */
function toStored(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return toStored(new Uint8Array(value));
  return value instanceof Uint8Array ? new Bytes(value) : value;
}

const rawOf = (value: unknown): unknown => (value instanceof Bytes ? value.bytes : (value ?? null));

/** Texts are items, bytes were set as raw ones, and any other value was stored by another program. */
function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (value instanceof Bytes) return new TextDecoder().decode(value.bytes);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const secondsUntil = (instant: Date): number =>
  Math.max(0, Math.ceil((instant.getTime() - Date.now()) / 1000));

async function allOf(keys: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found;
}

function warn(reason: unknown): void {
  console.warn('The watch of hearsay/unstorage has ended:', reason);
}
