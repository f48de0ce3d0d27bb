/** The records of players as a node keeps them, in memory: the greater version wins, answers can get lost. */

import type { PlayerRecord } from '../../rules/progress.ts';
import { HearsayError } from '../../tables/cache.ts';
import type { ReadRecord, SaveOptions, SaveResult } from '../../tables/playerRecords.ts';
import type { PlayerStore } from '../../world/keptPlayer.ts';

interface StoredRecord {
  readonly record: PlayerRecord;
  readonly version: number;
}

export class RecordNode implements PlayerStore {
  readonly records: Map<string, StoredRecord>;
  /** Of a node far away: the records that have arrived there; null: all have. */
  far: Map<string, StoredRecord> | null = null;
  isAway = false;
  /** Decides about each answer of a save. */
  isAnswerLost: () => boolean = () => false;
  /** Nodes that hold a record if a save asks for more than one. */
  reachableNodes = 2;
  saves = 0;

  /** @param records of another node, whose writes this one sees once they have arrived. */
  constructor(records: Map<string, StoredRecord> | null = null) {
    this.records = records ?? new Map();
    if (records !== null) this.far = new Map();
  }

  async read(player: string, after: string | null = null): Promise<ReadRecord> {
    await this.#arrive();
    const found = (this.far === null || after !== null ? this.records : this.far).get(player);
    return { record: found?.record ?? null, version: found?.version ?? null };
  }

  async save(
    player: string,
    record: PlayerRecord,
    version: number,
    { acks = 1 }: SaveOptions = {},
  ): Promise<SaveResult> {
    await this.#arrive();
    this.saves += 1;
    const present = this.records.get(player);
    if (present !== undefined && present.version >= version)
      return { type: 'conflict', currentVersion: present.version };
    this.records.set(player, { record, version });
    this.far?.set(player, { record, version });
    if (this.isAnswerLost()) throw new HearsayError('The answer got lost.');
    return { type: 'stored', token: `after-${version}`, acks: Math.min(acks, this.reachableNodes) };
  }

  async #arrive(): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new HearsayError('No node answers.');
  }
}
