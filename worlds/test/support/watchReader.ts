/** A client of `/worlds/watch`, for tests: it keeps the listing that the events tell. */
import { get, type IncomingMessage } from 'node:http';
import type { ListedWorld } from '../../rules/listing.ts';

interface ToldEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

export class WatchReader implements Disposable {
  readonly worlds = new Map<string, ListedWorld>();
  readonly events: ToldEvent[] = [];
  lastEventId = '';
  status = 0;
  isOver = false;
  syncs = 0;
  isStale = false;
  #told = new Set<string>();
  #response: IncomingMessage | null = null;
  readonly #request;

  /** @param before what an earlier reader has seen. */
  constructor(url: string, headers: Readonly<Record<string, string>>, before?: WatchReader) {
    for (const [key, world] of before?.worlds ?? []) this.worlds.set(key, world);
    this.lastEventId = before?.lastEventId ?? '';
    const all = { ...headers, ...(this.lastEventId && { 'Last-Event-ID': this.lastEventId }) };
    this.#request = get(url, { headers: all, agent: false }, (response) => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      });
      response.on('error', () => {});
      response.on('close', () => {
        this.isOver = true;
      });
    });
    this.#request.on('error', () => {
      this.isOver = true;
    });
  }

  get names(): string[] {
    return [...this.worlds.keys()].sort();
  }

  /** Reads nothing more. */
  pause(): void {
    this.#response?.pause();
    this.#response?.socket.pause();
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line): [string, string] => {
        const [name = '', ...rest] = line.split(': ');
        return [name, rest.join(': ')];
      }),
    );
    const event = fields.get('event');
    if (event === undefined) return;
    const id = fields.get('id') ?? null;
    const data: unknown = JSON.parse(fields.get('data') ?? 'null');
    this.events.push({ event, id, data });
    if (id !== null) this.lastEventId = id;
    if (event === 'synced') {
      const { resumed, stale } = data as { resumed: boolean; stale: boolean };
      if (!resumed)
        for (const key of this.worlds.keys()) if (!this.#told.has(key)) this.worlds.delete(key);
      this.#told = new Set();
      this.isStale = stale;
      this.syncs += 1;
      return;
    }
    const { region, world } = data as { region: string; world: string };
    const key = `${region}/${world}`;
    this.#told.add(key);
    if (event === 'world') this.worlds.set(key, data as ListedWorld);
    else this.worlds.delete(key);
  }
}
