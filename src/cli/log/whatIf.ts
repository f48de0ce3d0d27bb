/** `hearsay log what-if`: shows the keys that would read otherwise if some ops had never been. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_ROWS_AT } from '../../log/tools/logSource.ts';
import { cutOf, momentOf } from '../../log/tools/moment.ts';
import type { Point } from '../../log/tools/point.ts';
import { Walk } from '../../log/tools/walk.ts';
import { type WhatIfDifference, WhatIfFold } from '../../log/tools/whatIf.ts';
import { versionText } from '../../log/tools/whyBeaten.ts';
import { SettingError } from '../../words/errors.ts';
import { formatOpId, type OpId } from '../../words/op.ts';
import type { KeyHead, Row } from '../../words/row.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, note, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { type Column, Table } from '../terminal/table.ts';
import { countText, instant, valueText } from '../terminal/text.ts';
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

interface WhatIfFlags extends SourceFlags {
  readonly without?: readonly OpId[];
  readonly withoutOrigin?: readonly string[];
  readonly until?: Point;
}

export function register(log: Command): void {
  const command = log
    .command('what-if')
    .summary('show what would be different without some ops')
    .description(
      'Folds the history again without some ops, and prints each key that would read otherwise now. An ' +
        'op that lost to one of them may win then. Requests are not decided anew. It changes nothing.',
    )
    .addOption(
      new Option('--without <origin/seq>', 'without this op; may be given again').argParser(readOp),
    )
    .addOption(
      new Option(
        '--without-origin <origin>',
        'without any op of this origin, or of this node; may be given again',
      ).argParser((origin: string, before: readonly string[] = []) => [...before, origin]),
    )
    .addOption(
      new Option(
        '--until <point>',
        `without the ops that came after this point: ${NOW_HELP}`,
      ).argParser(readPoint),
    )
    .addHelpText('after', EXAMPLES)
    .action(whatIf);
  addSourceOptions(command);
}

/** @throws InvalidArgumentError */
function readOp(text: string, before: readonly OpId[] = []): readonly OpId[] {
  const [, origin, seq] = /^(\S+\.\S+)\/(\d{1,15})$/.exec(text) ?? [];
  if (origin !== undefined) return [...before, { origin, seq: Number(seq) }];
  throw new InvalidArgumentError(
    'It must be the id of an op, such as node1.k3x9z2/42: `hearsay log tail` shows them.',
  );
}

async function whatIf(flags: WhatIfFlags): Promise<void> {
  const { without: ops = [], withoutOrigin: origins = [], until } = flags;
  if (ops.length === 0 && origins.length === 0 && until === undefined)
    throw new SettingError('Say what to leave out, by --without, --without-origin or --until.');
  await withSource(flags, async ({ source }) => {
    const facts = await source.facts();
    const moment = until === undefined ? null : await momentOf(source, facts, until);
    const fold = new WhatIfFold({ ops, origins, until: moment });
    const progress = new Progress('what-if');
    const walk = new Walk(0, facts.lastLsn, progress.onPage);
    for await (const heads of walk.heads(source)) for (const head of heads) fold.take(head);
    progress.end();
    const differences = [...fold.differences(facts.nowMs)];
    await print(source, differences, flags.json === true);
    const cutAt = cutOf(facts);
    if (cutAt > 0)
      note(
        `The log was compacted up to ${instant(cutAt)}: ops that had been beaten by then are gone, and can't win here.`,
      );
    if (fold.leftOutOps === 0) note('No op of the log is left out by that.');
    else note(summary(fold.leftOutOps, differences.length));
    failOnFaults(walk);
  });
}

async function print(
  source: OpenedLog['source'],
  differences: readonly WhatIfDifference[],
  isJson: boolean,
): Promise<void> {
  const output = new LineOutput();
  const table = new Table(COLUMNS, { title: 'VALUE INSTEAD', leastWidth: 12 }, outputColumns());
  if (!isJson && differences.length > 0) await output.line(heading(table.head()));
  for (let from = 0; from < differences.length; from += MAX_ROWS_AT) {
    const page = differences.slice(from, from + MAX_ROWS_AT);
    const rows = await source.rowsAt(page.flatMap(({ instead }) => instead?.lsn ?? []));
    const byLsn = new Map(rows.map((row) => [row.lsn, row]));
    for (const difference of page) {
      const row = difference.instead === null ? undefined : byLsn.get(difference.instead.lsn);
      await output.line(
        isJson ? differenceJson(difference, row) : table.row(cellsOf(difference, row)),
      );
    }
  }
  await output.flush();
}

const COLUMNS: readonly Column[] = [
  { title: 'KEY', width: 24, leastWidth: 12 },
  { title: 'NOW', width: 12 },
  { title: 'INSTEAD', width: 12 },
  { title: 'OP INSTEAD', width: 19, leastWidth: 14, keep: 'right', dropRank: 1 },
];

const cellsOf = ({ key, now, instead }: WhatIfDifference, row: Row | undefined): string[] => [
  shownKey(key),
  sideText(now),
  sideText(instead),
  instead === null ? '' : formatOpId(instead),
  row === undefined ? '' : valueText(row.op),
];

const sideText = (entry: KeyHead | null): string =>
  entry === null ? 'absent' : `version ${versionText(entry)}`;

function differenceJson({ key, now, instead }: WhatIfDifference, row: Row | undefined): string {
  const members = { key, now: sideJson(now), instead: sideJson(instead) };
  return row === undefined ? JSON.stringify(members) : withValue(members, row.op);
}

const sideJson = (entry: KeyHead | null): object | null =>
  entry && { op: formatOpId(entry), version: entry.version, lsn: entry.lsn };

function summary(leftOut: number, differing: number): string {
  const ops = leftOut === 1 ? 'one op' : `${countText(leftOut)} ops`;
  if (differing === 0) return `Without ${ops}, every key would read as it does.`;
  const keys = differing === 1 ? 'one key' : `${countText(differing)} keys`;
  return `Without ${ops}, ${keys} would read otherwise.`;
}

const EXAMPLES = `
Examples:
  hearsay log what-if --without node3.3km199/2
  hearsay log what-if --without-origin node3 --url http://localhost:8001
  hearsay log what-if --until -10m --output json`;
