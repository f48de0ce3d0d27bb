/**
 * `getOrSet`: the value of a key, loaded where there is none.
 *
 * Invariants: of the calls of one process at one time, one loads. An entry remembers its tags as they
 * were before its load began, so an invalidation during the load counts. A node that fails is a miss: only
 * an error of `load` fails a call, and the call's own signal.
 */
import { type Entry, factsOf } from '../calls/entry.ts';
import { putOp, type WirePut } from '../calls/ops.ts';
import { backoffDelayMs, onAbort, sleep } from '../calls/timing.ts';
import { ClosedError, InvalidRequestError } from '../errors.ts';
import type { Tags } from '../tags/tags.ts';
import type { CachedFacts } from './cachedFacts.ts';
import { type Flight, Flights } from './flights.ts';
import { lifetimeOf, type Step, stepOf } from './freshness.ts';
import type { CheckedGetOrSet, CheckedLock } from './getOrSetOptions.ts';
import type { Leases } from './lease.ts';

/** Gives the value, undefined if there is none. */
export type Load<T> = () => T | Promise<T>;

export interface LoadParts {
  readonly get: (key: string, after: string | null) => Promise<Entry | undefined>;
  readonly store: (op: WirePut) => Promise<unknown>;
  readonly tags: Tags;
  readonly leases: Leases;
  /** The time by the clock of the nodes. */
  readonly nowMs: () => number;
  /** Aborts once the client is closed. */
  readonly closing: AbortSignal;
}

const LEAST_POLL_MS = 20;
const MOST_POLL_MS = 250;

/** An entry that was found; its value may be undefined too. */
interface Found {
  readonly step: Step;
  readonly value: unknown;
  /** Null if there is no entry. */
  readonly version: number | null;
  readonly facts: CachedFacts | null;
}

const NOTHING: Found = { step: 'load', value: undefined, version: null, facts: null };
/** No node told whether there is an entry. */
const UNKNOWN: Found = { ...NOTHING };

/** The parts of one load. */
interface Order extends CheckedGetOrSet {
  readonly key: string;
  readonly load: Load<unknown>;
  /** The entry that was found. */
  readonly found: Found;
}

export class Loads {
  readonly #parts: LoadParts;
  readonly #flights: Flights;

