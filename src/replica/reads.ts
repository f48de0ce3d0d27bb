/**
 * Reads of clients: from memory at once, and from the log if the value is cold.
 *
 * Invariants: a value that comes from memory is given without a wait; an entry that is read from the log is
 * one that the key had while the request waited; at most `maxColdReads` requests wait for the log.
 */
import type { EntryStore, ListLimit, ListPage } from '../store/entryStore.ts';
import type { LevelOf, LevelPage } from '../store/level.ts';
import { DamagedLogError, type HearsayError, OverloadedError } from '../words/errors.ts';
import type { Limits } from '../words/limits.ts';
import { type ColdPut, type Put, type PutHead, sameOp } from '../words/op.ts';
import {
  type BatchOutcome,
  type DecidedBatchOutcome,
  type DecidedOutcome,
  found,
  isCold,
  LEFT_OUT,
  type Outcome,
  takenBytes,
} from '../words/requests.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';
import type { ColdRows } from './coldRows.ts';
import type { Readiness } from './readiness.ts';

/** Bytes that a value which comes back into memory makes compaction look at, for each of its own. */
const COMPACTED_A_BYTE = 4;
/** An entry counts for so many bytes more. */
const ENTRY_COST_BYTES = 320;

export interface ReadsOptions {
  readonly map: EntryStore;
  readonly rows: ColdRows;
  readonly readiness: Readiness;
  /** UTC milliseconds. */
  readonly clock: () => number;
  readonly limits: Pick<Limits, 'maxColdReads'>;
  /** The log's name in errors. */
  readonly place: string;
  /** Grows whenever another log takes the place of the present one. */
  readonly life: () => unknown;
  /** The log is damaged: the node must stop. */
  readonly failed: (error: HearsayError) => void;
}

export class Reads {
  /** Values that clients got from memory. */
  hits = 0;
  /** Requests that wait for values from the log. */
  waiting = 0;
  /** Requests that were refused because too many waited. */
  refused = 0;
  readonly #options: ReadsOptions;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Reads the map as of the last commit; the value may be cold. @throws NotReadableError */
  present(key: string): DecidedOutcome {
    const { map, readiness, clock } = this.#options;
    readiness.requireReadable();
    const entry = map.live(key, clock());
    if (entry === undefined) return this.#absent(key);
    if (isWarm(entry)) this.hits++;
    return found(entry);
  }

  /**
   * Reads the map as of the last commit. @throws NotReadableError while clients may not read,
   * OverloadedError if too many requests wait for the log; the promise rejects with these, and with the
   * errors of reading the log.
   */
  get(key: string): Outcome | Promise<Outcome> {
    const outcome = this.present(key);
    if (isCold(outcome)) return this.#waitFor(() => this.#whole(outcome.entry, true));
    return outcome;
  }

  /** As `get` for each key, as one request. @param maxBytes of keys, values and metas, after which keys are left out. */
  getMany(
    keys: readonly string[],
    maxBytes: number,
  ): readonly BatchOutcome[] | Promise<BatchOutcome[]> {
    this.#options.map.foresee(keys);
    let bytes = 0;
    const outcomes = keys.map((key) => {
      const outcome = bytes < maxBytes ? this.present(key) : LEFT_OUT;
      bytes += takenBytes(outcome);
      return outcome;
    });
    return areWhole(outcomes) ? outcomes : this.#waitFor(() => this.#wholeOutcomes(outcomes, true));
  }

  /**
   * The entries of the keys as they are together at one moment; undefined where a key is absent.
   *
   * @param maxBytes of keys, values and metas. @returns null if the entries are longer together.
   * @throws the errors of `get`.
   */
  async atOneMoment(
    keys: readonly string[],
    maxBytes: number,
  ): Promise<(Put | undefined)[] | null> {
    for (;;) {
      const present: DecidedOutcome[] = [];
      let bytes = 0;
      for (const key of keys) {
        const outcome = this.present(key);
        bytes += takenBytes(outcome);
        if (bytes > maxBytes) return null;
        present.push(outcome);
      }
      const whole: readonly Outcome[] = areWhole(present)
        ? present
        : await this.#waitFor(() => this.#wholeOutcomes(present, true));
      // A row that was compacted away meanwhile was read as the later entry of its key.
      const isOfMoment = present.every((outcome, index) => isSameEntry(outcome, whole[index]));
      if (isOfMoment)
        return whole.map((outcome) => (outcome.kind === 'found' ? outcome.entry : undefined));
    }
  }

  /**
   * The outcomes with their values, once they are read from the log. Writes have been carried out, so no
   * bound refuses this.
   */
  whole(outcomes: readonly DecidedOutcome[]): readonly Outcome[] | Promise<Outcome[]>;
  whole(
    outcomes: readonly DecidedBatchOutcome[],
  ): readonly BatchOutcome[] | Promise<BatchOutcome[]>;
  whole(
    outcomes: readonly DecidedBatchOutcome[],
  ): readonly BatchOutcome[] | Promise<BatchOutcome[]> {
    return areWhole(outcomes) ? outcomes : this.#wholeOutcomes(outcomes, true);
  }

