/** The options that the commands on a log share, and the log that they open. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ReadCheckpoint } from '../../log/tools/checkpointCheck.ts';
import { LineSource } from '../../log/tools/lineSource.ts';
import { type LogSource, MAX_NODE_PAGE_ROWS } from '../../log/tools/logSource.ts';
import { type Point, parsePoint } from '../../log/tools/point.ts';
import { faultText, type Walk } from '../../log/tools/walk.ts';
import { baseUrlOf } from '../../node/baseUrl.ts';
import { oneToken } from '../../node/token.ts';
import { tokenOfCommand, userTokenFile } from '../../node/tokenFile.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { durationMs } from '../cache/clientCommand.ts';
import { urlsInEnvironment } from '../remote/address.ts';
import {
  addTrustOptions,
  type GivenToken,
  givenToken,
  refuseInClear,
  type TokenFlags,
  tokenFor,
} from '../remote/commandToken.ts';
import { type NodeTokens, PAGE_LIMIT_MS, RemoteNode } from '../remote/remoteNode.ts';
import { UrlReader } from '../remote/urlReader.ts';
import { note } from '../terminal/output.ts';
import { addOutputOptions, jsonOption, type Results } from '../terminal/outputForm.ts';
import { durationText } from '../terminal/text.ts';
import { DEFAULT_DATA_DIR, isBeingWritten, isHere } from './besideNode.ts';
import { yieldToNode } from './yieldToNode.ts';

const DAMAGED =
  'The log is damaged: the readable part is above, and `hearsay log verify` names the faults.';

export interface AddressFlags extends TokenFlags {
  readonly url?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

export interface SourceFlags extends AddressFlags {
  readonly dataDir?: string;
  readonly json?: true;
}

/** @param byDefault a duration, as a person writes it. */
export const timeoutOption = (byDefault: string): Option =>
  new Option(
    '--timeout <duration>',
    `longest wait for an answer of the node (default ${byDefault})`,
  ).argParser(durationMs);

/** For commands that read whole pages of a log. */
export const pageTimeoutOption = (): Option => timeoutOption(durationText(PAGE_LIMIT_MS));

export const urlOption = (help: string): Option =>
  new Option('--url <url>', help).argParser(readUrl);

/**
 * Adds the options of every command that reads one log.
 *
 * @param results the number of results that it prints; null for a command whose `--output` is a file.
 */
export function addSourceOptions(command: Command, results: Results | null = 'many'): Command {
  command
    .option(
      '--data-dir <directory>',
      `a data directory, a copy of one, or a backup (DATA_DIR, default ${DEFAULT_DATA_DIR})`,
    )
    .addOption(urlOption('in its place a running node (HEARSAY_URL)'))
    .addOption(pageTimeoutOption());
  return addTrustOptions(
    results === null ? command.addOption(jsonOption()) : addOutputOptions(command, results),
  );
}

/**
 * The token that a person gave, else that for `admin` of a node of this machine. For nodes of 0.3, and for
 * one more release, that of the cluster serves too, by the rule that nodes have.
 */
export function tokensOf(flags: AddressFlags): NodeTokens {
  const given = givenToken(flags);
  return {
    at: (url) => tokenFor(url, given, flags),
    atMember: (url) =>
      given === null
        ? null
        : tokenFor(url, { text: given.text, isOfCluster: given.isOfCluster }, flags),
    ofCluster: () => clusterToken(given),
    refuseInClear: (url) => refuseInClear(url, flags),
  };
}

/** Empty if there is none: a route that needs a token refuses that. */
function clusterToken(given: GivenToken | null): string {
  if (given !== null) return given.isOfCluster ? given.text : '';
  const settings = {
    internalToken: process.env.INTERNAL_TOKEN || null,
    internalTokenFile: process.env.INTERNAL_TOKEN_FILE || null,
  };
  return tokenOfCommand(oneToken(settings, {}), userTokenFile(process.env)) ?? '';
}

/** The nodes that the flags name, or else HEARSAY_URL; null if a data directory is meant. */
export function nodesOf({ url, dataDir }: SourceFlags): readonly string[] | null {
  if (url !== undefined && dataDir !== undefined)
    throw new SettingError('Give --data-dir or --url, not both: it is one log that is read.');
  if (dataDir !== undefined) return null;
  return url === undefined ? urlsInEnvironment() : [url];
}

export const dataDirOf = ({ dataDir }: SourceFlags): string =>
  dataDir ?? (process.env.DATA_DIR || DEFAULT_DATA_DIR);

/** @throws SettingError for a directory without a log, if directories below it hold logs. */
export function refuseParentOfLogs(directory: string): void {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  if (holdsLog(directory)) return;
  const below = readdirSync(directory)
    .map((name) => join(directory, name))
    .filter(holdsLog);
  if (below.length > 0)
    throw new SettingError(
      `The directory ${directory} holds no log itself: name one of ${below.join(', ')} by --data-dir.`,
    );
}

