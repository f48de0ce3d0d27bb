/**
 * Writes checkpoints of a replica in the background (rule 6). A checkpoint is captured between two commits
 * and written frame by frame, so that no commit waits for it; `src/rules/checkpoint.ts` says when one is
 * believed.
 */
import type { Checkpoints } from '../log/checkpoints.ts';
import type { CheckpointFacts } from '../rules/checkpointFacts.ts';
import { factsFrames } from '../rules/checkpointFacts.ts';
import { HearsayError } from '../words/errors.ts';
import type { Note } from '../words/note.ts';
import { KIB } from '../words/size.ts';
import type { Replica } from './replica.ts';

export interface CheckpointerOptions {
  readonly replica: Replica;
  readonly checkpoints: Checkpoints;
  /** The map sum of a checkpoint leaves out entries that expire within this time. */
  readonly aheadMs: number;
  /** Resolves in a later turn of the event loop. */
  readonly pause: () => Promise<void>;
  /** Milliseconds that go on evenly. */
  readonly steadyMs: () => number;
  readonly note: Note;
}

/** The last checkpoint that was written since the start. */
export interface Written {
  readonly lsn: number;
  readonly bytes: number;
  readonly atMs: number;
  /** The time from the capture until it was in its place. */
  readonly tookMs: number;
}

/** After so many bytes, others have a turn of the event loop. */
export const TURN_BYTES = 256 * KIB;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #underWay: Promise<void> | null = null;
  #last: Written | null = null;
  /** The checkpoint that a restart would find: none is due before something is committed. */
  #covered: Pick<CheckpointFacts, 'lsn' | 'origin'> | null = null;
  #failures = 0;
  #isEnding = false;
  #isGivenUp = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    const { restoredLsn, origin } = options.replica;
    if (restoredLsn !== null) this.#covered = { lsn: restoredLsn, origin };
  }

  /** The last checkpoint that was written; null if none was since the start. */
  get last(): Written | null {
    return this.#last;
  }

  /** The lsn of the checkpoint that a restart would find; 0 if there is none. */
  get coveredLsn(): number {
    const { replica } = this.#options;
    return this.#covered?.origin === replica.origin ? this.#covered.lsn : 0;
  }

  /** Checkpoints that could not be written since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Writes a checkpoint, unless the last one is of the same lsn, or one is being written. */
  run(): Promise<void> {
    this.#underWay ??= this.#run(Number.POSITIVE_INFINITY).finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  /**
   * Writes the last checkpoint before a stop, once nothing is committed any more. One that would take longer
   * is given up, and the one before stays.
   *
   * @param limitMs the longest time.
   */
  async end(limitMs: number): Promise<void> {
    if (this.#isGivenUp) return;
    const untilMs = this.#options.steadyMs() + limitMs;
    this.#isEnding = true;
    await this.#underWay;
    this.#isEnding = false;
    await this.#run(untilMs);
    this.#isEnding = true;
  }

  /** The log is damaged, and the next start is to find that too: no checkpoint is written any more, or left. */
  async giveUp(): Promise<void> {
    this.#isEnding = true;
    this.#isGivenUp = true;
    await this.#underWay;
    await this.#options.checkpoints.remove();
  }

  async #run(untilMs: number): Promise<void> {
    const { replica, note } = this.#options;
    const { lastLsn, header } = replica;
    // Without a checkpoint it is 0, as the last lsn of an empty log is.
    const isCovered = this.coveredLsn === lastLsn;
    const isPart = header.facts.snapshot === 'underWay';
    if (isCovered || isPart || this.#isEnding) return;
    try {
      await this.#write(untilMs);
    } catch (error) {
      this.#failures++;
      const why = error instanceof Error ? error.message : String(error);
      note('warn', `No checkpoint was written, so the next start takes longer: ${why}`, {
        event: 'checkpoint-failed',
      });
      if (!(error instanceof HearsayError) && !isOfDisk(error)) throw error;
    }
  }

  async #write(untilMs: number): Promise<void> {
    const { replica, checkpoints, aheadMs, steadyMs } = this.#options;
    const { log } = replica;
    const startedMs = steadyMs();
    const { facts, entries } = replica.capture(aheadMs);
    // The entries of another log are not those of this checkpoint's.
    const isOver = (): boolean => this.#isEnding || replica.log !== log || steadyMs() > untilMs;
    try {
      const frames = this.#frames(facts, entries.frames, isOver);
      const bytes = await checkpoints.write(frames, () => !isOver());
      if (bytes === null) return;
      const atMs = replica.nowMs();
      this.#last = { lsn: facts.lsn, bytes, atMs, tookMs: steadyMs() - startedMs };
      this.#covered = facts;
    } finally {
      entries.end();
    }
  }

  async *#frames(
    facts: CheckpointFacts,
    entries: Iterator<Uint8Array, void, undefined>,
    isOver: () => boolean,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let bytes = 0;
    for (const frame of inTurn(factsFrames(facts), entries)) {
      if (isOver()) return;
      yield frame;
      bytes += frame.length;
      if (bytes < TURN_BYTES) continue;
      bytes = 0;
      await this.#options.pause();
    }
  }
}

function* inTurn(
  first: Iterable<Uint8Array>,
  second: Iterator<Uint8Array, void, undefined>,
): Generator<Uint8Array, void, undefined> {
  yield* first;
  for (let next = second.next(); next.done !== true; next = second.next()) yield next.value;
}

/** An error of the file system: its next checkpoint may succeed. */
const isOfDisk = (error: unknown): boolean => error instanceof Error && 'code' in error;
