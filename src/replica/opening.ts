/**
 * Opens a checkpoint (rule 6): restores the map from it, if it is believed. Whatever speaks against a
 * checkpoint is told, and the log is replayed from the start.
 */
import {
  type Checkpoints,
  DamagedCheckpointError,
  type StoredCheckpoint,
} from '../log/checkpoints.ts';
import type { OpenedLog } from '../rules/checkpoint.ts';
import { whyNotBelieved } from '../rules/checkpoint.ts';
import {
  type CheckpointFacts,
  ForeignCheckpointError,
  readFacts,
} from '../rules/checkpointFacts.ts';
import type { EntryStore } from '../store/entryStore.ts';
import { ForeignImageError } from '../store/storeImage.ts';
import type { Note } from '../words/note.ts';

/** How a replica is opened on its own log. */
export interface Opening {
  /** The checkpoint of the log; null if none is kept. */
  readonly checkpoints: Checkpoints | null;
  readonly note: Note;
  /** Called again and again while the log is read. @param lsn that of the last row that was read. */
  readonly onProgress: (lsn: number, lastLsn: number) => void;
}

/** Without a checkpoint, and in silence. */
export const FROM_ROWS: Opening = { checkpoints: null, note: () => {}, onProgress: () => {} };

/**
 * Restores the map from the checkpoint of the log.
 *
 * @param map an empty store; it is empty again if the checkpoint is not believed.
 * @returns null if there is none that is believed.
 */
export async function restoredFrom(
  { checkpoints, note, onProgress }: Opening,
  log: OpenedLog,
  map: EntryStore,
): Promise<CheckpointFacts | null> {
  if (checkpoints === null || log.lastLsn === 0) return null;
  let stored: StoredCheckpoint | null = null;
  try {
    stored = await checkpoints.open();
    if (stored === null) {
      noteReplay(note, 'there is no checkpoint');
      return null;
    }
    const facts = await factsOf(stored);
    const why = whyNotBelieved(facts, log);
    if (why === null) {
      const { lsn } = facts;
      await restore(stored, map, (share) => onProgress(Math.floor(share * lsn), log.lastLsn));
      return facts;
    }
    noteReplay(note, `the checkpoint is not believed: ${why}`);
  } catch (error) {
    noteReplay(note, `the checkpoint can't be used: ${reasonOf(error)}`);
    map.clear();
  } finally {
    await stored?.close();
  }
  await checkpoints.remove();
  return null;
}

export const noteReplay = (note: Note, why: string): void =>
  note('info', `The log is replayed from the start, because ${why}.`, { event: 'replay' });

/** Any other error is one of this program, in a file that nobody has to believe. */
const reasonOf = (error: unknown): string =>
  error instanceof DamagedCheckpointError ||
  error instanceof ForeignCheckpointError ||
  error instanceof ForeignImageError
    ? error.message
    : `it could not be read (${error instanceof Error ? error.message : String(error)})`;

export async function factsOf(stored: StoredCheckpoint): Promise<CheckpointFacts> {
  const reading = readFacts();
  let step = reading.next();
  while (step.done !== true) {
    const frame = new Uint8Array(stored.nextBytes);
    await stored.read(frame);
    step = reading.next(frame);
  }
  return step.value;
}

/** @throws DamagedCheckpointError, ForeignImageError */
export async function restore(
  stored: StoredCheckpoint,
  map: EntryStore,
  onShare: (share: number) => void = () => {},
): Promise<void> {
  let bytes = 0;
  for (const target of map.restore()) {
    await stored.read(target);
    bytes += target.length;
    onShare(Math.min(1, bytes / stored.sizeBytes));
  }
  if (stored.nextBytes !== 0) throw new DamagedCheckpointError('it is longer than its entries');
}
