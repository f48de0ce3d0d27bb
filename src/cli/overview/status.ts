/** `hearsay status`: shows once whether all nodes are there and agree. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { addClientOptions, type ClientFlags, durationMs } from '../cache/clientCommand.ts';
import { tokensOf } from '../log/options.ts';
import { urlsOf } from '../remote/address.ts';
import { outputColumns, printLine } from '../terminal/output.ts';
import { type ClusterStatus, judge } from './clusterStatus.ts';
import { Gatherer } from './gather.ts';
import { statusJson, statusLines } from './statusText.ts';

interface StatusFlags extends ClientFlags {
  /** Milliseconds. */
  readonly wait?: number;
}

const ANSWER_TIMEOUT = '3s';
const WAIT = '5s';
/** Between two observations, in milliseconds. */
const PAUSE_MS = 250;

export function register(program: Command): void {
  const command = program
    .command('status')
    .summary('show whether all nodes are there and agree')
    .description(
      'Asks every node of the cluster, and prints one line for each. Exits with 1 if a node is missing, ' +
        'disagrees, lacks ops for longer than --wait or tells a fault, and names each fault below the table.',
    )
    .addOption(
      new Option(
        '--wait <duration>',
        `time for all nodes to get the ops that any of them holds (default ${WAIT})`,
      ).argParser(durationMs),
    )
    .addHelpText('after', EXAMPLES)
    .action(status);
  addClientOptions(command, 'one', ANSWER_TIMEOUT);
}

async function status({ wait = durationMs(WAIT), ...flags }: StatusFlags): Promise<void> {
  const found = await settled(gathererOf(flags), wait);
  if (flags.json) await printLine(statusJson(found));
  else for (const line of statusLines(found, outputColumns())) await printLine(line);
  if (found.faults.length > 0) process.exitCode = 1;
}

/** @throws SettingError for URLs or tokens that are none. */
export function gathererOf({ url, timeout, ...tokens }: ClientFlags): Gatherer {
  return new Gatherer(urlsOf(url), tokensOf(tokens), timeout ?? durationMs(ANSWER_TIMEOUT));
}

/**
 * Observes until every node holds the ops of the first observation, or the time is over. The nodes of one observation
 * are asked at slightly different times, so a node is never called behind by the first alone.
 */
export async function settled(
  gatherer: Pick<Gatherer, 'observe'>,
  waitMs: number,
): Promise<ClusterStatus> {
  const first = await gatherer.observe(Date.now);
  const endsAtMs = performance.now() + waitMs;
  let judged = judge(first, first);
  while (mayChange(judged)) {
    await pause(PAUSE_MS);
    judged = judge(first, await gatherer.observe(Date.now));
    if (performance.now() + PAUSE_MS > endsAtMs) break;
  }
  return judged;
}

const mayChange = ({ nodes }: ClusterStatus): boolean =>
  nodes.some(({ agrees }) => agrees === 'behind' || agrees === 'no');

const EXAMPLES = `
Examples:
  hearsay status
  hearsay status --url http://localhost:8001 --json | jq .faults`;
