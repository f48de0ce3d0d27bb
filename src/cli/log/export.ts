/** `hearsay log export`: the ops, or the entries, of a log as lines of JSON. */
import { existsSync, statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { entriesOf, liveAt } from '../../log/tools/entriesAt.ts';
import {
  type EntriesHead,
  entriesEndLine,
  entriesHeadLine,
  entryLine,
  exportedEntryOf,
  type Head,
  headOfFile,
  isEnd,
  type OpsHead,
  opsEndLine,
  opsHeadLine,
} from '../../log/tools/exportFormat.ts';
import { OpsExport } from '../../log/tools/exportOps.ts';
import { type Moment, momentNow, momentOf } from '../../log/tools/moment.ts';
import { Walk } from '../../log/tools/pages.ts';
import type { Point } from '../../log/tools/point.ts';
import { parseLine, rowLine, rowOf } from '../../log/tools/rowLine.ts';
import type { LogFacts, LogSource } from '../../log/tools/source.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { LineOutput, note } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, instant } from '../terminal/text.ts';
import { FileOutput, linesOf } from './lines.ts';
import {
  addSourceOptions,
  failOnFaults,
  NOW_HELP,
  readPoint,
  type SourceFlags,
  withSource,
} from './options.ts';

interface ExportFlags extends SourceFlags {
  readonly at?: Point;
  readonly asOps?: true;
  readonly asEntries?: true;
  readonly output?: string;
}

/** What an earlier run has written. */
interface Begun {
  readonly head: Head;
  readonly ops: OpsExport | null;
  readonly lastLsn: number;
  readonly lastKey: string | null;
  readonly entries: number;
  readonly endByte: number;
  readonly isWhole: boolean;
}

type LineSink = Pick<LineOutput, 'line' | 'flush'>;

export function register(log: Command): void {
  const command = log
    .command('export')
    .summary('write the ops, or the entries, as lines of JSON')
    .description(
      'Writes a log as lines of JSON: --as-entries the live entries, for any cluster; --as-ops the ' +
        'whole history, for an empty node. Where --output names a file that was cut off, it goes on.',
    )
    .addOption(new Option('--at <point>', `as it was: ${NOW_HELP}`).argParser(readPoint))
    .addOption(
      new Option('--as-ops', 'every op, with vector, sums and members').conflicts('asEntries'),
    )
    .option('--as-entries', 'the live entries (default)')
    .option('--output <file>', 'in place of stdout')
    .addHelpText('after', EXAMPLES)
    .action(run);
  addSourceOptions(command);
}

async function run(flags: ExportFlags): Promise<void> {
  await withSource(flags, async ({ source }) => {
    const begun = flags.output === undefined ? null : await readBegun(flags.output, source.place);
    if (begun !== null && begun.head.kind !== (flags.asOps ? 'ops' : 'entries'))
      throw new SettingError(
        `${flags.output} is an export of ${begun.head.kind}, or the beginning of one: name another file.`,
      );
    if (begun?.isWhole) {
      await refuseOther(source, begun.head, flags);
      note(`${flags.output} is whole already: nothing was written.`);
      return;
    }
    const file =
      flags.output === undefined ? null : await FileOutput.open(flags.output, begun?.endByte ?? 0);
    try {
      const sink = file ?? new LineOutput();
      const facts = await source.facts();
      if (flags.asOps) await exportOps(source, facts, flags, begun, sink);
      else await exportEntries(source, facts, flags, begun, sink);
      await sink.flush();
    } finally {
      await file?.close();
    }
  });
}

/** A file that is whole is what was asked for only where it is of the same log, up to the same op. */
async function refuseOther(source: LogSource, head: Head, flags: ExportFlags): Promise<void> {
  const facts = await source.facts();
  const isOther = head.kind === 'ops' && head.header.origin !== facts.header.origin;
  const wanted = await entriesMoment(source, facts, flags.at, null);
  const isSameTime = flags.at === undefined || head.kind === 'ops' || head.atMs === wanted.atMs;
  if (!isOther && isSameTime && head.upToLsn === Math.min(wanted.upToLsn, facts.lastLsn)) return;
  throw new SettingError(
    `${flags.output} is whole already, and of another log or another moment: remove it, or name another file.`,
  );
}

async function readBegun(file: string, place: string): Promise<Begun | null> {
  if (statSync(file, { throwIfNoEntry: false })?.size === 0 || !existsSync(file)) return null;
  let begun: Begun | null = null;
  for await (const { text, endByte } of linesOf(file)) {
    if (begun === null) {
      const head = headOfFile(text);
      const ops = head.kind === 'ops' ? new OpsExport(place, head) : null;
      begun = { head, ops, lastLsn: 0, lastKey: null, entries: 0, endByte, isWhole: false };
      continue;
    }
    const fields = parseLine(text);
    if (isEnd(fields)) return { ...begun, isWhole: true };
    if (begun.ops === null) {
      const { key } = exportedEntryOf(text, fields);
      begun = { ...begun, lastKey: key, entries: begun.entries + 1, endByte };
      continue;
    }
    const row = rowOf(fields);
    begun.ops.take(row);
    begun = { ...begun, lastLsn: row.lsn, endByte };
  }
  if (begun === null)
    throw new SettingError(`${file} is there and is no export: name another file.`);
  note(
    `${file} was cut off; going on behind ${begun.ops === null ? `the key ${JSON.stringify(begun.lastKey)}` : `lsn ${begun.lastLsn}`}.`,
  );
  return begun;
}

async function exportOps(
  source: LogSource,
  facts: LogFacts,
  flags: ExportFlags,
  begun: Begun | null,
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
  // What can't be read is missing, and a history with a hole is none: it gets no last line.
  await sink.flush();
  failOnFaults(walk);
  const end = ops.end(await source.facts());
  await sink.line(opsEndLine(end));
  note(`${countText(end.rows)} ops, up to lsn ${head.upToLsn}.`);
}

async function opsHead(source: LogSource, facts: LogFacts, { at }: ExportFlags): Promise<OpsHead> {
  const { header, records, lastLsn } = facts;
  const moment = at === undefined ? momentNow(facts) : await momentOf(source, facts, at);
  const upToLsn = await lastLsnOf(source, facts, moment);
  return { kind: 'ops', header, records, lastLsn, upToLsn };
}

/** Rows of an export are the beginning of the log: they end before the first that was not there yet. */
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

async function exportEntries(
  source: LogSource,
  facts: LogFacts,
  { at }: ExportFlags,
  begun: Begun | null,
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

/** What was begun goes on with the moment that it began with. */
async function entriesMoment(
  source: LogSource,
  facts: LogFacts,
  at: Point | undefined,
  begun: Begun | null,
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

const EXAMPLES = `
Examples:
  hearsay log export --as-ops --output history.jsonl
  hearsay log export --at -1h --url http://localhost:8001 > entries.jsonl`;
