/** Runs many seeds of a scenario; the first that fails is told with the command that runs it again. */
import { run } from '../../sim/world.ts';

/** `.ci/run` runs six of each, and `npm run soak` thousands. */
export const SEEDS_A_SCENARIO = 1;

export async function runSeeds(scenario: string): Promise<void> {
  for (let seed = 1; seed <= SEEDS_A_SCENARIO; seed++) await runSeed(scenario, seed);
}

/**
 * @param nodes as many as the seed draws without it. @param steps as many as the scenario has without it.
 * @throws Error if the run breaks a rule.
 */
export async function runSeed(
  scenario: string,
  seed: number,
  nodes?: number,
  steps?: number,
): Promise<void> {
  const sizes = { ...(nodes !== undefined && { nodes }), ...(steps !== undefined && { steps }) };
  const { violation, lastLines } = await run({ scenario, seed, ...sizes });
  if (violation === null) return;
  const words = Object.entries(sizes).map(([name, value]) => ` --${name} ${value}`);
  const again = `npm run sim -- --scenario "${scenario}" --seed ${seed}${words.join('')}`;
  const events = lastLines(20).join('\n');
  throw new Error(`${violation.check}: ${violation.text}\n${events}\nAgain: ${again}`);
}

const MESHES = ['mesh', 'mesh of changing members'] as const;
/** Events a node, until everything is healed: some ten seconds of simulated time, where the scenario has a minute and more. */
const SHORT_STEPS_A_NODE = 250;

/**
 * Runs short seeds of both scenarios beyond a full mesh in turn, with a size of their own each.
 *
 * @param first the first seed. @param sizes the least and the greatest number of nodes.
 */
export async function runShortMeshes(
  first: number,
  seeds: number,
  [least, most]: readonly [number, number],
): Promise<void> {
  for (let seed = first; seed < first + seeds; seed++) {
    const nodes = least + ((7 * seed) % (most - least + 1));
    const scenario = MESHES[seed % 2] ?? MESHES[0];
    await runSeed(scenario, seed, nodes, SHORT_STEPS_A_NODE * nodes);
  }
}
