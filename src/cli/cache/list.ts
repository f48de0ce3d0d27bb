/** `hearsay list`: prints the entries with a prefix. */
import { type Command, Option } from 'commander';
import type { LevelEntry, LevelPrefix } from '../../client/index.ts';
import { onOneLine } from '../terminal/escape.ts';
import { outputColumns, printLine } from '../terminal/output.ts';
import { Table } from '../terminal/table.ts';
import { shownValue } from '../terminal/values.ts';
import {
  addClientOptions,
  type ClientFlags,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';
import { ENTRY_COLUMNS, entryCells, VALUE_COLUMN } from './entryColumns.ts';
import { entryLine } from './get.ts';

interface ListFlags extends ClientFlags {
  readonly limit?: number;
  readonly startAfter?: string;
  readonly keys?: true;
  readonly delimiter?: string;
}

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
    .option(
      '--delimiter <text>',
      'print one level of a tree: its keys, and once each longer prefix that ends with this text',
    )
    .addHelpText('after', EXAMPLES)
    .action(list);
  addClientOptions(command, 'many');
}

async function list(prefix: string | undefined, flags: ListFlags): Promise<void> {
  const { limit, startAfter, delimiter } = flags;
  const page = {
    prefix: prefix ?? '',
    ...(limit !== undefined && { limit }),
    ...(startAfter !== undefined && { startAfter }),
  };
  await withCommandClient(flags, async (client) => {
    if (delimiter !== undefined) {
      for await (const item of client.listLevel({ ...page, delimiter }))
        await printLine(flags.json ? levelLine(item) : onOneLine(nameOf(item)));
      return;
    }
    const entries = client.list({ ...page, values: flags.keys !== true });
    const table = new Table(ENTRY_COLUMNS, VALUE_COLUMN, outputColumns(), 2);
    for await (const entry of entries) {
      if (flags.json) await printLine(flags.keys ? JSON.stringify(entry.key) : entryLine(entry));
      else if (flags.keys) await printLine(onOneLine(entry.key));
      else await printLine(table.row(entryCells(entry.key, entry.version, shownValue(entry))));
    }
  });
}

const nameOf = (item: LevelEntry | LevelPrefix): string =>
  'prefix' in item ? item.prefix : item.key;

/** A key or a prefix as a line of JSON. */
const levelLine = (item: LevelEntry | LevelPrefix): string =>
  JSON.stringify(
    'prefix' in item
      ? item
      : { key: item.key, version: item.version, expires_at: item.expiresAt?.toISOString() ?? null },
  );

const EXAMPLES = `
Examples:
  hearsay list user/ --delimiter /
  hearsay list --json | jq -r .key`;
