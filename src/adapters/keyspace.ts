/**
 * The keys of one adapter: those of a client that begin with a prefix.
 *
 * Invariants: an adapter reads, writes, lists and clears no key without its prefix; it closes the client
 * that it made, and never one that it was given; a value with a time to live of zero or less is never
 * readable, and neither is the value before it.
 */
import {
  type ClientOptions,
  type ConnectionState,
  createClient,
  type Entry,
  type HearsayClient,
  InvalidRequestError,
  type KeyEvent,
  type Watch,
  type WatchEvent,
} from '../client/index.ts';

/** The nodes, in the options of a client, or a client that the program has already and closes itself. */
export type Connection =
  | (ClientOptions & { readonly client?: never })
  | { readonly client: HearsayClient };

export type AdapterOptions = Connection & {
  /** Every key of the adapter begins with it. */
  readonly prefix?: string | undefined;
};

/** Is told the changes of the keys of an adapter. */
export interface Follower {
  /** Whether puts carry their values. */
  readonly values: boolean;
  /** @param key without the prefix. */
  readonly onEvent: (event: KeyEvent, key: string) => void;
  /** Gets the reason if no node serves the watch any more. */
  readonly onEnd: (reason: unknown) => void;
  /** Called for each connection that is made, and for each that is lost. */
  readonly onConnection?: (state: ConnectionState) => void;
}

/** The longest time to live that a node takes, some 317 years. */
const MAX_TTL_MS = 10 ** 13;

export class Keyspace {
  readonly client: HearsayClient;
  readonly prefix: string;
  readonly #isOwnClient: boolean;

  private constructor(client: HearsayClient, prefix: string, isOwnClient: boolean) {
    this.client = client;
    this.prefix = prefix;
    this.#isOwnClient = isOwnClient;
  }

  /** @throws InvalidRequestError that names the option. */
  static open(options: AdapterOptions, defaultPrefix: string): Keyspace {
    const { client, prefix = defaultPrefix, ...rest } = options;
    if (client === undefined)
      return new Keyspace(createClient(rest as ClientOptions), prefix, true);
    const [other] = Object.keys(rest);
    if (other === undefined) return new Keyspace(client, prefix, false);
    throw new InvalidRequestError(
      `Pass either a client or ${other}: a client has its own options.`,
    );
  }

  /** The keys that begin with the prefix and these further characters. They share its client. */
  within(prefix: string): Keyspace {
    return new Keyspace(this.client, this.prefix + prefix, this.#isOwnClient);
  }

  /** The entry by its whole key; undefined if the key is absent. */
  entry(key: string): Promise<Entry | undefined> {
    return this.client.get(this.prefix + key);
  }

  /** @returns undefined if the key is absent. */
  async get(key: string): Promise<unknown> {
    return (await this.entry(key))?.value;
  }

  async has(key: string): Promise<boolean> {
    return (await this.entry(key)) !== undefined;
  }

  /** @param ttlMs null: the entry never expires. A fraction counts as a whole millisecond. */
  async put(key: string, value: unknown, ttlMs: number | null): Promise<void> {
    if (ttlMs !== null && ttlMs <= 0) {
      await this.delete(key);
      return;
    }
    const isEndless = ttlMs === null || ttlMs > MAX_TTL_MS;
    await this.client.put(this.prefix + key, value, { ttlMs: isEndless ? null : Math.ceil(ttlMs) });
  }

  /** @returns whether the key was live; true where a lost answer leaves that unknown. */
  async delete(key: string): Promise<boolean> {
    return (await this.client.delete(this.prefix + key)).existed !== false;
  }

  /** Deletes every key, or those that go on with these characters. */
  async clear(prefix = ''): Promise<void> {
    const whole = this.prefix + prefix;
    await this.client.deletePrefix(whole, { all: whole === '' });
  }

  /** Keys without the prefix, of those that go on with these characters, in the order of their code points. */
  async *keys(prefix = ''): AsyncGenerator<string, void, undefined> {
    const options = { prefix: this.prefix + prefix, values: false };
    for await (const { key } of this.client.list(options)) yield this.#ownKey(key);
  }

  /**
   * Keys without the prefix that hold at most so many delimiters, which saves reading the others.
   *
   * @param prefix the characters with which the keys go on: none, or up to and with a delimiter.
   */
  async *keysToDepth(
    prefix: string,
    delimiter: string,
    maxDelimiters: number,
  ): AsyncGenerator<string, void, undefined> {
    if (prefix.split(delimiter).length - 1 > maxDelimiters) return;
    const level = this.client.listLevel({ prefix: this.prefix + prefix, delimiter });
    for await (const item of level)
      if ('key' in item) yield this.#ownKey(item.key);
      else yield* this.keysToDepth(this.#ownKey(item.prefix), delimiter, maxDelimiters);
  }

  /** Keys without the prefix, with their values. */
  async *entries(): AsyncGenerator<[key: string, value: unknown], void, undefined> {
    for await (const { key, value } of this.client.list({ prefix: this.prefix }))
      yield [this.#ownKey(key), value];
  }

  /**
   * Tells every change from now on, also those of other programs and at other nodes. It connects again by itself, and
   * misses nothing that the nodes' logs still hold.
   *
   * @returns a function that ends it, once a node tells changes.
   */
  async follow(follower: Follower): Promise<() => Promise<void>> {
    const { values, onEnd, onConnection } = follower;
    const prefix = this.prefix;
    const watch = this.client.watch({ prefix, values, ...(onConnection && { onConnection }) });
    const hasBegun = await this.#tellUntil(watch, follower, 'synced');
    if (hasBegun) this.#tellUntil(watch, follower, null).catch(onEnd);
    return () => watch.close();
  }

  /** @returns whether the event of the type has come; false if the watch has ended before. */
  async #tellUntil(
    watch: Watch,
    { onEvent }: Follower,
    last: WatchEvent['type'] | null,
  ): Promise<boolean> {
    for (let next = await watch.next(); !next.done; next = await watch.next()) {
      const { value: event } = next;
      if (event.type === last) return true;
      // A listener that throws is a fault of the program, and must not end the watch.
      if ('key' in event && event.type !== 'touch')
        queueMicrotask(() => onEvent(event, this.#ownKey(event.key)));
    }
    return false;
  }

  #ownKey(key: string): string {
    return key.slice(this.prefix.length);
  }

  async close(): Promise<void> {
    if (this.#isOwnClient) await this.client.close();
  }
}
