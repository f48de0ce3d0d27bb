/**
 * Finds the files of an import or a restore that was cut off in a data directory. A node that started
 * there would be empty, although its operator expects the data of that import or restore.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LOG_NAME } from './openFile.ts';

export const IMPORTING = 'importing';
export const RESTORING = 'restoring';

const COMMANDS = { [IMPORTING]: 'hearsay log import', [RESTORING]: 'hearsay restore' };

/** @returns the end of a sentence about the directory; null if it is whole, or empty. */
export function unfinishedIn(directory: string): string | null {
  if (existsSync(join(directory, LOG_NAME))) return null;
  for (const [folder, command] of Object.entries(COMMANDS))
    if (existsSync(join(directory, folder)))
      return `holds the files of an interrupted \`${command}\`: run that command again, or remove ${join(directory, folder)}`;
  return null;
}
