/**
 * The bounds on long bodies that are under way: on their bytes, all together and by address, and on their
 * slowness.
 *
 * Bytes count once they have come, not when they are announced: an announcement costs a client nothing.
 */
import type { IncomingMessage } from 'node:http';
import { holderOf } from '../../access/addressHolder.ts';
import { OverloadedError } from '../../words/errors.ts';
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { Problem } from '../answer/problem.ts';
import { HolderCounts } from './holderCounts.ts';

/** The rate of a body counts once this time is over. */
const SLOW_START_MS = 5000;
const RATE_CHECK_MS = 1000;

type BodyLimits = Pick<Limits, 'maxBodyBytes' | 'maxQueuedBytes' | 'minBodyBytesPerSecond'>;

export class LongBodies {
  /** Bodies that were begun, since the start. */
  begun = 0;
  /** Bodies that were given up for their slowness, since the start. */
  slow = 0;
  /** Bodies that were given up because there were too many bytes, since the start. */
  refused = 0;
  readonly #limits: BodyLimits;
  #bytes = 0;
  /** By the holder of the address. */
  readonly #bytesByHolder = new HolderCounts();

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Bytes that have come of bodies that are not complete yet. */
  get underWayBytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps one address to a quarter of the common bound, and gives up senders that are too slow.
   *
   * @param read reads the body.
   * @throws Problem 408, OverloadedError, and the errors of `read`.
   */
  async read(
    request: IncomingMessage,
    address: string,
    read: (request: IncomingMessage) => Promise<Buffer>,
  ): Promise<Buffer> {
    this.begun++;
    const { minBodyBytesPerSecond } = this.#limits;
    const { promise: refused, reject: refuse } = Promise.withResolvers<never>();
    refused.catch(() => {});
    const holder = holderOf(address);
    let come = 0;
    const count = (bytes: number): void => {
      come += bytes;
      const ofHolder = this.#add(holder, bytes);
      if (bytes <= 0 || !this.#isOver(ofHolder)) return;
      this.refused++;
      refuse(new OverloadedError(RETRY_AFTER_MS, 'long bodies under way'));
    };
    request.on('data', (chunk: Buffer) => count(chunk.length));
    const startedMs = performance.now();
    const watch = setInterval(() => {
      const seconds = (performance.now() - startedMs - SLOW_START_MS) / 1000;
      if (come >= seconds * minBodyBytesPerSecond) return;
      this.slow++;
      clearInterval(watch);
      const rate = `${minBodyBytesPerSecond} bytes a second`;
      refuse(new Problem(408, `The body comes more slowly than ${rate}: send it anew.`));
    }, RATE_CHECK_MS);
    try {
      return await Promise.race([read(request), refused]);
    } finally {
      clearInterval(watch);
      request.removeAllListeners('data');
      count(-come);
    }
  }

  /** @returns the bytes of the holder. */
  #add(holder: string, bytes: number): number {
    this.#bytes += bytes;
    return this.#bytesByHolder.add(holder, bytes);
  }

  #isOver(ofHolder: number): boolean {
    const { maxBodyBytes, maxQueuedBytes } = this.#limits;
    // However low the bound is, one body of the greatest length gets through.
    const quarter = Math.max(maxQueuedBytes / 4, maxBodyBytes);
    return ofHolder > quarter || this.#bytes > Math.max(maxQueuedBytes, maxBodyBytes);
  }
}
