/**
 * Answers to peers that compare maps (rule 11). A question costs its peer nothing, and the answer a walk through the
 * map.
 *
 * Invariant: this node walks through its map for a peer at most once a second, twice at first: a repair asks for
 * the sums of all buckets, and then for some buckets. One walk answers all questions of the peer that wait.
 */

import { type CompareMessage, encodeMessage } from '../protocol/messages.ts';
import { bucketCount } from '../protocol/repair.ts';
import type { ConnectionId } from '../transport.ts';
import { lookThrough, type Walk } from './mapWalk.ts';
import { MAX_QUESTIONS } from './turns.ts';

export interface ComparesOptions extends Walk {
  readonly send: (connection: ConnectionId, text: string) => void;
}

/** No settings: a repair needs two walks, and the next one begins seconds later. */
const WALKS_AT_FIRST = 2;
const WALK_INTERVAL_MS = 1000;

/**
 * The factor by which the sizes of the maps of two nodes with equal vectors may differ, because they
 * have collected different entries.
 */
const MAX_BUCKETS_RATIO = 4;
/** So many sums are encoded within a few milliseconds, so a small map is compared in as many buckets as a peer likes. */
const FREE_BUCKETS = 1024;

interface Asked {
  readonly question: CompareMessage;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

/** The questions that came over one connection. */
interface Line {
  readonly from: string;
  asked: Asked[];
  isWalking: boolean;
}

/** The walks that an origin may still have: they outlive its connections. */
interface Allowance {
  walks: number;
  atMs: number;
}

export class Compares {
  /** The number of questions that got no answer, because too many waited. */
  shed = 0;
  readonly #options: ComparesOptions;
  readonly #lines = new Map<ConnectionId, Line>();
  readonly #allowances = new Map<string, Allowance>();

  constructor(options: ComparesOptions) {
    this.#options = options;
  }

  /** @param from the origin of the peer. @returns settles once the question is answered, or gets no answer. */
  take(connection: ConnectionId, from: string, question: CompareMessage): Promise<void> {
    if (!this.#fits(question)) return Promise.resolve();
    const line = this.#lines.get(connection) ?? { from, asked: [], isWalking: false };
    this.#lines.set(connection, line);
    if (line.asked.length >= MAX_QUESTIONS) {
      this.shed++;
      return Promise.resolve();
    }
    return new Promise((settle, fail) => {
      line.asked.push({ question, settle, fail });
      this.#goOn(connection, line);
    });
  }

  /** Called a few times a second: questions that had to wait are answered. */
  tick(): void {
    for (const [connection, line] of this.#lines) this.#goOn(connection, line);
    for (const [origin, allowance] of this.#allowances)
      if (this.#refilled(allowance).walks === WALKS_AT_FIRST) this.#allowances.delete(origin);
  }

  /** The connection is gone, so nobody waits for the answers. */
  drop(connection: ConnectionId): void {
    for (const { settle } of this.#lines.get(connection)?.asked ?? []) settle();
    this.#lines.delete(connection);
  }

  /**
   * Whether somebody who holds the same ops may ask so. Fewer buckets hold more entries each than one message, and more
   * cost more than the walk.
   */
  #fits({ buckets }: CompareMessage): boolean {
    const own = bucketCount(this.#options.replica.map.size);
    return (
      buckets * MAX_BUCKETS_RATIO >= own &&
      buckets <= Math.max(FREE_BUCKETS, own * MAX_BUCKETS_RATIO)
    );
  }

  #goOn(connection: ConnectionId, line: Line): void {
    if (line.isWalking || line.asked.length === 0 || !this.#takesWalk(line.from)) return;
    line.isWalking = true;
    void this.#walk(connection, line).finally(() => {
      line.isWalking = false;
      this.#goOn(connection, line);
    });
  }

  #takesWalk(from: string): boolean {
    const fresh = { walks: WALKS_AT_FIRST, atMs: this.#options.steadyMs() };
    const allowance = this.#refilled(this.#allowances.get(from) ?? fresh);
    this.#allowances.set(from, allowance);
    if (allowance.walks < 1) return false;
    allowance.walks--;
    return true;
  }

  #refilled({ walks, atMs }: Allowance): Allowance {
    const nowMs = this.#options.steadyMs();
    const grown = walks + (nowMs - atMs) / WALK_INTERVAL_MS;
    return { walks: Math.min(WALKS_AT_FIRST, grown), atMs: nowMs };
  }

  async #walk(connection: ConnectionId, line: Line): Promise<void> {
    // The questions that came along are read first.
    await this.#options.pause();
    const [first] = line.asked;
    if (first === undefined) return;
    const { asOf, buckets } = first.question;
    const isAlike = ({ question }: Asked): boolean =>
      question.buckets === buckets && question.asOf === asOf;
    const asked = line.asked.filter(isAlike);
    line.asked = line.asked.filter((one) => !isAlike(one));
    try {
      await this.#answer(connection, line, asked, { asOf, buckets });
    } catch (error) {
      for (const { fail } of asked) fail(error);
    }
    for (const { settle } of asked) settle();
  }

  async #answer(
    connection: ConnectionId,
    line: Line,
    asked: readonly Asked[],
    { asOf, buckets }: Pick<CompareMessage, 'asOf' | 'buckets'>,
  ): Promise<void> {
    const wantsSums = asked.some(({ question }) => question.bucket === null);
    const chosen = asked.flatMap(({ question: { bucket } }) => (bucket === null ? [] : [bucket]));
    const sought = { buckets, asOf: wantsSums ? asOf : null, chosen };
    const { sums, entries } = await lookThrough(this.#options, sought);
    // Who asks for all sums again has forgotten its last question.
    const lastForSums = asked.findLast(({ question }) => question.bucket === null);
    for (const one of asked) {
      const { question } = one;
      if (question.bucket === null && one !== lastForSums) continue;
      if (this.#lines.get(connection) !== line) return;
      const { bucket, re } = question;
      const ofBucket = bucket === null ? [] : (entries.get(bucket) ?? []);
      const answer = { sums: bucket === null ? sums : [], entries: ofBucket };
      const compared = { type: 'compared', asOf, buckets, bucket, ...answer, re } as const;
      this.#options.send(connection, encodeMessage(compared));
      await this.#options.pause();
    }
  }
}
