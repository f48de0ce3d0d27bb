/**
 * The simulator's command line. Exit codes: 0 all runs passed, 1 one failed, 2 usage.
 *
 *   npm run sim -- --seed 7 --nodes 5
 *   npm run sim -- --seeds 200 --scenario crashes
 *   npm run sim -- --minutes 30
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { count, failure, header, line, newTally, type Tally, total } from './report.ts';
import type { RunOptions } from './runs.ts';
import { scenarioNames } from './scenarios.ts';
import { simulatorWithout, switchNames } from './switches.ts';

interface Flags {
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly scenario?: string;
  readonly nodes?: number;
  readonly steps?: number;
  readonly without?: string;
  readonly trace: number;
}

/** Of so many failed runs the last events are shown. */
const SHOWN_TRACES = 3;

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };

function minutes(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of minutes.');
  return value;
}

const command = new Command('npm run sim --')
  .description('Runs whole clusters on simulated time, network and disks, and checks every step.')
  .option('--seed <number>', 'the first seed', whole(0, 2 ** 31), 1)
  .option('--seeds <number>', 'how many seeds of each scenario', whole(1, 10 ** 9), 1)
  .option('--minutes <number>', 'go on with further seeds for so long', minutes, 0)
  .addOption(new Option('--scenario <name>', 'one only; else each').choices(scenarioNames))
  .option('--nodes <number>', 'size of the cluster; else each seed has its own', whole(1, 1000))
  .option('--steps <number>', 'events until everything is healed', whole(1, 10 ** 7))
  .addOption(new Option('--without <rule>', 'switch a rule off').choices(switchNames))
  .option('--trace <number>', 'last events to show of a run that failed', whole(0, 400), 25)
  .showHelpAfterError()
  .exitOverride();

function again(flags: Flags, scenario: string, seed: number): string {
  const option = (name: string, value: number | string | undefined): string =>
    value === undefined ? '' : ` --${name} ${String(value).includes(' ') ? `"${value}"` : value}`;
  return `npm run sim --${option('scenario', scenario)}${option('seed', seed)}${option('nodes', flags.nodes)}${option('steps', flags.steps)}${option('without', flags.without)}`;
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** @returns whether every run passed. */
async function main(flags: Flags): Promise<boolean> {
  const { run } = await simulatorWithout(flags.without ?? null);
  const scenarios = flags.scenario === undefined ? scenarioNames : [flags.scenario];
  const tallies = scenarios.map(newTally);
  const endsAtMs = performance.now() + flags.minutes * 60_000;
  let failed = 0;
  const runOne = async (tally: Tally, seed: number): Promise<void> => {
    const { scenario } = tally;
    const { nodes, steps } = flags;
    const options: RunOptions = {
      scenario,
      seed,
      ...(nodes !== undefined && { nodes }),
      ...(steps !== undefined && { steps }),
    };
    const startedAtMs = performance.now();
    const result = await run(options);
    count(tally, result, performance.now() - startedAtMs);
    if (flags.seeds === 1 && flags.minutes === 0)
      say(`${scenario}, seed ${seed}: the trace's digest is ${result.digest}`);
    if (result.violation === null) return;
    const traceLines = ++failed <= SHOWN_TRACES ? flags.trace : 0;
    say(failure(result, `${scenario}, seed ${seed}`, again(flags, scenario, seed), traceLines));
  };
  let seed = flags.seed;
  do {
    const end = seed + flags.seeds;
    for (const tally of tallies)
      for (let one = seed; one < end; one++) {
        await runOne(tally, one);
        if (flags.minutes > 0 && performance.now() > endsAtMs) break;
      }
    seed = end;
  } while (performance.now() < endsAtMs);
  say(header());
  for (const tally of tallies) say(line(tally));
  say(`\n${total(tallies)}`);
  return failed === 0;
}

try {
  const flags = command.parse().opts<Flags>();
  process.exitCode = (await main(flags)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
