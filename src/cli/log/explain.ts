/** `hearsay log explain`: shows why a key has its present value. */
import type { Command } from 'commander';
import {
  type Acknowledgement,
  type Judged,
  judge,
  type Verdict,
  verdictOn,
} from '../../log/tools/explain.ts';
import { historyOf } from '../../log/tools/history.ts';
import type { LogFacts, LogSource } from '../../log/tools/logSource.ts';
import { Walk } from '../../log/tools/walk.ts';
import { versionText } from '../../log/tools/whyBeaten.ts';
import { nodeIdOf } from '../../rules/members.ts';
import { HearsayError } from '../../words/errors.ts';
import { hlcToMs } from '../../words/hlc.ts';
import { formatOpId, isOnKey, type KeyOp } from '../../words/op.ts';
import { type ClusterMember, membersOf } from '../remote/clusterMembers.ts';
import { heading } from '../terminal/color.ts';
import { LineOutput, outputColumns } from '../terminal/output.ts';
import { Progress } from '../terminal/progress.ts';
import { durationText, instant, quoted, secondText, valueText } from '../terminal/text.ts';
import { shortened, wrapped } from '../terminal/width.ts';
import { happeningCells, happeningTable } from './history.ts';
import { opMembers, withValue } from './opText.ts';
import { addSourceOptions, failOnFaults, type SourceFlags, withSource } from './options.ts';

export function register(log: Command): void {
  const command = log
    .command('explain')
    .summary('show why a key has its present value')
    .description(
      'Explains the present value of a key: prints every op on it, the rule by which each lost, and whether ' +
        'the winner is dead, stable or collected. With --url it also names the members that have not seen it.',
    )
    .argument('<key>', 'the key')
    .addHelpText('after', EXAMPLES)
    .action(explain);
  addSourceOptions(command);
}

async function explain(key: string, flags: SourceFlags): Promise<void> {
  await withSource(flags, async ({ source, remote }) => {
    const facts = await source.facts();
    const progress = new Progress('explain');
    const winningRow = await winnerOf(source, key, facts, progress);
    const winner = winningRow?.op ?? null;
    const members = remote === null ? null : (await membersOf(remote.node)).map(acknowledgement);
    const verdict = verdictOn(winner, facts.header, facts.nowMs, members);
    const output = new LineOutput();
    for (const line of flags.json === true
      ? [verdictJson(key, verdict)]
      : verdictLines(key, verdict, facts, winningRow?.committedAt ?? 0))
      await output.line(line);
    const table = happeningTable('WHY IT LOST');
    const walk = new Walk(0, facts.lastLsn, progress.onPage);
    let count = 0;
    for await (const page of historyOf(source, walk, key, facts.nowMs))
      for (const happening of page) {
        progress.end();
        if (count === 0 && flags.json !== true) await output.line(heading(table.head()));
        count++;
        const judged = judge(happening, winner);
        const lines =
          flags.json === true ? [judgedJson(judged, winner)] : table.rows(judgedCells(judged));
        for (const line of lines) await output.line(line);
      }
    progress.end();
    await output.flush();
    failOnFaults(walk);
    if (count === 0)
      throw new HearsayError(`The log ${source.place} holds no op on ${JSON.stringify(key)}.`);
  });
}

interface Winning {
  readonly op: KeyOp;
  readonly committedAt: number;
}

/** The last row of the key that won: each such row beat the one before it. */
async function winnerOf(
  source: LogSource,
  key: string,
  { lastLsn }: LogFacts,
  progress: Progress,
): Promise<Winning | null> {
  let winner: Winning | null = null;
  const walk = new Walk(0, lastLsn, progress.onPage);
  for await (const rows of walk.rowsOn(source, key))
    for (const { won, committedAt, op } of rows)
      if (won && isOnKey(op)) winner = { op, committedAt };
  return winner;
}

const acknowledgement = ({ origin, nodeId, acknowledged }: ClusterMember): Acknowledgement => ({
  origin,
  nodeId,
  vector: acknowledged,
});

