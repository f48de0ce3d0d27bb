/** `hearsay log verify`: proves that a log is whole, or names its faults. */

import type { Command } from 'commander';
import type { Finding } from '../../log/tools/finding.ts';
import { lastLsnOf } from '../../log/tools/logSource.ts';
import { type Verified, verify } from '../../log/tools/verify.ts';
import { HearsayError } from '../../words/errors.ts';
import { formatHash } from '../../words/hash.ts';
import { isPartOfSnapshot } from '../../words/row.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { LineOutput, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, instant, secondText } from '../terminal/text.ts';
import { wrapped } from '../terminal/width.ts';
import { addSourceOptions, type SourceFlags, withAnySource } from './options.ts';

/** The greatest difference between the clocks of two nodes, by default, in milliseconds. */
const AHEAD_MS = MINUTE_MS;

/** The column where the facts begin, behind their names. */
const FACT_INDENT = 11;

export function register(log: Command): void {
  const command = log
    .command('verify')
    .summary('prove that a log is whole, or name its faults')
    .description(
      'Checks the file, and proves that no op is missing, changed, doubled or out of order, that sums ' +
        'meet and that the log folds to the recorded map. If a check fails, it names the first bad row and ' +
        'its origin first, and exits with 1.',
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
  addSourceOptions(command);
}

async function run(flags: SourceFlags): Promise<void> {
  await withAnySource(flags, async ({ source, integrity, checkpoint }) => {
    const progress = new Progress('verify');
    const verified = await verify(source, {
      aheadMs: AHEAD_MS,
      onPage: progress.onPage,
      ...(integrity && { integrity }),
      ...(checkpoint && { checkpoint }),
    });
    progress.end();
    const output = new LineOutput();
    if (flags.json === true)
      for (const finding of verified.findings) await output.line(findingJson(finding));
    if (flags.json === true) await output.line(summaryJson(source.place, verified));
    else
      for (const line of lines(source.place, verified, integrity !== undefined))
        for (const part of wrapped(line, outputColumns() ?? line.length, FACT_INDENT))
          await output.line(part);
    await output.flush();
    const { findingCount } = verified;
    if (findingCount > 0)
      throw new HearsayError(
        `The log ${source.place} is damaged: ${countText(findingCount)} ${findingCount === 1 ? 'fault' : 'faults'}, the first of them first.`,
      );
  });
}

function lines(place: string, verified: Verified, hasFile: boolean): string[] {
  const { facts, rows, keys, findings, findingCount, mapSum, asOf, mapSumMet } = verified;
  const found = findings.map(findingText);
  if (findingCount > found.length)
    found.push(`… and ${countText(findingCount - found.length)} more.`);
  if (findingCount > 0) return found;
  const { records } = facts;
  const reached = records.filter(({ reach }) => reach > 0).length;
  const recorded =
    mapSumMet === null ? 'none is recorded for the end of this log' : 'as the node recorded it';
  const origins = `${records.length} without a gap, sums met${reached > 0 ? `; ${reached} of them compacted in part` : ''}`;
  const isPart = isPartOfSnapshot(facts.header);
  return [
    isPart
      ? `${place} is sound so far: it holds a part of a snapshot, which a start throws away.`
      : `${place} is whole.`,
    ...(hasFile ? ['  file     every page is sound'] : []),
    `  rows     ${countText(rows)} true hashes and won bits, lsn ${facts.firstLsn} to ${facts.lastLsn}`,
    `  origins  ${isPart ? 'told at the end of the snapshot' : origins}`,
    `  keys     ${countText(keys.live)} live, ${countText(keys.dead)} dead`,
    `  map sum  ${formatHash(mapSum)} as of ${secondText(asOf * MINUTE_MS)} UTC; ${recorded}`,
    ...checkpointLines(verified),
  ];
}

function checkpointLines({ checkpoint }: Verified): string[] {
  if (checkpoint === null) return [];
  const { lsn, unused } = checkpoint;
  const use =
    unused === null ? 'it and the rows after it give this map' : `not used, because ${unused}`;
  return [`  checkpoint of lsn ${lsn}: ${use}`];
}

/** `lsn 1234, node2.k3x9z2/55: …` */
function findingText({ kind, lsn, origin, seq, text }: Finding): string {
  // The finding's own sentence names the rows.
  if (kind === 'unreadable') return text;
  const names = [
    ...(lsn === null ? [] : [`lsn ${lsn}`]),
    ...(origin === null ? [] : [seq === null ? origin : `${origin}/${seq}`]),
  ];
  return names.length === 0 ? `${text}.` : `${names.join(', ')}: ${text.replace(/\.$/, '')}.`;
}

const findingJson = ({ kind, lsn, origin, seq, text }: Finding): string =>
  JSON.stringify({ type: 'fault', kind, lsn, origin, seq, text });

const summaryJson = (place: string, verified: Verified): string =>
  JSON.stringify({
    type: 'summary',
    place,
    whole: verified.findingCount === 0 && !isPartOfSnapshot(verified.facts.header),
    faults: verified.findingCount,
    rows: verified.rows,
    first_lsn: verified.facts.firstLsn,
    last_lsn: lastLsnOf(verified.facts),
    live_keys: verified.keys.live,
    dead_keys: verified.keys.dead,
    map_sum: formatHash(verified.mapSum),
    as_of: instant(verified.asOf * MINUTE_MS),
    map_sum_recorded: verified.mapSumMet !== null,
    checkpoint_lsn: verified.checkpoint?.lsn ?? null,
    checkpoint_used: verified.checkpoint !== null && verified.checkpoint.unused === null,
  });

const EXAMPLES = `
Examples:
  hearsay log verify
  hearsay log verify --data-dir backup.db --json`;
