/**
 * Whether clients may read and write here, and if not, the reason. Each replica has one such object:
 * the gate of the driver changes it, and the replica and the routes ask it. Whatever the gate says,
 * nobody writes into a log that a restart would not find.
 */
import { NotReadableError, NotWritableError } from '../words/errors.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';

const LOG_IS_LOST = 'its database was removed or replaced while it runs';

export class Readiness {
  #whyUnreadable: string | null = null;
  #whyUnwritable: string | null = null;
  #isLogLost = false;

  /** A reason in words that follow "since", or null if clients may read. */
  get whyUnreadable(): string | null {
    return this.#whyUnreadable;
  }

  /** As `whyUnreadable`, for writes. */
  get whyUnwritable(): string | null {
    return this.#isLogLost ? LOG_IS_LOST : this.#whyUnwritable;
  }

  /** Whether the files of the log were removed or replaced while it is open. */
  get isLogLost(): boolean {
    return this.#isLogLost;
  }

  set isLogLost(isLost: boolean) {
    this.#isLogLost = isLost;
  }

  get isReadable(): boolean {
    return this.#whyUnreadable === null;
  }

  get isWritable(): boolean {
    return this.whyUnwritable === null;
  }

  refuseReads(why: string): void {
    this.#whyUnreadable = why;
  }

  refuseWrites(why: string): void {
    this.#whyUnwritable = why;
  }

  allowReads(): void {
    this.#whyUnreadable = null;
  }

  allowWrites(): void {
    this.#whyUnwritable = null;
  }

  /** @throws NotReadableError while this node does not know the entries of its cluster. */
  requireReadable(): void {
    if (this.#whyUnreadable !== null)
      throw new NotReadableError(this.#whyUnreadable, RETRY_AFTER_MS);
  }

  /** The error for a client that writes; null if clients may write. */
  writeRefusal(): NotWritableError | null {
    const why = this.whyUnwritable;
    return why === null ? null : new NotWritableError(why, RETRY_AFTER_MS);
  }
}
