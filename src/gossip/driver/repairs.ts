/**
 * Repair as a conversation (rule 11): `repair.ts` decides its questions, its answers and the ops that are born again.
 *
 * Invariant: an answer counts once, and only while its question is open; and entries that came after the
 * repair began are none of its business.
 */
import { FollowedVector } from '../../rules/closings.ts';
import type { Hash } from '../../words/hash.ts';
import type { Note } from '../../words/note.ts';
import type { EntryHead } from '../../words/op.ts';
import { covers, type Vector } from '../../words/vector.ts';
import { type ComparedMessage, encodeMessage } from '../protocol/messages.ts';
import { bucketCount, differingBuckets, entriesToBearAgain } from '../protocol/repair.ts';
import type { ConnectionId } from '../transport.ts';
import { lookThrough, type Walk } from './mapWalk.ts';

export interface RepairsOptions extends Walk {
  readonly send: (connection: ConnectionId, text: string) => void;
  readonly note: Note;
}

/** The number of differing buckets settled in one go; the next comparison goes on with the others. */
const BUCKETS_A_REPAIR = 16;

/**
 * A repair is over when it took longer, in milliseconds: an answer got lost. Until then each further digest of the
 * peer shows the same difference again, and must not begin it anew.
 */
const REPAIR_MS = 10_000;

/** One repair with one peer. */
interface Repair {
  /** On a clock that is never set. */
  readonly begunMs: number;
  readonly asOf: number;
  readonly buckets: number;
  /** The vector of both nodes when it began. */
  readonly held: Vector;
  /** The open questions: number → bucket; null where all sums were asked for. */
  readonly open: Map<number, number | null>;
  /** Our entries of the buckets that differ. */
  readonly ours: Map<number, EntryHead[]>;
}

export class Repairs {
  /** The number of entries that were born again. */
  repaired = 0;
  readonly #options: RepairsOptions;
  readonly #repairs = new Map<ConnectionId, Repair>();
  #lastQuestion = 0;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Begins, unless a repair with the peer is under way. @param asOf the minute that both maps are compared as of. */
  start(connection: ConnectionId, asOf: number): void {
    const { replica, steadyMs } = this.#options;
    const earlier = this.#repairs.get(connection);
    const begunMs = steadyMs();
    if (earlier !== undefined && begunMs - earlier.begunMs < REPAIR_MS) return;
    const buckets = bucketCount(replica.map.size);
    const held = FollowedVector.ofAll(replica.vector, replica.closings);
    const repair: Repair = { begunMs, asOf, buckets, held, open: new Map(), ours: new Map() };
    this.#repairs.set(connection, repair);
    this.#ask(connection, repair, null);
  }

  /** The connection is gone: no answer will come. */
  drop(connection: ConnectionId): void {
    this.#repairs.delete(connection);
  }

  #ask(connection: ConnectionId, repair: Repair, bucket: number | null): void {
    const re = ++this.#lastQuestion;
    repair.open.set(re, bucket);
    const { asOf, buckets } = repair;
    this.#options.send(connection, encodeMessage({ type: 'compare', asOf, buckets, bucket, re }));
  }

  /** Takes the answer of a peer. */
  async answered(connection: ConnectionId, answer: ComparedMessage): Promise<void> {
    const repair = this.#repairs.get(connection);
    const re = repair && questionOf(repair, answer);
    if (repair === undefined || re === undefined) return;
    repair.open.delete(re);
    const isOver = (): boolean => this.#repairs.get(connection) !== repair;
    if (answer.bucket === null) await this.#lookInto(connection, repair, answer.sums, isOver);
    else await this.#settle(repair, answer, answer.bucket);
    if (repair.open.size === 0 && !isOver()) this.#repairs.delete(connection);
  }

  async #lookInto(
    connection: ConnectionId,
    repair: Repair,
    theirs: readonly Hash[],
    isOver: () => boolean,
  ): Promise<void> {
    const { asOf, buckets } = repair;
    const { sums } = await lookThrough(this.#options, { buckets, asOf, chosen: [] });
    const chosen = differingBuckets(sums, theirs).slice(0, BUCKETS_A_REPAIR);
    const { entries } = await lookThrough(this.#options, { buckets, asOf: null, chosen });
    for (const [bucket, ofBucket] of entries) repair.ours.set(bucket, ofBucket);
    if (isOver()) return;
    for (const bucket of chosen) this.#ask(connection, repair, bucket);
  }

  async #settle(repair: Repair, { entries }: ComparedMessage, bucket: number): Promise<void> {
    const { replica, note } = this.#options;
    const ours = (repair.ours.get(bucket) ?? []).filter((entry) => covers(repair.held, entry));
    repair.ours.delete(bucket);
    const again = entriesToBearAgain(ours, entries, repair.asOf);
    if (again.length === 0) return;
    this.repaired += again.length;
    note('warn', `a repair writes ${again.length} entries again that a peer had lost`, {
      event: 'repairs',
    });
    await replica.bearAgain(again);
  }
}

/** The number of the open question that this answers; nodes of protocol 1 repeat none. */
function questionOf({ open, asOf, buckets }: Repair, answer: ComparedMessage): number | undefined {
  if (answer.asOf !== asOf || answer.buckets !== buckets) return undefined;
  for (const [re, bucket] of open)
    if (bucket === answer.bucket && (answer.re === undefined || answer.re === re)) return re;
  return undefined;
}
