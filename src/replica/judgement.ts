/**
 * Rule 12: a log judges ops that another log held and lost. It gives its own ops on keys, so far as the
 * other log lacked them, page by page, and says whether it may have forgotten any. A snapshot does not
 * bring collected ops, so a node that got one asks its peers.
 */
import { compareOps, isOnKey, type Ranked } from '../words/op.ts';
import { includes, seqOf, type Vector } from '../words/vector.ts';
import type { Replica } from './replica.ts';

/** An op on a key without its value. */
export interface JudgedOp extends Ranked {
  readonly key: string;
}

export interface JudgedPage {
  /** In order of arrival. */
  readonly ops: readonly JudgedOp[];
  /** The lsn that the next page starts after; null at the end of the log. */
  readonly next: number | null;
  /** Whether no op that the other log lacked was compacted away here. */
  readonly isComplete: boolean;
  /**
   * Rows that were compacted away here had died before this moment, UTC milliseconds; null if none
   * were.
   */
  readonly cutAtMs: number | null;
}

/** An HLC counts milliseconds × 1000. */
const HLC_STEPS_A_MS = 1000;
const PAGE = { maxRows: 1024, maxBytes: 1024 * 1024 };

/**
 * @param held for the judged log: origin → seq up to which it held the same ops.
 * @param after an lsn; 0 starts at the beginning.
 */
export async function judgedPage(
  replica: Pick<Replica, 'log' | 'wholeReach' | 'header'>,
  held: Vector,
  after: number,
): Promise<JudgedPage> {
  const rows = await replica.log.rowsAfter(after, PAGE);
  const ops: JudgedOp[] = [];
  for (const { op } of rows) {
    if (!isOnKey(op) || op.seq <= seqOf(held, op.origin)) continue;
    const { key, kind, generation, version, hlc, origin, seq } = op;
    ops.push({ key, kind, generation, version, hlc, origin, seq });
  }
  // Asked after the rows were read, so that a row removed meanwhile counts as gone.
  const { cutAtMs } = replica.header.facts;
  const isComplete = includes(held, replica.wholeReach());
  return { ops, next: rows.at(-1)?.lsn ?? null, isComplete, cutAtMs };
}

/** Asks one log for a page: this node's own or a peer's. @returns null if no answer comes. */
export type AskJudge = (held: Vector, after: number) => Promise<JudgedPage | null>;

/** Judgements of some keys by the logs that were asked. */
export class Judgement {
  readonly #keys: ReadonlySet<string>;
  readonly #greatest = new Map<string, Ranked>();
  readonly #deletedAt = new Map<string, number>();
  #isComplete = false;
  /** The earliest cut of the logs that have answered. */
  #cutAtMs = Number.POSITIVE_INFINITY;

  constructor(keys: Iterable<string>) {
    this.#keys = new Set(keys);
  }

  /** Whether a log that has answered has forgotten no op that the other log lacked. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * @param skewMs the greatest difference between clocks, in milliseconds. @returns whether the op is
   *   younger than every forgotten op.
   */
  isRecent({ hlc }: Ranked, skewMs: number): boolean {
    return hlc > (this.#cutAtMs + skewMs) * HLC_STEPS_A_MS;
  }

  /** The greatest op of the key, of those that the other log lacked. */
  laterOf(key: string): Ranked | undefined {
    return this.#greatest.get(key);
  }

  /** The HLC of the last delete of the key, of those that the other log lacked; 0 if there is none. */
  deletedAt(key: string): number {
    return this.#deletedAt.get(key) ?? 0;
  }

  /** @returns whether the log answered to its end. */
  async hear(ask: AskJudge, held: Vector): Promise<boolean> {
    let after: number | null = 0;
    let last: JudgedPage | null = null;
    while (after !== null) {
      const page: JudgedPage | null = await ask(held, after);
      if (page === null) return false;
      for (const op of page.ops) this.#add(op);
      after = page.next;
      last = page;
    }
    this.#isComplete ||= last?.isComplete ?? false;
    this.#cutAtMs = Math.min(this.#cutAtMs, last?.cutAtMs ?? Number.POSITIVE_INFINITY);
    return true;
  }

  #add(op: JudgedOp): void {
    const { key, kind, hlc } = op;
    if (!this.#keys.has(key)) return;
    const greatest = this.#greatest.get(key);
    if (greatest === undefined || compareOps(op, greatest) > 0) this.#greatest.set(key, op);
    if (kind === 'delete') this.#deletedAt.set(key, Math.max(hlc, this.deletedAt(key)));
  }
}
