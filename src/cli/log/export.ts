/** `hearsay log export`: writes the ops, or the entries, of a log as lines of JSON. */
import { type Command, Option } from 'commander';
import type { Head } from '../../log/tools/exportFormat.ts';
import type { LogSource } from '../../log/tools/logSource.ts';
import type { Point } from '../../log/tools/point.ts';
import { SettingError } from '../../words/errors.ts';
import { LineOutput, note } from '../terminal/output.ts';
import { type BegunExport, readBegun } from './begunExport.ts';
import { entriesMoment, exportEntries } from './exportEntries.ts';
import { exportOps } from './exportOps.ts';
import { FileOutput } from './lines.ts';
import { addSourceOptions, NOW_HELP, readPoint, type SourceFlags, withSource } from './options.ts';

interface ExportFlags extends SourceFlags {
  readonly at?: Point;
  readonly asOps?: true;
  readonly asEntries?: true;
  readonly output?: string;
}

export function register(log: Command): void {
  const command = log
    .command('export')
    .summary('write the ops, or the entries, as lines of JSON')
    .description(
      'Writes a log as lines of JSON: --as-entries the live entries, for any cluster; --as-ops the ' +
        'whole history, for an empty node. An interrupted export continues in its --output.',
    )
    .addOption(
      new Option('--at <point>', `the log as it was at this point: ${NOW_HELP}`).argParser(
        readPoint,
      ),
    )
    .addOption(
      new Option('--as-ops', 'every op, with vector, sums and members').conflicts('asEntries'),
    )
    .option('--as-entries', 'the live entries (default)')
    .option('--output <file>', 'write to this file, not to stdout')
    .addHelpText('after', EXAMPLES)
    .action(run);
  addSourceOptions(command, null);
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
    await write(source, flags, begun);
  });
}

async function write(
  source: LogSource,
  flags: ExportFlags,
  begun: BegunExport | null,
): Promise<void> {
  const { output } = flags;
  const file = output === undefined ? null : await FileOutput.open(output, begun?.endByte ?? 0);
  try {
    const sink = file ?? new LineOutput();
    const facts = await source.facts();
    if (flags.asOps) await exportOps(source, facts, flags, begun, sink);
    else await exportEntries(source, facts, flags.at, begun, sink);
    await sink.flush();
  } finally {
    await file?.close();
  }
}

/** @throws SettingError if the complete file is of another log, or ends at another op. */
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

const EXAMPLES = `
Examples:
  hearsay log export --as-ops --output history.jsonl
  hearsay log export --at -1h --url http://localhost:8001 > entries.jsonl`;
