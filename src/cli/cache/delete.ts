/** `hearsay delete`: deletes one key, or all with a prefix. */
import { type Command, Option } from 'commander';
import type { HearsayClient } from '../../client/index.ts';
import { SettingError } from '../../words/errors.ts';
import { printLine } from '../terminal/output.ts';
import {
  addClientOptions,
  type ClientFlags,
  tellConflict,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';

interface DeleteFlags extends ClientFlags {
  readonly ifVersion?: number;
  readonly prefix?: string;
  readonly all?: true;
}

const MAX_VERSION = Number.MAX_SAFE_INTEGER - 1;

export function register(program: Command): void {
  const command = program
    .command('delete')
    .summary('delete a key')
    .description(
      'Deletes a key, present or not, or every key with a prefix, and prints the number deleted.',
    )
    .argument('[key]', 'the key')
    .addOption(
      new Option('--if-version <number>', 'only if the version is at most this').argParser(
        wholeNumber(0, MAX_VERSION),
      ),
    )
    .option('--prefix <prefix>', 'every key that begins with this text')
    .option('--all', 'every key')
    .addHelpText('after', EXAMPLES)
    .action(remove);
  addClientOptions(command, 'one');
}

async function remove(key: string | undefined, flags: DeleteFlags): Promise<void> {
  const { prefix, all, ifVersion } = flags;
  const ways = [key, prefix, all].filter((way) => way !== undefined);
  if (ways.length !== 1) throw new SettingError('Give one of a key, --prefix and --all.');
  if (prefix === '')
    throw new SettingError('An empty prefix means every key: give --all in its place.');
  if (key === undefined && ifVersion !== undefined)
    throw new SettingError('--if-version goes with a key.');
  await withCommandClient(flags, (client) =>
    key === undefined ? removeMany(client, prefix ?? '', flags) : removeOne(client, key, flags),
  );
}

async function removeOne(client: HearsayClient, key: string, flags: DeleteFlags): Promise<void> {
  const { ifVersion: upToVersion } = flags;
  const { existed, node, token } = await tellConflict(key, flags, () =>
    client.delete(key, { ...(upToVersion !== undefined && { upToVersion }) }),
  );
  await printLine(flags.json ? JSON.stringify({ key, existed, node, token }) : toldDelete(existed));
}

const toldDelete = (existed: boolean | null): string =>
  existed === false ? 'deleted (it was not there)' : 'deleted';

async function removeMany(
  client: HearsayClient,
  prefix: string,
  flags: DeleteFlags,
): Promise<void> {
  const count = await client.deletePrefix(prefix, { all: flags.all === true });
  await printLine(flags.json ? JSON.stringify({ prefix, count }) : `${count} deleted`);
}

const EXAMPLES = `
Examples:
  hearsay delete greeting
  hearsay delete --prefix session/`;
