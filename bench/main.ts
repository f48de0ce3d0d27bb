/** `npm run bench`: measures, prints the figures, and writes them to bench/results.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { Command } from 'commander';
import { benchExpiry } from './expiry.ts';
import type { Figure } from './figures.ts';
import { benchJoin } from './join.ts';
import { hasWrk } from './load.ts';
import { benchLogTools } from './logTools.ts';
import { benchMemory } from './memory.ts';
import { benchRest } from './rest.ts';
import { benchVisibility } from './visibility.ts';
import { benchWatch } from './watch.ts';

const RESULTS = new URL('./results.json', import.meta.url);

const benches: Readonly<Record<string, (quick: boolean) => Promise<Figure[]>>> = {
  rest: (quick) => benchRest(quick ? 1 : 5, quick ? 2 : 5),
  visibility: (quick) => benchVisibility(quick ? 3 : 15),
  join: (quick) => benchJoin(quick ? 0.05 : 1),
  expiry: (quick) => benchExpiry(quick ? 0.1 : 1),
  logTools: (quick) => benchLogTools(quick ? 0.05 : 1, quick ? 1 : 5, quick ? 2 : 5),
  memory: (quick) => benchMemory(quick ? 0.02 : 1, quick ? 1 : 3),
  watch: (quick) => benchWatch(quick ? 2 : 10),
};

interface Section {
  readonly name: string;
  readonly figures: Figure[];
}

const program = new Command('bench')
  .argument('[names...]', `which: ${Object.keys(benches).join(', ')}; all without one`)
  .option('--quick', 'short runs, to see that it works; writes no results')
  .action(async (names: string[], { quick = false }: { quick?: boolean }) => {
    const chosen = names.length > 0 ? names : Object.keys(benches);
    const sections: Section[] = [];
    for (const name of chosen) {
      const bench = benches[name];
      if (bench === undefined) throw new Error(`There is no bench "${name}".`);
      console.log(`\n${name}`);
      const figures = await bench(quick);
      for (const figure of figures) console.log(lineOf(figure));
      sections.push({ name, figures });
    }
    if (!quick) keep(sections);
  });

await program.parseAsync();

/** Sections that were not run this time keep the figures of their last run. */
function keep(sections: readonly Section[]): void {
  const at = new Date().toISOString();
  const run = sections.map(({ name, figures }) => ({ name, at, machine: machine(), figures }));
  const before: { sections: { name: string }[] } = existsSync(RESULTS)
    ? JSON.parse(readFileSync(RESULTS, 'utf8'))
    : { sections: [] };
  const kept = before.sections.filter(({ name }) => !run.some((section) => section.name === name));
  writeFileSync(RESULTS, `${JSON.stringify({ sections: [...kept, ...run] }, null, 2)}\n`);
}

function lineOf({ name, value, unit, bound, holds }: Figure): string {
  const digits = value >= 100 ? 0 : 2;
  const shown = `${value.toFixed(digits)} ${unit}`.trim();
  const judged = holds === null ? '' : `   ${holds ? 'holds' : 'DOES NOT HOLD'}: ${bound}`;
  return `  ${name.padEnd(48)} ${shown.padStart(12)}${judged}`;
}

function machine(): object {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    load: hasWrk ? 'wrk' : 'autocannon',
  };
}
