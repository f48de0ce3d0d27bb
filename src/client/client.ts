/** A cache of several nodes as one object. */

import type { CachedFacts } from './cached/cachedFacts.ts';
import { checkedGetOrSet, type GetOrSetOptions } from './cached/getOrSetOptions.ts';
import { Leases } from './cached/lease.ts';
import { type Load, Loads } from './cached/loads.ts';
import { type BatchOp, type BatchOptions, type BatchResults, sendBatch } from './calls/batch.ts';
import { Batcher } from './calls/batcher.ts';
import { type Entry, factsOf } from './calls/entry.ts';
import { Failover } from './calls/failover.ts';
import { type GetManyOptions, getMany } from './calls/getMany.ts';
import {
  type LevelEntry,
  type LevelOptions,
  type LevelPrefix,
  type ListOptions,
  listEntries,
  listLevel,
} from './calls/list.ts';
import { OpSender } from './calls/opSender.ts';
import {
  checkedText,
  type Deleted,
  type DeleteOptions,
  deleteOp,
  getOp,
  type PutOptions,
  putOp,
  readGet,
  readTouch,
  type Stored,
  TAGGED_PUT_NAMES,
  type TaggedPutOptions,
  type Touched,
  touchOp,
  type WirePut,
} from './calls/ops.ts';
import { type ReadBack, settleDelete, settlePut } from './calls/settle.ts';
import { type Change, type Updated, type UpdateOptions, updateEntry } from './calls/update.ts';
import { Counter, type CounterOptions } from './counter/counter.ts';
import { InvalidRequestError, ServerError } from './errors.ts';
import { countMember } from './json.ts';
import { checkNames } from './knownNames.ts';
import { type ClientOptions, readOptions } from './options.ts';
import { Mirror } from './replica/mirror.ts';
import { checkedTags } from './tags/tagEntries.ts';
import {
  checkedInvalidateTag,
  type Invalidated,
  type InvalidateTagOptions,
} from './tags/tagOptions.ts';
import { type LastInvalidation, type StoreMark, Tags } from './tags/tags.ts';
import { Watch, type WatchOptions } from './watch/watch.ts';

export interface GetOptions {
  /** A token, or several separated by commas: the read sees those writes, whichever node answers it. */
  readonly after?: string | null;
  /** Whether the entry is to have its ETag, for `ifMatch` of a put. Default false. */
  readonly etag?: boolean;
  readonly signal?: AbortSignal;
}

export interface TouchOptions {
  readonly signal?: AbortSignal;
}

export interface DeletePrefixOptions {
  /** Must be true if the prefix is empty, because that means every key. */
  readonly all?: boolean;
  readonly signal?: AbortSignal;
}

export type MirrorOptions = Pick<WatchOptions, 'signal' | 'idleTimeoutMs' | 'onConnection'>;

const GET_NAMES: ReadonlySet<string> = new Set<keyof GetOptions>(['after', 'etag', 'signal']);
const TOUCH_NAMES: ReadonlySet<string> = new Set<keyof TouchOptions>(['signal']);
const DELETE_PREFIX_NAMES: ReadonlySet<string> = new Set<keyof DeletePrefixOptions>([
  'all',
  'signal',
]);
const MIRROR_NAMES: ReadonlySet<string> = new Set<keyof MirrorOptions>([
  'signal',
  'idleTimeoutMs',
  'onConnection',
]);

/** @throws InvalidRequestError that names the option. */
export const createClient = (options: ClientOptions): HearsayClient => new HearsayClient(options);

/**
 * Every call may reject with InvalidRequestError, UnavailableError, TimeoutError or ServerError, with
 * ClosedError once the client is closed, and with the reason of its signal once that aborts.
 * `HearsayError.mayBeStored` then says whether a write may have been carried out.
 */
export class HearsayClient implements AsyncDisposable {
  readonly #failover: Failover;
  readonly #sender: OpSender;
  readonly #batcher: Batcher;
  readonly #readBack: ReadBack;
  readonly #tags: Tags;
  readonly #loads: Loads;

