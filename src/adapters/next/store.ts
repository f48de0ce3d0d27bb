/**
 * Entries with tags, for both of Next's cache handlers.
 *
 * Invariants: an entry is never given once this process knows an invalidation of one of its tags that came
 * after it was made. A cluster that does not answer makes every read a miss, at once but for one read a
 * second; only an invalidation fails then. While Next builds, there is no store: no node is asked.
 */
import { type HearsayClient, InvalidRequestError } from '../../client/index.ts';
import { type AdapterOptions, Keyspace } from '../keyspace.ts';

export type HearsayNextOptions = AdapterOptions & {
  /** Called with an error of a read or a write, which counts as a miss. By default the console warns, each 10 s at most. */
  readonly onError?: ((error: unknown) => void) | undefined;
};

/** An entry as it is stored. */
interface StoredValue {
  /** The process that made it. */
  readonly by: string;
  /** When it was made, in milliseconds since the epoch, by the clock of that process. */
  readonly madeAt: number;
  readonly tags: readonly string[];
  readonly head: unknown;
  readonly body: string;
}

export interface Found {
  readonly head: unknown;
  readonly body: Buffer;
  /** Whether it may be shown while a new one is made, and no longer. */
  readonly isStale: boolean;
}

export interface Made {
  /** JSON. */
  readonly head: unknown;
  readonly body: Uint8Array;
  readonly tags: readonly string[];
  /** In milliseconds since the epoch, by the clock of this process. */
  readonly madeAtMs: number;
  /** From then on nobody reads it, as `madeAtMs`. */
  readonly endsAtMs: number;
}

/** Next's profile of an invalidation: the seconds for which entries may be shown while they are made anew. */
export interface Durations {
  readonly expire?: number;
}

/** Tags are remembered for 30 days, so nothing lives longer. */
const MAX_TTL_MS = 30 * 24 * 3_600_000;
/** Clocks of machines may differ by this: an entry of another process counts as that much older. */
const CLOCK_MARGIN_MS = 1000;
const PAUSE_MS = 1000;
const WARN_INTERVAL_MS = 10_000;
const MAX_STALE_MS = 10 ** 13;
const MAX_KEY_LENGTH = 200;
/** Pages wait for the cluster, so a client gives up early. */
const HASTE = { attemptTimeoutMs: 1000, maxRounds: 2 };

