/** The handler of `'use cache'`, for "cacheHandlers" in the configuration of Next 16. */
import { type Durations, type HearsayNextOptions, TaggedStore } from './store.ts';

/** An entry as Next hands it over: times to live are in seconds. */
export interface CacheEntry {
  value: ReadableStream<Uint8Array>;
  tags: string[];
  stale: number;
  /** In milliseconds since the epoch. */
  timestamp: number;
  expire: number;
  revalidate: number;
}

export interface HearsayCacheHandler {
  /** Never rejects. Undefined for a miss; a stale entry has a negative `revalidate`, as Next wants it. */
  get(cacheKey: string, softTags: string[]): Promise<CacheEntry | undefined>;
  /** Never rejects. */
  set(cacheKey: string, pendingEntry: Promise<CacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: string[]): Promise<number>;
  /** @throws UnavailableError where no node took it: then the entries are still shown. */
  updateTags(tags: string[], durations?: Durations): Promise<void>;
  /** Closes the client, unless it was given. */
  close(): Promise<void>;
}

type Head = Pick<CacheEntry, 'stale' | 'timestamp' | 'expire' | 'revalidate' | 'tags'>;

const PLACE = 'use-cache';

/**
 * A handler of `'use cache'`. While Next builds, it holds nothing, and needs no cluster.
 *
 * @throws InvalidRequestError that names the option.
 */
export function createCacheHandler(options: HearsayNextOptions): HearsayCacheHandler {
  const store = TaggedStore.open(options);
  const pending = new Map<string, Promise<void>>();
  const keep = async (cacheKey: string, pendingEntry: Promise<CacheEntry>): Promise<void> => {
    try {
      await storeEntry(store, cacheKey, await pendingEntry);
    } catch {
      // The value broke off while it was made, which is no fault of the cache: nothing is stored.
    }
  };
  // Next may call the functions of a handler without it, so none of them says `this`.
  return {
    async get(cacheKey, softTags) {
      await pending.get(cacheKey);
      const found = await store?.read(PLACE, cacheKey, softTags);
      const head = found === undefined ? null : readHead(found.head);
      if (found === undefined || head === null) return undefined;
      const revalidate = found.isStale ? -1 : head.revalidate;
      return { ...head, revalidate, value: streamOf(found.body) };
    },
    async set(cacheKey, pendingEntry) {
      const work = keep(cacheKey, pendingEntry);
      pending.set(cacheKey, work);
      await work;
      if (pending.get(cacheKey) === work) pending.delete(cacheKey);
    },
    // Each read meets the tags as a mirror knows them: nobody has to be asked.
    refreshTags: async () => {},
    // Tags of paths are judged by `get`, which knows who made an entry.
    getExpiration: async () => Number.POSITIVE_INFINITY,
    updateTags: async (tags, durations) => store?.invalidate(tags, durations),
    close: async () => store?.close(),
  };
}

async function storeEntry(
  store: TaggedStore | null,
  cacheKey: string,
  { value, tags, stale, timestamp, expire, revalidate }: CacheEntry,
): Promise<void> {
  // It is read to its end in any case: Next hands it over.
  const body = new Uint8Array(await new Response(value).arrayBuffer());
  const head: Head = { tags, stale, timestamp, expire, revalidate };
  const endsAtMs = timestamp + expire * 1000;
  await store?.write(PLACE, cacheKey, { head, body, tags, madeAtMs: timestamp, endsAtMs });
}

/** @returns null for one of another form. */
function readHead(head: unknown): Head | null {
  if (typeof head !== 'object' || head === null) return null;
  const { tags, stale, timestamp, expire, revalidate } = head as Partial<Head>;
  const isComplete =
    Array.isArray(tags) &&
    typeof stale === 'number' &&
    typeof timestamp === 'number' &&
    typeof expire === 'number' &&
    typeof revalidate === 'number';
  return isComplete ? { tags, stale, timestamp, expire, revalidate } : null;
}

const streamOf = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
