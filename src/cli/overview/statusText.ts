/** The state of a cluster as a table for people, and as JSON. */
import { type Style, type Styled, styled } from '../terminal/color.ts';
import { type Column, measured, Table } from '../terminal/table.ts';
import { bytesText, countText, durationText, instantOrNull } from '../terminal/text.ts';
import { shortened, widthOf, wrapped } from '../terminal/width.ts';
import type { ClusterStatus, NodeStatus } from './clusterStatus.ts';
import { NO_RATES, type Rates } from './rates.ts';

export type RatesByOrigin = ReadonlyMap<string, Rates>;

type OpenColumn = Omit<Column, 'width'>;
/** A column, with its cell for a node. */
interface Field extends OpenColumn {
  readonly cell: (node: NodeStatus, rates: Rates) => string;
}

const NOTHING = '-';
const LEAST_URL = 21;
const LONGEST_URL = 36;

const stateStyle = (cell: string) => STATE_STYLES.get(cell) ?? null;
const STATE_STYLES: ReadonlyMap<string, Style> = new Map([
  ['ok', 'green'],
  ['yes', 'green'],
  ['degraded', 'yellow'],
  ['heard', 'yellow'],
  ['behind', 'yellow'],
  ['failing', 'red'],
  ['missing', 'red'],
  ['no', 'red'],
]);

const NODE: Field = { title: 'NODE', leastWidth: 8, cell: ({ nodeId }) => nodeId };
const STATE: Field = { title: 'STATE', style: stateStyle, cell: ({ state }) => state };
const AGREES: Field = { title: 'AGREES', style: stateStyle, cell: ({ agrees }) => agrees };
const BEHIND: Field = {
  title: 'BEHIND',
  side: 'right',
  cell: ({ behindOps }) => (behindOps === null ? NOTHING : countText(behindOps)),
};
const LAG: Field = {
  title: 'LAG',
  side: 'right',
  cell: ({ lagMs }) => (lagMs === null ? NOTHING : durationText(lagMs)),
};
const MEMORY: Field = {
  title: 'MEMORY',
  side: 'right',
  dropRank: 2,
  cell: ({ figures }) => orNothing(figures?.memoryBytes, bytesText),
};

const STATUS_FIELDS: readonly Field[] = [
  NODE,
  STATE,
  AGREES,
  BEHIND,
  LAG,
  {
    title: 'KEYS',
    side: 'right',
    dropRank: 4,
    cell: ({ figures }) => orNothing(figures?.entries, countText),
  },
  MEMORY,
  {
    title: 'DISK',
    side: 'right',
    dropRank: 1,
    cell: ({ figures }) => orNothing(figures?.databaseBytes, bytesText),
  },
  {
    title: 'UP',
    side: 'right',
    dropRank: 5,
    cell: ({ figures }) => orNothing(figures?.upMs, (upMs) => durationText(wholeSeconds(upMs))),
  },
  { title: 'VERSION', dropRank: 3, cell: ({ figures }) => figures?.version ?? NOTHING },
];

const TOP_FIELDS: readonly Field[] = [
  NODE,
  STATE,
  AGREES,
  BEHIND,
  LAG,
  rateField('WRITES/S', ({ writes }) => writes, 7),
  rateField('READS/S', ({ reads }) => reads, 6),
  rateField('409/S', ({ conflicts }) => conflicts, 3),
  {
    title: 'WATCH',
    side: 'right',
    dropRank: 4,
    cell: ({ figures }) => orNothing(figures?.watchers, countText),
  },
  {
    title: 'CPU',
    side: 'right',
    dropRank: 5,
    cell: (_node, { processor }) => orNothing(processor, (share) => `${(share * 100).toFixed(0)}%`),
  },
  { ...MEMORY, dropRank: 1 },
];

function rateField(title: string, rate: (rates: Rates) => number | null, dropRank?: number): Field {
  return {
    title,
    side: 'right',
    ...(dropRank !== undefined && { dropRank }),
    cell: (_node, rates) => orNothing(rate(rates), rateText),
  };
}

/** @param columns of the terminal; null if there is none. */
export const statusLines = (status: ClusterStatus, columns: number | null): Styled[] =>
  linesOf(status, NO_RATES_KNOWN, columns, STATUS_FIELDS, {
    title: 'URL',
    // Its end tells the nodes of one machine apart.
    leastWidth: Math.min(
      LONGEST_URL,
      Math.max(LEAST_URL, ...status.nodes.map(({ url }) => widthOf(url ?? NOTHING))),
    ),
    cell: ({ url }) => url ?? NOTHING,
  });

/** As `statusLines`, with rates in the place of sizes. */
export const topLines = (
  status: ClusterStatus,
  rates: RatesByOrigin,
  columns: number | null,
): Styled[] =>
  linesOf(status, rates, columns, TOP_FIELDS, {
    title: 'HOLDS BACK',
    leastWidth: 10,
    cell: holdsBackText,
  });

