/** `hearsay get`: prints values, or the time that they have left. */
import type { Command } from 'commander';
import type { Entry } from '../../client/index.ts';
import { Bytes } from '../../client/values/bytes.ts';
import { HearsayError } from '../../words/errors.ts';
import { note, outputColumns, printBytes, printElements, printLine } from '../terminal/output.ts';
import { type LastColumn, Table } from '../terminal/table.ts';
import { durationText } from '../terminal/text.ts';
import { entryJson, printedValue, shownBytes, shownValue } from '../terminal/values.ts';
import { addClientOptions, type ClientFlags, withCommandClient } from './clientCommand.ts';
import { ENTRY_COLUMNS, entryCells, VALUE_COLUMN } from './entryColumns.ts';

interface GetFlags extends ClientFlags {
  readonly output?: 'table' | 'json' | 'ndjson';
  readonly after?: string;
  readonly ttl?: true;
}

/** If the output is no terminal, longer JSON is printed over several lines. */
const LINE_COLUMNS = 80;
const LEFT_COLUMN: LastColumn = { title: 'LEFT', leastWidth: 12 };

export function register(program: Command): void {
  const command = program
    .command('get')
    .summary('print values')
    .description(
      'Prints the value of a key: a text unquoted, bytes as they are, any other value as JSON. Several keys are ' +
        'read at one moment, and printed with their versions.',
    )
    .argument('<key...>', 'the keys')
    .option('--ttl', 'print the time that is left in place of the value')
    .option('--after <token>', 'wait until the node has this write')
    .addHelpText('after', EXAMPLES)
    .action(get);
  addClientOptions(command, 'keys');
}

/** @throws HearsayError if a key is absent. */
async function get(keys: readonly string[], flags: GetFlags): Promise<void> {
  const [key = ''] = keys;
  const after = { after: flags.after ?? null };
  await withCommandClient(flags, async (client) => {
    if (keys.length > 1) {
      await printMany(keys, await client.getMany(keys, after), flags);
      return;
    }
    const entry = await client.get(key, after);
    if (entry === undefined) throw absent([key]);
    if (flags.json) await printLine(flags.ttl ? ttlLine(entry) : entryLine(entry));
    else if (flags.ttl) await printLine(leftText(entry));
    else await printValue(entry.value);
  });
}

async function printValue(value: unknown): Promise<void> {
  if (!(value instanceof Bytes))
    await printLine(printedValue(value, outputColumns() ?? LINE_COLUMNS));
  else if (process.stdout.isTTY === true) await printBytesFacts(value);
  else await printBytes(value.bytes);
}

/** Bytes could be commands to a terminal, which gets their type and size. */
async function printBytesFacts(value: Bytes): Promise<void> {
  await printLine(shownBytes(value));
  note('Bytes are not printed on a terminal: send them to a file by > FILE.');
}

/** Prints those that are there. @throws HearsayError that names the others. */
async function printMany(
  keys: readonly string[],
  entries: readonly (Entry | undefined)[],
  { json, ttl, output }: GetFlags,
): Promise<void> {
  const table = new Table(ENTRY_COLUMNS, ttl ? LEFT_COLUMN : VALUE_COLUMN, outputColumns(), 2);
  printElements(output === 'json');
  for (const entry of entries) {
    if (entry === undefined) continue;
    const text = ttl ? leftText(entry) : shownValue(entry);
    if (json) await printLine(ttl ? ttlLine(entry) : entryLine(entry));
    else await printLine(table.row(entryCells(entry.key, entry.version, text)));
  }
  const missing = keys.filter((_, index) => entries[index] === undefined);
  if (missing.length > 0) throw absent(missing);
}

const absent = (keys: readonly string[]): HearsayError =>
  new HearsayError(`There is no ${keys.map((key) => JSON.stringify(key)).join(', no ')}.`);

/** By this machine's clock, in milliseconds; null: it never expires. */
const leftMs = ({ expiresAt }: Entry): number | null =>
  expiresAt === null ? null : Math.max(0, expiresAt.getTime() - Date.now());

function leftText(entry: Entry): string {
  const ms = leftMs(entry);
  return ms === null ? 'never expires' : durationText(ms);
}

const ttlLine = (entry: Entry): string =>
  JSON.stringify({ key: entry.key, version: entry.version, ttl_ms: leftMs(entry) });

/** An entry as a line of JSON. */
export const entryLine = (entry: Entry): string =>
  entryJson(
    { key: entry.key, version: entry.version, expires_at: entry.expiresAt?.toISOString() ?? null },
    entry,
  );

const EXAMPLES = `
Examples:
  hearsay get greeting
  hearsay get user/1 user/2 --ttl
  hearsay get logo > logo.png
  hearsay get user/1 --json --url http://localhost:8001`;
