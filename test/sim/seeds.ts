/** Runs many seeds of a scenario; the first that fails is told with the command that runs it again. */
import { run } from '../../sim/world.ts';

/** `.ci/run` runs six of each, and `npm run soak` thousands. */
export const SEEDS_A_SCENARIO = 1;

export async function runSeeds(scenario: string): Promise<void> {
  for (let seed = 1; seed <= SEEDS_A_SCENARIO; seed++) await runSeed(scenario, seed);
}

/** @throws Error if the run breaks a rule. */
export async function runSeed(scenario: string, seed: number): Promise<void> {
  const { violation, lastLines } = await run({ scenario, seed });
  if (violation === null) return;
  const again = `npm run sim -- --scenario "${scenario}" --seed ${seed}`;
  const events = lastLines(20).join('\n');
  throw new Error(`${violation.check}: ${violation.text}\n${events}\nAgain: ${again}`);
}
