/** The checkpoint of a log in memory, for the simulator and for tests. */
import { type Checkpoints, DamagedCheckpointError, type StoredCheckpoint } from './checkpoints.ts';

export type StoredFrames = readonly Uint8Array[];

export interface MemoryCheckpointOptions {
  /** The checkpoint that is there at first. */
  readonly stored?: StoredFrames | null;
  /** A frame is written, or read, once this has resolved. */
  readonly frameDelay?: () => Promise<void>;
}

export class MemoryCheckpoints implements Checkpoints {
  /** The checkpoint that the next opening finds; tests damage it here. */
  stored: StoredFrames | null;
  readonly #frameDelay: () => Promise<void>;

  constructor({ stored = null, frameDelay = async () => {} }: MemoryCheckpointOptions = {}) {
    this.stored = stored;
    this.#frameDelay = frameDelay;
  }

  async open(): Promise<StoredCheckpoint | null> {
    const frames = this.stored;
    if (frames === null) return null;
    let next = 0;
    const delay = this.#frameDelay;
    return {
      sizeBytes: sizeOf(frames),
      get nextBytes() {
        return frames[next]?.length ?? 0;
      },
      read: async (target) => {
        await delay();
        const frame = frames[next++];
        if (frame?.length !== target.length)
          throw new DamagedCheckpointError('its frames have other lengths');
        target.set(frame);
      },
      close: async () => {},
    };
  }

  async write(
    frames: AsyncIterable<Uint8Array>,
    mayReplace: () => boolean,
  ): Promise<number | null> {
    const written: Uint8Array[] = [];
    for await (const frame of frames) {
      written.push(frame.slice());
      await this.#frameDelay();
    }
    if (!mayReplace()) return null;
    this.stored = written;
    return sizeOf(written);
  }

  async remove(): Promise<void> {
    this.stored = null;
  }
}

const sizeOf = (frames: StoredFrames): number =>
  frames.reduce((sum, { length }) => sum + length, 0);
