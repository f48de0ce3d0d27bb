/**
 * Repair as a conversation (rule 11): `repair.ts` decides its questions, its answers and the ops that are born again.
 *
 * Invariant: an answer counts once, and only while its question is open; and entries that came after the
 * repair began are none of its business. The map is walked in slices, so that others have their turns.
 */
import type { Replica } from '../../replica/replica.ts';
import type { Hash } from '../../words/hash.ts';
import type { EntryHead, KeyOp } from '../../words/op.ts';
import { covers, type Vector } from '../../words/vector.ts';
import { type ComparedMessage, type CompareMessage, encodeMessage } from '../protocol/messages.ts';
import {
  addToBuckets,
  bucketCount,
  bucketOf,
  differingBuckets,
  emptyBuckets,
  entriesToBearAgain,
} from '../protocol/repair.ts';
import type { ConnectionId } from '../transport.ts';

export interface RepairsOptions {
  readonly replica: Replica;
  readonly send: (connection: ConnectionId, text: string) => void;
  /** Settles once other work that waits for the thread has had its turn. */
  readonly pause: () => Promise<void>;
  readonly note: (level: 'info' | 'warn', text: string) => void;
}

/** The number of differing buckets settled in one go; the next comparison goes on with the others. */
const BUCKETS_A_REPAIR = 16;

/**
 * The factor by which the sizes of the maps of two nodes with equal vectors may differ, because they
 * have collected different entries.
 */
const MAX_BUCKETS_RATIO = 4;

/** Entries looked at in one turn of the event loop. */
const SLICE = 20_000;

/** One repair with one peer. */
interface Repair {
  readonly asOf: number;
  readonly buckets: number;
  /** The vector of both nodes when it began. */
  readonly held: Vector;
  /** The open questions: number → bucket; null where all sums were asked for. */
  readonly open: Map<number, number | null>;
  /** Our entries of the buckets that differ. */
  readonly ours: Map<number, KeyOp[]>;
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

  /** An earlier repair with the peer is over. @param asOf the minute that both maps are compared as of. */
  start(connection: ConnectionId, asOf: number): void {
    const { replica } = this.#options;
    const buckets = bucketCount(replica.map.size);
    const held = new Map(replica.vector);
    const repair: Repair = { asOf, buckets, held, open: new Map(), ours: new Map() };
    this.#repairs.set(connection, repair);
    this.#ask(connection, repair, null);
  }

  async step(connection: ConnectionId, message: CompareMessage | ComparedMessage): Promise<void> {
    if (message.type === 'compare') await this.#reply(connection, message);
    else await this.#answered(connection, message);
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

  async #reply(connection: ConnectionId, asked: CompareMessage): Promise<void> {
    const { replica, send } = this.#options;
    const { asOf, buckets, bucket, re } = asked;
    // So few buckets hold more entries each than one message: nobody who holds the same ops asks so.
    if (buckets * MAX_BUCKETS_RATIO < bucketCount(replica.map.size)) return;
    const sums = bucket === null ? await this.#sums(asOf, buckets) : [];
    const entries = bucket === null ? [] : await this.#entriesOf(buckets, [bucket]);
    const ofBucket = bucket === null ? [] : (new Map(entries).get(bucket) ?? []);
    const type = 'compared';
    send(connection, encodeMessage({ type, asOf, buckets, bucket, sums, entries: ofBucket, re }));
  }

  async #answered(connection: ConnectionId, answer: ComparedMessage): Promise<void> {
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
    const differing = differingBuckets(await this.#sums(asOf, buckets), theirs);
    const chosen = differing.slice(0, BUCKETS_A_REPAIR);
    for (const [bucket, entries] of await this.#entriesOf(buckets, chosen))
      repair.ours.set(bucket, entries);
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
    note('warn', `a repair writes ${again.length} entries again that a peer had lost`);
    await replica.bearAgain(again);
  }

  async #sums(asOf: number, buckets: number): Promise<Hash[]> {
    const sums = emptyBuckets(buckets);
    await this.#walk((slice) => addToBuckets(sums, slice, asOf));
    return sums;
  }

  /** All entries of these buckets, dead ones included. */
  async #entriesOf(
    buckets: number,
    chosen: readonly number[],
  ): Promise<ReadonlyMap<number, KeyOp[]>> {
    const found = new Map(chosen.map((bucket) => [bucket, [] as KeyOp[]]));
    if (chosen.length === 0) return found;
    await this.#walk((slice) => {
      for (const { key } of slice) {
        const inBucket = found.get(bucketOf(key, buckets));
        const entry = inBucket && this.#options.replica.map.get(key);
        if (entry !== undefined) inBucket?.push(entry);
      }
    });
    return found;
  }

  /** Shows all entries, as they are when their turn comes. */
  async #walk(look: (slice: readonly EntryHead[]) => void): Promise<void> {
    const { replica, pause } = this.#options;
    let slice: EntryHead[] = [];
    for (const entry of replica.map.heads()) {
      slice.push(entry);
      if (slice.length < SLICE) continue;
      look(slice);
      slice = [];
      await pause();
    }
    look(slice);
  }
}

/** The number of the open question that this answers; nodes of protocol 1 repeat none. */
function questionOf({ open, asOf, buckets }: Repair, answer: ComparedMessage): number | undefined {
  if (answer.asOf !== asOf || answer.buckets !== buckets) return undefined;
  for (const [re, bucket] of open)
    if (bucket === answer.bucket && (answer.re === undefined || answer.re === re)) return re;
  return undefined;
}
