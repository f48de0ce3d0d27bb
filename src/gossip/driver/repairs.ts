/**
 * Repair as a conversation (rule 11). `repair.ts` decides its questions, its answers and the ops that
 * are born again.
 */
import type { Replica } from '../../replica/replica.ts';
import { type ComparedMessage, type CompareMessage, encodeMessage } from '../protocol/messages.ts';
import {
  bucketCount,
  bucketSums,
  differingBuckets,
  entriesOf,
  entriesToBearAgain,
} from '../protocol/repair.ts';
import type { ConnectionId } from '../transport.ts';

export interface RepairsOptions {
  readonly replica: Replica;
  readonly send: (connection: ConnectionId, text: string) => void;
  readonly note: (level: 'info' | 'warn', text: string) => void;
}

/** The number of differing buckets settled in one go; the next comparison goes on with the others. */
const BUCKETS_A_REPAIR = 16;

/**
 * The factor by which the sizes of the maps of two nodes with equal vectors may differ, because they
 * have collected different entries.
 */
const MAX_BUCKETS_RATIO = 4;

export class Repairs {
  /** The number of entries that were born again. */
  repaired = 0;
  readonly #options: RepairsOptions;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** @param asOf the minute as of which both maps are compared. */
  start(connection: ConnectionId, asOf: number): void {
    const { replica, send } = this.#options;
    const buckets = bucketCount(replica.map.size);
    send(connection, encodeMessage({ type: 'compare', asOf, buckets, bucket: null }));
  }

  async step(connection: ConnectionId, message: CompareMessage | ComparedMessage): Promise<void> {
    if (message.type === 'compare') this.#reply(connection, message);
    else if (message.bucket === null) this.#lookInto(connection, message);
    else await this.#settle(message, message.bucket);
  }

  #reply(connection: ConnectionId, { asOf, buckets, bucket }: CompareMessage): void {
    const { replica, send } = this.#options;
    const { map } = replica;
    // A bucket of so few holds more entries than one message can: no peer with the same ops asks for
    // it.
    if (buckets * MAX_BUCKETS_RATIO < bucketCount(map.size)) return;
    const sums = bucket === null ? bucketSums(map.entries(), asOf, buckets) : [];
    const entries = bucket === null ? [] : entriesOf(map.entries(), buckets, bucket);
    send(connection, encodeMessage({ type: 'compared', asOf, buckets, bucket, sums, entries }));
  }

  #lookInto(connection: ConnectionId, { asOf, buckets, sums }: ComparedMessage): void {
    const { replica, send } = this.#options;
    const ours = bucketSums(replica.map.entries(), asOf, buckets);
    for (const bucket of differingBuckets(ours, sums).slice(0, BUCKETS_A_REPAIR))
      send(connection, encodeMessage({ type: 'compare', asOf, buckets, bucket }));
  }

  async #settle({ asOf, buckets, entries }: ComparedMessage, bucket: number): Promise<void> {
    const { replica, note } = this.#options;
    const ours = entriesOf(replica.map.entries(), buckets, bucket);
    const again = entriesToBearAgain(ours, entries, asOf);
    if (again.length === 0) return;
    this.repaired += again.length;
    note('warn', `a repair writes ${again.length} entries again that a peer had lost`);
    await replica.bearAgain(again);
  }
}
