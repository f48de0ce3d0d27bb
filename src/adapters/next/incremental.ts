/** The handler of pages, answers of routes, fetches and images, for "cacheHandler" in the configuration of Next. */
import { deserialize, serialize } from 'node:v8';
import {
  type Durations,
  type Found,
  type HearsayNextOptions,
  nowMs,
  TaggedStore,
} from './store.ts';

/** Next's lifetime of a page, in seconds. */
export interface CacheControl {
  readonly revalidate: number | false;
  readonly expire: number | undefined;
}

/** The parts that this handler reads of what Next says when it makes a handler, for each request. */
export interface IsrContext {
  readonly fs?: { readonly readFileSync: (file: string) => Uint8Array | string } | undefined;
  readonly serverDistDir?: string | undefined;
}

/** The parts that this handler reads of what Next says of a read. */
export interface IsrRead {
  readonly kind?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly softTags?: readonly string[] | undefined;
}

/** The parts that this handler reads of what Next says of a write. */
export interface IsrWrite {
  readonly kind?: string | undefined;
  readonly fetchCache?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly cacheControl?: CacheControl | undefined;
}

export interface IsrAnswer {
  /** In milliseconds since the epoch. */
  readonly lastModified: number;
  /** The data that Next has stored. */
  readonly value: unknown;
  readonly cacheControl?: CacheControl;
}

export interface IsrHandler {
  /** Never rejects. Null for a miss. */
  get(key: string, context: IsrRead): Promise<IsrAnswer | null>;
  /** Never rejects. */
  set(key: string, data: unknown, context: IsrWrite): Promise<void>;
  /** @throws UnavailableError where no node took it: then the entries are still shown. */
  revalidateTag(tags: string | string[], durations?: Durations): Promise<void>;
  resetRequestCache(): void;
}

export interface IsrHandlerClass {
  new (context: IsrContext): IsrHandler;
  /** Closes the client, unless it was given. */
  close(): Promise<void>;
}

export type HearsayIsrOptions = HearsayNextOptions & {
  /** Pages of one build are not shown by another, which has other scripts. By default Next's own id of the build. */
  readonly buildId?: string | undefined;
};

interface Head {
  readonly lastModified: number;
  readonly cacheControl?: CacheControl | undefined;
}

/** The header in which Next keeps the tags of a page. */
const TAGS_HEADER = 'x-next-cache-tags';
const FETCH = 'FETCH';
const IMAGE = 'IMAGE';

/**
 * A class for "cacheHandler". While Next builds, it holds nothing, and needs no cluster.
 *
 * @throws InvalidRequestError that names the option.
 */
export function createIsrHandler(options: HearsayIsrOptions): IsrHandlerClass {
  const { buildId, ...others } = options;
  const store = TaggedStore.open(others);
  return class HearsayIsrHandler implements IsrHandler {
    readonly #pages: string;
    readonly #startMs = nowMs();
    /** When a page was asked for: what is stored for it later was made after that. */
    readonly #askedAtMs = new Map<string, number>();

    constructor(context: IsrContext) {
      this.#pages = `pages/${buildId ?? buildIdOf(context)}`;
    }

    static async close(): Promise<void> {
      await store?.close();
    }

    async get(key: string, { kind = '', tags = [], softTags = [] }: IsrRead) {
      if (kind !== IMAGE) this.#askedAtMs.set(key, nowMs());
      const found = await store?.read(this.#placeOf(kind), key, [...tags, ...softTags]);
      return found === undefined ? null : answerOf(found, kind === FETCH);
    }

    async set(key: string, data: unknown, context: IsrWrite): Promise<void> {
      const { fetchCache = false, tags = [], cacheControl } = context;
      const kind = fetchCache ? FETCH : (context.kind ?? '');
      const lastModified = nowMs();
      const madeAtMs = this.#askedAtMs.get(key) ?? this.#startMs;
      this.#askedAtMs.delete(key);
      await store?.write(this.#placeOf(kind), key, {
        head: { lastModified, cacheControl } satisfies Head,
        body: serialize(data),
        tags: [...new Set([...tags, ...tagsOf(data)])],
        madeAtMs,
        endsAtMs: lastModified + (cacheControl?.expire ?? Number.POSITIVE_INFINITY) * 1000,
      });
    }

    async revalidateTag(tags: string | string[], durations?: Durations): Promise<void> {
      await store?.invalidate(typeof tags === 'string' ? [tags] : tags, durations);
    }

    resetRequestCache(): void {}

    #placeOf(kind: string): string {
      if (kind === FETCH) return 'fetch';
      return kind === IMAGE ? 'images' : this.#pages;
    }
  };
}

function buildIdOf({ fs, serverDistDir }: IsrContext): string {
  try {
    if (fs !== undefined && serverDistDir !== undefined)
      return String(fs.readFileSync(`${serverDistDir}/../BUILD_ID`)).trim();
  } catch {
    // The server of development has no build.
  }
  return 'development';
}

/** The tags of a fetch stand in it, those of a page in a header of it. */
function tagsOf(data: unknown): readonly string[] {
  if (typeof data !== 'object' || data === null) return [];
  const { tags, headers } = data as { tags?: unknown; headers?: Readonly<Record<string, unknown>> };
  if (Array.isArray(tags)) return tags.filter((tag) => typeof tag === 'string');
  const header = headers?.[TAGS_HEADER];
  return typeof header === 'string' ? header.split(',') : [];
}

/** @returns null for an entry of another form. */
function answerOf({ head, body, isStale }: Found, isFetch: boolean): IsrAnswer | null {
  const { lastModified, cacheControl } = (head ?? {}) as Partial<Head>;
  const value = dataOf(body);
  if (typeof lastModified !== 'number' || value === undefined) return null;
  if (!isStale) return { lastModified, value, ...(cacheControl && { cacheControl }) };
  // Next shows an entry that is past its time, and makes a new one behind it.
  if (isFetch) return { lastModified: 1, value };
  const past = { revalidate: 1, expire: cacheControl?.expire };
  return { lastModified: Math.min(lastModified, nowMs() - 2000), value, cacheControl: past };
}

/** Undefined for bytes that a newer Node has written in a form of its own. */
function dataOf(body: Buffer): unknown {
  try {
    return deserialize(body);
  } catch {
    return undefined;
  }
}
