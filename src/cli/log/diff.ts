/** `hearsay log diff`: shows how two logs differ, with the reasons. */
import type { Command } from 'commander';
import {
  compareEntries,
  compareVectors,
  EntryFold,
  type KeyDifference,
  type OriginDifference,
} from '../../log/tools/differences.ts';
import type { LogFacts, LogSource } from '../../log/tools/logSource.ts';
import { Walk } from '../../log/tools/walk.ts';
import { versionText } from '../../log/tools/whyBeaten.ts';
import { formatOpId } from '../../words/op.ts';
import type { KeyHead } from '../../words/row.ts';
import { addTrustOptions } from '../remote/commandToken.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, note, outputColumns } from '../terminal/output.ts';
import { addOutputOptions } from '../terminal/outputForm.ts';
import { Progress } from '../terminal/progress.ts';
import { type Column, Table } from '../terminal/table.ts';
import { countText } from '../terminal/text.ts';
import { shownKey } from '../terminal/values.ts';
import { type AddressFlags, failOnFaults, pageTimeoutOption, withSourceAt } from './options.ts';

interface DiffFlags extends AddressFlags {
  readonly json?: true;
}

export function register(log: Command): void {
  const command = log
    .command('diff')
    .summary('show how two logs differ, and why')
    .description(
      'Compares two logs, each a data directory, a file or the URL of a running node: first how many ' +
        'ops of each origin they hold, then each key whose live value differs, with the reason. Exits ' +
        'with 1 if a key differs for any other reason than missing ops.',
    )
    .argument('<a>', 'a data directory, a file or a URL')
    .argument('<b>', 'the log to compare it with, likewise')
    .addOption(pageTimeoutOption())
    .addHelpText('after', EXAMPLES)
    .action(diff);
  addTrustOptions(addOutputOptions(command, 'many'));
}

async function diff(a: string, b: string, flags: DiffFlags): Promise<void> {
  await withSourceAt(a, flags, (openedA) =>
    withSourceAt(b, flags, async (openedB) => {
      const names = namesOf(openedA.source.place, openedB.source.place);
      await compare([openedA.source, openedB.source], names, flags.json === true);
    }),
  );
}

/** The two places, or letters if they are the same. */
function namesOf(a: string, b: string): readonly [string, string] {
  return a === b ? ['A', 'B'] : [a, b];
}

async function compare(
  [a, b]: readonly [LogSource, LogSource],
  names: readonly [string, string],
  isJson: boolean,
): Promise<void> {
  const [factsA, factsB] = [await a.facts(), await b.facts()];
  const output = new LineOutput();
  if (factsA.header.clusterId !== factsB.header.clusterId)
    note(
      `The two are of different clusters: ${factsA.header.clusterId} and ${factsB.header.clusterId}.`,
    );
  const origins = new Table(
    ORIGIN_COLUMNS,
    { title: 'DIFFERENCE', leastWidth: 7 },
    outputColumns(),
  );
  if (!isJson)
    for (const line of [`A  ${names[0]}`, `B  ${names[1]}`, '', heading(origins.head())])
      await output.line(line);
  for (const origin of compareVectors(factsA, factsB))
    await output.line(isJson ? originJson(origin) : origins.row(originCells(origin)));
  const [foldA, walkA] = await fold(a, factsA, 'diff A');
  const [foldB, walkB] = await fold(b, factsB, 'diff B');
  const counts = new Map<string, number>();
  const nowMs = Math.max(factsA.nowMs, factsB.nowMs);
  const keys = new Table(KEY_COLUMNS, { title: 'WHY', leastWidth: 12 }, outputColumns());
  for (const difference of compareEntries(foldA, foldB, nowMs, ['A', 'B'])) {
    if (counts.size === 0 && !isJson)
      for (const line of ['', heading(keys.head())]) await output.line(line);
    counts.set(difference.reason, (counts.get(difference.reason) ?? 0) + 1);
    await output.line(isJson ? keyJson(difference) : keys.row(keyCells(difference)));
  }
  await output.flush();
  if (!isJson) note(summary(counts));
  failOnFaults(walkA);
  failOnFaults(walkB);
  if (counts.has('damaged') || counts.has('forked')) process.exitCode = 1;
}

async function fold(source: LogSource, facts: LogFacts, what: string): Promise<[EntryFold, Walk]> {
  const progress = new Progress(what);
  const walk = new Walk(0, facts.lastLsn, progress.onPage);
  const entries = new EntryFold(facts);
  for await (const heads of walk.heads(source)) for (const head of heads) entries.take(head);
  progress.end();
  return [entries, walk];
}

const ORIGIN_COLUMNS: readonly Column[] = [
  { title: 'ORIGIN', width: 28, leastWidth: 14 },
  { title: 'OPS IN A', width: 12, leastWidth: 8, side: 'right' },
  { title: 'OPS IN B', width: 12, leastWidth: 8, side: 'right' },
];
const KEY_COLUMNS: readonly Column[] = [
  { title: 'KEY', width: 24, leastWidth: 10 },
  { title: 'IN A', width: 12, dropRank: 1 },
  { title: 'IN B', width: 12, dropRank: 1 },
  { title: 'REASON', width: 12 },
];

const originCells = ({ origin, seqs, sameSums }: OriginDifference): string[] => [
  origin,
  countText(seqs[0]),
  countText(seqs[1]),
  originDifference(seqs, sameSums),
];

function originDifference([a, b]: readonly [number, number], sameSums: boolean | null): string {
  if (a > b) return `B lacks ${countText(a - b)}`;
  if (b > a) return `A lacks ${countText(b - a)}`;
  return sameSums === false ? 'as many, and not the same: a fork, or damage' : '';
}

const originJson = ({ origin, seqs, sameSums }: OriginDifference): string =>
  JSON.stringify({ type: 'origin', origin, a: seqs[0], b: seqs[1], same_sums: sameSums });

const keyCells = ({ key, a, b, reason, why }: KeyDifference): string[] => [
  shownKey(key),
  sideText(a),
  sideText(b),
  reason,
  why,
];

const sideText = (entry: KeyHead | null): string =>
  entry === null ? 'absent' : `version ${versionText(entry)}`;

const keyJson = ({ key, a, b, reason, side, why }: KeyDifference): string =>
  JSON.stringify({ type: 'key', key, a: sideJson(a), b: sideJson(b), reason, side, why });

const sideJson = (entry: KeyHead | null): object | null =>
  entry && { op: formatOpId(entry), version: entry.version, generation: entry.generation };

function summary(counts: ReadonlyMap<string, number>): string {
  if (counts.size === 0) return 'Every key reads alike in both.';
  const parts = [...counts].map(([reason, count]) => `${countText(count)} ${reason}`);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${countText(total)} ${total === 1 ? 'key differs' : 'keys differ'}: ${parts.join(', ')}.`;
}

const EXAMPLES = `
Examples:
  hearsay log diff data/node1 data/node2
  hearsay log diff backup.db http://localhost:8001 --json`;
