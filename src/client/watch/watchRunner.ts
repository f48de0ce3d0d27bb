/**
 * Keeps a watch connected.
 *
 * Invariants: it goes on from the cursor of the last event that the queue has taken, so no event is
 * missed and none comes twice, whatever happens to connections and nodes. While the queue has no room
 * there is no connection: the nodes' log is the buffer then.
 */
import { begin } from '../calls/attempt.ts';
import { Endpoints } from '../calls/endpoints.ts';
import { reasonOf } from '../calls/failureReasons.ts';
import { backoffDelayMs, sleep } from '../calls/timing.ts';
import { UnavailableError, WatchRefusedError } from '../errors.ts';
import type { ClientSettings } from '../options.ts';
import type { EventQueue } from './eventQueue.ts';
import { type ConnectionEnd, connect } from './watchConnection.ts';
import { readEvent } from './watchEvents.ts';

export interface ConnectionState {
  readonly isConnected: boolean;
  readonly endpoint: string;
  /** The reason why there is no connection; null if there is one. */
  readonly reason: string | null;
}

export interface RunnerOptions {
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly prefix: string;
  readonly cursor: string | null;
  readonly initial: boolean;
  readonly values: boolean;
  readonly touches: boolean;
  readonly idleTimeoutMs: number;
  /** Null for ever. */
  readonly giveUpAfterMs: number | null;
  readonly onConnection: (state: ConnectionState) => void;
}

/**
 * Watchers of a node that has gone come to the others within this time, in milliseconds, not all at
 * once.
 */
const SPREAD_MS = 100;

/** The subprotocol of a watch, and the front of one that carries the token. */
const PROTOCOL = 'hearsay.v1';
const TOKEN_PROTOCOL = 'hearsay.bearer.';

/** The status by which a node refuses a parameter that it does not know. */
const UNKNOWN_PARAMETER = 422;

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'it asks for a token, and gets none or a wrong one'],
  [403, 'it does not allow this watch'],
]);

/** The reason in the node's own words (RFC 6750, section 3), as the end of a sentence. */
function refusalIn({ status, headers }: Response): string | null {
  const fallback = REFUSALS.get(status);
  if (fallback === undefined) return null;
  const [, told] = /error_description="([^"]+)"/.exec(headers.get('WWW-Authenticate') ?? '') ?? [];
  if (told === undefined) return fallback;
  return `it says: ${told.replace(/\.$/, '')}`;
}

interface Attempted {
  readonly endpoint: string;
  readonly token: string | null;
  readonly isOpen: boolean;
}

export class WatchRunner<T> {
  readonly #settings: ClientSettings;
  readonly #options: RunnerOptions;
  readonly #queue: EventQueue<T>;
  readonly #endpoints: Endpoints;
  #cursor: string | null;
  /** Endpoints that have failed since the last event, in this round. */
  readonly #tried = new Set<string>();
  #rounds = 0;
  /** Endpoints that have refused the cursor since the last event. */
  readonly #refused = new Set<string>();
  /** Endpoints for which another token was asked since the last event. */
  readonly #renewed = new Set<string>();
  /** Endpoints whose nodes know no `touches`: they tell touches as puts. */
  readonly #withoutTouches = new Set<string>();
  #lastConnectedMs = performance.now();

  constructor(settings: ClientSettings, options: RunnerOptions, queue: EventQueue<T>) {
    this.#settings = settings;
    this.#options = options;
    this.#queue = queue;
    this.#cursor = options.cursor;
    this.#endpoints = new Endpoints(settings.endpoints);
  }