  constructor(parts: LoadParts) {
    this.#parts = parts;
    this.#flights = new Flights(
      ({ isOverruled, isTentative, tags }) =>
        !isOverruled && !isTentative && (tags === null || parts.tags.verdictNow(tags) === 'fresh'),
    );
  }

  /** The client writes or deletes keys itself, beside its loads. */
  overrule(isWritten: (key: string) => boolean): void {
    this.#flights.overrule(isWritten);
  }

  /**
   * @throws the error of `load`, and the signal's reason; InvalidRequestError for a wrong key, for a
   *   value that can't be stored, or where a node refuses the token.
   */
  async getOrSet(key: string, load: Load<unknown>, options: CheckedGetOrSet): Promise<unknown> {
    const { signal, after, lock } = options;
    const call = this.#flights.begin(key);
    try {
      const found = await unlessAborted(this.#find(key, after, options), signal);
      if (found.step === 'use') return found.value;
      const isBackground = found.step === 'useAndLoad';
      if (isBackground && call.isLoading()) return found.value;
      const isTentative = isBackground && lock !== null;
      const flight =
        call.flight() ??
        call.start(isTentative, (started) => this.#fly({ ...options, key, load, found }, started));
      if (!isBackground) return await unlessAborted(flight.value, signal);
      flight.value.catch(options.onError);
      return found.value;
    } finally {
      call.end();
    }
  }

  async #find(key: string, after: string | null, options: CheckedGetOrSet): Promise<Found> {
    try {
      return await this.#judged(await this.#parts.get(key, after), options.earlyRefresh);
    } catch (error) {
      if (isFinal(error)) throw error;
      options.onError(error);
      return UNKNOWN;
    }
  }

  /** @throws UndecodableValueError */
  async #judged(entry: Entry | undefined, earlyRefresh: number): Promise<Found> {
    if (entry === undefined) return NOTHING;
    const { value, version } = entry;
    const facts = factsOf(entry);
    const verdict = await this.#parts.tags.verdictOf(facts);
    const moment = { nowMs: this.#parts.nowMs(), random: Math.random() };
    return { step: stepOf(facts, verdict, earlyRefresh, moment), value, version, facts };
  }

  async #fly(order: Order, flight: Flight): Promise<unknown> {
    const { key, lock, tags, onError } = order;
    const lease = lock === null ? 'none' : await this.#lease(order, lock);
    if (typeof lease !== 'string') {
      flight.tags = lease.facts ?? { atMs: this.#parts.nowMs(), tags: new Map() };
      return lease.value;
    }
    const atMs = this.#parts.nowMs();
    const states = await this.#parts.tags.capture(tags);
    flight.tags = { atMs, tags: states ?? new Map() };
    flight.isTentative = false;
    const startMs = performance.now();
    const tookMs = () => Math.ceil(performance.now() - startMs);
    try {
      const value = await order.load();
      if (states !== null && !flight.isOverruled) {
        const op = this.#opOf(value, { atMs, loadMs: tookMs(), tags: states }, order);
        if (op !== null) flight.stored = this.#store(op, onError);
      }
      return value;
    } finally {
      // In the turn of the put, and after it: then they are one request. A lease that is over may be another's.
      if (lease === 'ours' && lock !== null && tookMs() < lock.leaseMs)
        this.#parts.leases.giveBack(key).catch(onError);
      // The next read is to see the value. Nodes that did not even answer the read are not waited for.
      if (order.found !== UNKNOWN) await flight.stored;
    }
  }

  /** @returns null if the value is not to be stored. @throws InvalidRequestError if it can't be. */
  #opOf(value: unknown, known: Omit<CachedFacts, 'freshUntilMs'>, order: Order): WirePut | null {
    const { key, jitter, absentTtlMs } = order;
    const isAbsent = value === undefined;
    if (isAbsent && absentTtlMs === null) return null;
    const ttl = isAbsent ? absentTtlMs : order.ttlMs;
    const staleMs = isAbsent ? 0 : order.staleMs;
    const { freshMs, ttlMs } = lifetimeOf(ttl, staleMs, jitter, Math.random());
    const freshUntilMs = freshMs === null ? null : this.#parts.nowMs() + freshMs;
    return putOp(key, value, { ttlMs }, { ...known, freshUntilMs });
  }

  async #store(op: WirePut, onError: (error: unknown) => void): Promise<void> {
    try {
      await this.#parts.store(op);
    } catch (error) {
      onError(error);
    }
  }

  /**
   * Takes the lease, or waits for the value of the process that has it.
   *
   * @returns the value of another process; `none` if neither comes: then the load goes on without a lease.
   */
  async #lease(order: Order, { leaseMs, waitMs }: CheckedLock): Promise<'ours' | 'none' | Found> {
    const { key, found, onError } = order;
    const isBackground = found.step === 'useAndLoad';
    const endMs = performance.now() + waitMs;
    try {
      for (let tries = 1; ; tries++) {
        const { isOurs, entry } = await this.#parts.leases.take(key, leaseMs);
        const present = await this.#judged(entry, 0);
        const isLoadedAnew = present.step === 'use' && present.version !== found.version;
        const isOfUse = isOurs ? isLoadedAnew : isBackground || present.step !== 'load';
        if (isOfUse && isOurs) this.#parts.leases.giveBack(key).catch(onError);
        if (isOfUse) return present;
        if (isOurs) return 'ours';
        const pollMs = backoffDelayMs(tries, LEAST_POLL_MS, MOST_POLL_MS);
        if (performance.now() + pollMs > endMs) return 'none';
        await sleep(pollMs, this.#parts.closing);
        // The usual end of the wait: no lease has to be taken for that, and given back.
        const come = await this.#judged(await this.#parts.get(key, null), 0);
        if (come.step !== 'load') return come;
      }
    } catch (error) {
      if (error instanceof ClosedError) throw error;
      onError(error);
      return 'none';
    }
  }
}

/** Whether the caller has to know: trying anew would not help. */
const isFinal = (error: unknown): boolean =>
  error instanceof ClosedError || error instanceof InvalidRequestError;

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let release = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    release = onAbort(signal, reject);
  });
  // Once the call has ended, nobody waits for this any more.
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    release();
  }
}
