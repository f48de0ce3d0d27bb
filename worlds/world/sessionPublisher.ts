/**
 * Tells the cache about an instance each two seconds and at each change, five times a second at most. It never waits for
 * the cache: a write that is under way when the next is due makes that one come after it.
 */
import { outsideOfSpans } from '../process/spans.ts';
import type { WriteResult } from '../tables/instanceTables.ts';

export interface Publication {
  /** Writes the present state. @throws HearsayError if no node answers. */
  readonly write: () => Promise<WriteResult>;
  readonly everyMs: number;
  /** The least time between two writes. */
  readonly atLeastMs: number;
}

export interface PublisherEvents {
  /** A process of a later epoch writes there: this one has to end. */
  readonly onSuperseded: () => void;
  readonly onFailure: (error: unknown) => void;
}

export const SESSION_PACE = { everyMs: 2000, atLeastMs: 200 };

export class Publisher implements Disposable {
  readonly #publication: Publication;
  readonly #events: PublisherEvents;
  #timer: NodeJS.Timeout | undefined;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #settled: Promise<void> = Promise.resolve();
  #isChanged = false;
  #isOver = false;

  constructor(publication: Publication, events: PublisherEvents) {
    this.#publication = publication;
    this.#events = events;
    this.#isChanged = true;
    this.#schedule();
  }

  /** Something that is published has changed. */
  change(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    this.#schedule();
  }

  /**
   * Resolves when the write that is under way has ended, well or not. Once disposed of, a publisher writes nothing after
   * it, so what is taken away then stays away.
   */
  get settled(): Promise<void> {
    return this.#settled;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isOver || this.#isWriting) return;
    clearTimeout(this.#timer);
    const { everyMs, atLeastMs } = this.#publication;
    const dueAtMs = this.#lastAtMs + (this.#isChanged ? atLeastMs : everyMs);
    const delayMs = Math.max(0, Math.min(everyMs, dueAtMs - performance.now()));
    // A change may come from a request; the writes after it do not belong to that.
    this.#timer = outsideOfSpans(() =>
      setTimeout(() => {
        this.#settled = this.#write();
      }, delayMs),
    );
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    this.#isChanged = false;
    this.#lastAtMs = performance.now();
    try {
      const result = await this.#publication.write();
      if (result === 'superseded' && !this.#isOver) {
        this.#isOver = true;
        this.#events.onSuperseded();
      }
    } catch (error) {
      this.#events.onFailure(error);
    } finally {
      this.#isWriting = false;
      this.#schedule();
    }
  }
}
