/**
 * The checkpoint of a log as a file beside it:
 *
 *     hearsay checkpoint 1\n
 *     length 4 · checksum 4 · frame        for each frame
 *     0 · checksum
 *
 * Numbers are little-endian. A checksum is the CRC-32 of the frame and all frames before it, so that none
 * can be missing, doubled or moved. The file is written under another name, synced, renamed, and its
 * directory synced: one of the true name is whole, unless the disk has damaged it.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { DiskFullError } from '../../words/errors.ts';
import { MIB } from '../../words/size.ts';
import { type Checkpoints, DamagedCheckpointError, type StoredCheckpoint } from '../checkpoints.ts';
import { syncDirectory } from '../sqlite/file.ts';
import { OWN_FILE_MODE } from '../sqlite/ownFile.ts';

export const CHECKPOINT_NAME = 'hearsay.checkpoint';
export const UNFINISHED_CHECKPOINT_NAME = `${CHECKPOINT_NAME}.new`;

const MAGIC = Buffer.from('hearsay checkpoint 1\n');
const HEAD_BYTES = 8;
/** Synced so often, so that commits do not wait behind a great write-back. */
const SYNCED_BYTES = 4 * MIB;

export class FileCheckpoints implements Checkpoints {
  readonly #directory: string;

  /** @param directory the data directory; it may be missing. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(): Promise<StoredCheckpoint | null> {
    const file = join(this.#directory, CHECKPOINT_NAME);
    if (!existsSync(file)) return null;
    const handle = await open(file, 'r');
    try {
      return await OpenCheckpoint.begin(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async write(
    frames: AsyncIterable<Uint8Array>,
    mayReplace: () => boolean,
  ): Promise<number | null> {
    const unfinished = join(this.#directory, UNFINISHED_CHECKPOINT_NAME);
    try {
      await rm(unfinished, { force: true });
      const bytes = await writeFrames(unfinished, frames);
      if (!mayReplace()) return null;
      await rename(unfinished, join(this.#directory, CHECKPOINT_NAME));
      syncDirectory(this.#directory);
      return bytes;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC')
        throw new DiskFullError();
      throw error;
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  async remove(): Promise<void> {
    await rm(join(this.#directory, CHECKPOINT_NAME), { force: true });
  }
}

async function writeFrames(file: string, frames: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(file, 'wx', OWN_FILE_MODE);
  try {
    await writeAll(handle, [MAGIC]);
    let [bytes, unsynced, checksum] = [MAGIC.length, 0, 0];
    for await (const frame of frames) {
      checksum = crc32(frame, checksum);
      await writeAll(handle, [headOf(frame.length, checksum), frame]);
      bytes += HEAD_BYTES + frame.length;
      unsynced += frame.length;
      if (unsynced < SYNCED_BYTES) continue;
      await handle.datasync();
      unsynced = 0;
    }
    await writeAll(handle, [headOf(0, checksum)]);
    await handle.sync();
    return bytes + HEAD_BYTES;
  } finally {
    await handle.close();
  }
}

/** A call may write only a part. */
async function writeAll(handle: FileHandle, buffers: readonly Uint8Array[]): Promise<void> {
  let left = buffers.filter(({ length }) => length > 0);
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left);
    left = behind(left, bytesWritten);
  }
}

/** The parts of the buffers after so many bytes. */
function behind(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = bytes;
  const left: Uint8Array[] = [];
  for (const buffer of buffers) {
    const from = Math.min(skipped, buffer.length);
    skipped -= from;
    if (from < buffer.length) left.push(buffer.subarray(from));
  }
  return left;
}

function headOf(length: number, checksum: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(checksum, 4);
  return head;
}

class OpenCheckpoint implements StoredCheckpoint {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  /** Of the frames so far. */
  #checksum = 0;
  #leftBytes: number;

  /** @throws DamagedCheckpointError if the file does not begin like a checkpoint of this version. */
  static async begin(handle: FileHandle): Promise<OpenCheckpoint> {
    const { size } = await handle.stat();
    const magic = Buffer.alloc(MAGIC.length);
    const checkpoint = new OpenCheckpoint(handle, size);
    await checkpoint.#fill([magic, checkpoint.#head]);
    if (!magic.equals(MAGIC))
      throw new DamagedCheckpointError('its file is none that this version writes');
    checkpoint.#checkHead();
    return checkpoint;
  }

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
  }

  get nextBytes(): number {
    return this.#head.readUInt32LE(0);
  }

  async read(target: Uint8Array): Promise<void> {
    if (target.length !== this.nextBytes)
      throw new DamagedCheckpointError('its frames have other lengths');
    const expected = this.#head.readUInt32LE(4);
    await this.#fill([target, this.#head]);
    this.#checksum = crc32(target, this.#checksum);
    if (this.#checksum !== expected)
      throw new DamagedCheckpointError('a part of it does not have its checksum');
    this.#checkHead();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** A wrong length must not make its reader allocate it. */
  #checkHead(): void {
    if (this.nextBytes > this.#leftBytes) throw new DamagedCheckpointError('it is cut short');
    if (this.nextBytes === 0 && this.#head.readUInt32LE(4) !== this.#checksum)
      throw new DamagedCheckpointError('its end does not have its checksum');
  }

  async #fill(buffers: readonly Uint8Array[]): Promise<void> {
    let left = buffers.filter(({ length }) => length > 0);
    while (left.length > 0) {
      const { bytesRead } = await this.#handle.readv(left);
      if (bytesRead === 0) throw new DamagedCheckpointError('it is cut short');
      this.#leftBytes -= bytesRead;
      left = behind(left, bytesRead);
    }
  }
}
