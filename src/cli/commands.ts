/** All commands except those that run nodes, so that a node starts without loading them. */
import type { Command } from 'commander';
import { SettingError } from '../words/errors.ts';
import { registerBackupCommands } from './backup.ts';
import { register as registerDelete } from './cache/delete.ts';
import { register as registerGet } from './cache/get.ts';
import { register as registerList } from './cache/list.ts';
import { register as registerPut } from './cache/put.ts';
import { register as registerWatch } from './cache/watch.ts';
import { misplacedText, registerLogCommands, withoutDashes } from './log/commands.ts';
import { registerMemberCommands } from './member.ts';

/**
 * Adds the commands to the program.
 *
 * @param words the command line.
 * @returns the words for the program to parse.
 * @throws SettingError if a command of `hearsay log` stands alone.
 */
export function addCommands(program: Command, words: readonly string[]): readonly string[] {
  registerGet(program);
  registerPut(program);
  registerDelete(program);
  registerList(program);
  registerWatch(program);
  registerLogCommands(program);
  registerBackupCommands(program);
  registerMemberCommands(program);
  const misplaced = misplacedText(program, words[0]);
  if (misplaced !== null) throw new SettingError(misplaced);
  return withoutDashes(words);
}
