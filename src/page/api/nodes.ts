/**
 * The nodes of the cluster, as this page asks them: one at a time, and the next one when that one is gone.
 *
 * Invariants: a request that changes something is sent once, to one node. The token is kept in this tab, and goes
 * to nodes of the cluster alone: the policy of the page lets it ask nobody else.
 */
import { basesOf, type Learned, learn, NOTHING_LEARNED } from '../words/knownNodes.ts';
import { Store } from '../words/store.ts';
import type { Cluster } from './answers.ts';

const TOKEN = 'hearsay-token';
const READ_TIMEOUT_MS = 5000;
const WRITE_TIMEOUT_MS = 20_000;

/** An answer that is no success, or no answer at all. */
export class AskError extends Error {
  /** 0: no node has answered. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, body: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** Whether the same request may do later: nobody answered in time, or the node has no room for it now. */
export const isPassing = (error: unknown): boolean =>
  error instanceof AskError && (error.status === 0 || error.status === 429 || error.status >= 500);

export interface Answer {
  /** The web origin of the node that gave it. */
  readonly base: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes as UTF-8. */
  readonly text: string;
  readonly headers: Headers;
  readonly status: number;
}

/** A change of the node that the page asks, since the one before is gone. */
export interface Move {
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
}

export class Nodes {
  /** The web origin of the node that is asked. */
  readonly present = new Store<string>(location.origin);
  /** Web origins of all known nodes, this page's own among them. */
  readonly known = new Store<readonly string[]>([location.origin]);
  readonly lastMove = new Store<Move | null>(null);
  readonly isReached = new Store<boolean>(true);
  /** Set while the page asks the person for a token: the reason. */
  readonly tokenWanted = new Store<string | null>(null);
  /** Whether the person goes on without a token, though nodes ask for one. */
  readonly goesWithoutToken = new Store<boolean>(false);
  readonly hasToken = new Store<boolean>(sessionStorage.getItem(TOKEN) !== null);

  #learned: Learned = NOTHING_LEARNED;

  get token(): string | null {
    return sessionStorage.getItem(TOKEN);
  }

  setToken(token: string | null): void {
    if (token === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
    this.hasToken.set(token !== null);
    this.tokenWanted.set(null);
  }

  /** Each answer would ask again, so the person is left in peace until they want to give a token. */
  goWithoutToken(): void {
    this.goesWithoutToken.set(true);
    this.tokenWanted.set(null);
  }

  wantToken(): void {
    this.goesWithoutToken.set(false);
    this.tokenWanted.set('missing');
  }

  choose(base: string): void {
    this.lastMove.set(null);
    this.present.set(base);
  }

  /** Asks a node that answers for the cluster, and learns of the others by it. @throws AskError */
  async readCluster(): Promise<Cluster> {
    const { text, base } = await this.read('/_cluster');
    return this.#learn(base, JSON.parse(text) as Cluster);
  }

  /** As `readCluster`, of that node alone. @throws AskError */
  async readClusterAt(base: string): Promise<Cluster> {
    return this.#learn(base, await this.readJsonAt<Cluster>(base, '/_cluster'));
  }

  #learn(base: string, cluster: Cluster): Cluster {
    const { origin, peers, members } = cluster;
    this.#learned = learn(this.#learned, base, origin, [...peers, ...members]);
    const bases = basesOf(this.#learned, location.origin);
    if (bases.join() !== this.known.value.join()) this.known.set(bases);
    return cluster;
  }

  /** Asks the present node, and then the others. @throws AskError */
  async read(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const first = this.present.value;
    const others = this.known.value.filter((base) => base !== first);
    let lastError: unknown = null;
    for (const base of [first, ...others]) {
      try {
        const answer = await this.readAt(base, path, headers);
        this.#reached(first, base);
        return answer;
      } catch (error) {
        lastError = error;
        const isGone = error instanceof AskError && (error.status === 0 || error.status === 503);
        if (!isGone) {
          this.#reached(first, base);
          throw error;
        }
      }
    }
    this.isReached.set(false);
    throw lastError;
  }

  async readJson<T>(path: string): Promise<T> {
    return JSON.parse((await this.read(path)).text) as T;
  }

  /** Asks that node alone. @throws AskError */
  readAt(
    base: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return this.#send(base, path, { headers }, READ_TIMEOUT_MS);
  }

  async readJsonAt<T>(base: string, path: string): Promise<T> {
    return JSON.parse((await this.readAt(base, path)).text) as T;
  }

  /** Sends a change to the present node, once. @throws AskError */
  write(
    method: 'PUT' | 'DELETE',
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const typed = body === undefined ? headers : { 'Content-Type': 'application/json', ...headers };
    const init = { method, headers: typed, ...(body !== undefined && { body }) };
    return this.#send(this.present.value, path, init, WRITE_TIMEOUT_MS);
  }

  /** Opens an answer that does not end. @throws AskError */
  async stream(
    base: string,
    path: string,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#fetch(base, path, {}, signal);
    if (body === null) throw new AskError(0, 'The node sent no stream.');
    return body;
  }

  async #send(base: string, path: string, init: RequestInit, limitMs: number): Promise<Answer> {
    const answer = await this.#fetch(base, path, init, AbortSignal.timeout(limitMs));
    try {
      const { headers, status } = answer;
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return {
        base,
        bytes,
        get text() {
          return new TextDecoder().decode(bytes);
        },
        headers,
        status,
      };
    } catch {
      throw new AskError(0, `${base} broke off its answer.`);
    }
  }

  async #fetch(
    base: string,
    path: string,
    init: RequestInit,
    signal: AbortSignal,
  ): Promise<Response> {
    const { token } = this;
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    let answer: Response;
    try {
      answer = await fetch(base + path, { ...init, headers, signal, cache: 'no-store' });
    } catch {
      throw new AskError(0, `${base} does not answer.`);
    }
    if (!answer.ok) throw await this.#refused(answer);
    return answer;
  }

  async #refused(answer: Response): Promise<AskError> {
    const text = await answer.text().catch(() => '');
    const body = objectIn(text);
    const detail =
      typeof body.detail === 'string' ? body.detail : `The node answered ${answer.status}.`;
    if (answer.status === 401 && !this.goesWithoutToken.value)
      this.tokenWanted.set(this.token === null ? 'missing' : detail);
    return new AskError(answer.status, detail, body);
  }

  #reached(from: string, base: string): void {
    this.isReached.set(true);
    if (base === from || this.present.value !== from) return;
    this.lastMove.set({ from, to: base, atMs: Date.now() });
    this.present.set(base);
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

export const nodes = new Nodes();
