/**
 * Notes that would come again and again are told once in a while: a node's own log grows on the disk
 * that is full.
 */
import { MINUTE_MS } from './time.ts';

const INTERVAL_MS = 10 * MINUTE_MS;
/** Texts remembered; beyond it, all are forgotten. */
const MAX_TEXTS = 100;

export class RareNotes {
  readonly #note: (text: string) => void;
  readonly #steadyMs: () => number;
  readonly #toldAt = new Map<string, number>();

  /** @param steadyMs by a clock that is never set. */
  constructor(note: (text: string) => void, steadyMs: () => number) {
    this.#note = note;
    this.#steadyMs = steadyMs;
  }

  tell(text: string): void {
    const nowMs = this.#steadyMs();
    const toldAt = this.#toldAt.get(text);
    if (toldAt !== undefined && nowMs - toldAt < INTERVAL_MS) return;
    if (this.#toldAt.size >= MAX_TEXTS) this.#toldAt.clear();
    this.#toldAt.set(text, nowMs);
    this.#note(text);
  }
}
