/** `hearsay log tail`: the ops, the newest last. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isBefore, matches, type RowFilter } from '../../log/tools/filter.ts';
import { type LogFacts, type LogSource, PAGE_ROWS } from '../../log/tools/logSource.ts';
import { parseLine, rowOf } from '../../log/tools/rowLine.ts';
import { faultText, Walk } from '../../log/tools/walk.ts';
import type { Row } from '../../words/row.ts';
import { wholeNumber } from '../cache/clientCommand.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, note, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { stopSignal } from '../terminal/stopSignals.ts';
import { OpTable, opJson } from './opText.ts';
import {
  addSourceOptions,
  failOnFaults,
  NOW_HELP,
  type OpenedLog,
  readPoint,
  type SourceFlags,
  withSource,
} from './options.ts';

interface TailFlags extends SourceFlags, RowFilter {
  readonly follow?: true;
  readonly count?: number;
}

const DEFAULT_COUNT = 10;
/** The time between two looks at a file, in milliseconds. */
const POLL_MS = 100;

export function register(log: Command): void {
  const command = log
    .command('tail')
    .summary('print the ops, newest last')
    .description(
      'Prints the last ops of a log, the newest last; with --since, all ops from that point on. A - marks ' +
        'an op that had lost when it came. With -f it continues with new ops.',
    )
    .option('-f, --follow', 'continue with new ops, until Ctrl-C')
    .addOption(
      new Option(
        '-n, --count <number>',
        `at most this number of ops (default ${DEFAULT_COUNT}; with --since, all)`,
      ).argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .option('--key <key>', 'only ops on this key')
    .option('--prefix <prefix>', 'only ops on keys that begin with this text')
    .option('--origin <origin>', 'only ops born in this origin, or on this node')
    .addOption(
      new Option('--kind <kind>', 'only ops of this kind').choices([
        'put',
        'delete',
        'join',
        'retire',
      ]),
    )
    .addOption(
      new Option('--since <point>', `from this point on: ${NOW_HELP}`).argParser(readPoint),
    )
    .addOption(new Option('--until <point>', 'up to this point').argParser(readPoint))
    .addHelpText('after', EXAMPLES)
    .action(tail);
  addSourceOptions(command);
}

async function tail(flags: TailFlags): Promise<void> {
  if (flags.follow && flags.until !== undefined)
    throw new InvalidArgumentError('--until has an end and --follow has none: give one of them.');
  // Before anything is printed, because Ctrl-C may come at once.
  const stop = flags.follow ? stopByKey() : null;
  await withSource(flags, async (opened) => {
    const facts = await opened.source.facts();
    const printer = new Printer(flags.json === true);
    const walk =
      flags.since === undefined || flags.count !== undefined
        ? await printLast(opened.source, facts, flags, printer)
        : await printSince(opened.source, facts, flags, printer);
    await printer.flush();
    if (stop !== null) await follow(opened, facts.lastLsn, flags, printer, stop);
    failOnFaults(walk);
  });
}

/** Prints rows as text or as JSON. */
class Printer {
  readonly #table: OpTable | null;
  readonly #output = new LineOutput();
  #hasHead = false;

  constructor(isJson: boolean) {
    this.#table = isJson ? null : new OpTable(outputColumns());
  }

  async print(row: Row): Promise<void> {
    if (this.#table === null) {
      await this.#output.line(opJson(row));
      return;
    }
    if (!this.#hasHead) await this.#output.line(heading(this.#table.head()));
    this.#hasHead = true;
    for (const line of this.#table.row(row)) await this.#output.line(line);
  }

  flush(): Promise<void> {
    return this.#output.flush();
  }
}

/** Prints the last rows that match. It reads backwards, so that a long log costs no more than a short one. */
async function printLast(
  source: LogSource,
  { lastLsn }: LogFacts,
  flags: TailFlags,
  printer: Printer,
): Promise<Walk> {
  const progress = new Progress('tail');
  const walk = new Walk(0, lastLsn);
  const wanted = flags.count ?? DEFAULT_COUNT;
  const found: Row[] = [];
  // Without a filter, a page holds no more rows than are wanted. With one, many rows may not match.
  const isFiltered = Object.keys(flags).some((name) => FILTERS.has(name));
  const limit = isFiltered
    ? PAGE_ROWS
    : { ...PAGE_ROWS, maxRows: Math.min(PAGE_ROWS.maxRows, wanted) };
  for (let before: number | null = lastLsn + 1; before !== null && found.length < wanted; ) {
    const page = await source.rowsBefore(before, limit);
    if (page.fault !== null) walk.faults.push(page.fault);
    for (const row of page.items) {
      if (found.length < wanted && matches(flags, row)) found.push(row);
      walk.rows++;
    }
    progress.show(walk.rows, 'rows', 1 - (before - 1) / Math.max(1, lastLsn));
    const last: Row | undefined = page.items.at(-1);
    before = last !== undefined && isBefore(flags.since, last) ? null : page.next;
  }
  progress.end();
  for (const row of found.reverse()) await printer.print(row);
  return walk;
}

const FILTERS: ReadonlySet<string> = new Set(['key', 'prefix', 'origin', 'kind', 'since', 'until']);

async function printSince(
  source: LogSource,
  { lastLsn }: LogFacts,
  flags: TailFlags,
  printer: Printer,
): Promise<Walk> {
  const progress = new Progress('tail');
  const start = flags.since?.kind === 'lsn' ? Math.max(0, flags.since.lsn - 1) : 0;
  const walk = new Walk(start, lastLsn, progress.onPage);
  const pages = flags.key === undefined ? walk.rowsOf(source) : walk.rowsOn(source, flags.key);
  for await (const rows of pages)
    for (const row of rows)
      if (matches(flags, row)) {
        progress.end();
        await printer.print(row);
      }
  progress.end();
  return walk;
}

/** Aborted by Ctrl-C. */
function stopByKey(): AbortSignal {
  const stop = new AbortController();
  stopSignal(() => process.exit(1)).then(() => stop.abort());
  return stop.signal;
}

async function follow(
  { source, remote }: OpenedLog,
  after: number,
  flags: TailFlags,
  printer: Printer,
  stop: AbortSignal,
): Promise<void> {
  try {
    if (remote === null) await followFile(source, after, flags, printer, stop);
    else
      for await (const lines of remote.reader.follow(after, stop)) {
        for (const line of lines) {
          const row = rowOf(parseLine(line));
          if (matches(flags, row)) await printer.print(row);
        }
        await printer.flush();
      }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  await printer.flush();
}

async function followFile(
  source: LogSource,
  after: number,
  flags: TailFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  let lsn = after;
  while (!signal.aborted) {
    const { items, next, fault } = await source.rows(lsn, Number.MAX_SAFE_INTEGER, PAGE_ROWS);
    for (const row of items) if (matches(flags, row)) await printer.print(row);
    lsn = next ?? items.at(-1)?.lsn ?? lsn;
    if (fault !== null) {
      note(faultText(fault));
      if (next === null) return;
    }
    await printer.flush();
    if (next === null) await pause(POLL_MS);
  }
}

const EXAMPLES = `
Examples:
  hearsay log tail -n 20 --prefix user: --since -1h
  hearsay log tail -f --url http://localhost:8001 --json`;
