/** `hearsay log`: read, replay, verify and explain a log. */
import type { Command } from 'commander';

type Register = (log: Command) => void;

/** In the order of the help. */
const COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['tail', async () => (await import('./tail.ts')).register],
  ['at', async () => (await import('./at.ts')).register],
  ['history', async () => (await import('./history.ts')).register],
  ['explain', async () => (await import('./explain.ts')).register],
  ['what-if', async () => (await import('./whatIf.ts')).register],
  ['stat', async () => (await import('./stat.ts')).register],
  ['verify', async () => (await import('./verify.ts')).register],
  ['diff', async () => (await import('./diff.ts')).register],
  ['export', async () => (await import('./export.ts')).register],
  ['import', async () => (await import('./import.ts')).register],
  ['replay', async () => (await import('./replay.ts')).register],
  ['compact', async () => (await import('./compact.ts')).register],
]);

export const LOG_COMMANDS: readonly string[] = [...COMMANDS.keys()];

/** Whether `hearsay log` has a command of this name. */
export const isLogCommand = (word: string): boolean => COMMANDS.has(word);

/** @param words those after `log`: if they name a command, no other is added. */
export async function registerLogCommands(
  program: Command,
  words: readonly string[],
): Promise<void> {
  const log = program
    .command('log')
    .summary('read, verify and explain the log of a node')
    .description(
      'Reads the log of a node: a data directory (also while its node runs, a copy, or a backup), or a ' +
        'running node by --url. Reading changes nothing.',
    );
  const named = COMMANDS.get(words[0] ?? '');
  for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(log);
}

const BEFORE_NOW = /^-\d+(ms|s|m|h|d)$/;

/** In `hearsay log at -10m`, the time is no option, though it begins like one. */
export const withoutDashes = (words: readonly string[]): readonly string[] =>
  words[0] === 'log' && words[1] === 'at'
    ? words.map((word) => (BEFORE_NOW.test(word) ? `now${word}` : word))
    : words;
