/** `npm run bench`: measures, prints the figures, and writes them to bench/results.json and docs/performance.md. */
import { Command } from 'commander';
import { benches } from './benches.ts';
import type { Figure } from './figures.ts';
import { askForHugePages } from './hugePages.ts';
import { writePerformancePage } from './performancePage.ts';
import { compileProgram } from './program.ts';
import { keep } from './results.ts';
import { FULL, QUICK } from './scale.ts';

interface Flags {
  readonly quick?: boolean;
  readonly page?: boolean;
}

const program = new Command('bench')
  .argument('[names...]', `which: ${[...benches.keys()].join(', ')}; all without one`)
  .option('--quick', 'short runs, to see that it works; writes no results')
  .option('--page', 'measures nothing: writes docs/performance.md from the results')
  .action(async (names: string[], { quick = false, page = false }: Flags, command: Command) => {
    if (page) {
      await writePerformancePage();
      return;
    }
    const chosen = names.length > 0 ? names : [...benches.keys()];
    const unknown = chosen.filter((name) => !benches.has(name));
    if (unknown.length > 0)
      command.error(
        `There is no bench ${unknown.join(', ')}: choose of ${[...benches.keys()].join(', ')}.`,
        {
          exitCode: 2,
        },
      );
    compileProgram();
    askForHugePages();
    for (const name of chosen) {
      console.log(`\n${name}`);
      const startedAt = performance.now();
      const outcome = await benches.get(name)?.run(quick ? QUICK : FULL);
      if (outcome === undefined) continue;
      for (const figure of outcome.figures) console.log(lineOf(figure));
      for (const sentence of outcome.skipped) console.log(`  skipped: ${sentence}`);
      console.log(`  took ${Math.round((performance.now() - startedAt) / 1000)} s`);
      if (!quick) keep(name, outcome);
    }
    if (!quick) await writePerformancePage();
  });

await program.parseAsync();

function lineOf({ name, value, unit, bound, holds }: Figure): string {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  const shown = `${value.toFixed(digits)} ${unit}`.trim();
  const judged = holds === null ? '' : `   ${holds ? 'holds' : 'DOES NOT HOLD'}: ${bound}`;
  return `  ${name.padEnd(56)} ${shown.padStart(12)}${judged}`;
}
