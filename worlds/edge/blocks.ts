/**
 * Addresses that went on after many refusals: they are refused for ten minutes, by all edges that share the
 * cache. What is stored is a hash with a key that changes each day, so that it names nobody later.
 */
import { createHmac } from 'node:crypto';
import { BLOCK_TTL_MS, type BlockTable } from '../tables/blockTable.ts';

export interface BlocksOptions {
  readonly table: Pick<BlockTable, 'untilMs' | 'block'>;
  /** Of all edges alike. */
  readonly secret: string;
  /** UTC milliseconds. */
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

const DAY_MS = 24 * 3_600_000;
/** Own blocks that are remembered while the cache is away; the oldest goes. */
const MAX_OWN = 10_000;

export class Blocks {
  readonly #options: BlocksOptions;
  readonly #own = new Map<string, number>();
  #made = 0;

  constructor(options: BlocksOptions) {
    this.#options = options;
  }

  /** Addresses that were blocked here. */
  get made(): number {
    return this.#made;
  }

  /** @returns for how long the address is still refused, in milliseconds; 0 if it is not. */
  leftMs(address: string): number {
    const { table, now } = this.#options;
    const nowMs = now();
    // One that was blocked before midnight has the hash of yesterday.
    const hashes = [this.#hash(address, nowMs), this.#hash(address, nowMs - BLOCK_TTL_MS)];
    const untilMs = hashes.map((hash) => this.#own.get(hash) ?? table.untilMs(hash) ?? 0);
    return Math.max(0, Math.max(...untilMs) - nowMs);
  }

  block(address: string): void {
    const { table, now, onFailure } = this.#options;
    const nowMs = now();
    const hash = this.#hash(address, nowMs);
    if (this.#own.has(hash) && this.leftMs(address) > 0) return;
    this.#made += 1;
    const [oldest] = this.#own.keys();
    if (this.#own.size >= MAX_OWN && oldest !== undefined) this.#own.delete(oldest);
    this.#own.set(hash, nowMs + BLOCK_TTL_MS);
    void table.block(hash, nowMs + BLOCK_TTL_MS).catch(onFailure);
  }

  #hash(address: string, atMs: number): string {
    const day = Math.floor(atMs / DAY_MS);
    return createHmac('sha256', this.#options.secret)
      .update(`${day} ${address}`)
      .digest('base64url');
  }
}
