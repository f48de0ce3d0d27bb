/**
 * `npm run scale`: measures clusters of real nodes on simulated time and network, and writes the figures and plots of
 * docs/scale.md.
 *
 *   npm run scale -- 12 60 300
 *   npm run scale -- 1000 --idle
 *   npm run scale -- --page
 */
import { Command, InvalidArgumentError } from 'commander';
import { measure, measureIdle } from './measure.ts';
import { keepMeasured } from './measuredSizes.ts';
import { writeScalePage } from './scalePage.ts';

const SIZES = [12, 60, 300] as const;
/** A mesh begins beyond its limit of 8. */
const LEAST = 9;
const MOST = 1000;

interface Flags {
  readonly seed: number;
  readonly page?: boolean;
  readonly idle?: boolean;
}

function sizesOf(text: string, before: readonly number[]): readonly number[] {
  const size = Number(text);
  if (!Number.isSafeInteger(size) || size < LEAST || size > MOST)
    throw new InvalidArgumentError(`It must be a whole number from ${LEAST} to ${MOST}.`);
  return [...before, size];
}

const program = new Command('npm run scale --')
  .argument('[nodes...]', `sizes of clusters; ${SIZES.join(', ')} without one`, sizesOf, [])
  .option('--seed <number>', 'of the run', Number, 1)
  .option('--idle', 'measures only the traffic of an idle cluster')
  .option('--page', 'measures nothing: writes docs/scale.md from the results')
  .action(async (sizes: readonly number[], { seed, page = false, idle = false }: Flags) => {
    if (!page)
      for (const size of sizes.length > 0 ? sizes : SIZES) {
        const measured = await (idle ? measureIdle : measure)(size, seed, (part) =>
          console.error(`${size} nodes, ${process.uptime().toFixed(0)} s: ${part}`),
        );
        console.log(JSON.stringify(measured, null, 2));
        keepMeasured(measured);
      }
    await writeScalePage();
  });

await program.parseAsync();
