/**
 * Sessions as entries: the part of the stores for Express and Koa that is the same.
 *
 * Invariants: a session that was destroyed is never stored again by a request that had read it before. A
 * request that saves changes the fields that it changed itself; the fields that others have saved meanwhile
 * stay. A field that two requests changed has the value of the one that saved last.
 */
import { ConflictError, HearsayError, PreconditionFailedError } from '../client/index.ts';
import { type AdapterOptions, Keyspace } from './keyspace.ts';

/** The fields of a session, as they are stored. */
export type Fields = Readonly<Record<string, unknown>>;

/** A session as a request has read it, or stored it. */
export interface Known {
  readonly fields: Fields;
  /** Null where the entry has changed since, by this request itself. */
  readonly etag: string | null;
  /** Null if it never expires, or where that is not known. */
  readonly expiresAt: Date | null;
}

/** The most times that a save meets another one of the same session. */
const MOST_TRIES = 20;

export class Sessions {
  readonly #keyspace: Keyspace;

  /** @throws InvalidRequestError that names the option. */
  constructor(options: AdapterOptions) {
    this.#keyspace = Keyspace.open(options, 'sess:');
  }

  /** @returns undefined if there is no such session. */
  async read(id: string): Promise<Known | undefined> {
    const entry = await this.#keyspace.client.get(this.#keyOf(id), { etag: true });
    if (entry === undefined) return undefined;
    const { value, etag = null, expiresAt } = entry;
    return { fields: fieldsOf(value), etag, expiresAt };
  }

  /** Stores a session that this request has not read. @returns the session as it is now. */
  async create(id: string, fields: Fields, ttlMs: number): Promise<Known | undefined> {
    try {
      await this.#keyspace.client.put(this.#keyOf(id), fields, { version: 0, ttlMs });
      return savedAs(fields);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // The framework did not say which session it saves: all fields count as changed.
      return this.save(id, savedAs({}), fields, ttlMs);
    }
  }

  /**
   * Stores the fields that differ from the known ones.
   *
   * @returns the session as it is now; undefined if it was destroyed: then nothing is stored.
   */
  async save(id: string, known: Known, fields: Fields, ttlMs: number): Promise<Known | undefined> {
    const key = this.#keyOf(id);
    let present: Known | undefined = known.etag === null ? await this.read(id) : known;
    for (let tries = 1; present !== undefined; tries++) {
      const merged = mergedFields(known.fields, fields, present.fields);
      try {
        await this.#keyspace.client.put(key, merged, { ttlMs, ifMatch: present.etag ?? '' });
        return savedAs(merged);
      } catch (error) {
        if (!(error instanceof PreconditionFailedError)) throw error;
        if (tries >= MOST_TRIES)
          throw new HearsayError(
            'The session was saved by others again and again: try once more.',
            {
              cause: error,
            },
          );
      }
      present = await this.read(id);
    }
    return undefined;
  }

  /** Gives a session another time to live; what was destroyed stays so. */
  async touch(id: string, ttlMs: number): Promise<void> {
    await this.#keyspace.client.touch(this.#keyOf(id), ttlMs);
  }

  async destroy(id: string): Promise<void> {
    await this.#keyspace.client.delete(this.#keyOf(id));
  }

  /** Sessions with their ids, read page by page. */
  all(): AsyncGenerator<[id: string, fields: unknown], void> {
    return this.#keyspace.entries();
  }

  async clear(): Promise<void> {
    await this.#keyspace.clear();
  }

  /** Closes the client, unless it was given. */
  async close(): Promise<void> {
    await this.#keyspace.close();
  }

  #keyOf(id: string): string {
    return this.#keyspace.prefix + id;
  }
}

/** A session that this request has stored, so that its ETag is another now. */
export const savedAs = (fields: Fields): Known => ({ fields, etag: null, expiresAt: null });

/**
 * The present fields with the changes between the known and the next ones.
 *
 * @param known as a request has read them. @param next as it saves them. @param present as they are stored now.
 */
export function mergedFields(known: Fields, next: Fields, present: Fields): Fields {
  const merged = new Map(Object.entries(present));
  for (const name of new Set([...Object.keys(known), ...Object.keys(next)])) {
    if (textOf(known, name) === textOf(next, name)) continue;
    if (Object.hasOwn(next, name)) merged.set(name, next[name]);
    else merged.delete(name);
  }
  return Object.fromEntries(merged);
}

/** Undefined for a field that is missing, or that JSON leaves out. */
const textOf = (fields: Fields, name: string): string | undefined =>
  Object.hasOwn(fields, name) ? JSON.stringify(fields[name]) : undefined;

/** The session as JSON keeps it. */
export const plainFields = (session: object): Fields =>
  fieldsOf(JSON.parse(JSON.stringify(session)));

/** A value of another form is of another program: it counts as a session without fields. */
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
