/** A lobby that stays: it comes back to `/worlds/watch` with the last id, and counts what is told twice. */
import type { ListedWorld } from '../../rules/listing.ts';
import { WatchReader } from './watchReader.ts';

const LOOK_MS = 50;

export class Lobby implements Disposable {
  /** Ids that came twice. */
  readonly repeats: string[] = [];
  /** Streams that have ended. */
  breaks = 0;
  readonly #url: string;
  readonly #access: () => Promise<string>;
  readonly #ids = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #reader: WatchReader | null = null;
  #seen = 0;
  #isOpening = false;

  /** @param access gives a token that counts for the length of a stream. */
  constructor(edgeUrl: string, access: () => Promise<string>) {
    this.#url = `${edgeUrl}/worlds/watch`;
    this.#access = access;
    this.#timer = setInterval(() => void this.#look().catch(() => {}), LOOK_MS);
  }

  get isSynced(): boolean {
    return this.#reader?.isOver === false && this.#reader.syncs > 0 && !this.#reader.isStale;
  }

  get worlds(): readonly ListedWorld[] {
    return [...(this.#reader?.worlds ?? new Map<string, ListedWorld>()).values()];
  }

  /** All instances that are listed. */
  get instances(): string[] {
    return this.worlds.flatMap(({ instances }) => instances.map(({ instance }) => instance));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#reader?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const reader = this.#reader;
    for (const { event, id } of reader?.events.slice(this.#seen) ?? []) {
      this.#seen += 1;
      if (event === 'synced' || id === null) continue;
      if (this.#ids.has(id)) this.repeats.push(id);
      this.#ids.add(id);
    }
    if (reader?.isOver === false || this.#isOpening) return;
    this.#isOpening = true;
    try {
      const headers = { Authorization: `Bearer ${await this.#access()}` };
      if (reader !== null) this.breaks += 1;
      this.#seen = 0;
      this.#reader = new WatchReader(this.#url, headers, reader ?? undefined);
    } finally {
      this.#isOpening = false;
    }
  }
}