/** By the clock with which Next dates its entries. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export class TaggedStore {
  readonly #keys: Keyspace;
  readonly #client: HearsayClient;
  readonly #onError: (error: unknown) => void;
  readonly #process = crypto.randomUUID();
  #pausedUntilMs = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  private constructor({ onError, ...options }: HearsayNextOptions) {
    const { client, prefix = 'next:' } = options;
    const own = { ...HASTE, tagPrefix: `${prefix}tags/`, ...options };
    this.#keys = Keyspace.open(client === undefined ? own : options, 'next:');
    this.#client = this.#keys.client;
    this.#onError = onError ?? ((error) => this.#warn(error));
  }

  /** @returns null while Next builds. @throws InvalidRequestError that names the option. */
  static open(options: HearsayNextOptions): TaggedStore | null {
    return process.env.NEXT_PHASE === 'phase-production-build' ? null : new TaggedStore(options);
  }

  /**
   * Waits until this process knows the tags as its node does.
   *
   * @throws UnavailableError
   */
  async #meetTags(): Promise<void> {
    // The answer does not matter: a mirror of all tags is begun by the first question about any.
    await this.#client.lastInvalidation(['any']);
  }

  /** Never rejects: an error is a miss. @param implicitTags tags that count, and were not stored with the entry. */
  read(place: string, key: string, implicitTags: readonly string[]): Promise<Found | undefined> {
    return this.#unlessPaused(async () => {
      const name = await keyOf(place, key);
      const [entry] = await Promise.all([
        this.#client.get(this.#keys.prefix + name),
        this.#meetTags(),
      ]);
      const value = entry === undefined ? null : readValue(entry.value);
      if (value === null || (await this.#isOutdated(value, implicitTags))) return undefined;
      const { head, body } = value;
      return { head, body: Buffer.from(body, 'base64'), isStale: entry?.isStale === true };
    });
  }

  /** Never rejects: what can't be stored is a miss later. */
  async write(place: string, key: string, made: Made): Promise<void> {
    await this.#unlessPaused(async () => {
      const { head, body, tags, madeAtMs, endsAtMs } = made;
      const ttlMs = Math.min(Math.floor(endsAtMs - nowMs()), MAX_TTL_MS);
      if (ttlMs < 1) return;
      const encoded = Buffer.from(body).toString('base64');
      const value = { by: this.#process, madeAt: madeAtMs, tags, head, body: encoded };
      await this.#client.put(this.#keys.prefix + (await keyOf(place, key)), value, {
        ttlMs,
        tags: tags.filter((tag) => tag !== ''),
        madeAtMs: madeAtMs - performance.timeOrigin,
      });
    });
  }

  /** @throws the errors of `invalidateTag`: then entries of the tags are still shown. */
  async invalidate(tags: readonly string[], durations: Durations | undefined): Promise<void> {
    const expireMs = (durations?.expire ?? Number.POSITIVE_INFINITY) * 1000;
    const isSoft = durations !== undefined && expireMs > 0;
    const staleMs = expireMs <= MAX_STALE_MS ? { staleMs: Math.ceil(expireMs) } : {};
    const how = isSoft ? { soft: true, ...staleMs } : {};
    await Promise.all([...new Set(tags)].map((tag) => this.#client.invalidateTag(tag, how)));
  }

  async #isOutdated(value: StoredValue, implicitTags: readonly string[]): Promise<boolean> {
    const others = implicitTags.filter((tag) => tag !== '' && !value.tags.includes(tag));
    const last = await this.#client.lastInvalidation(others);
    if (last === null) return false;
    // This process knows in which order it did the two; for others only clocks can tell.
    return value.by === this.#process
      ? last.seenAtMs + performance.timeOrigin >= value.madeAt
      : last.at.getTime() + CLOCK_MARGIN_MS >= value.madeAt;
  }

  async #unlessPaused<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (performance.now() < this.#pausedUntilMs) return undefined;
    try {
      return await work();
    } catch (error) {
      // A wrong request says nothing about the cluster.
      if (!(error instanceof InvalidRequestError))
        this.#pausedUntilMs = performance.now() + PAUSE_MS;
      this.#onError(error);
      return undefined;
    }
  }

  #warn(error: unknown): void {
    const atMs = performance.now();
    if (atMs - this.#warnedAtMs < WARN_INTERVAL_MS) return;
    this.#warnedAtMs = atMs;
    console.warn('hearsay/next goes on without the cache:', error);
  }

  /** Closes the client, unless it was given. */
  async close(): Promise<void> {
    await this.#keys.close();
  }
}

/** @returns null for a value of another program. */
function readValue(value: unknown): StoredValue | null {
  if (typeof value !== 'object' || value === null) return null;
  const { by, madeAt, tags, head, body } = value as Partial<StoredValue>;
  const isOurs =
    typeof by === 'string' &&
    typeof madeAt === 'number' &&
    typeof body === 'string' &&
    Array.isArray(tags);
  return isOurs ? { by, madeAt, tags, head, body } : null;
}

/** Keys of Next hold the arguments of functions, so they may be of any length and hold half characters. */
async function keyOf(place: string, key: string): Promise<string> {
  if (key.length <= MAX_KEY_LENGTH && key.isWellFormed()) return `${place}/${key}`;
  const text = new TextEncoder().encode(JSON.stringify(key));
  const digest = await crypto.subtle.digest('SHA-256', text);
  return `${place}/sha256-${Buffer.from(digest).toString('hex')}`;
}
