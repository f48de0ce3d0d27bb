/** `hearsay log at`: prints the map as it was at a point. */
import type { Command } from 'commander';
import { entriesOf, entryAt, type LiveEntry, liveAt } from '../../log/tools/entriesAt.ts';
import { type Moment, momentOf } from '../../log/tools/moment.ts';
import type { Point } from '../../log/tools/point.ts';
import { Walk } from '../../log/tools/walk.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { formatOpId } from '../../words/op.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, note, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { type Column, Table } from '../terminal/table.ts';
import { countText, instant, instantOrNull, secondText, valueText } from '../terminal/text.ts';
import { shownKey } from '../terminal/values.ts';
import { withValue } from './opText.ts';
import {
  addSourceOptions,
  failOnFaults,
  NOW_HELP,
  type OpenedLog,
  readPoint,
  type SourceFlags,
  withSource,
} from './options.ts';

interface AtFlags extends SourceFlags {
  readonly prefix?: string;
}

export function register(log: Command): void {
  const command = log
    .command('at')
    .summary('print the map as it was at a time, an lsn or a cursor')
    .description(
      'Prints the live entries of one key, of a prefix or of all keys as this node held them at a ' +
        'point. Entries that had expired or were deleted by then are absent.',
    )
    .argument('<point>', NOW_HELP, readPoint)
    .argument('[key]', 'only this key')
    .option('--prefix <prefix>', 'only keys that begin with this text')
    .addHelpText('after', EXAMPLES)
    .action(at);
  addSourceOptions(command);
}

async function at(point: Point, key: string | undefined, flags: AtFlags): Promise<void> {
  if (key !== undefined && flags.prefix !== undefined)
    throw new SettingError('Give KEY or --prefix, not both.');
  await withSource(flags, async (opened) => {
    const { source } = opened;
    const facts = await source.facts();
    const moment = await momentOf(source, facts, point);
    const progress = new Progress('at');
    const walk = new Walk(0, Math.min(moment.upToLsn, facts.lastLsn), progress.onPage);
    if (key === undefined) await printAll(opened, moment, walk, progress, flags);
    else {
      const entry = await entryAt(source, moment, walk, key);
      progress.end();
      if (entry !== undefined) await print(entry, flags.json === true);
      failOnFaults(walk);
      if (entry === undefined)
        throw new HearsayError(`There was no ${JSON.stringify(key)} at ${instant(moment.atMs)}.`);
    }
  });
}

async function printAll(
  { source }: OpenedLog,
  moment: Moment,
  walk: Walk,
  progress: Progress,
  { prefix, json }: AtFlags,
): Promise<void> {
  const lsns = await liveAt(source, moment, walk, prefix);
  progress.end();
  const output = new LineOutput();
  const table = newTable();
  if (json !== true) await output.line(heading(table.head()));
  for await (const entries of entriesOf(source, lsns))
    for (const entry of entries)
      await output.line(json === true ? entryJson(entry) : table.row(cellsOf(entry)));
  await output.flush();
  failOnFaults(walk);
  if (json !== true) note(`${countText(lsns.size)} live keys at ${instant(moment.atMs)}.`);
}

async function print(entry: LiveEntry, isJson: boolean): Promise<void> {
  const output = new LineOutput();
  const table = newTable();
  if (!isJson) await output.line(heading(table.head()));
  await output.line(isJson ? entryJson(entry) : table.row(cellsOf(entry)));
  await output.flush();
}

const COLUMNS: readonly Column[] = [
  { title: 'KEY', width: 28, leastWidth: 17 },
  { title: 'VERSION', width: 7 },
  { title: 'SINCE (UTC)', width: 19, dropRank: 2 },
  { title: 'EXPIRES (UTC)', width: 19, dropRank: 1 },
];

const newTable = (): Table =>
  new Table(COLUMNS, { title: 'VALUE', leastWidth: 12 }, outputColumns());

const cellsOf = ({ committedAt, op }: LiveEntry): string[] => [
  shownKey(op.key),
  String(op.version),
  secondText(committedAt),
  op.expiresAt === null ? 'never' : secondText(op.expiresAt),
  valueText(op),
];

const entryJson = ({ lsn, committedAt, op }: LiveEntry): string =>
  withValue(
    {
      key: op.key,
      version: op.version,
      expires_at: instantOrNull(op.expiresAt),
      op: formatOpId(op),
      lsn,
      committed_at: instant(committedAt),
    },
    op,
  );

const EXAMPLES = `
Examples:
  hearsay log at -10m user:42
  hearsay log at 2026-11-24T10:00:00Z --prefix user: --json`;
