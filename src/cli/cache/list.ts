/** `hearsay list`: prints the entries with a prefix. */
import { type Command, Option } from 'commander';
import { onOneLine } from '../terminal/escape.ts';
import { outputColumns, printLine } from '../terminal/output.ts';
import { type Column, type LastColumn, Table } from '../terminal/table.ts';
import { shownKey, shownValue } from '../terminal/values.ts';
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

/** Key and version; the value takes the rest of the line. */
export const ENTRY_COLUMNS: readonly Column[] = [
  { title: 'KEY', width: 28, leastWidth: 12 },
  { title: 'VERSION', width: 7 },
];
export const VALUE_COLUMN: LastColumn = { title: 'VALUE', leastWidth: 12 };

export function register(program: Command): void {
  const command = program
    .command('list')
    .summary('print the entries with a prefix')
    .description('Prints key, version and value of the live entries, in the order of their keys.')
    .argument('[prefix]', 'only keys that begin with this text')
    .addOption(
      new Option('--limit <number>', 'at most this number of entries').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .option('--start-after <key>', 'only keys after this one')
    .option('--keys', 'print only the keys')
    .addHelpText('after', EXAMPLES)
    .action(list);
  addClientOptions(command, 'many');
}

async function list(prefix: string | undefined, flags: ListFlags): Promise<void> {
  const { limit, startAfter } = flags;
  await withCommandClient(flags, async (client) => {
    const entries = client.list({
      prefix: prefix ?? '',
      values: flags.keys !== true,
      ...(limit !== undefined && { limit }),
      ...(startAfter !== undefined && { startAfter }),
    });
    const table = new Table(ENTRY_COLUMNS, VALUE_COLUMN, outputColumns(), 2);
    for await (const entry of entries) {
      if (flags.json) await printLine(flags.keys ? JSON.stringify(entry.key) : entryLine(entry));
      else if (flags.keys) await printLine(onOneLine(entry.key));
      else await printLine(table.row(entryCells(entry.key, entry.version, shownValue(entry))));
    }
  });
}

/** An entry in the columns above. */
export const entryCells = (key: string, version: number, value: string): string[] => [
  shownKey(key),
  `v${version}`,
  value,
];

const EXAMPLES = `
Examples:
  hearsay list user/ --limit 20
  hearsay list --json | jq -r .key`;
