/**
 * The slow class: requests that cost a hundred times as much as a GET (the past of a key, the log, long lists). A
 * bounded number of them is under way at one time, so that they never crowd out the others.
 *
 * Invariants: a request counts until its work is done and its client has taken the answer, or has gone, because
 * much of the work is done within one turn and leaves only the answer; and the unread answers of one address hold
 * at most half of the places, so that it does not keep all others out by reading slowly.
 */
import type { ServerResponse } from 'node:http';
import { holderOf } from '../../access/addressHolder.ts';
import type { Limits } from '../../words/limits.ts';
import type { AddressOf } from './clientAddress.ts';
import { HolderCounts } from './holderCounts.ts';
import { tooManySlow } from './quotas.ts';

/** A list of at most so many entries is not slow. */
export const QUICK_LIST_ENTRIES = 100;
/** The part of the places that the unread answers of one address may hold. */
const ADDRESS_SHARE = 1 / 2;

type Work<T> = () => Promise<T> | T;

export class SlowRequests {
  underWay = 0;
  refused = 0;
  readonly #maxSlowRequests: number;
  readonly #addressOf: AddressOf;
  readonly #unreadByHolder = new HolderCounts();

  constructor({ maxSlowRequests }: Pick<Limits, 'maxSlowRequests'>, addressOf: AddressOf) {
    this.#maxSlowRequests = maxSlowRequests;
    this.#addressOf = addressOf;
  }

  /**
   * Counts the request until its response has been sent, or its connection is gone.
   *
   * @throws Problem 429 if too many are under way, and the errors of the work.
   */
  async answer<T>(response: ServerResponse, work: Work<T>): Promise<T> {
    const holder = holderOf(this.#addressOf(response.req));
    const unread = this.#unreadByHolder.of(holder);
    if (unread >= Math.ceil(this.#maxSlowRequests * ADDRESS_SHARE)) this.#refuse();
    this.#begin();
    try {
      return await work();
    } finally {
      this.#endWhenRead(holder, response);
    }
  }

  /**
   * Counts the work alone, for an answer that is a stream: it may last for days.
   *
   * @throws Problem 429 if too many are under way, and the errors of the work.
   */
  async run<T>(work: Work<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.underWay--;
    }
  }

  #begin(): void {
    if (this.underWay >= this.#maxSlowRequests) this.#refuse();
    this.underWay++;
  }

  #refuse(): never {
    this.refused++;
    throw tooManySlow();
  }

  #endWhenRead(holder: string, response: ServerResponse): void {
    // The client has gone meanwhile, and nothing will tell of it again.
    if (response.closed) {
      this.underWay--;
      return;
    }
    this.#unreadByHolder.add(holder, 1);
    let isUnread = true;
    const end = (): void => {
      if (!isUnread) return;
      isUnread = false;
      this.underWay--;
      this.#unreadByHolder.add(holder, -1);
    };
    // Node begins the next request of the connection within `finish`, before `close`.
    response.prependOnceListener('finish', end);
    response.once('close', end);
  }
}
