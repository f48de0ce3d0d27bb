/**
 * The port of a log's checkpoint: a file beside the log, or its like in memory. At most one is kept, and it
 * is whole or not there. Two adapters pass one conformance suite (test/conformance/checkpoints.ts).
 *
 * The frames mean nothing here; `src/replica/checkpointing.ts` makes them.
 */

/** The checkpoint is not as it was written. The message completes "because …". */
export class DamagedCheckpointError extends Error {}

/** A checkpoint that is being read, frame by frame. */
export interface StoredCheckpoint {
  readonly sizeBytes: number;
  /** Bytes of the next frame; 0 after the last. */
  readonly nextBytes: number;
  /**
   * Reads the next frame.
   *
   * @param target of `nextBytes` bytes.
   * @throws DamagedCheckpointError if the frame does not have its checksum.
   */
  read(target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface Checkpoints {
  /**
   * Opens the checkpoint; null if there is none.
   *
   * @throws DamagedCheckpointError if its beginning is not that of a checkpoint.
   */
  open(): Promise<StoredCheckpoint | null>;
  /**
   * Writes a checkpoint in the place of the one before. One at a time.
   *
   * @param frames each is used before the next one is taken; none is empty.
   * @param mayReplace asked last, when the new one is on the disk; if not, the one before stays.
   * @returns its bytes; null if the one before has stayed.
   * @throws DiskFullError, and the errors of the file system: the one before has stayed.
   */
  write(frames: AsyncIterable<Uint8Array>, mayReplace: () => boolean): Promise<number | null>;
  /** Removes the checkpoint, if there is one. */
  remove(): Promise<void>;
}