const judgedCells = ({ happening, clause, why }: Judged): string[] => [
  ...happeningCells(happening),
  clause === null ? `* ${why}` : why,
];

/** Wider sentences are hard to read. */
const MOST_COLUMNS = 100;
/** The width of the label before each fact. */
const LABEL_COLUMNS = 11;
/** Gossip takes less time. */
const LATE_MS = 1000;

function verdictLines(
  key: string,
  verdict: Verdict,
  { nowMs, header }: LogFacts,
  committedAt: number,
): string[] {
  const { state, winner, isStable, unseenBy } = verdict;
  if (winner === null) return [`${quoted(key)}: nothing in this log has won it.`];
  const columns = Math.min(MOST_COLUMNS, outputColumns() ?? MOST_COLUMNS);
  const lines = [`${shortened(quoted(key), 60)} is ${stateText(verdict, nowMs)}`];
  if (state === 'live')
    lines.push(`  value    ${shortened(valueText(winner), columns - LABEL_COLUMNS)}`);
  lines.push(
    `  winner   ${formatOpId(winner)}: ${winner.kind} of version ${versionText(winner)}, generation ${winner.generation}`,
    `  born     ${birthText(winner, committedAt)}`,
  );
  const upTo = header.stable.get(winner.origin) ?? 0;
  lines.push(
    isStable
      ? `  stable   yes: every member holds it, with nothing older under way`
      : `  stable   no: ${winner.origin} is stable up to ${upTo}`,
  );
  if (unseenBy !== null)
    lines.push(
      unseenBy.length === 0
        ? '  seen by  every member'
        : `  not seen ${unseenBy.map(({ nodeId, origin }) => `${nodeId} (${origin})`).join(', ')}, by their last acknowledgement`,
    );
  return lines.flatMap((line) => wrapped(line, columns, LABEL_COLUMNS));
}

/** An op that comes long after its birth shows that something was cut off meanwhile. */
function birthText({ hlc, origin }: KeyOp, committedAt: number): string {
  const bornMs = hlcToMs(hlc);
  const lateMs = committedAt - bornMs;
  const late = lateMs > LATE_MS ? `; it came here ${durationText(lateMs)} later` : '';
  return `${secondText(bornMs)} on ${nodeIdOf(origin)}${late}`;
}

function stateText({ state, winner }: Verdict, nowMs: number): string {
  const expiresAt = winner?.expiresAt ?? null;
  switch (state) {
    case 'live':
      return expiresAt === null
        ? 'live, and never expires.'
        : `live, and expires in ${durationText(expiresAt - nowMs)} (${secondText(expiresAt)}).`;
    case 'deleted':
      return 'deleted: its entry is a tombstone.';
    case 'expired':
      return `expired since ${secondText(expiresAt ?? 0)}.`;
    case 'collected':
      return `gone: it ${winner?.kind === 'delete' ? 'was deleted' : 'has expired'}, and is collected.`;
    default:
      return 'unknown.';
  }
}

const verdictJson = (key: string, { state, winner, isStable, unseenBy }: Verdict): string =>
  JSON.stringify({
    type: 'verdict',
    key,
    state,
    winner: winner && formatOpId(winner),
    version: winner?.version ?? null,
    expires_at: winner?.expiresAt == null ? null : instant(winner.expiresAt),
    stable: isStable,
    unseen_by: unseenBy?.map(({ origin, nodeId }) => ({ node: nodeId, origin })) ?? null,
  });

const judgedJson = ({ happening, clause, why }: Judged, winner: KeyOp | null): string =>
  withValue(
    {
      type: 'op',
      ...opMembers(happening),
      is_winner: winner !== null && formatOpId(winner) === formatOpId(happening.op),
      clause,
      why,
    },
    happening.op,
  );

const EXAMPLES = `
Examples:
  hearsay log explain user:42
  hearsay log explain user:42 --url http://localhost:8001`;
