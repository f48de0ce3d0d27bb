/** `hearsay log history`: prints every op on a key, with the time in which it could be seen. */
import type { Command } from 'commander';
import { type Happening, historyOf } from '../../log/tools/history.ts';
import { Walk } from '../../log/tools/walk.ts';
import { versionText } from '../../log/tools/whyBeaten.ts';
import { HearsayError } from '../../words/errors.ts';
import { hlcToMs } from '../../words/hlc.ts';
import { formatOpId } from '../../words/op.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { type Column, Table } from '../terminal/table.ts';
import {
  clockText,
  dayText,
  durationText,
  instant,
  instantOrNull,
  ttlText,
  valueText,
} from '../terminal/text.ts';
import { OP_ID_COLUMN, opMembers, withValue } from './opText.ts';
import { addSourceOptions, failOnFaults, type SourceFlags, withSource } from './options.ts';

export function register(log: Command): void {
  const command = log
    .command('history')
    .summary('print every op on a key, and when each could be seen')
    .description(
      'Prints every op on a key, also those that lost, in the order of their arrival at this node, with ' +
        'the time for which a reader of this node saw each.',
    )
    .argument('<key>', 'the key')
    .addHelpText('after', EXAMPLES)
    .action(history);
  addSourceOptions(command);
}

async function history(key: string, flags: SourceFlags): Promise<void> {
  await withSource(flags, async ({ source }) => {
    const facts = await source.facts();
    const progress = new Progress('history');
    const walk = new Walk(0, facts.lastLsn, progress.onPage);
    const output = new LineOutput();
    const table = happeningTable('SEEN, VALUE');
    let count = 0;
    for await (const page of historyOf(source, walk, key, facts.nowMs)) {
      progress.end();
      for (const happening of page) {
        if (count === 0 && flags.json !== true) await output.line(heading(table.head()));
        count++;
        const lines =
          flags.json === true
            ? [happeningJson(happening)]
            : table.rows([...happeningCells(happening), seenAndValue(happening)]);
        for (const line of lines) await output.line(line);
      }
    }
    progress.end();
    await output.flush();
    failOnFaults(walk);
    if (count === 0)
      throw new HearsayError(`The log ${source.place} holds no op on ${JSON.stringify(key)}.`);
  });
}

const COLUMNS: readonly Column[] = [
  { title: 'LSN', width: 8, leastWidth: 6, side: 'right', dropRank: 4 },
  { title: 'TIME (UTC)', width: 18 },
  { ...OP_ID_COLUMN, leastWidth: 15 },
  { title: 'KIND', width: 6 },
  { title: 'VERSION', width: 7, dropRank: 5 },
  { title: 'TTL', width: 4, dropRank: 1 },
];
/** A narrower text is broken into too many lines. */
const LEAST_TEXT_COLUMNS = 23;

/** @param last the title of the last column. */
export const happeningTable = (last: string): Table =>
  new Table(COLUMNS, { title: last, leastWidth: LEAST_TEXT_COLUMNS }, outputColumns());

export const happeningCells = ({ lsn, committedAt, op }: Happening): string[] => [
  String(lsn),
  `${dayText(committedAt).slice(5)} ${clockText(committedAt)}`,
  formatOpId(op),
  op.kind,
  op.generation === 0 ? versionText(op) : `${versionText(op)} g${op.generation}`,
  ttlText(op),
];

function seenAndValue(happening: Happening): string {
  const value = valueText(happening.op);
  return value === '' ? seenText(happening) : `${seenText(happening)}  ${value}`;
}

/** `for 12s, then overwritten` */
function seenText(happening: Happening): string {
  const { committedAt, op } = happening;
  const lateMs = committedAt - hlcToMs(op.hlc);
  return lateMs > LATE_MS
    ? `${sightText(happening)} (came ${durationText(lateMs)} late)`
    : sightText(happening);
}

/** Gossip takes less time: an op that comes later was held up by a cut. */
const LATE_MS = 1000;

function sightText({ visible, whyNot, op }: Happening): string {
  if (visible === null)
    return op.kind === 'delete' && whyNot === 'it is a delete' ? 'deletes' : `never: ${whyNot}`;
  if (visible.untilMs === null) return 'still seen';
  return `${durationText(visible.untilMs - visible.fromMs)}, then ${visible.ending}`;
}

function happeningJson(happening: Happening): string {
  const { visible, whyNot, beatenBy, op } = happening;
  return withValue(
    {
      ...opMembers(happening),
      visible: visible && {
        from: instant(visible.fromMs),
        until: instantOrNull(visible.untilMs),
        ending: visible.ending,
      },
      why_not: whyNot,
      beaten_by: beatenBy && formatOpId(beatenBy),
    },
    op,
  );
}

const EXAMPLES = `
Examples:
  hearsay log history user:42
  hearsay log history user:42 --url http://localhost:8001 --json`;