const holdsLog = (directory: string): boolean => existsSync(join(directory, 'hearsay.db'));

/** A log, opened. */
export interface OpenedLog {
  readonly source: LogSource;
  /** Faults that SQLite finds in the file; absent for a running node. */
  readonly integrity?: () => Promise<readonly string[]>;
  /** Reads the checkpoint beside the file; absent for a running node. */
  readonly checkpoint?: () => Promise<ReadCheckpoint | Error | null>;
  /**
   * A predicate of a file that ends too early, or whose header gives another length: `is cut short: …`. The
   * readable part is read. Null if the file is whole.
   */
  readonly cutShort: string | null;
  /** The running node from which it is read; null for a file. */
  readonly remote: { readonly node: RemoteNode; readonly reader: UrlReader } | null;
}

/** Runs on the log that the flags name, and closes it. A cut of the file is told before. */
export const withSource = (
  flags: SourceFlags,
  run: (opened: OpenedLog) => Promise<void>,
): Promise<void> =>
  withAnySource(flags, async (opened) => {
    const { source, cutShort } = opened;
    if (cutShort !== null) note(`The log ${source.place} is damaged: it ${cutShort}.`);
    await run(opened);
    if (cutShort !== null) throw new HearsayError(DAMAGED);
  });

/** As `withSource`, for a command that tells the faults of the file itself. */
export async function withAnySource(
  flags: SourceFlags,
  run: (opened: OpenedLog) => Promise<void>,
): Promise<void> {
  const urls = nodesOf(flags);
  const node =
    urls === null ? null : await RemoteNode.firstOf(urls, tokensOf(flags), flags.timeout);
  if (node === null ? isBeingWritten(dataDirOf(flags)) : isHere(node.url)) yieldToNode();
  const opened = node === null ? await openFile(dataDirOf(flags)) : openNode(node);
  try {
    await run(opened);
  } finally {
    await opened.source.close();
  }
}

/** Runs on the log at a path or a URL. */
export async function withSourceAt(
  place: string,
  { token, tokenFile, plainHttp, timeout }: AddressFlags,
  run: (opened: OpenedLog) => Promise<void>,
): Promise<void> {
  const isUrl = /^https?:\/\//.test(place);
  const flags = isUrl
    ? {
        url: readUrl(place),
        ...(token !== undefined && { token }),
        ...(tokenFile !== undefined && { tokenFile }),
        ...(plainHttp !== undefined && { plainHttp }),
        ...(timeout !== undefined && { timeout }),
      }
    : { dataDir: place };
  await withSource(flags, run);
}

async function openFile(path: string): Promise<OpenedLog> {
  // Imported here, so that help and mistakes don't wait for SQLite.
  const { FileSource } = await import('../../log/files/fileSource.ts');
  refuseParentOfLogs(path);
  const source = FileSource.open(path, Date.now);
  if (await isEmpty(source)) note(emptyText(source.place));
  const { readCheckpoint } = await import('../../log/files/readCheckpoint.ts');
  return {
    source,
    cutShort: source.cutShort,
    integrity: () => source.integrity(),
    checkpoint: () => readCheckpoint(source.place),
    remote: null,
  };
}

/** A damaged log tells its damage later. */
const isEmpty = (source: LogSource): Promise<boolean> =>
  source.facts().then(
    ({ lastLsn }) => lastLsn === 0,
    () => false,
  );

/** The last writes may be in the write-ahead log alone, and SQLite does not miss that file. */
const emptyText = (place: string): string =>
  `The log ${place} holds no op. If it is a copy, its hearsay.db-wal may be missing: copy both, or use \`hearsay backup\`.`;

function openNode(node: RemoteNode): OpenedLog {
  const reader = new UrlReader(node);
  const source = new LineSource({ place: node.url, reader, pageRows: MAX_NODE_PAGE_ROWS });
  return { source, cutShort: null, remote: { node, reader } };
}

export const NOW_HELP = 'a time (2026-11-24T10:00:00Z or -10m), lsn:123 or a cursor';

/** @throws InvalidArgumentError if the text is no point. */
export function readPoint(text: string): Point {
  try {
    return parsePoint(text, Date.now());
  } catch (error) {
    if (error instanceof SettingError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** @throws InvalidArgumentError if the text is no URL. */
export function readUrl(text: string): string {
  const url = baseUrlOf(text);
  if (url !== null) return url;
  throw new InvalidArgumentError(
    'It must be an http or https base URL, such as http://localhost:8001.',
  );
}

/** Prints on stderr the parts of the log that could not be read. */
export function noteFaults(walk: Walk): void {
  for (const fault of walk.faults) note(faultText(fault));
}

/** Called at the end: a command that has not read everything has failed. */
export function failOnFaults(walk: Walk, hasDamage = false): void {
  noteFaults(walk);
  if (walk.faults.length > 0 || hasDamage) throw new HearsayError(DAMAGED);
}
