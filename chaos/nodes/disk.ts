/** The disk of a node: wiped, copied, put back, and filled. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command, succeeds } from '../network/command.ts';
import { MAIN } from './environment.ts';

const BALLAST = 'ballast';
const BALLAST_CHUNK_BYTES = 64 * 1024;

/** Removes what is in a directory; the directory stays, because it may be a disk of its own. */
export async function wipe(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory))
    await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
}

/** Copies the log of a node that runs. */
export async function backUp(dataDirectory: string, file: string): Promise<void> {
  await rm(file, { force: true });
  await command(process.execPath, MAIN, 'backup', file, '--data-dir', dataDirectory);
}

/** Puts a backup into an empty data directory. */
export async function restore(file: string, dataDirectory: string): Promise<void> {
  await command(process.execPath, MAIN, 'restore', file, '--data-dir', dataDirectory);
}

/** Makes a directory a small disk of its own, which needs root and a mount namespace that ends with the run. */
export async function mountSmallDisk(directory: string, sizeMiB: number): Promise<boolean> {
  await mkdir(directory, { recursive: true });
  return succeeds('mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'chaos', directory);
}

export async function unmountSmallDisk(directory: string): Promise<void> {
  await command('umount', directory);
}

/** Writes until nothing more fits. */
export async function fill(directory: string): Promise<void> {
  const chunk = Buffer.alloc(BALLAST_CHUNK_BYTES);
  for (const sizeBytes of [BALLAST_CHUNK_BYTES, 4096, 512])
    try {
      for (;;)
        await writeFile(join(directory, BALLAST), chunk.subarray(0, sizeBytes), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
}

export async function empty(directory: string): Promise<void> {
  await rm(join(directory, BALLAST), { force: true });
}
