/**
 * Passes on a note that comes again and again only once in a while: a node's own log grows on a disk
 * that may be full.
 */
import type { NoteFacts } from './note.ts';
import { MINUTE_MS } from './time.ts';

const INTERVAL_MS = 10 * MINUTE_MS;
/** The most texts remembered; beyond it, all are forgotten. */
const MAX_TEXTS = 100;

export class RareNotes {
  readonly #note: (text: string, facts: NoteFacts) => void;
  readonly #steadyMs: () => number;
  readonly #toldAt = new Map<string, number>();

  /** @param steadyMs a clock that is never set, in milliseconds. */
  constructor(note: (text: string, facts: NoteFacts) => void, steadyMs: () => number) {
    this.#note = note;
    this.#steadyMs = steadyMs;
  }

  tell(text: string, facts: NoteFacts): void {
    const nowMs = this.#steadyMs();
    const toldAt = this.#toldAt.get(text);
    if (toldAt !== undefined && nowMs - toldAt < INTERVAL_MS) return;
    if (this.#toldAt.size >= MAX_TEXTS) this.#toldAt.clear();
    this.#toldAt.set(text, nowMs);
    this.#note(text, facts);
  }
}
