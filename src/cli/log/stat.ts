/** `hearsay log stat`: the parts of a log by number and size. */
import { type Command, Option } from 'commander';
import { type LogFacts, lastLsnOf } from '../../log/tools/logSource.ts';
import { cutOf } from '../../log/tools/moment.ts';
import { type OriginTally, type Statistics, StatisticsFold } from '../../log/tools/statistics.ts';
import { Walk } from '../../log/tools/walk.ts';
import { durationMs } from '../cache/clientCommand.ts';
import { LineOutput, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { type Column, measured, Table } from '../terminal/table.ts';
import {
  bytesText,
  countText,
  durationText,
  instant,
  instantOrNull,
  secondText,
} from '../terminal/text.ts';
import { shownKey } from '../terminal/values.ts';
import { fit, wrapped } from '../terminal/width.ts';
import { addSourceOptions, failOnFaults, type SourceFlags, withSource } from './options.ts';

interface StatFlags extends SourceFlags {
  /** Milliseconds. */
  readonly retention?: number;
}

export const DEFAULT_RETENTION_MS = 24 * 60 * 60 * 1000;

export const retentionOption = (): Option =>
  new Option(
    '--retention <duration>',
    'keep rows that were beaten or dead for less time (RETENTION, default 24h)',
  ).argParser(durationMs);

export const retentionOf = ({ retention }: { readonly retention?: number }): number =>
  retention ?? (process.env.RETENTION ? durationMs(process.env.RETENTION) : DEFAULT_RETENTION_MS);

export function register(log: Command): void {
  const command = log
    .command('stat')
    .summary('count ops, keys, bytes, rates, and rows that compaction would free')
    .description(
      'Counts the ops and bytes of a log, its live and dead keys and the rate of each origin, and lists ' +
        'the biggest keys, the busiest prefixes, and the rows that compaction would free.',
    )
    .addOption(retentionOption())
    .addHelpText('after', EXAMPLES)
    .action(stat);
  addSourceOptions(command, 'one');
}

async function stat(flags: StatFlags): Promise<void> {
  await withSource(flags, async ({ source }) => {
    const facts = await source.facts();
    const progress = new Progress('stat');
    const walk = new Walk(0, facts.lastLsn, progress.onPage);
    const fold = new StatisticsFold(facts, retentionOf(flags));
    for await (const heads of walk.heads(source)) for (const head of heads) fold.take(head);
    progress.end();
    const statistics = fold.end();
    const output = new LineOutput();
    if (flags.json === true) await output.line(statisticsJson(source.place, facts, statistics));
    else for (const line of lines(source.place, facts, statistics)) await output.line(line);
    await output.flush();
    failOnFaults(walk);
  });
}

function lines(place: string, logFacts: LogFacts, found: Statistics): string[] {
  const { kinds, keys, compactable, oldestMs, newestMs } = found;
  const cutAt = cutOf(logFacts);
  const lost = kinds.put + kinds.delete - found.won;
  const facts = [
    place,
    row('cluster', `${logFacts.header.clusterName}, ${logFacts.header.clusterId ?? 'none yet'}`),
    row('origin', logFacts.header.origin),
    row('file', bytesText(logFacts.sizeBytes)),
    row(
      'ops',
      `${countText(found.ops)}: ${kindsText(kinds)}; ${countText(lost)} lost when they came`,
    ),
    row('lsn', `${logFacts.firstLsn} to ${lastLsnOf(logFacts) ?? 'unknown'}`),
    row(
      'keys',
      `${countText(keys.live)} live (${bytesText(found.liveBytes)}), ${countText(keys.dead)} dead`,
    ),
    row('texts', `${bytesText(found.textBytes)} of keys and values`),
    row('oldest', oldestMs === null ? 'none' : `${secondText(oldestMs)} UTC`),
    row(
      'newest',
      newestMs === null
        ? 'none'
        : `${secondText(newestMs)} UTC, ${distanceText(newestMs, logFacts.nowMs)}`,
    ),
    row('compacted', cutAt === 0 ? 'never' : `up to ${secondText(cutAt)} UTC`),
    row(
      'could free',
      `${countText(compactable.rows)} rows, ${bytesText(compactable.textBytes)}, older than ${secondText(compactable.cutAt)} UTC`,
    ),
  ].flatMap((line) => wrapped(line, outputColumns() ?? line.length, FACT_INDENT));
  return [
    ...facts,
    '',
    ...tableOf(ORIGIN_COLUMNS, 'LAST (UTC)', found.origins.map(originCells)),
    '',
    ...tableOf(
      [{ title: 'BIGGEST KEYS', leastWidth: 16 }],
      'BYTES',
      found.biggest.map(({ key, bytes }) => [shownKey(key), bytesText(bytes)]),
    ),
    '',
    ...tableOf(
      PREFIX_COLUMNS,
      'BYTES',
      found.busiest.map(({ prefix, ops, bytes }) => [prefix, countText(ops), bytesText(bytes)]),
    ),
  ];
}

type MeasuredColumn = Omit<Column, 'width'>;

const ORIGIN_COLUMNS: readonly MeasuredColumn[] = [
  { title: 'ORIGIN', leastWidth: 14 },
  { title: 'OPS', side: 'right' },
  { title: 'BYTES', side: 'right', dropRank: 2 },
  { title: 'OPS/S', side: 'right', dropRank: 1 },
];
const PREFIX_COLUMNS: readonly MeasuredColumn[] = [
  { title: 'BUSIEST PREFIXES', leastWidth: 16 },
  { title: 'OPS', side: 'right' },
];

function tableOf(
  columns: readonly MeasuredColumn[],
  last: string,
  rows: readonly (readonly string[])[],
): string[] {
  const leastWidth = Math.max(0, ...rows.map((row) => row.at(-1)?.length ?? 0));
  const table = new Table(measured(columns, rows), { title: last, leastWidth }, outputColumns(), 2);
  return [table.head(), ...rows.map((row) => table.row(row))];
}

const FACT_COLUMNS = 11;
const FACT_INDENT = FACT_COLUMNS + 3;

const row = (name: string, text: string): string => `  ${fit(name, FACT_COLUMNS)} ${text}`;

const kindsText = (kinds: Statistics['kinds']): string =>
  Object.entries(kinds)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${countText(count)} ${kind}`)
    .join(', ') || 'none';

function originCells(tally: OriginTally): string[] {
  const { origin, ops, bytes, lastMs } = tally;
  const rate = rateOf(tally);
  const rateText = rate === null ? '' : rate >= 10 ? countText(Math.round(rate)) : rate.toFixed(2);
  return [origin, countText(ops), bytesText(bytes), rateText, secondText(lastMs)];
}

/** Ops a second from the first op to the last; null for less than a second. */
const rateOf = ({ ops, firstMs, lastMs }: OriginTally): number | null =>
  lastMs - firstMs < 1000 ? null : ops / ((lastMs - firstMs) / 1000);

/** A node whose clock was ahead has written rows of times to come. */
const distanceText = (atMs: number, nowMs: number): string =>
  atMs > nowMs
    ? `${durationText(atMs - nowMs)} ahead of the clock`
    : `${durationText(nowMs - atMs)} ago`;

function statisticsJson(place: string, facts: LogFacts, found: Statistics): string {
  const { header, firstLsn, sizeBytes } = facts;
  return JSON.stringify({
    place,
    cluster: { name: header.clusterName, id: header.clusterId },
    origin: header.origin,
    size_bytes: sizeBytes,
    first_lsn: firstLsn,
    last_lsn: lastLsnOf(facts),
    ops: found.ops,
    kinds: found.kinds,
    won: found.won,
    text_bytes: found.textBytes,
    live_keys: found.keys.live,
    dead_keys: found.keys.dead,
    live_bytes: found.liveBytes,
    oldest: instantOrNull(found.oldestMs),
    newest: instantOrNull(found.newestMs),
    compacted_up_to: cutOf(facts) === 0 ? null : instant(cutOf(facts)),
    compactable: {
      rows: found.compactable.rows,
      text_bytes: found.compactable.textBytes,
      older_than: instant(found.compactable.cutAt),
    },
    origins: found.origins.map((tally) => ({
      origin: tally.origin,
      ops: tally.ops,
      bytes: tally.bytes,
      ops_per_second: rateOf(tally),
      first: instant(tally.firstMs),
      last: instant(tally.lastMs),
    })),
    biggest_keys: found.biggest,
    busiest_prefixes: found.busiest,
  });
}

const EXAMPLES = `
Examples:
  hearsay log stat
  hearsay log stat --url http://localhost:8001 --retention 1h --json`;
