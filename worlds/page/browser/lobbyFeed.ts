/**
 * The live list of worlds, by `GET /worlds/watch`. The list is kept while the server is away.
 *
 * Invariant: after `synced` the list holds what the server lists, and nothing else.
 */
import type { ListedWorld } from '../../rules/listing.ts';
import type { Account } from './account.ts';
import { isRecord, readListedWorld, readWorldName, type WorldName } from './answers.ts';
import { ask, Refusal } from './ask.ts';
import { EventText, type ServerEvent } from './eventText.ts';

/** The server gives a sign of life each two seconds. */
const SILENT_MS = 7000;
const AGAIN_MS = 1000;
const MOST_AGAIN_MS = 8000;

export interface LobbyState {
  readonly worlds: readonly ListedWorld[];
  /** Whether the server is heard. */
  readonly isLive: boolean;
  /** The server says that it may not know all that is new. */
  readonly isStale: boolean;
}

export class LobbyFeed {
  readonly #account: Account;
  readonly #onChange: (state: LobbyState) => void;
  readonly #worlds = new Map<string, ListedWorld>();
  #told = new Set<string>();
  #lastId = '';
  #isLive = false;
  #isStale = false;
  #end = new AbortController();

  constructor(account: Account, onChange: (state: LobbyState) => void) {
    this.#account = account;
    this.#onChange = onChange;
  }

  get state(): LobbyState {
    return { worlds: [...this.#worlds.values()], isLive: this.#isLive, isStale: this.#isStale };
  }

  start(): void {
    this.stop();
    this.#end = new AbortController();
    void this.#run(this.#end.signal);
  }

  stop(): void {
    this.#end.abort();
    this.#isLive = false;
  }

  async #run(end: AbortSignal): Promise<void> {
    let againMs = AGAIN_MS;
    while (!end.aborted) {
      try {
        await this.#follow(end, () => {
          againMs = AGAIN_MS;
        });
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) this.#account.distrust();
      }
      if (end.aborted) return;
      this.#isLive = false;
      this.#onChange(this.state);
      await new Promise((resolve) => setTimeout(resolve, againMs));
      againMs = Math.min(MOST_AGAIN_MS, againMs * 2);
    }
  }

  /** Until the stream ends, or is silent. */
  async #follow(end: AbortSignal, onSynced: () => void): Promise<void> {
    const access = await this.#account.token();
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENT_MS);
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
    };
    try {
      const headers = this.#lastId === '' ? {} : { 'Last-Event-ID': this.#lastId };
      const signal = AbortSignal.any([end, silence.signal]);
      const response = await ask({ method: 'GET', path: '/worlds/watch', access, headers, signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (reader === undefined) return;
      const text = new EventText();
      this.#told = new Set();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        heard();
        const events = text.push(part.value);
        for (const event of events) if (this.#take(event)) onSynced();
        if (events.length > 0 && this.#isLive) this.#onChange(this.state);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** @returns whether the list is now what the server lists. */
  #take({ type, data, lastId }: ServerEvent): boolean {
    if (lastId !== '') this.#lastId = lastId;
    const value: unknown = parsed(data);
    if (type === 'world') {
      const world = readListedWorld(value);
      if (world === null) return false;
      this.#worlds.set(idOf(world), world);
      this.#told.add(idOf(world));
    } else if (type === 'gone') {
      const place = readWorldName(value);
      if (place !== null) this.#worlds.delete(idOf(place));
    } else if (type === 'synced' && isRecord(value)) {
      if (value.resumed !== true)
        for (const id of this.#worlds.keys()) if (!this.#told.has(id)) this.#worlds.delete(id);
      this.#told = new Set();
      this.#isStale = value.stale === true;
      this.#isLive = true;
      return true;
    }
    return false;
  }
}

export const idOf = ({ region, world }: WorldName): string => `${region}/${world}`;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
