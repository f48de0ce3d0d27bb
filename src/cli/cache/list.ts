/** `hearsay list`: the entries with a prefix. */
import { type Command, Option } from 'commander';
import { fitted, printLine } from '../terminal/output.ts';
import { shownKey, shownValue, withoutControls } from '../terminal/values.ts';
import {
  addClientOptions,
  type ClientFlags,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';
import { entryLine } from './get.ts';

interface ListFlags extends ClientFlags {
  readonly limit?: number;
  readonly startAfter?: string;
  readonly keys?: true;
}

const KEY_COLUMNS = 28;
const VERSION_COLUMNS = 7;

export function register(program: Command): void {
  const command = program
    .command('list')
    .summary('print the entries with a prefix')
    .description('Prints key, version and value of the live entries, in the order of their keys.')
    .argument('[prefix]', 'only keys that start so')
    .addOption(
      new Option('--limit <number>', 'at most so many').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .option('--start-after <key>', 'only keys after this one')
    .option('--keys', 'the keys alone')
    .addHelpText('after', EXAMPLES)
    .action(list);
  addClientOptions(command);
}

async function list(prefix: string | undefined, flags: ListFlags): Promise<void> {
  const { limit, startAfter } = flags;
  await withCommandClient(flags, async (client) => {
    const entries = client.list({
      prefix: prefix ?? '',
      ...(limit !== undefined && { limit }),
      ...(startAfter !== undefined && { startAfter }),
    });
    for await (const entry of entries) {
      if (flags.json) await printLine(flags.keys ? JSON.stringify(entry.key) : entryLine(entry));
      else if (flags.keys) await printLine(withoutControls(entry.key));
      else await printLine(fitted(entryRow(entry.key, entry.version, shownValue(entry))));
    }
  });
}

/** Key, version and value in columns. */
export const entryRow = (key: string, version: number, value: string): string =>
  `${shownKey(key).padEnd(KEY_COLUMNS)}  ${`v${version}`.padEnd(VERSION_COLUMNS)}  ${value}`;

const EXAMPLES = `
Examples:
  hearsay list user/ --limit 20
  hearsay list --json | jq -r .key`;
