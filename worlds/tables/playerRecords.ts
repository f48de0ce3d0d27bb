/** The records of players: written by the world that holds the seat, fenced by the version. */
import type { PlayerRecord } from '../rules/progress.ts';
import { type Cache, ConflictError, type Entry } from './cache.ts';
import { keyOf } from './keys.ts';
import { playerRecordSchema } from './schemas.ts';

export interface ReadRecord {
  /** Null: there is none, or it does not parse. */
  readonly record: PlayerRecord | null;
  /** Null: there is none. */
  readonly version: number | null;
}

export type SaveResult =
  | {
      readonly type: 'stored';
      /** Stands for the write: a read `after` it sees the record on any node. */
      readonly token: string | null;
      /** Nodes that hold the record, as far as was waited for. */
      readonly acks: number;
    }
  | { readonly type: 'conflict'; readonly currentVersion: number };

export interface SaveOptions {
  /** Nodes that are to hold the record before the answer. */
  readonly acks?: number;
  /** The longest wait for them, in milliseconds. */
  readonly acksTimeoutMs?: number;
}

/** The longest wait for the save of another world, in milliseconds. */
const AFTER_LIMIT_MS = 2000;

export class PlayerRecords {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /**
   * @param after token of a save that the answer is to see. It is waited for at most two seconds: then the
   *   record counts as it is.
   * @throws HearsayError if no node answers.
   */
  async read(player: string, after: string | null = null): Promise<ReadRecord> {
    const entry = await this.#get(keyOf('player', player), after);
    if (entry === undefined) return { record: null, version: null };
    const parsed = this.#cache.malformed.parse('player', playerRecordSchema, () => entry.value);
    return { record: parsed, version: entry.version };
  }

  /** @throws HearsayError if no node answers; then the record may be stored. */
  async save(
    player: string,
    record: PlayerRecord,
    version: number,
    { acks = 1, acksTimeoutMs = 2000 }: SaveOptions = {},
  ): Promise<SaveResult> {
    try {
      const stored = await this.#cache.writer.put(
        keyOf('player', player),
        { v: 1, ...record },
        { version, ...(acks > 1 && { acks, acksTimeoutMs }) },
      );
      return { type: 'stored', token: stored.token, acks: stored.acks ?? 1 };
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      return { type: 'conflict', currentVersion: error.currentVersion };
    }
  }

  async #get(key: string, after: string | null): Promise<Entry | undefined> {
    const { reader } = this.#cache;
    if (after === null) return reader.get(key);
    const signal = AbortSignal.timeout(AFTER_LIMIT_MS);
    return reader.get(key, { after, signal }).catch(() => reader.get(key));
  }

  /** Of an erased player. */
  async remove(player: string): Promise<void> {
    await this.#cache.writer.delete(keyOf('player', player));
  }
}
