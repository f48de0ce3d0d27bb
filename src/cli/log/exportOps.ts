/** `hearsay log export --as-ops`: the whole history, with vector, sums and members. */
import { type OpsHead, opsEndLine, opsHeadLine } from '../../log/tools/exportFormat.ts';
import { OpsExport } from '../../log/tools/exportOps.ts';
import type { LogFacts, LogSource } from '../../log/tools/logSource.ts';
import { type Moment, momentNow, momentOf } from '../../log/tools/moment.ts';
import type { Point } from '../../log/tools/point.ts';
import { rowLine } from '../../log/tools/rowLine.ts';
import { Walk } from '../../log/tools/walk.ts';
import { SettingError } from '../../words/errors.ts';
import { note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText } from '../terminal/text.ts';
import type { BegunExport } from './begunExport.ts';
import type { LineSink } from './lines.ts';
import { failOnFaults } from './options.ts';

interface OpsFlags {
  readonly at?: Point;
  readonly output?: string;
}

/** @throws SettingError if the file was begun with another log, HearsayError for a damaged log. */
export async function exportOps(
  source: LogSource,
  facts: LogFacts,
  flags: OpsFlags,
  begun: BegunExport | null,
  sink: LineSink,
): Promise<void> {
  const head = begun?.head.kind === 'ops' ? begun.head : await opsHead(source, facts, flags);
  if (head.header.origin !== facts.header.origin)
    throw new SettingError(
      `${flags.output} is the beginning of an export of ${head.header.origin}, and this is the log of ${facts.header.origin}.`,
    );
  const ops = begun?.ops ?? new OpsExport(source.place, head);
  if (begun === null) await sink.line(opsHeadLine(head));
  const progress = new Progress('export');
  const walk = new Walk(begun?.lastLsn ?? 0, head.upToLsn, progress.onPage);
  for await (const rows of walk.rowsOf(source))
    for (const row of rows) {
      ops.take(row);
      await sink.line(rowLine(row));
    }
  progress.end();
  // A history without an unreadable row is incomplete, so it gets no last line.
  await sink.flush();
  failOnFaults(walk);
  const end = ops.end(await source.facts());
  await sink.line(opsEndLine(end));
  note(`${countText(end.rows)} ops, up to lsn ${head.upToLsn}.`);
}

async function opsHead(source: LogSource, facts: LogFacts, { at }: OpsFlags): Promise<OpsHead> {
  const { header, records, lastLsn } = facts;
  const moment = at === undefined ? momentNow(facts) : await momentOf(source, facts, at);
  const upToLsn = await lastLsnOf(source, facts, moment);
  return { kind: 'ops', header, records, lastLsn, upToLsn };
}

/**
 * Rows of an export are the beginning of the log: they end before the first row that came after the
 * point.
 */
async function lastLsnOf(
  source: LogSource,
  { lastLsn }: LogFacts,
  moment: Moment,
): Promise<number> {
  const upTo = Math.min(moment.upToLsn, lastLsn);
  if (moment.byMs === Number.POSITIVE_INFINITY) return upTo;
  let before = 0;
  for await (const heads of new Walk(0, upTo).heads(source))
    for (const { lsn, committedAt } of heads) {
      if (committedAt > moment.byMs) return before;
      before = lsn;
    }
  return upTo;
}
