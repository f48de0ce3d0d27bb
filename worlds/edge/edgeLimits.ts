/**
 * How often an address may ask, and a player join. The limits of all clients together bound the memory of the
 * limits of each.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem, retryAfter } from '../http/problem.ts';
import type { Blocks } from './blocks.ts';

export interface EdgeRates {
  readonly requestsPerSecond: number;
  /** The page is some forty files, which a browser asks for at once. */
  readonly pageFilesPerSecond: number;
  readonly guestsPerMinute: number;
  readonly joinsPerSecond: number;
  /** Refusals of an address in ten seconds beyond which it is blocked. */
  readonly refusalsBeforeBlock: number;
  /** Of all addresses together. */
  readonly allRequestsPerSecond: number;
  readonly allGuestsPerSecond: number;
}

export const EDGE_RATES: EdgeRates = {
  requestsPerSecond: 20,
  pageFilesPerSecond: 200,
  guestsPerMinute: 10,
  joinsPerSecond: 2,
  refusalsBeforeBlock: 200,
  allRequestsPerSecond: 2000,
  allGuestsPerSecond: 100,
};

const ALL = 'all';

export class EdgeLimits {
  readonly #blocks: Blocks;
  readonly #requests: RateLimiterMemory;
  readonly #pageFiles: RateLimiterMemory;
  readonly #guests: RateLimiterMemory;
  readonly #joins: RateLimiterMemory;
  readonly #refusals: RateLimiterMemory;
  readonly #allRequests: RateLimiterMemory;
  readonly #allGuests: RateLimiterMemory;

  constructor(blocks: Blocks, rates: EdgeRates = EDGE_RATES) {
    this.#blocks = blocks;
    this.#requests = limiter(rates.requestsPerSecond, 1);
    this.#pageFiles = limiter(rates.pageFilesPerSecond, 1);
    this.#guests = limiter(rates.guestsPerMinute, 60);
    this.#joins = limiter(rates.joinsPerSecond, 1);
    this.#refusals = limiter(rates.refusalsBeforeBlock, 10);
    this.#allRequests = limiter(rates.allRequestsPerSecond, 1);
    this.#allGuests = limiter(rates.allGuestsPerSecond, 1);
  }

  /** @throws Problem 429 or 503. */
  async request(address: string): Promise<void> {
    await this.#admit(address);
    await this.#take(this.#requests, 'requests', address, address);
  }

  /** A file of the page costs no service anything. @throws Problem 429 or 503. */
  async pageFile(address: string): Promise<void> {
    await this.#admit(address);
    await this.#take(this.#pageFiles, 'page', address, address);
  }

  async #admit(address: string): Promise<void> {
    const blockedMs = this.#blocks.leftMs(address);
    if (blockedMs > 0)
      throw new Problem(
        429,
        'blocked',
        'Your address has asked too often: wait.',
        retryAfter(blockedMs / 1000),
      );
    await this.#takeOfAll(this.#allRequests);
  }

  /** @throws Problem 429 or 503. */
  async guest(address: string): Promise<void> {
    await this.#takeOfAll(this.#allGuests);
    await this.#take(this.#guests, 'guests', address, address);
  }

  /** @throws Problem 429. */
  join(player: string, address: string): Promise<void> {
    return this.#take(this.#joins, 'joins', player, address);
  }

  async #take(
    limits: RateLimiterMemory,
    name: string,
    key: string,
    address: string,
  ): Promise<void> {
    const left = await waitMs(limits, key);
    if (left === 0) return;
    if ((await waitMs(this.#refusals, address)) > 0) this.#blocks.block(address);
    const seconds = Math.ceil(left / 1000);
    // Of the IETF draft "RateLimit header fields for HTTP" (httpapi).
    throw new Problem(429, name, 'You ask too often: wait.', {
      ...retryAfter(seconds),
      'RateLimit-Policy': `"${name}";q=${limits.points};w=${limits.duration}`,
      RateLimit: `"${name}";r=0;t=${seconds}`,
    });
  }

  async #takeOfAll(limits: RateLimiterMemory): Promise<void> {
    const left = await waitMs(limits, ALL);
    if (left > 0)
      throw new Problem(503, 'busy', 'Too many ask at once: try again.', retryAfter(left / 1000));
  }
}

const limiter = (points: number, duration: number): RateLimiterMemory =>
  new RateLimiterMemory({ points, duration });

/** @returns 0 if it is within the limit, else the milliseconds to wait. */
async function waitMs(limits: RateLimiterMemory, key: string): Promise<number> {
  try {
    await limits.consume(key);
    return 0;
  } catch (error) {
    if (error instanceof RateLimiterRes) return Math.max(1, error.msBeforeNext);
    throw error;
  }
}