  /** Goes on until the signal aborts. @throws WatchRefusedError, UnavailableError */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const endpoint = this.#endpoints.next(this.#tried);
      if (endpoint === undefined) {
        this.#tried.clear();
        this.#rounds++;
        const { backoffMs, maxBackoffMs } = this.#settings;
        await sleep(backoffDelayMs(this.#rounds, backoffMs, maxBackoffMs), signal);
        continue;
      }
      const end = await this.#connect(endpoint, signal);
      if (end.kind === 'full') {
        await this.#queue.untilRoom();
        this.#lastConnectedMs = performance.now();
      } else if (end.kind !== 'ended') {
        this.#noteFailure(endpoint, end);
        await sleep(Math.random() * Math.min(SPREAD_MS, this.#settings.maxBackoffMs), signal);
      }
    }
  }

  async #connect(endpoint: string, signal: AbortSignal): Promise<ConnectionEnd> {
    const { WebSocket, idleTimeoutMs, onConnection } = this.#options;
    let isOpen = false;
    const asked = await this.#tokenFor(endpoint);
    if (asked.failure !== null) {
      onConnection({ isConnected: false, endpoint, reason: asked.failure });
      return { kind: 'lost', reason: asked.failure };
    }
    const { token } = asked;
    const made = await connect({
      WebSocket,
      url: this.#urlAt(endpoint),
      protocols: token === null ? [] : [PROTOCOL, `${TOKEN_PROTOCOL}${token}`],
      connectTimeoutMs: this.#settings.attemptTimeoutMs,
      idleTimeoutMs,
      onOpen: () => {
        isOpen = true;
        onConnection({ isConnected: true, endpoint, reason: null });
      },
      onText: (text) => this.#take(endpoint, text),
      signal,
    });
    if (isOpen) this.#lastConnectedMs = performance.now();
    const end = await this.#whyEnded(made, { endpoint, token, isOpen }, signal);
    if (end.kind === 'lost' || end.kind === 'refused')
      onConnection({ isConnected: false, endpoint, reason: end.reason });
    return end;
  }

  async #tokenFor(endpoint: string): Promise<{ token: string | null; failure: string | null }> {
    try {
      return { token: await this.#settings.tokens.of(endpoint), failure: null };
    } catch (error) {
      return { token: null, failure: `there is no token: ${reasonOf(error)}` };
    }
  }

  /**
   * A WebSocket that can't be opened does not tell the status, so the node is asked without one. If
   * another token may come, the watch goes on with that.
   */
  async #whyEnded(
    end: ConnectionEnd,
    { endpoint, token, isOpen }: Attempted,
    signal: AbortSignal,
  ): Promise<ConnectionEnd> {
    if (end.kind === 'full' || end.kind === 'ended') return end;
    const refusal = isOpen ? end : await this.#refusalAt(endpoint, token, signal);
    if (refusal?.kind !== 'refused') return end;
    const isNew = token !== null && !this.#renewed.has(endpoint);
    if (!isNew || !(await this.#settings.tokens.refused(endpoint, token))) return refusal;
    this.#renewed.add(endpoint);
    return { ...refusal, kind: 'lost' };
  }

  /** @returns null if the node would take the watch, or can't be asked. */
  async #refusalAt(
    endpoint: string,
    token: string | null,
    signal: AbortSignal,
  ): Promise<ConnectionEnd | null> {
    const { attemptTimeoutMs } = this.#settings;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]);
    const path = this.#urlAt(endpoint).slice(endpoint.replace(/^http/, 'ws').length);
    const request = {
      method: 'HEAD',
      path,
      after: null,
      isWrite: false,
      waitMs: 0,
      token,
    } as const;
    try {
      const response = await begin(this.#settings, endpoint, request, limited);
      if (response.status === UNKNOWN_PARAMETER) this.#withoutTouches.add(endpoint);
      const reason = refusalIn(response);
      return reason === null ? null : { kind: 'refused', reason };
    } catch {
      return null;
    }
  }

  /** @returns the reason why the connection is to end; null if it goes on. */
  #take(endpoint: string, text: string): ConnectionEnd | null {
    try {
      const event = readEvent<T>(this.#settings.parseJson(text));
      if (event === null) return null;
      if (!this.#queue.push(event, text.length)) return { kind: 'full', reason: 'no room' };
      this.#cursor = event.cursor;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind: 'lost', reason: `it sent a message that no node sends: ${why}` };
    }
    // A node that opens a connection and sends no event is no better than one that can't be reached.
    this.#endpoints.succeeded(endpoint);
    this.#tried.clear();
    this.#refused.clear();
    this.#renewed.clear();
    this.#rounds = 0;
    return null;
  }

  /** @throws WatchRefusedError, UnavailableError */
  #noteFailure(endpoint: string, { kind, reason }: ConnectionEnd): void {
    this.#tried.add(endpoint);
    this.#endpoints.failed(endpoint, null);
    if (kind === 'refused') this.#refused.add(endpoint);
    if (this.#refused.size === this.#endpoints.count)
      throw new WatchRefusedError(`No node serves the watch; ${endpoint}: ${reason}`);
    const { giveUpAfterMs } = this.#options;
    if (giveUpAfterMs !== null && performance.now() - this.#lastConnectedMs >= giveUpAfterMs)
      throw new UnavailableError(
        `The watch had no connection for ${giveUpAfterMs} ms; the last try, ${endpoint}: ${reason}.`,
      );
  }

  #urlAt(endpoint: string): string {
    const { prefix, initial, values, touches } = this.#options;
    const query = new URLSearchParams({ prefix, values: String(values) });
    if (touches && !this.#withoutTouches.has(endpoint)) query.set('touches', 'true');
    if (this.#cursor === null) query.set('initial', String(initial));
    else query.set('cursor', this.#cursor);
    return `${endpoint.replace(/^http/, 'ws')}/watch?${query}`;
  }
}
