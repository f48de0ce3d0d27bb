/** `hearsay log import`: brings an export into an empty node, or into a running cluster. */

import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { LogImport } from '../../log/files/importLog.ts';
import { headOfFile, isEnd, type OpsHead, opsEndOf } from '../../log/tools/exportFormat.ts';
import { DamagedExportError, OpsImport } from '../../log/tools/importOps.ts';
import { parseLine, rowOf } from '../../log/tools/rowLine.ts';
import { newOrigin } from '../../node/newOrigin.ts';
import { DuplicateOpError, HearsayError, SettingError } from '../../words/errors.ts';
import type { Row } from '../../words/row.ts';
import { wholeNumber } from '../cache/clientCommand.ts';
import { note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText } from '../terminal/text.ts';
import { importEntries } from './importEntries.ts';
import { type Line, linesOf, readLine } from './lines.ts';
import { addSourceOptions, dataDirOf, nodesOf, type SourceFlags } from './options.ts';

export interface ImportFlags extends SourceFlags {
  readonly nodeId?: string;
  readonly cluster?: string;
  readonly fromLine?: number;
  readonly verbose?: true;
}

export function register(log: Command): void {
  const command = log
    .command('import')
    .summary('import an export into an empty node or a running cluster')
    .description(
      'Imports a file that `hearsay log export` wrote. Ops go into an empty data directory, which becomes ' +
        'a cluster of its own; entries go to a running node (--url) as new PUTs. Run the command again ' +
        'to continue an interrupted import.',
    )
    .argument('<file>', 'the file that export wrote')
    .option(
      '--node-id <name>',
      'for ops: the node that the directory belongs to (NODE_ID, default node1)',
    )
    .option('--cluster <name>', 'for ops: the name of the cluster (default: the one in the export)')
    .addOption(
      new Option('--from-line <number>', 'for entries: go on from this line').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .option('--verbose', 'for entries: name each one that is skipped')
    .addHelpText('after', EXAMPLES)
    .action(run);
  addSourceOptions(command);
}

async function run(file: string, flags: ImportFlags): Promise<void> {
  const lines = linesOf(file, isWhole);
  const first = await lines.next();
  if (first.done) throw new SettingError(`The file ${file} is empty.`);
  const head = headOfFile(first.value.text);
  if (head.kind === 'ops') {
    if (flags.url !== undefined)
      throw new SettingError(
        'Ops are imported into an empty data directory: give --data-dir, and no --url.',
      );
    await importOps(file, first.value.text, head, lines, flags);
    return;
  }
  const urls = nodesOf(flags);
  if (urls === null)
    throw new SettingError('Entries are imported into a running node: give its --url.');
  await importEntries(urls, lines, statSync(file).size, flags);
}

/**
 * The last line may lack its line feed, which an editor may have removed. The first line names the kind
 * of file.
 */
function isWhole(text: string, number: number): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return number === 1;
  }
}

const NODE_ID = /^[A-Za-z0-9_-]{1,32}$/;

async function importOps(
  file: string,
  headLine: string,
  head: OpsHead,
  lines: AsyncGenerator<Line>,
  flags: ImportFlags,
): Promise<void> {
  const directory = dataDirOf(flags);
  const target = await openImport(directory, nodeIdOf(flags), headLine, head, flags);
  if (target.held > 0)
    note(`${countText(target.held)} ops are there already; going on behind them.`);
  const progress = new Progress('import');
  try {
    const rows = await takeOps(target, file, head, lines, progress);
    progress.end();
    note(
      `${countText(rows)} ops are in ${directory}, under the new origin ${target.origin}; none was skipped.`,
    );
  } catch (error) {
    progress.end();
    await target.close().catch(() => {});
    throw error instanceof HearsayError
      ? error
      : new HearsayError(
          `The import stopped after ${countText(target.held)} ops; run it again to go on (${String(error)}).`,
          { cause: error },
        );
  }
}

function nodeIdOf(flags: ImportFlags): string {
  const nodeId = flags.nodeId ?? (process.env.NODE_ID || 'node1');
  if (!NODE_ID.test(nodeId))
    throw new SettingError('--node-id (NODE_ID) must be 1 to 32 letters (A to Z), digits, _ or -.');
  return nodeId;
}

async function openImport(
  directory: string,
  nodeId: string,
  headLine: string,
  head: OpsHead,
  flags: ImportFlags,
): Promise<LogImport> {
  // Imported here, so that help and mistakes don't wait for SQLite.
  const { LogImport } = await import('../../log/files/importLog.ts');
  return LogImport.open({
    directory,
    clusterName: flags.cluster ?? head.header.clusterName,
    newOrigin: () => newOrigin(nodeId),
    headLine,
  });
}

/** @returns the number of ops in the export. @throws DamagedExportError if it is not complete. */
async function takeOps(
  target: LogImport,
  file: string,
  head: OpsHead,
  lines: AsyncGenerator<Line>,
  progress: Progress,
): Promise<number> {
  const { held, commitRows } = target;
  const ops = new OpsImport(head);
  let waiting: Row[] = [];
  /** The line of each op that waits. */
  const lineOf = new Map<string, number>();
  const commit = async (): Promise<void> => {
    if (waiting.length > 0) await appendNew(target, waiting, [...lineOf.values()]);
    waiting = [];
    lineOf.clear();
  };
  for await (const line of lines) {
    const fields = readLine(line, parseLine);
    if (isEnd(fields)) {
      await commit();
      const { origin } = target;
      const identity = { origin, clusterId: randomBytes(8).toString('hex'), nowMs: Date.now() };
      await target.finish(ops.end(opsEndOf(fields), identity));
      return ops.rows;
    }
    const row = ops.take(readLine(line, () => rowOf(fields)));
    if (row.lsn <= held) continue;
    const id = `${row.op.origin}/${row.op.seq}`;
    const earlier = lineOf.get(id);
    if (earlier !== undefined)
      throw new DamagedExportError(`line ${line.number} repeats the op of line ${earlier}`);
    lineOf.set(id, line.number);
    waiting.push(row);
    if (waiting.length >= commitRows) await commit();
    progress.show(ops.rows, 'ops', ops.rows / Math.max(ops.rows, head.upToLsn));
  }
  throw new DamagedExportError(
    `${file} ends before its last line, which export writes when it is whole`,
  );
}

/** @throws DamagedExportError if one of the rows repeats an op that was appended before. */
async function appendNew(
  target: LogImport,
  rows: readonly Row[],
  lines: readonly number[],
): Promise<void> {
  try {
    await target.append(rows);
  } catch (error) {
    if (!(error instanceof DuplicateOpError)) throw error;
    throw new DamagedExportError(
      `one of the lines ${lines.at(0)} to ${lines.at(-1)} repeats the op of an earlier line`,
    );
  }
}

const EXAMPLES = `
Examples:
  hearsay log import history.jsonl --data-dir ./staging
  hearsay log import entries.jsonl --url http://localhost:8001`;
