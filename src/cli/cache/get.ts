/** `hearsay get`: prints one value. */
import type { Command } from 'commander';
import type { Entry } from '../../client/index.ts';
import { Bytes } from '../../client/values/bytes.ts';
import { HearsayError } from '../../words/errors.ts';
import { note, outputColumns, printBytes, printLine } from '../terminal/output.ts';
import { entryJson, printedValue, shownBytes } from '../terminal/values.ts';
import { addClientOptions, type ClientFlags, withCommandClient } from './clientCommand.ts';

interface GetFlags extends ClientFlags {
  readonly after?: string;
}

/** If the output is no terminal, longer JSON is printed over several lines. */
const LINE_COLUMNS = 80;

export function register(program: Command): void {
  const command = program
    .command('get')
    .summary('print a value')
    .description(
      'Prints the value of a key: a text unquoted, bytes as they are, any other value as JSON.',
    )
    .argument('<key>', 'the key')
    .option('--after <token>', 'wait until the node has this write')
    .addHelpText('after', EXAMPLES)
    .action(get);
  addClientOptions(command, 'one');
}

/** @throws HearsayError if the key is absent. */
async function get(key: string, flags: GetFlags): Promise<void> {
  await withCommandClient(flags, async (client) => {
    const entry = await client.get(key, { after: flags.after ?? null });
    if (entry === undefined) throw new HearsayError(`There is no ${JSON.stringify(key)}.`);
    if (flags.json) await printLine(entryLine(entry));
    else if (entry.value instanceof Bytes) await printValueBytes(entry.value);
    else await printLine(printedValue(entry.value, outputColumns() ?? LINE_COLUMNS));
  });
}

/** Bytes could be commands to a terminal, which gets their type and size. */
async function printValueBytes(value: Bytes): Promise<void> {
  if (process.stdout.isTTY !== true) return printBytes(value.bytes);
  await printLine(shownBytes(value));
  note('Bytes are not printed on a terminal: send them to a file by > FILE.');
}

/** An entry as a line of JSON. */
export const entryLine = (entry: Entry): string =>
  entryJson(
    { key: entry.key, version: entry.version, expires_at: entry.expiresAt?.toISOString() ?? null },
    entry,
  );

const EXAMPLES = `
Examples:
  hearsay get logo > logo.png
  hearsay get user/1 --json --url http://localhost:8001`;
