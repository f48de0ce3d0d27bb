/** The second layer of Bentocache: a driver of its contract for caches that processes share. */
import { type AdapterOptions, Keyspace } from '../keyspace.ts';

const DEFAULT_PREFIX = 'bentocache';

/** Values are texts, which Bentocache makes. A namespace is a further part of the prefix, after a colon. */
export class HearsayDriver {
  readonly type = 'l2';
  readonly #keys: Keyspace;

  /**
   * @param options `bentocache` is the prefix by default; a colon follows it.
   * @throws InvalidRequestError that names the option.
   */
  constructor(options: AdapterOptions | Keyspace) {
    this.#keys = options instanceof Keyspace ? options : openKeys(options);
  }

  /** Its keys are keys of this driver too, with the namespace and a colon before them. */
  namespace(namespace: string): HearsayDriver {
    return new HearsayDriver(this.#keys.within(`${namespace}:`));
  }

  /** @returns undefined if the key is absent. */
  async get(key: string): Promise<string | undefined> {
    const value = await this.#keys.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  /** Reads the value and deletes it. Of two calls at the same time both may get it. */
  async pull(key: string): Promise<string | undefined> {
    const value = await this.get(key);
    if (value !== undefined) await this.delete(key);
    return value;
  }

  /** @param ttlMs in milliseconds; without it, or 0, the value never expires. */
  async set(key: string, value: string, ttlMs?: number): Promise<boolean> {
    await this.#keys.put(key, value, ttlMs || null);
    return true;
  }

  /** Deletes all keys of the namespace, and those of the namespaces below it. */
  clear(): Promise<void> {
    return this.#keys.clear();
  }

  /** @returns whether the key was live; true where a lost answer leaves that unknown. */
  delete(key: string): Promise<boolean> {
    return this.#keys.delete(key);
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    await Promise.all(keys.map((key) => this.delete(key)));
    return true;
  }

  /** Closes the client, unless it was given. */
  disconnect(): Promise<void> {
    return this.#keys.close();
  }
}

/** For `bentostore().useL2Layer(…)`. A prefix of Bentocache itself counts, unless the options name one. */
export const hearsayDriver = (options: AdapterOptions) => ({
  options,
  factory: (config: { readonly prefix?: string }) =>
    new HearsayDriver({ ...options, prefix: options.prefix ?? config.prefix }),
});

function openKeys(options: AdapterOptions): Keyspace {
  const prefix = (options.prefix ?? DEFAULT_PREFIX).replace(/:+$/, '');
  return Keyspace.open({ ...options, prefix: prefix === '' ? '' : `${prefix}:` }, '');
}
