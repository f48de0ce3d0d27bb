/** The program with all of its commands. */
import { addCommands } from './commands.ts';
import { runProgram } from './program.ts';

/** @param entry the file of the `hearsay` command. */
export const run = (words: readonly string[], entry: string): Promise<void> =>
  runProgram(words, entry, addCommands);
