/** Runs many seeds of a scenario; the first that fails is told with the command that runs it again. */
import { run } from '../../sim/world.ts';

/** `.ci/run` runs six of each, and `npm run soak` thousands. */
export const SEEDS_A_SCENARIO = 1;

export async function runSeeds(scenario: string): Promise<void> {
  for (let seed = 1; seed <= SEEDS_A_SCENARIO; seed++) await runSeed(scenario, seed);
}

/** @param nodes as many as the seed draws without it. @throws Error if the run breaks a rule. */
export async function runSeed(scenario: string, seed: number, nodes?: number): Promise<void> {
  const options = { scenario, seed, ...(nodes !== undefined && { nodes }) };
  const { violation, lastLines } = await run(options);
  if (violation === null) return;
  const size = nodes === undefined ? '' : ` --nodes ${nodes}`;
  const again = `npm run sim -- --scenario "${scenario}" --seed ${seed}${size}`;
  const events = lastLines(20).join('\n');
  throw new Error(`${violation.check}: ${violation.text}\n${events}\nAgain: ${again}`);
}
