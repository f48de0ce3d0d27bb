/**
 * All commands, each with the file that defines it. A command line that names its command loads no other,
 * so that a command starts in the time of its own parts.
 */
import type { Command } from 'commander';
import { nearestName } from '../node/nearestName.ts';
import { SettingError } from '../words/errors.ts';
import { isLogCommand, LOG_COMMANDS, registerLogCommands, withoutDashes } from './log/commands.ts';

type Register = (program: Command, entry: string, words: readonly string[]) => void | Promise<void>;

const backups = async (): Promise<Register> => (await import('./backup.ts')).registerBackupCommands;

/** In the order of the help. */
const COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['serve', async () => (await import('./serveCommand.ts')).register],
  ['cluster', async () => (await import('./cluster/command.ts')).register],
  ['get', async () => (await import('./cache/get.ts')).register],
  ['put', async () => (await import('./cache/put.ts')).register],
  ['touch', async () => (await import('./cache/touch.ts')).register],
  ['delete', async () => (await import('./cache/delete.ts')).register],
  ['list', async () => (await import('./cache/list.ts')).register],
  ['watch', async () => (await import('./cache/watch.ts')).register],
  ['status', async () => (await import('./overview/status.ts')).register],
  ['top', async () => (await import('./overview/top.ts')).register],
  ['log', async () => (program, _entry, words) => registerLogCommands(program, words.slice(1))],
  ['backup', backups],
  ['restore', backups],
  ['token', async () => (await import('./token.ts')).registerTokenCommands],
  ['tls', async () => (await import('./tls.ts')).registerTlsCommands],
  ['member', async () => (await import('./member.ts')).registerMemberCommands],
  ['context', async () => (await import('./context.ts')).registerContextCommands],
  ['completion', async () => (await import('./completion/command.ts')).registerCompletion],
]);

/**
 * Adds the command that the words name; all commands if they name none, for help and for mistakes.
 *
 * @param words the command line.
 * @param entry the file of the `hearsay` command.
 * @returns the words for the program to parse.
 * @throws SettingError if a command of `hearsay log` stands alone.
 */
export async function addCommands(
  program: Command,
  words: readonly string[],
  entry: string,
): Promise<readonly string[]> {
  const [name = ''] = words;
  if (name === COMPLETE) {
    await addCommandsOf(typed(words), program, entry);
    (await import('./completion/command.ts')).registerComplete(program);
    return words;
  }
  const named = COMMANDS.get(name);
  if (named === undefined && isLogCommand(name))
    throw new SettingError(`There is no command ${name} by itself: it is \`hearsay log ${name}\`.`);
  if (named === undefined) refuseNearLogCommand(name);
  await addCommandsOf(words, program, entry);
  return withoutDashes(words);
}

async function addCommandsOf(
  words: readonly string[],
  program: Command,
  entry: string,
): Promise<void> {
  const named = COMMANDS.get(words[0] ?? '');
  const loads = named === undefined ? new Set(COMMANDS.values()) : [named];
  for (const load of loads) await (await load())(program, entry, words);
}

/** Asked by shells, which pass on the words of a line. */
const COMPLETE = 'complete';

/** The words that are complete, of those after `complete --`. */
const typed = (words: readonly string[]): readonly string[] => words.slice(2, -1);

/** Commander itself suggests the nearest of these. @throws SettingError if only `hearsay log` has one near. */
function refuseNearLogCommand(name: string): void {
  if (!/^[a-z]{3,}$/.test(name) || nearestName(name, [...COMMANDS.keys()]) !== null) return;
  const near = nearestName(name, LOG_COMMANDS);
  if (near === null) return;
  throw new SettingError(`There is no command ${name}: the nearest is \`hearsay log ${near}\`.`);
}
