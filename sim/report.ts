/** The report of the runs for a person, in 80 columns. */
import { noCounts } from './node.ts';
import type { RunCounts, RunResult } from './runs.ts';

const COLUMNS = 80;

/** The runs of one scenario, summed up. */
export interface Tally {
  readonly scenario: string;
  seeds: number;
  failed: number;
  /** Real time. */
  tookMs: number;
  longestConvergenceMs: number;
  readonly sums: Record<keyof RunCounts, number>;
}

export const newTally = (scenario: string): Tally => ({
  scenario,
  seeds: 0,
  failed: 0,
  tookMs: 0,
  longestConvergenceMs: 0,
  sums: {
    steps: 0,
    ops: 0,
    ...noCounts(),
    retirements: 0,
    closed: 0,
    messages: 0,
    stored: 0,
    conflicts: 0,
    refused: 0,
    simulatedMs: 0,
    convergenceMs: 0,
    watchEvents: 0,
    watchResets: 0,
    watchResumes: 0,
    watchTouches: 0,
  },
});

export function count(tally: Tally, { counts, violation }: RunResult, tookMs: number): void {
  tally.seeds++;
  if (violation !== null) tally.failed++;
  tally.tookMs += tookMs;
  tally.longestConvergenceMs = Math.max(tally.longestConvergenceMs, counts.convergenceMs);
  for (const name of Object.keys(counts) as (keyof RunCounts)[]) tally.sums[name] += counts[name];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const whole = (value: number): string => value.toLocaleString('en-US');

function row(cells: readonly string[]): string {
  const widths = [-14, 7, 7, 12, 9, 13, 10, 8];
  return cells
    .map((cell, index) => {
      const width = widths[index] ?? 0;
      return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
    })
    .join('');
}

/** `slowest`: the longest simulated time from the end of all faults until all nodes held the same. */
export const header = (): string =>
  row(['scenario', 'seeds', 'failed', 'ops', 'crashes', 'messages', 'slowest', 'time']);

export const line = ({ scenario, seeds, failed, sums, longestConvergenceMs, tookMs }: Tally) =>
  row([
    scenario,
    whole(seeds),
    whole(failed),
    whole(sums.ops),
    whole(sums.crashes),
    whole(sums.messages),
    seconds(longestConvergenceMs),
    seconds(tookMs),
  ]);

/** The totals of all runs. */
export function total(tallies: readonly Tally[]): string {
  const sum = (value: (tally: Tally) => number): string =>
    whole(tallies.reduce((all, tally) => all + value(tally), 0));
  const of = (name: keyof RunCounts): string => sum(({ sums }) => sums[name]);
  return [
    `${sum(({ seeds }) => seeds)} seeds, ${sum(({ failed }) => failed)} failed: ${of('ops')} ops, ${of('messages')} messages, ${of('crashes')} crashes,`,
    `${of('retirements')} retirements, ${of('closed')} origins closed, ${of('rejoins')} rejoins, ${of('snapshots')} snapshots,`,
    `${of('checkpoints')} starts from checkpoints,`,
    `${of('collected')} entries collected, ${of('compacted')} rows compacted,`,
    `${of('restores')} logs put back, ${of('clones')} cloned, ${of('lostTails')} tails lost,`,
    `${of('peerFaults')} faults of peers, ${of('peerRefusals')} refusals,`,
    `${of('repaired')} entries repaired, ${of('emptied')} clusters emptied by a person`,
  ].join('\n');
}

/** A run that failed: what was seen, the last events before it, and how to see it again. */
export function failure(
  { violation, lastLines }: RunResult,
  title: string,
  again: string,
  traceLines: number,
): string {
  if (violation === null) return '';
  const at = `after ${whole(violation.step)} events, at ${(violation.atMs / 1000).toFixed(3)} s`;
  return [
    `${title} FAILED ${at}`,
    ...wrapped(`${violation.check}: ${violation.text}`),
    ...lastLines(traceLines).map((text) => cut(`  ${text}`)),
    `Again: ${again}`,
    '',
  ].join('\n');
}

const cut = (text: string): string =>
  text.length <= COLUMNS ? text : `${text.slice(0, COLUMNS - 1)}…`;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const part of text.split('\n'))
    for (let at = 0; at < part.length; at += COLUMNS - 2)
      lines.push(`  ${part.slice(at, at + COLUMNS - 2)}`);
  return lines;
}
