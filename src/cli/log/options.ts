/** The options that the commands on a log share, and the log that they open. */
import { statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LineSource } from '../../log/tools/lineSource.ts';
import { faultText, type Walk } from '../../log/tools/pages.ts';
import { type Point, parsePoint } from '../../log/tools/point.ts';
import type { LogSource } from '../../log/tools/source.ts';
import { baseUrl } from '../../node/settingKinds.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { type NodeAddress, RemoteNode } from '../remote/remoteNode.ts';
import { UrlReader } from '../remote/urlReader.ts';
import { note } from '../terminal/output.ts';

const DEFAULT_DATA_DIR = './data';
const DEFAULT_TOKEN = 'secret';
const DAMAGED =
  'The log is damaged: what could be read is above, and `hearsay log verify` tells more.';

export interface AddressFlags {
  readonly url?: string;
  readonly token?: string;
}

export interface SourceFlags extends AddressFlags {
  readonly dataDir?: string;
  readonly json?: true;
}

export const jsonOption = (): Option => new Option('--json', 'one line of JSON for each result');

export const tokenOption = (): Option =>
  new Option('--token <token>', "the cluster's token (INTERNAL_TOKEN, default secret)");

export const urlOption = (help: string): Option =>
  new Option('--url <url>', help).argParser(readUrl);

/** Adds the options of every command that reads one log. */
export function addSourceOptions(command: Command): Command {
  return command
    .option(
      '--data-dir <directory>',
      `a data directory, a copy of one, or a backup (DATA_DIR, default ${DEFAULT_DATA_DIR})`,
    )
    .addOption(urlOption('in its place a running node'))
    .addOption(tokenOption())
    .addOption(jsonOption());
}

/** The running node that the flags name; null where they name none. */
export const addressOf = ({ url, token }: AddressFlags): NodeAddress | null =>
  url === undefined ? null : { url, token: token ?? (process.env.INTERNAL_TOKEN || DEFAULT_TOKEN) };

export const dataDirOf = ({ dataDir }: SourceFlags): string =>
  dataDir ?? (process.env.DATA_DIR || DEFAULT_DATA_DIR);

/** A log, opened. */
export interface OpenedLog {
  readonly source: LogSource;
  /** Faults that SQLite finds in the file; absent for a running node. */
  readonly integrity?: () => Promise<readonly string[]>;
  /** Whether the file ends too early, or tells another length; the readable part is read. */
  readonly isCutShort: boolean;
  /** The running node that it is read from; null for a file. */
  readonly remote: { readonly node: RemoteNode; readonly reader: UrlReader } | null;
}

/** Runs on the log that the flags name, and closes it. */
export async function withSource(
  flags: SourceFlags,
  run: (opened: OpenedLog) => Promise<void>,
): Promise<void> {
  if (flags.url !== undefined && flags.dataDir !== undefined)
    throw new SettingError('Give --data-dir or --url, not both: it is one log that is read.');
  const address = addressOf(flags);
  if (address === null ? isBeingWritten(dataDirOf(flags)) : isHere(address)) yieldToNode();
  const opened = address === null ? await openFile(dataDirOf(flags)) : openNode(address);
  try {
    await run(opened);
    if (opened.isCutShort) throw new HearsayError(DAMAGED);
  } finally {
    await opened.source.close();
  }
}

/** Runs on the log at a path or a URL. */
export async function withSourceAt(
  place: string,
  { token }: AddressFlags,
  run: (opened: OpenedLog) => Promise<void>,
): Promise<void> {
  const isUrl = /^https?:\/\//.test(place);
  const flags = isUrl
    ? { url: readUrl(place), ...(token !== undefined && { token }) }
    : { dataDir: place };
  await withSource(flags, run);
}

export async function openFile(path: string): Promise<OpenedLog> {
  // Here, so that help and mistakes don't wait for SQLite.
  const { FileSource } = await import('../../log/files/fileSource.ts');
  const source = FileSource.open(path, Date.now);
  if (source.cutShort !== null) note(`The log ${source.place} is damaged: ${source.cutShort}.`);
  const isCutShort = source.cutShort !== null;
  return { source, isCutShort, integrity: () => source.integrity(), remote: null };
}

function openNode(address: NodeAddress): OpenedLog {
  const node = new RemoteNode(address);
  const reader = new UrlReader(node);
  const source = new LineSource({ place: node.url, reader });
  return { source, isCutShort: false, remote: { node, reader } };
}

/** On the machine of a node, the node comes first. */
function yieldToNode(): void {
  setPriority(constants.priority.PRIORITY_LOW);
}

/** A log has a write-ahead log beside it while a node has it open, or where one was killed. */
const isBeingWritten = (path: string): boolean =>
  ['-wal', '/hearsay.db-wal'].some(
    (suffix) => (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0,
  );

const isHere = ({ url }: NodeAddress): boolean =>
  /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);

export const NOW_HELP = 'a time (2026-11-24T10:00:00Z or -10m), lsn:123 or a cursor';

/** @throws InvalidArgumentError */
export function readPoint(text: string): Point {
  try {
    return parsePoint(text, Date.now());
  } catch (error) {
    if (error instanceof SettingError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** @throws InvalidArgumentError */
export function readUrl(text: string): string {
  const parsed = baseUrl().safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    'It must be an http or https base URL, such as http://localhost:8001.',
  );
}

/** Prints on stderr the parts of the log that could not be read. */
export function noteFaults(walk: Walk): void {
  for (const fault of walk.faults) note(faultText(fault));
}

/** To be called at the end: a command that has not read everything has failed. */
export function failOnFaults(walk: Walk, hasDamage = false): void {
  noteFaults(walk);
  if (walk.faults.length > 0 || hasDamage) throw new HearsayError(DAMAGED);
}
