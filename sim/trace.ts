/** The trace of a run: the last lines for a person, and a digest of all for telling runs apart. */
import { createHash, type Hash } from 'node:crypto';

const KEPT_LINES = 400;
/** Lines are hashed many at a time: each crossing into the hash costs as much as a line. */
const HASHED_AT_ONCE = 128;

export class Trace {
  readonly #hash: Hash = createHash('sha256');
  #unhashed: string[] = [];
  #kept: string[] = [];

  add(atMs: number, node: string, what: string): void {
    const line = `${(atMs / 1000).toFixed(3).padStart(8)} ${node.padEnd(3)} ${what}`;
    this.#kept.push(line);
    if (this.#kept.length >= 2 * KEPT_LINES) this.#kept = this.#kept.slice(-KEPT_LINES);
    this.detail(line);
  }

  /** Counts in the digest without being shown: the bytes of a message. */
  detail(text: string): void {
    this.#unhashed.push(text);
    if (this.#unhashed.length >= HASHED_AT_ONCE) this.#flush();
  }

  lastLines(count: number): readonly string[] {
    return count === 0 ? [] : this.#kept.slice(-Math.min(count, KEPT_LINES));
  }

  /** Ends the trace: the same for two runs in which the same things happened. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  #flush(): void {
    this.#hash.update(this.#unhashed.join('\n'));
    this.#unhashed = [];
  }
}