interface LastField {
  readonly title: string;
  readonly leastWidth: number;
  readonly cell: (node: NodeStatus) => string;
}

function linesOf(
  status: ClusterStatus,
  rates: RatesByOrigin,
  columns: number | null,
  fields: readonly Field[],
  last: LastField,
): Styled[] {
  const { nodes, faults, notes } = status;
  const rows = nodes.map((node) => {
    const own = (node.origin === null ? undefined : rates.get(node.origin)) ?? NO_RATES;
    return [...fields.map(({ cell }) => cell(node, own)), last.cell(node)];
  });
  const table = new Table(measured(fields, rows), last, columns);
  return [
    summaryLine(status, columns),
    [styled('bold', table.head())],
    ...rows.map((row) => table.styledRow(row)),
    ...faults.flatMap((fault) => sentenceLines(fault, 'red', columns)),
    ...notes.flatMap((one) => sentenceLines(one, 'dim', columns)),
  ];
}

const sentenceLines = (sentence: string, style: Style, columns: number | null): Styled[] =>
  wrapped(sentence, columns ?? Math.max(1, widthOf(sentence)), FAULT_INDENT).map(
    (line): Styled => [styled(style, line)],
  );

const FAULT_INDENT = 2;

function summaryLine(
  { clusterName, clusterId, nodes, faults }: ClusterStatus,
  columns: number | null,
): Styled {
  const count = nodes.length === 1 ? '1 node' : `${countText(nodes.length)} nodes`;
  const name = `${clusterName}${clusterId === null ? '' : ` (${clusterId})`}`;
  const verdict = verdictOn(nodes.length, faults.length);
  const rest = `: ${count}, `;
  const room = columns === null ? null : Math.max(0, columns - widthOf(rest + verdict));
  return [shortened(name, room), rest, styled(faults.length === 0 ? 'green' : 'red', verdict)];
}

function verdictOn(nodes: number, faults: number): string {
  if (faults > 0) return faults === 1 ? '1 fault' : `${countText(faults)} faults`;
  return nodes === 1 ? 'all is well' : 'all there, all agree';
}

/** The slowest member always holds collection back: people need to know it once it is silent for longer. */
const SILENT_MS = 10_000;

/** For how long a member has kept dead entries from being collected, by the time since it was heard. */
function holdsBackText({ holdsBack, silentMs: silence }: NodeStatus): string {
  if (!holdsBack) return '';
  if (silence === null) return 'yes';
  const silentMs = wholeSeconds(silence);
  return silentMs < SILENT_MS ? '' : `yes, ${durationText(silentMs)}`;
}

/** On one line, also for a program that asks again and again. */
export const statusJson = (status: ClusterStatus): string =>
  JSON.stringify({
    cluster: { name: status.clusterName, id: status.clusterId },
    at: new Date(status.atMs).toISOString(),
    ok: status.faults.length === 0,
    faults: status.faults,
    notes: status.notes,
    nodes: status.nodes.map((node) => nodeJson(node)),
  });

/** @param rates of each node, as `hearsay top` tells them. */
export const topJson = (status: ClusterStatus, rates: RatesByOrigin): string =>
  JSON.stringify({
    ...JSON.parse(statusJson(status)),
    nodes: status.nodes.map((node) => {
      const { writes, reads, conflicts, processor } = rates.get(node.origin ?? '') ?? NO_RATES;
      return {
        ...nodeJson(node),
        writes_per_second: writes,
        reads_per_second: reads,
        conflicts_per_second: conflicts,
        processor_share: processor,
      };
    }),
  });

function nodeJson(node: NodeStatus): object {
  const { figures } = node;
  return {
    node: node.nodeId,
    origin: node.origin,
    url: node.url,
    state: node.state,
    agrees: node.agrees,
    behind_ops: node.behindOps,
    lag_seconds: node.lagMs === null ? null : node.lagMs / 1000,
    holds_back: node.holdsBack,
    last_heard_at: instantOrNull(node.lastHeardAtMs),
    version: figures?.version ?? null,
    started_at: instantOrNull(figures?.startedAtMs ?? null),
    entries: figures?.entries ?? null,
    watchers: figures?.watchers ?? null,
    memory_bytes: figures?.memoryBytes ?? null,
    database_bytes: figures?.databaseBytes ?? null,
    disk_free_bytes: figures?.diskFreeBytes ?? null,
  };
}

const NO_RATES_KNOWN: RatesByOrigin = new Map();

const orNothing = (value: number | null | undefined, text: (value: number) => string): string =>
  value == null ? NOTHING : text(value);

/** Small rates with a decimal, because a node that does little still does something. */
const rateText = (rate: number): string =>
  rate > 0 && rate < 10 ? rate.toFixed(1) : countText(Math.round(rate));

const wholeSeconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000) * 1000);
