/** The figures and plots of docs/scale.md, made from docs/scale/results.json. */
import { readFileSync, writeFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import type { Measured } from './measure.ts';
import { measuredSizes } from './measuredSizes.ts';
import { bytesPlot, hopsPlot, mostHops } from './scalePlots.ts';

const PAGE = new URL('../../docs/scale.md', import.meta.url);
const FOLDER = new URL('../../docs/scale/', import.meta.url);
const BEGIN = '<!-- The figures: npm run scale writes them. -->';
const END = '<!-- The end of the figures. -->';

interface Row {
  readonly name: string;
  readonly goal: string;
  readonly figureOf: (size: Measured) => number | null | undefined;
  readonly mostOf?: (size: Measured) => number;
}

const ROWS: readonly Row[] = [
  {
    name: 'hops until all have an op, 99th percentile',
    goal: '2·log2 n',
    figureOf: ({ hopsToAllP99 }) => hopsToAllP99,
    mostOf: ({ nodes }) => mostHops(nodes),
  },
  { name: 'hops until one node has it', goal: '', figureOf: ({ hopsP99 }) => hopsP99 },
  {
    name: 'pushes an op and other node, no loss',
    goal: '1.3',
    figureOf: ({ pushes }) => pushes,
    mostOf: () => 1.3,
  },
  {
    name: 'the same where 2 % of the texts are lost',
    goal: '1.3',
    figureOf: ({ pushesAtLoss }) => pushesAtLoss,
    mostOf: () => 1.3,
  },
  { name: 'links made eager, a node and minute', goal: '', figureOf: ({ grafts }) => grafts },
  { name: 'texts of all kinds an op and other node', goal: '', figureOf: ({ texts }) => texts },
  {
    name: 'nodes that missed an op at that loss',
    goal: '0',
    figureOf: ({ missedAtLoss }) => missedAtLoss,
    mostOf: () => 0,
  },
  {
    name: 'idle, bytes a second and node',
    goal: '4,096',
    figureOf: ({ idleBytes }) => idleBytes,
    mostOf: () => 4096,
  },
  {
    name: "100 writes a second: bytes a node, as a multiple of the ops' own",
    goal: '2',
    figureOf: ({ bytesOverOps }) => bytesOverOps,
    mostOf: () => 2,
  },
  {
    name: 'dead keys gone, s',
    goal: '30',
    figureOf: ({ deadGoneS }) => deadGoneS,
    mostOf: () => 30,
  },
  {
    name: 'all have joined, s after the first start',
    goal: '',
    figureOf: ({ formedS }) => formedS,
  },
];

/** Writes the figures and their plots anew from the results. */
export async function writeScalePage(): Promise<void> {
  const sizes = measuredSizes();
  const page = readFileSync(PAGE, 'utf8');
  const [head = '', rest = ''] = page.split(BEGIN);
  const [, tail = ''] = rest.split(END);
  const parts = [
    tableOf(sizes),
    plot('hops', 'hops until all have an op, over nodes', await hopsPlot(sizes)),
    plot(
      'idle',
      'idle bytes a second and node, by kind of message',
      await bytesPlot(sizes, ({ idleByKind }) => idleByKind, 'idle bytes a second and node'),
    ),
    plot(
      'busy',
      'bytes a second and node at 100 writes a second, by kind of message',
      await bytesPlot(sizes, ({ busyByKind }) => busyByKind, 'bytes a second at 100 writes'),
    ),
  ];
  writeFileSync(PAGE, `${head}${BEGIN}\n\n${parts.join('\n')}\n${END}${tail}`);
}

function tableOf(sizes: readonly Measured[]): string {
  const heads = sizes.map(({ nodes }) => `${nodes.toLocaleString('en')} nodes`);
  const rows = ROWS.map((row) => [row.name, row.goal, ...sizes.map((size) => shownOf(row, size))]);
  return `${markdownTable([['measured', 'goal at most', ...heads], ...rows])}\n`;
}

function shownOf({ figureOf, mostOf }: Row, size: Measured): string {
  const value = figureOf(size);
  if (value === undefined) return '';
  if (value === null) return 'never (missed)';
  const text = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format(value);
  return mostOf !== undefined && value > mostOf(size) ? `${text} (missed)` : text;
}

function plot(name: string, alternative: string, svg: string): string {
  writeFileSync(new URL(`${name}.svg`, FOLDER), `${svg}\n`);
  return `![${alternative}](scale/${name}.svg)\n`;
}
