/** The program where its first word is `serve`. It names no other command, so that a bundle of it is a node alone. */
import { runProgram } from './program.ts';
import { register } from './serveCommand.ts';

/** @param entry the file of the `hearsay` command. */
export const run = (words: readonly string[], entry: string): Promise<void> =>
  runProgram(words, entry, (program) => {
    register(program);
    return words;
  });
