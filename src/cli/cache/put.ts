/** `hearsay put`: stores one value. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { PutOptions, Stored } from '../../client/index.ts';
import { Bytes } from '../../client/values/bytes.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { printLine } from '../terminal/output.ts';
import { parseValue } from '../terminal/values.ts';
import {
  addClientOptions,
  type ClientFlags,
  durationMs,
  tellConflict,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';

interface PutFlags extends ClientFlags {
  /** Milliseconds. */
  readonly ttl?: number;
  readonly ifVersion?: number;
  readonly ifAbsent?: true;
  readonly acks?: number | 'all';
  readonly string?: true;
  readonly type?: string;
  readonly file?: string;
}

/** The next version must also be one that a put may have. */
const MAX_IF_VERSION = Number.MAX_SAFE_INTEGER - 2;

export function register(program: Command): void {
  const command = program
    .command('put')
    .summary('store a value')
    .description(
      'Stores VALUE, which is JSON or else a text, and prints its version. Without a condition ' +
        'it replaces the present value.',
    )
    .argument('<key>', 'the key')
    .argument('[value]', 'the value; - reads it from stdin')
    .addOption(
      new Option('--ttl <duration>', 'time to live, such as 250ms, 10s or 24h').argParser(
        durationMs,
      ),
    )
    .addOption(
      new Option('--if-version <number>', 'only if the version is at most this')
        .argParser(wholeNumber(0, MAX_IF_VERSION))
        .conflicts('ifAbsent'),
    )
    .option('--if-absent', 'only if the key is absent')
    .addOption(
      new Option(
        '--acks <number>',
        'wait until this number of nodes have stored it; all: until all members have',
      ).argParser((text) => (text === 'all' ? text : wholeNumber(1, 1000)(text))),
    )
    .option('--string', 'store VALUE as text, even if it is JSON')
    .addOption(
      new Option(
        '--type <type>',
        'store VALUE as bytes of this media type, such as image/png',
      ).conflicts('string'),
    )
    .option(
      '--file <path>',
      'store the bytes of a file; without --type as application/octet-stream',
    )
    .addHelpText('after', EXAMPLES)
    .action(put);
  addClientOptions(command, 'one');
}

async function put(key: string, text: string | undefined, flags: PutFlags): Promise<void> {
  await withCommandClient(flags, async (client) => {
    const value = await givenValue(text, flags);
    const stored = await tellConflict(key, flags, () => client.put(key, value, optionsOf(flags)));
    await printLine(flags.json ? storedLine(key, stored) : `version ${stored.version}`);
    const { acks } = flags;
    if (acks === undefined) return;
    const wanted = acks === 'all' ? (stored.members ?? 1) : acks;
    if ((stored.acks ?? 0) < wanted)
      throw new HearsayError(
        `It is stored, but only on ${stored.acks ?? 0} of ${wanted} nodes in time.`,
      );
  });
}

function optionsOf({ ttl, ifVersion, ifAbsent, acks }: PutFlags): PutOptions {
  return {
    ttlMs: ttl ?? null,
    version: ifAbsent ? 0 : ifVersion === undefined ? 'next' : ifVersion + 1,
    ...(acks !== undefined && { acks }),
  };
}

/** @throws SettingError where not exactly one of VALUE and --file is given, HearsayError for a file that can't be read. */
async function givenValue(text: string | undefined, flags: PutFlags): Promise<unknown> {
  const { file, type, string } = flags;
  if (file === undefined && text !== undefined) return readValue(text, flags);
  if (file === undefined || text !== undefined || string)
    throw new SettingError('Give either VALUE or --file.');
  const bytes = await readFile(file).catch((error: Error) => {
    throw new HearsayError(`The file can't be read: ${error.message}.`, { cause: error });
  });
  return new Bytes(bytes, type);
}

/** @throws SettingError for a wrong VALUE, InvalidRequestError for a wrong type, HearsayError for an input that is not UTF-8. */
async function readValue(text: string, { string, type }: PutFlags): Promise<unknown> {
  const isText = string === true;
  if (type !== undefined)
    return new Bytes(text === '-' ? await buffer(process.stdin) : Buffer.from(text), type);
  if (text !== '-') return isText ? text : parseValue(text);
  const bytes = await buffer(process.stdin);
  let input: string;
  try {
    input = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new HearsayError(
      'The input on stdin is not UTF-8: name its media type by --type to store it as bytes.',
    );
  }
  // `echo` ends its text with a line feed, and tools of Windows begin theirs with a mark: neither is
  // meant as a part of the value.
  return isText ? input : parseValue(input.replace(/^\ufeff/, '').replace(/\r?\n$/, ''));
}

const storedLine = (
  key: string,
  { version, expiresAt, node, token, acks, members }: Stored,
): string =>
  JSON.stringify({
    key,
    version,
    expires_at: expiresAt?.toISOString() ?? null,
    node,
    token,
    ...(acks !== null && { acks }),
    ...(members !== null && { members }),
  });

const EXAMPLES = `
Examples:
  hearsay put greeting hello --ttl 10s
  hearsay put logo - --type image/png < logo.png

A number, true, false, null, [..], {..} and ".." are JSON: --string stores them
as text. What begins as a list, an object or a quoted text must be JSON.`;
