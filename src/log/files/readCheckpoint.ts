/** Reads a checkpoint whole, for `verify`. */
import { basename, dirname } from 'node:path';
import { factsOf, restore } from '../../replica/opening.ts';
import { PagedEntries } from '../../store/pagedEntries.ts';
import type { ReadCheckpoint } from '../tools/checkpointCheck.ts';
import { FileCheckpoints } from './checkpointFile.ts';
import { LOG_NAME } from './openFile.ts';

/** The store takes values that are only in the log, and drops none. */
const ENTRIES = { seed: { first: 0, second: 0 }, maxBytes: Number.MAX_SAFE_INTEGER };

/**
 * @param logFile the file of a log.
 * @returns the checkpoint beside it; the fault if it can't be read; null if there is none.
 */
export async function readCheckpoint(logFile: string): Promise<ReadCheckpoint | Error | null> {
  // A copy of another name has none, whatever lies beside it.
  if (basename(logFile) !== LOG_NAME) return null;
  try {
    const stored = await new FileCheckpoints(dirname(logFile)).open();
    if (stored === null) return null;
    try {
      const facts = await factsOf(stored);
      const entries = new PagedEntries(ENTRIES);
      await restore(stored, entries);
      return { facts, entries };
    } finally {
      await stored.close();
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
