/** `hearsay log`: read, replay, verify and explain a log. */
import type { Command } from 'commander';
import { register as registerAt } from './at.ts';
import { register as registerCompact } from './compact.ts';
import { register as registerDiff } from './diff.ts';
import { register as registerExplain } from './explain.ts';
import { register as registerExport } from './export.ts';
import { register as registerHistory } from './history.ts';
import { register as registerImport } from './import.ts';
import { register as registerReplay } from './replay.ts';
import { register as registerStat } from './stat.ts';
import { register as registerTail } from './tail.ts';
import { register as registerVerify } from './verify.ts';

export function registerLogCommands(program: Command): void {
  const log = program
    .command('log')
    .summary('read, verify and explain the log of a node')
    .description(
      'Reads the log of a node: a data directory (also while its node runs, a copy, or a backup), or a ' +
        'running node by --url. Reading changes nothing.',
    );
  registerTail(log);
  registerAt(log);
  registerHistory(log);
  registerExplain(log);
  registerStat(log);
  registerVerify(log);
  registerDiff(log);
  registerExport(log);
  registerImport(log);
  registerReplay(log);
  registerCompact(log);
}

/** A sentence for `hearsay compact`, which is `hearsay log compact`; null for any other word. */
export const misplacedText = (program: Command, word = ''): string | null =>
  program.commands.some((command) => command.name() === word) ||
  !program.commands
    .find((command) => command.name() === 'log')
    ?.commands.some((command) => command.name() === word)
    ? null
    : `There is no command ${word} by itself: it is \`hearsay log ${word}\`.`;

const BEFORE_NOW = /^-\d+(ms|s|m|h|d)$/;

/** In `hearsay log at -10m`, the time is no option, though it begins like one. */
export const withoutDashes = (words: readonly string[]): readonly string[] =>
  words[0] === 'log' && words[1] === 'at'
    ? words.map((word) => (BEFORE_NOW.test(word) ? `now${word}` : word))
    : words;
