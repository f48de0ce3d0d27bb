/**
 * Keeps a watch connected.
 *
 * Invariants: it goes on from the cursor of the last event that the queue has taken, so no event is
 * missed and none comes twice, whatever happens to connections and nodes. While the queue has no room
 * there is no connection: the nodes' log is the buffer then.
 */
import { Endpoints } from '../calls/endpoints.ts';
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
    const end = await connect({
      WebSocket,
      url: this.#urlAt(endpoint),
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
    if (end.kind === 'lost' || end.kind === 'refused')
      onConnection({ isConnected: false, endpoint, reason: end.reason });
    return end;
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
    this.#rounds = 0;
    return null;
  }

  /** @throws WatchRefusedError, UnavailableError */
  #noteFailure(endpoint: string, { kind, reason }: ConnectionEnd): void {
    this.#tried.add(endpoint);
    this.#endpoints.failed(endpoint, null);
    if (kind === 'refused') this.#refused.add(endpoint);
    if (this.#refused.size === this.#endpoints.count)
      throw new WatchRefusedError(`No node goes on from the cursor; ${endpoint} says: ${reason}`);
    const { giveUpAfterMs } = this.#options;
    if (giveUpAfterMs !== null && performance.now() - this.#lastConnectedMs >= giveUpAfterMs)
      throw new UnavailableError(
        `The watch had no connection for ${giveUpAfterMs} ms; the last try, ${endpoint}: ${reason}.`,
      );
  }

  #urlAt(endpoint: string): string {
    const { prefix, initial, values } = this.#options;
    const query = new URLSearchParams({ prefix, values: String(values) });
    if (this.#cursor === null) query.set('initial', String(initial));
    else query.set('cursor', this.#cursor);
    return `${endpoint.replace(/^http/, 'ws')}/watch?${query}`;
  }
}
