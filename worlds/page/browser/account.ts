/**
 * Who plays. The access token is in memory alone; the refresh token is a cookie that this page can't read. All
 * that is kept in the browser beside is the fact that somebody has logged in.
 */
import {
  type GuestLogin,
  type Login,
  readGoneBy,
  readGuestLogin,
  readLogin,
  readName,
} from './answers.ts';
import { ask, askFor, Refusal } from './ask.ts';

const LOGGED_IN = 'worlds.logged-in';
/** A token is exchanged while it still counts. */
const EARLY_MS = 60_000;
const KEY_RULE = /^(p[0-9a-f]{32})\.([\w-]{1,200})$/;

export class Account {
  readonly #onEnd: () => void;
  #access: string | null = null;
  #endsAtMs = 0;
  #refreshing: Promise<string> | null = null;

  /** @param onEnd the session is over: a person has to log in again. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** @returns whether somebody had logged in here who still may. */
  async restore(): Promise<boolean> {
    if (localStorage.getItem(LOGGED_IN) === null) return false;
    return this.#refresh().then(
      () => true,
      (error: unknown) => {
        if (error instanceof Refusal && error.status === 401) return false;
        throw error;
      },
    );
  }

  async enterAsGuest(): Promise<GuestLogin> {
    const guest = await askFor({ method: 'POST', path: '/identity/guests' }, readGuestLogin);
    this.#take(guest);
    return guest;
  }

  /** @param key that was shown to a guest. @throws Refusal 401 if nobody has it. */
  async enterByKey(key: string): Promise<void> {
    const [, player, secret] = KEY_RULE.exec(key.trim()) ?? [];
    if (player === undefined || secret === undefined)
      throw new Refusal(422, 'key', 'A key begins with p and has one dot in it.', null);
    const body = { grant: 'secret', player, secret };
    this.#take(await askFor({ method: 'POST', path: '/identity/tokens', body }, readLogin));
  }

  async name(): Promise<string> {
    const access = await this.token();
    return askFor({ method: 'GET', path: '/identity/me', access }, readName);
  }

  /** @returns an access token that counts for a while. @throws Refusal 401 if the session is over. */
  async token(): Promise<string> {
    if (this.#access !== null && performance.now() < this.#endsAtMs - EARLY_MS) return this.#access;
    return this.#refresh();
  }

  /** The server has refused the token: the next one is a new one. */
  distrust(): void {
    this.#endsAtMs = 0;
  }

  async logout(): Promise<void> {
    const access = await this.token();
    await ask({ method: 'DELETE', path: '/identity/session', access });
    this.#forget();
  }

  /** @returns when the logs of the nodes will have forgotten this player. */
  async erase(): Promise<Date> {
    const access = await this.token();
    const goneBy = await askFor({ method: 'DELETE', path: '/identity/me', access }, readGoneBy);
    this.#forget();
    return goneBy;
  }

  #refresh(): Promise<string> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #exchange(): Promise<string> {
    const body = { grant: 'refresh' };
    try {
      const login = await askFor({ method: 'POST', path: '/identity/tokens', body }, readLogin);
      this.#take(login);
      return login.access;
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) {
        const wasIn = this.#access !== null;
        this.#forget();
        if (wasIn) this.#onEnd();
      }
      throw error;
    }
  }

  #take({ access, expiresIn }: Login): void {
    this.#access = access;
    this.#endsAtMs = performance.now() + expiresIn * 1000;
    localStorage.setItem(LOGGED_IN, 'yes');
  }

  #forget(): void {
    this.#access = null;
    this.#endsAtMs = 0;
    localStorage.removeItem(LOGGED_IN);
  }
}

export const keyOf = ({ player, secret }: GuestLogin): string => `${player}.${secret}`;
