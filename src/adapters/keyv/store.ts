/** The part of a store for Keyv that is the same for Keyv 5 and for Keyv 6. */
import { EventEmitter } from 'node:events';
import { type AdapterOptions, Keyspace } from '../keyspace.ts';
import { namespacePrefix } from './namespaces.ts';

type Listener = (...words: unknown[]) => void;

/**
 * Every call rejects with the errors of the client, and nothing is ever emitted: Keyv asks for one of the
 * two, and emits the error itself. Methods are `async` by their word, by which Keyv 6 knows a store.
 */
export abstract class KeyvStore extends EventEmitter {
  /** Set by Keyv. Namespaces see none of each other's keys. */
  namespace: string | undefined;
  readonly #keyspace: Keyspace;

  /** @throws InvalidRequestError that names the option. */
  constructor(options: AdapterOptions) {
    super();
    this.#keyspace = Keyspace.open(options, '');
  }

  protected get keys(): Keyspace {
    return this.keysOf(this.namespace);
  }

  protected keysOf(namespace: string | undefined): Keyspace {
    return this.#keyspace.within(namespacePrefix(namespace));
  }

  /** @returns undefined if the key is absent: never written, deleted or expired. */
  async get<Value>(key: string): Promise<Value | undefined> {
    // Keyv reads the value as it stored it.
    return (await this.keys.get(key)) as Value | undefined;
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return Promise.all(keys.map((key) => this.get<Value>(key)));
  }

  async has(key: string): Promise<boolean> {
    return this.keys.has(key);
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /** @returns whether the key was live; true where a lost answer leaves that unknown. */
  async delete(key: string): Promise<boolean> {
    return this.keys.delete(key);
  }

  /** Deletes the keys of the namespace, or those that were stored without one. */
  async clear(): Promise<void> {
    await this.keys.clear();
  }

  /** Typed as in Keyv 6; Node's own type is of functions with any form. */
  override listeners(eventName: string | symbol): Listener[] {
    return super.listeners(eventName) as Listener[];
  }

  /** As `listeners`. */
  override rawListeners(eventName: string | symbol): Listener[] {
    return super.rawListeners(eventName) as Listener[];
  }

  /** Closes the client, unless it was given. */
  async disconnect(): Promise<void> {
    await this.#keyspace.close();
  }
}
