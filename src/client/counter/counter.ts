/**
 * A counter that adds up under concurrent writers: each writer keeps an entry of its own with the total of
 * its increments, and the counter is the sum (a PN-counter in the sense of Shapiro et al., 2011, with one
 * signed total a writer).
 *
 * Invariant: only one counter object ever writes an entry, and each write holds the whole total of that
 * object and a greater version than the one before. So no order of arrival loses an increment, and a write that is
 * sent again counts once.
 */
import type { Entry } from '../calls/entry.ts';
import type { ListOptions } from '../calls/list.ts';
import type { PutOptions, Stored } from '../calls/ops.ts';
import { HearsayError, InvalidRequestError } from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import { randomId } from '../randomId.ts';

export interface CounterOptions {
  /**
   * The time to live of each writer's entry, from its last write on, in milliseconds: 1 to 10^13. Default
   * null: entries never expire.
   */
  readonly ttlMs?: number | null;
}

export interface CounterReadOptions {
  /** Tokens whose writes the read must see. */
  readonly after?: string | null;
  readonly signal?: AbortSignal;
}

export interface Added {
  /** Stands for the write: a read `after` this token sees the increment on any node. */
  readonly token: string | null;
}

export interface CounterParts {
  readonly put: (key: string, value: number, options: PutOptions) => Promise<Stored>;
  readonly list: (options: ListOptions) => AsyncIterable<Entry>;
}

const NAMES: ReadonlySet<string> = new Set<keyof CounterOptions>(['ttlMs']);
const READ_NAMES: ReadonlySet<string> = new Set<keyof CounterReadOptions>(['after', 'signal']);
/** Between the key of the counter and the writer. */
const SEPARATOR = '#';
const WRITER = /^[0-9a-z]{12}$/;

/** Several calls of `add` that wait for one write. */
interface Flight {
  amount: number;
  readonly stored: Promise<Added>;
}

export class Counter {
  readonly key: string;
  readonly #parts: CounterParts;
  readonly #ownKey: string;
  readonly #ttlMs: number | null;
  /** All increments but those that were certainly not stored. */
  #total = 0;
  #version = 0;
  /** The write under way, and the one after it. */
  #running: Promise<unknown> | null = null;
  #next: Flight | null = null;

  /** @throws InvalidRequestError that names the option. */
  constructor(parts: CounterParts, key: string, options: CounterOptions = {}) {
    checkNames('counter', options, NAMES);
    this.key = key;
    this.#parts = parts;
    this.#ownKey = key + SEPARATOR + randomId();
    this.#ttlMs = options.ttlMs ?? null;
  }

  /**
   * Adds to the counter. Calls that come while a write is under way share the next one.
   *
   * If it rejects with an error whose `mayBeStored` is true, the amount stays in this object's total and
   * counts with its next write: don't add it again. Otherwise it does not count.
   *
   * @param amount an integer, negative to subtract.
   * @throws InvalidRequestError if the total would leave the integers that a number holds exactly, and the
   *   errors of `put`.
   */
  add(amount = 1): Promise<Added> {
    const total = this.#total + (this.#next?.amount ?? 0) + amount;
    if (!Number.isSafeInteger(amount) || !Number.isSafeInteger(total))
      return Promise.reject(
        new InvalidRequestError('A counter counts integers, up to 2^53 − 1 for each writer.'),
      );
    if (this.#next !== null) {
      this.#next.amount += amount;
      return this.#next.stored;
    }
    const before = this.#running ?? Promise.resolve();
    const flight: Flight = { amount, stored: before.then(() => this.#write(flight)) };
    this.#next = flight;
    return flight.stored;
  }

  /** The sum over all writers, as the node that answers knows them; this object's own increments included. */
  async value(options: CounterReadOptions = {}): Promise<number> {
    checkNames('value', options, READ_NAMES);
    const prefix = this.key + SEPARATOR;
    let sum = this.#total;
    for await (const { key, value } of this.#parts.list({ ...options, prefix }))
      if (key !== this.#ownKey && WRITER.test(key.slice(prefix.length))) sum += amountOf(value);
    return sum;
  }

  async #write(flight: Flight): Promise<Added> {
    this.#next = null;
    this.#total += flight.amount;
    const written = this.#put();
    const ended = written.then(
      () => {},
      (error: unknown) => {
        if (!mayCount(error)) this.#total -= flight.amount;
      },
    );
    this.#running = ended;
    await ended;
    if (this.#running === ended) this.#running = null;
    return written;
  }

  async #put(): Promise<Added> {
    this.#version++;
    const options = { version: this.#version, ttlMs: this.#ttlMs };
    const { token } = await this.#parts.put(this.#ownKey, this.#total, options);
    return { token };
  }
}

const mayCount = (error: unknown): boolean => !(error instanceof HearsayError) || error.mayBeStored;

const amountOf = (value: unknown): number => (Number.isSafeInteger(value) ? Number(value) : 0);