  /** As `get` for a page. Values that it reads from the log do not come back into memory. */
  list(
    prefix: string,
    after: string | null,
    limit: ListLimit,
  ): ListPage<Put> | Promise<ListPage<Put>> {
    const { entries, next } = this.presentList(prefix, after, limit);
    if (entries.every(isWarm)) return { entries, next };
    return this.#waitFor(async () => ({ entries: await this.wholePuts(entries), next }));
  }

  /** As `list`; values may be cold. @throws NotReadableError */
  presentList(prefix: string, after: string | null, limit: ListLimit): ListPage {
    const { map, readiness, clock } = this.#options;
    readiness.requireReadable();
    return map.list(prefix, after, limit, clock());
  }

  /** @throws NotReadableError while clients may not read. */
  listHeads(prefix: string, after: string | null, limit: number): ListPage<PutHead> {
    const { map, readiness, clock } = this.#options;
    readiness.requireReadable();
    return map.listHeads(prefix, after, limit, clock());
  }

  /** @throws NotReadableError while clients may not read. */
  listLevel(level: LevelOf, limit: number): LevelPage {
    const { map, readiness, clock } = this.#options;
    readiness.requireReadable();
    return map.listLevel(level, limit, clock());
  }

  /** The puts with their values; without those of keys that have died meanwhile. */
  async wholePuts(entries: readonly (Put | ColdPut)[]): Promise<Put[]> {
    const outcomes = await this.#wholeOutcomes(entries.map(found), false);
    return outcomes.flatMap((outcome) => (outcome.kind === 'found' ? [outcome.entry] : []));
  }

  #absent(key: string): Outcome {
    return { kind: 'absent', expired: this.#options.map.head(key)?.kind === 'put' };
  }

  /** @throws OverloadedError */
  async #waitFor<T>(read: () => Promise<T>): Promise<T> {
    if (this.waiting >= this.#options.limits.maxColdReads) {
      this.refused++;
      throw new OverloadedError(RETRY_AFTER_MS, 'requests that wait for the disk');
    }
    this.waiting++;
    try {
      return await read();
    } finally {
      this.waiting--;
    }
  }

  #wholeOutcomes(outcomes: readonly DecidedOutcome[], staysWarm: boolean): Promise<Outcome[]>;
  #wholeOutcomes(
    outcomes: readonly DecidedBatchOutcome[],
    staysWarm: boolean,
  ): Promise<BatchOutcome[]>;
  #wholeOutcomes(
    outcomes: readonly DecidedBatchOutcome[],
    staysWarm: boolean,
  ): Promise<BatchOutcome[]> {
    return Promise.all(
      outcomes.map((outcome) =>
        isCold(outcome) ? this.#whole(outcome.entry, staysWarm) : outcome,
      ),
    );
  }

  /** Reads the row of the entry. If that has gone, the key has another entry now, or none. */
  async #whole(cold: ColdPut, staysWarm: boolean): Promise<Outcome> {
    const { map, rows, readiness, clock, life } = this.#options;
    let entry = cold;
    for (;;) {
      const before = life();
      const op = await rows.read(entry);
      if (op?.kind === 'put' && sameOp(op, entry)) {
        if (staysWarm) this.#warm(op, entry);
        return { kind: 'found', entry: op };
      }
      readiness.requireReadable();
      const present = map.live(entry.key, clock());
      if (present === undefined) return this.#absent(entry.key);
      if (isWarm(present)) return { kind: 'found', entry: present };
      if (present.lsn === entry.lsn && before === life()) throw this.#damage(entry);
      entry = present;
    }
  }

  #warm(put: Put, { textBytes }: ColdPut): void {
    const { map } = this.#options;
    map.warm(put);
    map.compactSlice(COMPACTED_A_BYTE * (textBytes + ENTRY_COST_BYTES));
  }

  #damage({ lsn }: ColdPut): DamagedLogError {
    const { place, failed } = this.#options;
    const error = new DamagedLogError(place, 'the row of an entry is gone, or another', lsn);
    failed(error);
    return error;
  }
}

const isWarm = (entry: Put | ColdPut): entry is Put => entry.value !== undefined;

const isSameEntry = (present: DecidedOutcome, whole: Outcome | undefined): boolean =>
  present.kind !== 'found' || (whole?.kind === 'found' && sameOp(present.entry, whole.entry));

function areWhole(outcomes: readonly DecidedOutcome[]): outcomes is readonly Outcome[];
function areWhole(outcomes: readonly DecidedBatchOutcome[]): outcomes is readonly BatchOutcome[];
function areWhole(outcomes: readonly DecidedBatchOutcome[]): outcomes is readonly BatchOutcome[] {
  return !outcomes.some(isCold);
}
