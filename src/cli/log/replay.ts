/** `hearsay log replay`: recorded ops as ordinary writes to a running cluster. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { headOfFile, isEnd } from '../../log/tools/exportFormat.ts';
import { isUntil } from '../../log/tools/filter.ts';
import type { Point } from '../../log/tools/point.ts';
import { parseLine, rowOf } from '../../log/tools/rowLine.ts';
import { parseSpeed, Schedule } from '../../log/tools/schedule.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { isOnKey } from '../../words/op.ts';
import { urlsNamed } from '../remote/address.ts';
import { addTrustOptions, type TokenFlags } from '../remote/commandToken.ts';
import { withTokenAdvice } from '../remote/tokenAdvice.ts';
import { note, printLine } from '../terminal/output.ts';
import { addOutputOptions } from '../terminal/outputForm.ts';
import { Progress } from '../terminal/progress.ts';
import { countText, durationText } from '../terminal/text.ts';
import { linesOf } from './lines.ts';
import { NOW_HELP, readPoint, readUrl } from './options.ts';
import { ReplaySender, type ReplayTally } from './replaySender.ts';

interface ReplayFlags extends TokenFlags {
  readonly to?: string;
  readonly speed?: number;
  readonly max?: true;
  readonly until?: Point;
  readonly json?: true;
}

export function register(log: Command): void {
  const command = log
    .command('replay')
    .summary('send recorded ops to a running cluster as ordinary writes')
    .description(
      'Sends the puts and deletes of an export of ops to a running node as ordinary writes, at the ' +
        'intervals that they had: real traffic for load tests and staging. The writes on one key keep ' +
        'their order; writes that the cluster refuses are counted.',
    )
    .argument('<file>', 'a file that `hearsay log export --as-ops` wrote')
    .addOption(new Option('--to <url>', 'the node to send to (HEARSAY_URL)').argParser(readUrl))
    .addOption(
      new Option(
        '--speed <factor>',
        'such as 10x: ten times as fast as recorded (default 1x)',
      ).argParser(readSpeed),
    )
    .addOption(new Option('--max', 'send writes as fast as the node takes them').conflicts('speed'))
    .addOption(new Option('--until <point>', `up to this point: ${NOW_HELP}`).argParser(readPoint))
    .addHelpText('after', EXAMPLES)
    .action(replay);
  addTrustOptions(addOutputOptions(command, 'one'));
}

function readSpeed(text: string): number {
  const speed = parseSpeed(text);
  if (speed === undefined)
    throw new InvalidArgumentError('It must be a factor such as 10x or 0.5x.');
  return speed;
}

async function replay(file: string, flags: ReplayFlags): Promise<void> {
  const urls = urlsNamed(flags.to === undefined ? undefined : [flags.to], '--to');
  const lines = linesOf(file);
  const first = await lines.next();
  const head = first.done ? null : headOfFile(first.value.text);
  if (head?.kind !== 'ops')
    throw new SettingError(`${file} holds no ops: make it by \`hearsay log export --as-ops\`.`);
  const startedAt = performance.now();
  const schedule = new Schedule(
    flags.max ? Number.POSITIVE_INFINITY : (flags.speed ?? 1),
    startedAt,
  );
  const sender = new ReplaySender(urls, flags);
  const progress = new Progress('replay');
  let lastMs: number | null = null;
  let isWhole = false;
  for await (const { text } of lines) {
    const fields = parseLine(text);
    isWhole = isEnd(fields);
    if (isWhole) break;
    const row = rowOf(fields);
    if (flags.until !== undefined && !isUntil(flags.until, row)) {
      if (flags.until.kind === 'cursor') continue;
      isWhole = true;
      break;
    }
    if (!isOnKey(row.op)) continue;
    await sender.send(row.op, schedule.dueMs(row.committedAt));
    lastMs = row.committedAt;
    progress.show(sender.sent.all, 'writes', Math.min(1, row.lsn / head.upToLsn));
  }
  const sent = await sender.end();
  progress.end();
  await report(sent, performance.now() - startedAt, lastMs, flags.json === true);
  if (sent.failed > 0)
    throw new HearsayError(
      `${countText(sent.failed)} writes failed, the first of them so: ${withTokenAdvice(sent.firstFailure)}`,
    );
  if (!isWhole) note('The file ends before its last line: it was cut off.');
}

async function report(
  sent: ReplayTally,
  tookMs: number,
  lastMs: number | null,
  isJson: boolean,
): Promise<void> {
  const perSecond = sent.all / Math.max(0.001, tookMs / 1000);
  if (isJson) {
    const { all, stored, deleted, conflicts, failed, maxLateMs } = sent;
    const last = lastMs === null ? null : new Date(lastMs).toISOString();
    await printLine(
      JSON.stringify({
        writes: all,
        stored,
        deleted,
        conflicts,
        failed,
        took_ms: Math.round(tookMs),
        writes_per_second: perSecond,
        max_late_ms: Math.round(maxLateMs),
        last_committed_at: last,
      }),
    );
    return;
  }
  note(
    `${countText(sent.all)} writes in ${durationText(tookMs)} (${countText(Math.round(perSecond))} a second): ` +
      `${countText(sent.stored)} stored, ${countText(sent.deleted)} deleted, ${countText(sent.conflicts)} conflicting, ` +
      `${countText(sent.failed)} failed; at most ${durationText(sent.maxLateMs)} late.`,
  );
}

const EXAMPLES = `
Examples:
  hearsay log replay history.jsonl --to http://localhost:8001 --speed 10x
  hearsay log replay history.jsonl --to http://localhost:8001 --max`;
