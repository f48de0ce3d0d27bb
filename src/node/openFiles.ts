/** How many files and sockets this process may have open. */
import { readFileSync } from 'node:fs';

/** @returns infinity where the system does not say. */
export function maxOpenFiles(path = '/proc/self/limits'): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync(path, 'utf8'));
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
