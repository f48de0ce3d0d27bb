/** The store for koa-session: `session({ store: new HearsayStore({ endpoints }) }, app)`. */
import type { AdapterOptions } from '../keyspace.ts';
import { type Fields, type Known, plainFields, Sessions, savedAs } from '../sessions.ts';

export type HearsayStoreOptions = AdapterOptions & {
  /** Seconds for which a session is kept whose cookie ends with the browser. Default 86,400. */
  readonly ttl?: number;
  /** Whether requests that change nothing leave the time to live as it is. Default false. */
  readonly disableTouch?: boolean;
};

/** The part of koa-session's options of a call that counts here. */
export interface StoreCall {
  /** The context of the request. */
  readonly ctx?: object;
  /** False if only the time to live is to be renewed. */
  readonly changed?: boolean;
}

/** koa-session keeps an entry for so long beyond its cookie. */
const BEYOND_COOKIE_MS = 10_000;
/** The member of a session that says when it ends; koa-session refuses it after that. */
const EXPIRE = '_expire';

export class HearsayStore {
  readonly #sessions: Sessions;
  readonly #ttlMs: number;
  readonly #isTouchDisabled: boolean;
  /** A request → its sessions by id, as it read or stored them last. */
  readonly #known = new WeakMap<object, Map<string, Known>>();

  /** @throws InvalidRequestError that names the option. */
  constructor({ ttl = 86_400, disableTouch = false, ...connection }: HearsayStoreOptions) {
    this.#sessions = new Sessions(connection as AdapterOptions);
    this.#ttlMs = ttl * 1000;
    this.#isTouchDisabled = disableTouch;
  }

  async get(id: string, _maxAge?: unknown, { ctx }: StoreCall = {}): Promise<Fields | undefined> {
    const known = await this.#sessions.read(id);
    if (known === undefined) return undefined;
    this.#remember(ctx, id, known);
    const fields = structuredClone(known.fields);
    // A touch renews the entry alone, and the session lives as long as its entry.
    const { expiresAt } = known;
    if (expiresAt === null || !Object.hasOwn(fields, EXPIRE)) return fields;
    return { ...fields, [EXPIRE]: expiresAt.getTime() - BEYOND_COOKIE_MS };
  }

  async set(
    id: string,
    session: object,
    maxAge: number | 'session' | undefined,
    { ctx, changed = true }: StoreCall = {},
  ): Promise<void> {
    const ttlMs = typeof maxAge === 'number' ? maxAge : this.#ttlMs;
    const known = ctx === undefined ? undefined : this.#known.get(ctx)?.get(id);
    if (!changed && known !== undefined) {
      if (!this.#isTouchDisabled) await this.#sessions.touch(id, ttlMs);
      return;
    }
    const fields = plainFields(session);
    const stored =
      known === undefined
        ? await this.#sessions.create(id, fields, ttlMs)
        : await this.#sessions.save(id, known, fields, ttlMs);
    // Later saves of this request must not bring back a session that was destroyed.
    this.#remember(ctx, id, stored ?? savedAs(fields));
  }

  async destroy(id: string, _call: StoreCall = {}): Promise<void> {
    await this.#sessions.destroy(id);
  }

  /** Closes the client, unless it was given. */
  close(): Promise<void> {
    return this.#sessions.close();
  }

  #remember(ctx: object | undefined, id: string, known: Known): void {
    if (ctx === undefined) return;
    const ofRequest = this.#known.get(ctx) ?? new Map<string, Known>();
    this.#known.set(ctx, ofRequest.set(id, known));
  }
}
