/**
 * The longest delay of a node's event loop in a minute of 10,000 PUTs a second over 3,000,000 keys, and
 * that of an idle process at the same time, which is the machine's own.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Outcome, plain } from './figures.ts';
import { inTurn } from './inTurn.ts';
import { fillByLines } from './lines.ts';
import { RESOLUTION_MS, startMeasuredNode } from './measuredNode.ts';
import { checkPuts, checkValues, sumOfVersions } from './nodeAnswers.ts';
import { putBeside } from './pacedPuts.ts';
import { temporaryDirectory } from './processes.ts';
import { type Scale, scaled } from './scale.ts';

const KEYS = 3_000_000;
const PUTS_PER_SECOND = 10_000;
const CONNECTIONS = 64;
const FULL_SECONDS = 60;

type Measured = 'longestMs' | 'idleMs' | 'perSecond';

export async function benchPause(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  const perSecond = scaled(PUTS_PER_SECOND, scale);
  const seconds = scale.share < 1 ? scale.seconds : FULL_SECONDS;
  using directory = temporaryDirectory();
  await using node = await startMeasuredNode(directory.path);
  await fillByLines(node.url, keys); // which also warms up
  let answered = keys;
  const idle = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const rounds = await inTurn<'node', Measured>(
    { ...scale, warmUp: false },
    {
      node: async () => {
        const puts = await putBeside({ url: node.url, perSecond, connections: CONNECTIONS, keys });
        await node.longestDelayMs(); // forgets what was before
        idle.reset();
        idle.enable();
        await wait(seconds * 1000);
        const longestMs = await node.longestDelayMs();
        const idleMs = Math.max(0, idle.max / 1e6 - RESOLUTION_MS);
        idle.disable();
        const report = await puts.stop();
        answered += report.answered;
        return { longestMs, idleMs, perSecond: report.answered / report.seconds };
      },
    },
  );
  await checkValues(node.url, keys);
  checkPuts(await sumOfVersions(node.url), answered, 0);
  return {
    figures: [
      plain('keys', keys, ''),
      plain('PUTs a second', rounds.median('node', 'perSecond'), '1/s'),
      plain('longest delay of an idle process beside it', rounds.median('node', 'idleMs'), 'ms'),
      atMost('longest delay of the event loop', rounds.median('node', 'longestMs'), 'ms', 20),
    ],
    skipped: [],
  };
}
