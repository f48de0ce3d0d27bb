/** `hearsay log export --as-entries`: the live entries at one moment. */
import { entriesOf, liveAt } from '../../log/tools/entriesAt.ts';
import {
  type EntriesHead,
  entriesEndLine,
  entriesHeadLine,
  entryLine,
} from '../../log/tools/exportFormat.ts';
import type { LogFacts, LogSource } from '../../log/tools/logSource.ts';
import { type Moment, momentNow, momentOf } from '../../log/tools/moment.ts';
import type { Point } from '../../log/tools/point.ts';
import { Walk } from '../../log/tools/walk.ts';
import { HearsayError } from '../../words/errors.ts';
import { note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, instant } from '../terminal/text.ts';
import type { BegunExport } from './begunExport.ts';
import type { LineSink } from './lines.ts';
import { failOnFaults } from './options.ts';

/** @throws HearsayError if the file was begun with another log, or entries can't be read. */
export async function exportEntries(
  source: LogSource,
  facts: LogFacts,
  at: Point | undefined,
  begun: BegunExport | null,
  sink: LineSink,
): Promise<void> {
  const moment = await entriesMoment(source, facts, at, begun);
  const head: EntriesHead = {
    kind: 'entries',
    atMs: moment.atMs,
    upToLsn: Math.min(moment.upToLsn, facts.lastLsn),
  };
  if (begun === null) await sink.line(entriesHeadLine(head));
  const progress = new Progress('export');
  const walk = new Walk(0, head.upToLsn, progress.onPage);
  const lsns = await liveAt(source, moment, walk);
  progress.end();
  let count = begun?.entries ?? 0;
  let damaged = 0;
  const onDamaged = (key: string, lsn: number): void => {
    damaged++;
    note(`${JSON.stringify(key)} is left out: its row at lsn ${lsn} can not be read.`);
  };
  for await (const entries of entriesOf(source, lsns, begun?.lastKey ?? null, onDamaged))
    for (const entry of entries) {
      await sink.line(entryLine(entry));
      count++;
    }
  await sink.line(entriesEndLine(count));
  await sink.flush();
  note(`${countText(count)} entries, as of ${instant(moment.atMs)}.`);
  failOnFaults(walk, damaged > 0);
}

/** The moment of the entries. A file that an earlier run began keeps its moment. */
export async function entriesMoment(
  source: LogSource,
  facts: LogFacts,
  at: Point | undefined,
  begun: BegunExport | null,
): Promise<Moment> {
  if (begun?.head.kind === 'entries') {
    const { atMs, upToLsn } = begun.head;
    if (upToLsn > facts.lastLsn)
      throw new HearsayError('The file is the beginning of an export of another log.');
    return {
      ...(await momentOf(source, facts, { kind: 'lsn', lsn: upToLsn })),
      ...expiredAt(atMs),
      byMs: atMs,
    };
  }
  const moment = at === undefined ? momentNow(facts) : await momentOf(source, facts, at);
  return { ...moment, upToLsn: Math.min(moment.upToLsn, facts.lastLsn) };
}

const expiredAt = (atMs: number): Pick<Moment, 'expired' | 'atMs'> => ({
  expired: { untilMs: atMs + 1, upTo: null },
  atMs,
});
