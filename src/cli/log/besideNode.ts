/** Whether a command that reads a log runs on the machine of the log's node. */
import { statSync } from 'node:fs';
import { yieldToNode } from './yieldToNode.ts';

export const DEFAULT_DATA_DIR = './data';

/** A log has a write-ahead log beside it while a node has it open, or after a node was killed. */
export const isBeingWritten = (path: string): boolean =>
  ['-wal', '/hearsay.db-wal'].some(
    (suffix) => (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0,
  );

export const isHere = (url: string): boolean =>
  URL.canParse(url) && /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);

/**
 * Gives way to the node before the program is loaded, which takes longer than many commands read: as soon as some word of the
 * command is the place of a log of this machine, whatever it is there for. The command itself finds out again, and certainly.
 *
 * @param words of the command, without the program's name. @param env the environment.
 */
export function yieldEarly(words: readonly string[], env: NodeJS.ProcessEnv): void {
  const [group, command, ...others] = words;
  if (group !== 'log' || command === 'import') return;
  const named = others.map((word) => word.replace(/^--[a-z-]+=/, ''));
  const places = [...named, env.HEARSAY_URL ?? '', env.DATA_DIR || DEFAULT_DATA_DIR];
  if (places.some((place) => isHere(place) || isBeingWritten(place))) yieldToNode();
}
