/** The room on the disk of a node, and the size of its log there. */
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

export class DiskSpace {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes that this process may still fill; null if the file system does not tell. */
  get freeBytes(): number | null {
    try {
      const { bavail, bsize } = statfsSync(this.#directory);
      return bavail * bsize;
    } catch {
      return null;
    }
  }

  /** The database without its write-ahead log. */
  get databaseBytes(): number {
    return this.#bytesOf('hearsay.db');
  }

  /** It grows while a reader, such as a copy by another program, keeps it from being cut. */
  get writeAheadLogBytes(): number {
    return this.#bytesOf('hearsay.db-wal');
  }

  #bytesOf(name: string): number {
    return statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }
}
