/** The number of files and sockets that this process may have open. */
import { readFileSync } from 'node:fs';

/** @returns infinity if the system names no limit. */
export function maxOpenFiles(path = '/proc/self/limits'): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync(path, 'utf8'));
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