  /** @throws InvalidRequestError that names the option. */
  constructor(options: ClientOptions) {
    this.#failover = new Failover(readOptions(options));
    this.#sender = new OpSender(this.#failover);
    this.#batcher = new Batcher(this.#sender);
    this.#readBack = (op, after) => this.#batcher.submit(op, after, undefined);
    const { settings, closing } = this.#failover;
    const nowMs = () => this.#failover.nodeNowMs();
    this.#tags = new Tags({
      prefix: settings.tagPrefix,
      mirror: () => this.mirror(settings.tagPrefix),
      store: (mark, replaced) => this.#storeMark(mark, replaced),
      nowMs,
      waitMs: settings.attemptTimeoutMs,
    });
    this.#loads = new Loads({
      get: (key, after) => this.#get(key, { after }),
      store: (op) => this.#put(op, undefined),
      tags: this.#tags,
      leases: new Leases(settings.leasePrefix, this.#batcher, this.#readBack),
      nowMs,
      closing,
    });
  }

  /**
   * Stands for all writes of this client so far; null before the first. Reads of another client see
   * these writes if it gets the token as `after`, of a read or of the client.
   */
  get token(): string | null {
    return this.#sender.tokens.all;
  }

  /** @returns undefined if the key is absent: never written, deleted, expired, or invalidated by a tag. */
  async get<T = unknown>(key: string, options: GetOptions = {}): Promise<Entry<T> | undefined> {
    checkNames('get', options, GET_NAMES);
    return this.#unlessGone(await this.#get<T>(key, options));
  }

  async #get<T>(key: string, options: GetOptions): Promise<Entry<T> | undefined> {
    const op = getOp(key, options.etag);
    const settled = await this.#batcher.submit(op, options.after ?? null, options.signal);
    return readGet<T>(op, settled);
  }

  /** Reads many keys as they are, or were, at one moment of one node; undefined where a key is absent. */
  async getMany<T = unknown>(
    keys: readonly string[],
    options: GetManyOptions = {},
  ): Promise<(Entry<T> | undefined)[]> {
    const entries = await getMany<T>(this.#sender, keys, options);
    // The tags of the past are not known.
    if (options.at !== undefined) return entries;
    return Promise.all(entries.map((entry) => this.#unlessGone(entry)));
  }

  /** At once if the entry has no tags, as most have none. */
  #unlessGone<T>(
    entry: Entry<T> | undefined,
  ): Entry<T> | undefined | Promise<Entry<T> | undefined> {
    const facts = entry === undefined ? null : factsOf(entry);
    return entry === undefined || facts === null ? entry : this.#judged(entry, facts);
  }

  async #judged<T>(entry: Entry<T>, facts: CachedFacts): Promise<Entry<T> | undefined> {
    const verdict = await this.#tags.verdictOf(facts);
    if (verdict === 'stale')
      Object.defineProperty(entry, 'isStale', { value: true, enumerable: true });
    return verdict === 'gone' ? undefined : entry;
  }

  /**
   * Gives the value of a key; where there is none, it asks `load` and stores the result. Of the calls
   * of this client at one time one loads, and the others get its value: don't change it.
   *
   * If no node can be reached, it gives what `load` gives.
   *
   * @param load gives the value, and undefined if there is none, which is stored only with `absentTtlMs`.
   * @throws the error of `load`; InvalidRequestError as `get` and `put` do.
   */
  async getOrSet<T = unknown>(
    key: string,
    load: Load<T>,
    options: GetOrSetOptions = {},
  ): Promise<T> {
    const checked = checkedGetOrSet(options);
    // As with `get`, nothing here can check the type of a value that another program has stored.
    return (await this.#loads.getOrSet(key, load, checked)) as T;
  }

  /**
   * Stores a value: JSON, or a value of the types that superjson adds to it (Date, Map, Set, BigInt,
   * undefined, NaN, RegExp, URL, Error, typed arrays).
   *
   * @throws ConflictError if the version is not above the live one, PreconditionFailedError if `ifMatch`
   *   does not hold: nothing was stored.
   * @throws UnknownOutcomeError if that is unknown, after an attempt that nobody answered.
   */
  async put(key: string, value: unknown, options: TaggedPutOptions = {}): Promise<Stored> {
    checkNames('put', options, TAGGED_PUT_NAMES);
    const { tags = [], madeAtMs, ...plain } = options;
    const checked = checkedTags(tags);
    this.#loads.overrule((loaded) => loaded === key);
    if (checked.length === 0) return this.#put(putOp(key, value, plain), plain.signal);
    const atMs = this.#failover.nodeNowMs();
    const facts = {
      atMs,
      freshUntilMs: null,
      loadMs: 0,
      tags: await this.#tags.captureOrFail(checked, madeAtMs),
    };
    return this.#put(putOp(key, value, plain, facts), plain.signal);
  }

  async #put(op: WirePut, signal: AbortSignal | undefined): Promise<Stored> {
    return settlePut(op, await this.#batcher.submit(op, null, signal), this.#readBack);
  }

  /**
   * Reads the value, asks the function for the new one, and stores it if nobody else has written
   * meanwhile; otherwise it tries again. Two updates at two nodes at the same moment can both be
   * accepted, and the greater one stays.
   *
   * @throws ConflictError once every try has met another write, UnknownOutcomeError as `put` does, and
   *   any error of the function: then nothing was stored.
   */
  update<T = unknown>(
    key: string,
    change: Change<T>,
    options: UpdateOptions = {},
  ): Promise<Updated<T>> {
    const { signal } = options;
    // The new value keeps the tags of the one that it replaces, as they were.
    let facts: CachedFacts | null = null;
    const get = async (after: string | null) => {
      const entry = await this.get<T>(key, { after, ...(signal && { signal }) });
      facts = entry === undefined ? null : factsOf(entry);
      return entry;
    };
    const put = (value: T, how: PutOptions) => {
      this.#loads.overrule((loaded) => loaded === key);
      return this.#put(putOp(key, value, how, facts), signal);
    };
    const nowMs = () => this.#failover.nodeNowMs();
    return updateEntry({ get, put, change, nowMs }, options);
  }

  /**
   * Deletes a key, present or not.
   *
   * @throws ConflictError if the live version is above `upToVersion`; UnknownOutcomeError as `put`
   *   does.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    const op = deleteOp(key, options);
    this.#loads.overrule((loaded) => loaded === key);
    return settleDelete(op, await this.#batcher.submit(op, null, options.signal));
  }

  /**
   * Gives a live entry another time to live; its value and version stay. A greater version and a delete
   * beat it, wherever they were made.
   *
   * @param ttlMs from now on, 1 to 10^13 milliseconds; null: the entry never expires.
   * @returns undefined if the key is absent.
   */
  async touch(
    key: string,
    ttlMs: number | null,
    options: TouchOptions = {},
  ): Promise<Touched | undefined> {
    checkNames('touch', options, TOUCH_NAMES);
    const op = touchOp(key, ttlMs);
    return readTouch(op, await this.#batcher.submit(op, null, options.signal));
  }

  /** Deletes every key with the prefix. @returns the number of keys that the node found, in its last answer. */
  async deletePrefix(prefix: string, options: DeletePrefixOptions = {}): Promise<number> {
    checkNames('deletePrefix', options, DELETE_PREFIX_NAMES);
    if (prefix === '' && options.all !== true)
      throw new InvalidRequestError('An empty prefix means every key: confirm it with all: true.');
    const query = new URLSearchParams({ prefix: checkedText('A prefix', prefix) });
    this.#loads.overrule((loaded) => loaded.startsWith(prefix));
    if (options.all === true) query.set('all', 'true');
    const path = `/cache?${query}`;
    const request = { method: 'DELETE', path, after: null, isWrite: true, waitMs: 0 } as const;
    const { answer, endpoint } = await this.#sender.exchange(request, { signal: options.signal });
    const count = countMember(answer.body ?? {}, 'count');
    if (count !== null) return count;
    throw new ServerError(`${endpoint} did not say how many it deleted.`, answer.status);
  }

  /** Entries in the order of their keys, fetched page by page as the loop goes on. */
  list<T = unknown>(options: ListOptions = {}): AsyncGenerator<Entry<T>, void, undefined> {
    return listEntries<T>(this.#sender, options);
  }

  /** One level of the tree that a delimiter makes of keys: its keys without values, and longer prefixes. */
  listLevel(options: LevelOptions = {}): AsyncGenerator<LevelEntry | LevelPrefix, void, undefined> {
    return listLevel(this.#sender, options);
  }

  /**
   * Carries ops out in order, in one request and one commit; each sees those before it. A conflict is a
   * result and does not keep the other ops from being stored; one malformed op does.
   */
  batch<const Ops extends readonly BatchOp[]>(
    ops: Ops,
    options: BatchOptions = {},
  ): Promise<BatchResults<Ops>> {
    const written = new Set(ops.flatMap(({ op, key }) => (op === 'get' ? [] : [key])));
    this.#loads.overrule((loaded) => written.has(loaded));
    return sendBatch(this.#sender, ops, options, this.#readBack);
  }

  /**
   * Makes every entry absent that was put with the tag, for this client at once, and for every other one
   * as soon as its node has the write. Later writes with the tag are not concerned.
   *
   * @throws the errors of `put`, but ConflictError and UnknownOutcomeError.
   */
  async invalidateTag(tag: string, options: InvalidateTagOptions = {}): Promise<Invalidated> {
    return { token: await this.#tags.invalidate(tag, checkedInvalidateTag(options)) };
  }

  /**
   * The last invalidation of any of the tags, as far as this client knows: it asks no node.
   *
   * @returns null if there was none in 30 days.
   * @throws UnavailableError if the tags are not known, because no node answers a watch of them.
   */
  lastInvalidation(tags: readonly string[]): Promise<LastInvalidation | null> {
    return this.#tags.lastInvalidation(checkedTags(tags));
  }

  /**
   * A counter that loses no increment, whichever nodes its writers reach. Keep the object: each adds an
   * entry to the counter once it counts.
   *
   * @throws InvalidRequestError that names the option.
   */
  counter(key: string, options: CounterOptions = {}): Counter {
    const put = (ownKey: string, value: number, how: PutOptions) => this.put(ownKey, value, how);
    return new Counter({ put, list: (how) => this.list(how) }, key, options);
  }

  /** Every change of the keys with a prefix, from now on or from a cursor. */
  watch<T = unknown>(options: WatchOptions = {}): Watch<T> {
    return new Watch<T>(this.#failover.settings, this.#failover.closing, options);
  }

  /** A local copy of the keys with a prefix. It answers without a round trip and stays current. */
  mirror<T = unknown>(prefix = '', options: MirrorOptions = {}): Mirror<T> {
    checkNames('mirror', options, MIRROR_NAMES);
    return new Mirror<T>((onConnection) =>
      this.watch<T>({
        ...options,
        prefix,
        initial: true,
        touches: true,
        onConnection: (state) => {
          onConnection(state.isConnected);
          options.onConnection?.(state);
        },
      }),
    );
  }

  /** @deprecated The same as `mirror`, under the name that it had in 0.1. */
  replica<T = unknown>(prefix = '', options: MirrorOptions = {}): Mirror<T> {
    return this.mirror<T>(prefix, options);
  }

  /** Ends every call, watch and mirror of this client. */
  close(): Promise<void> {
    this.#failover.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #storeMark: StoreMark = async ({ key, value, ttlMs }, replaced) => {
    const op = putOp(key, value, { ttlMs });
    const [{ token }] = await Promise.all([
      this.#put(op, undefined),
      ...replaced.map((one) => this.#batcher.submit(deleteOp(one), null, undefined)),
    ]);
    return token;
  };
}
