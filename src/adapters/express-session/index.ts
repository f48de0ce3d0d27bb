/** The store for express-session: `new HearsayStore({ endpoints })`. */
import { type Session, type SessionData, Store } from 'express-session';
import type { AdapterOptions } from '../keyspace.ts';
import { type Known, plainFields, Sessions, savedAs } from '../sessions.ts';

export type HearsayStoreOptions = AdapterOptions & {
  /**
   * Seconds for which a session without an expiry of its cookie is kept, or a function that gives them for
   * each session. Default 86,400.
   */
  readonly ttl?: number | ((session: SessionData) => number);
  /** Whether requests that change nothing leave the time to live as it is. Default false. */
  readonly disableTouch?: boolean;
};

type Request = Parameters<Store['createSession']>[0];
type Callback = (error?: unknown) => void;

export class HearsayStore extends Store {
  readonly #sessions: Sessions;
  readonly #ttl: number | ((session: SessionData) => number);
  readonly #isTouchDisabled: boolean;
  /** A session of a request → as it was read or stored last. */
  readonly #known = new WeakMap<object, Known>();

  /** @throws InvalidRequestError that names the option. */
  constructor({ ttl = 86_400, disableTouch = false, ...connection }: HearsayStoreOptions) {
    super();
    this.#sessions = new Sessions(connection as AdapterOptions);
    this.#ttl = ttl;
    this.#isTouchDisabled = disableTouch;
  }

  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const read = async (): Promise<SessionData | null> => {
      const known = await this.#sessions.read(id);
      if (known === undefined) return null;
      const session = structuredClone(known.fields) as unknown as SessionData;
      this.#known.set(session, known);
      return session;
    };
    read().then((session) => callback(null, session), callback);
  }

  override createSession(request: Request, data: SessionData): Session & SessionData {
    const known = this.#known.get(data);
    const session = super.createSession(request, data);
    if (known !== undefined) this.#known.set(session, known);
    return session;
  }

  override set(id: string, session: SessionData, callback: Callback = () => {}): void {
    this.#set(id, session).then(() => callback(), callback);
  }

  override touch(id: string, session: SessionData, callback: Callback = () => {}): void {
    const touch = async (): Promise<void> => {
      const ttlMs = this.#ttlMs(session);
      if (ttlMs <= 0) await this.#sessions.destroy(id);
      else if (!this.#isTouchDisabled) await this.#sessions.touch(id, ttlMs);
    };
    touch().then(() => callback(), callback);
  }

  override destroy(id: string, callback: Callback = () => {}): void {
    this.#sessions.destroy(id).then(() => callback(), callback);
  }

  override all(callback: (error: unknown, sessions?: SessionData[]) => void): void {
    this.#all().then((sessions) => callback(null, sessions), callback);
  }

  override length(callback: (error: unknown, length?: number) => void): void {
    this.#all().then(({ length }) => callback(null, length), callback);
  }

  override clear(callback: Callback = () => {}): void {
    this.#sessions.clear().then(() => callback(), callback);
  }

  /** Closes the client, unless it was given. */
  close(): Promise<void> {
    return this.#sessions.close();
  }

  async #set(id: string, session: SessionData): Promise<void> {
    const ttlMs = this.#ttlMs(session);
    if (ttlMs <= 0) {
      await this.#sessions.destroy(id);
      return;
    }
    const known = this.#known.get(session);
    const fields = plainFields(session);
    const stored =
      known === undefined
        ? await this.#sessions.create(id, fields, ttlMs)
        : await this.#sessions.save(id, known, fields, ttlMs);
    // Later saves of this request must not bring back a session that was destroyed.
    this.#known.set(session, stored ?? savedAs(fields));
  }

  /** In milliseconds. */
  #ttlMs(session: SessionData): number {
    if (typeof this.#ttl === 'function') return Math.ceil(this.#ttl(session) * 1000);
    const expires = session.cookie?.expires;
    if (expires === undefined || expires === null) return this.#ttl * 1000;
    return new Date(expires).getTime() - Date.now();
  }

  async #all(): Promise<SessionData[]> {
    const sessions: SessionData[] = [];
    for await (const [id, fields] of this.#sessions.all())
      sessions.push({ ...(fields as SessionData), id } as SessionData);
    return sessions;
  }
}
