/**
 * A lease: an entry that says which process loads a key. Best effort, because two nodes can grant one
 * lease at the same moment, and a lease ends after its time whether or not its load has.
 */
import type { Batcher } from '../calls/batcher.ts';
import type { Entry } from '../calls/entry.ts';
import { deleteOp, getOp, putOp, readGet, type WirePut } from '../calls/ops.ts';
import { type ReadBack, settlePut } from '../calls/settle.ts';
import { ConflictError } from '../errors.ts';

export interface Taken {
  /** Whether this process has the lease; else another one has it. */
  readonly isOurs: boolean;
  /** The entry of the key; undefined if it is absent. */
  readonly entry: Entry | undefined;
}

export class Leases {
  readonly #prefix: string;
  readonly #batcher: Batcher;
  readonly #read: ReadBack;

  constructor(prefix: string, batcher: Batcher, read: ReadBack) {
    this.#prefix = prefix;
    this.#batcher = batcher;
    this.#read = read;
  }

  /** Takes the lease if nobody has it, and reads the key, in one request. @throws the errors of a put. */
  async take(key: string, leaseMs: number): Promise<Taken> {
    const lease = putOp(this.#prefix + key, true, { version: 0, ttlMs: leaseMs });
    const get = getOp(key);
    const [isOurs, found] = await Promise.all([
      this.#isOurs(lease),
      this.#batcher.submit(get, null, undefined),
    ]);
    return { isOurs, entry: readGet(get, found) };
  }

  /** Sent in the turn of a put, it goes in the same commit. */
  async giveBack(key: string): Promise<void> {
    await this.#batcher.submit(deleteOp(this.#prefix + key), null, undefined);
  }

  async #isOurs(lease: WirePut): Promise<boolean> {
    try {
      const settled = await this.#batcher.submit(lease, null, undefined);
      await settlePut(lease, settled, this.#read);
      return true;
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
  }
}
