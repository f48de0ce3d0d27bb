/**
 * The log of the cluster as it grows, from whichever node is asked.
 *
 * Invariants: no row is told twice, and none is left out, also over a pause: a row is known by its op, and the place
 * is kept while nothing is read. At another node, whose positions are its own, the tail starts so far back that it meets the
 * last op of each origin that was told, and the ops that were told are left out.
 */
import type { Head } from '../../log/tools/logSource.ts';
import { headOf, parseLine } from '../../log/tools/rowLine.ts';
import { linesOf } from './lines.ts';
import { logOf } from './logReader.ts';
import { nodes } from './nodes.ts';

const RETRY_MS = 1000;
/** Rows that are looked through at another node for the place where the tail goes on; more if they are too few. */
const OVERLAP_ROWS = 5000;
const OVERLAP_GROWTH = 4;
const FIRST_ROWS = 100;

export class Tail {
  /** Origin → the last seq that was told. */
  readonly #told = new Map<string, number>();
  readonly #tell: (rows: readonly Head[]) => void;
  #base = '';
  #lsn = 0;
  /** How far back the reading began at this node; null where nothing lies before it, or nothing was told before. */
  #back: number | null = null;
  #reading: AbortController | null = null;

  constructor(tell: (rows: readonly Head[]) => void) {
    this.#tell = tell;
  }

  /** Goes on where it was. */
  start(): void {
    if (this.#reading !== null) return;
    this.#reading = new AbortController();
    void this.#read(this.#reading.signal);
  }

  /** Reads nothing until the next start, so that nothing waits in memory either. */
  pause(): void {
    this.#reading?.abort();
    this.#reading = null;
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const base = nodes.present.value;
        if (base !== this.#base) await this.#find(base, signal);
        const path = `/_log/rows?after=${this.#lsn}&values=false&follow=true`;
        for await (const line of linesOf(await nodes.stream(base, path, signal))) {
          if (line.startsWith('{"lsn":') && !this.#take(headOf(parseLine(line)))) {
            await this.#find(base, signal, (this.#back ?? OVERLAP_ROWS) * OVERLAP_GROWTH);
            break;
          }
          if (nodes.present.value !== base) break;
        }
      } catch {
        // The node is gone, or does not let us: another look tells which.
      }
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      await nodes.read('/livez').catch(() => {});
    }
  }

  /** Finds the place in the log of a node that was not read before. */
  async #find(base: string, signal: AbortSignal, back = OVERLAP_ROWS): Promise<void> {
    const { lastLsn } = await logOf(base, signal).facts();
    const isFirst = this.#base === '';
    this.#lsn = Math.max(0, lastLsn - (isFirst ? FIRST_ROWS : back));
    this.#back = isFirst || this.#lsn === 0 ? null : back;
    this.#base = base;
  }

  /** @returns false if ops between the last one that was told and this one lie further back. */
  #take(head: Head): boolean {
    const told = this.#told.get(head.origin);
    if (this.#back !== null && told !== undefined && head.seq > told + 1) return false;
    this.#lsn = head.lsn;
    if (head.seq <= (told ?? 0)) return true;
    this.#told.set(head.origin, head.seq);
    this.#tell([head]);
    return true;
  }
}
