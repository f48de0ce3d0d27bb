/** docs/performance.md: its tables and plots, made from bench/results.json. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import { benches } from './benches.ts';
import type { Figure } from './figures.ts';
import { againstGoals, bars, curves } from './plots.ts';
import { type Machine, readResults, type Section } from './results.ts';

const PAGE = new URL('../docs/performance.md', import.meta.url);
const PLOTS = new URL('../docs/performance/', import.meta.url);
const BEGIN = '<!-- The figures: npm run bench writes them. -->';
const END = '<!-- The end of the figures. -->';

/** Writes the page and its plots anew from the results. */
export async function writePerformancePage(): Promise<void> {
  const sections = [...benches.keys()].flatMap((name) =>
    readResults().filter((section) => section.name === name),
  );
  rmSync(PLOTS, { recursive: true, force: true });
  mkdirSync(PLOTS, { recursive: true });
  const page = readFileSync(PAGE, 'utf8');
  const [head = '', rest = ''] = page.split(BEGIN);
  const [, tail = ''] = rest.split(END);
  const parts = [await goalsOf(sections)];
  for (const section of sections) parts.push(await textOf(section));
  writeFileSync(PAGE, `${head}${BEGIN}\n\n${parts.join('\n')}\n${END}${tail}`);
}

function plot(name: string, alternative: string, svg: string): string {
  writeFileSync(new URL(`${name}.svg`, PLOTS), `${svg}\n`);
  return `![${alternative}](performance/${name}.svg)\n`;
}

async function goalsOf(sections: readonly Section[]): Promise<string> {
  const rows = sections.flatMap((section) =>
    section.figures.flatMap((figure) => {
      const share = shareOfGoal(figure);
      const name = `${section.name}: ${figure.name}`;
      return share === null || figure.holds === null ? [] : [{ name, share, holds: figure.holds }];
    }),
  );
  if (rows.length === 0) return '';
  const missed = rows.filter(({ holds }) => !holds).length;
  const held = rows.length - missed;
  const sentence = `Of ${rows.length} goals, ${held} are met. A dot right of the line is better than its goal, a cross left of it misses it.`;
  return `${sentence}\n\n${plot('goals', 'each figure as a multiple of its goal', await againstGoals(rows))}`;
}

/** How many times as good as its bound a figure is; null for one without a bound, or for one that can't be told so. */
export function shareOfGoal({ bound, value }: Figure): number | null {
  const [, kind, number] = /^at (least|most) ([\d.]+)$/.exec(bound ?? '') ?? [];
  const goal = Number(number);
  if (kind === undefined || !(goal > 0) || !(value > 0)) return null;
  return kind === 'least' ? value / goal : goal / value;
}

async function textOf(section: Section): Promise<string> {
  const { name, figures, skipped = [] } = section;
  const measures = benches.get(name)?.measures ?? '';
  const rows = figures.map((figure) => {
    const goal = figure.bound === null ? '' : `${figure.bound}${figure.holds ? '' : ' (missed)'}`;
    return [figure.name, shown(figure), goal];
  });
  return [
    `### ${name}\n`,
    `${measures}\n`,
    `${machineSentence(section.machine, section.at)}\n`,
    markdownTable([['measured', 'figure', 'goal'], ...rows]),
    '',
    ...skipped.map((sentence) => `Skipped: ${sentence}.\n`),
    ...(await plotsOf(section)),
  ].join('\n');
}

const shown = ({ value, unit }: Figure): string =>
  `${new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format(value)} ${unit}`.trim();

function machineSentence(machine: Machine, at: string): string {
  const { cpu, cores, memoryGiB, kernel, node, load, hugePages } = machine;
  const lent = hugePages == null ? '' : `, huge pages: ${hugePages}`;
  return `${at.slice(0, 10)}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}${lent}, Node ${node}, load by ${load}.`;
}

async function plotsOf({ name, figures }: Section): Promise<string[]> {
  const lines: string[] = [];
  for (const [unit, points] of byUnit(figures.filter(({ curve }) => curve !== undefined)))
    lines.push(
      plot(`${name}-${fileName(unit)}-curves`, `${name} over keys`, await curves(points, unit)),
    );
  for (const [unit, alike] of byUnit(figures.filter(({ curve }) => curve === undefined)))
    if (unit !== '' && alike.length > 1)
      lines.push(plot(`${name}-${fileName(unit)}`, `${name} in ${unit}`, await bars(alike, unit)));
  return lines;
}

const byUnit = (figures: readonly Figure[]): Map<string, Figure[]> =>
  Map.groupBy(figures, ({ unit }) => unit);

const fileName = (unit: string): string => unit.replace('µ', 'u').replaceAll(/\W+/g, '-');
