/** The report of a run, for a person and for a program. */
import { callText, fateOf } from './history/call.ts';
import type { Evidence, Violation, Watched } from './history/evidence.ts';
import { CHECK_NAMES } from './history/evidence.ts';
import type { RunOptions, RunResult } from './run.ts';
import { stepText } from './schedule.ts';

const MAX_TOLD_VIOLATIONS = 12;
const MAX_TOLD_CALLS = 40;

export const TABLE_HEAD = [
  '| seed | nodes | network | settings | faults | requests | writes | p50 | p99 | longest | level after | violations |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
].join('\n');

export function tableRow(options: RunOptions, { evidence, ...result }: RunResult): string {
  const { median, high, longest } = latencies(evidence);
  const settings = { ...result.schedule.settings, ...options.settings };
  const cells = [
    options.seed,
    options.nodes,
    options.network,
    Object.entries(settings)
      .map((pair) => pair.join('='))
      .join(', '),
    [...result.faults.done].map((pair) => pair.join(' ')).join(', '),
    evidence.calls.length,
    writesIn(evidence),
    `${median} ms`,
    `${high} ms`,
    `${longest} ms`,
    result.levelMs === null ? 'never' : `${(result.levelMs / 1000).toFixed(1)} s`,
    result.violations.length,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Writes that were answered with 200. */
export const writesIn = ({ calls }: Evidence): number =>
  calls.filter(({ request, answer }) => request.method !== 'GET' && fateOf(answer) === 'done')
    .length;

/** Of calls to nodes that no fault held, and which do not wait for other nodes. */
export function latencies({ calls }: Evidence) {
  const times = calls
    .filter(
      ({ nodeWasWell, request, answer }) =>
        nodeWasWell && request.acks === null && request.after === null && answer.status !== null,
    )
    .map(({ startMs, endMs }) => endMs - startMs)
    .sort((a, b) => a - b);
  const share = (part: number): number => times[Math.floor((times.length - 1) * part)] ?? 0;
  return { median: share(0.5), high: share(0.99), longest: times.at(-1) ?? 0 };
}

/** Everything that helps to find the cause. */
export function violationsText(options: RunOptions, result: RunResult): string {
  const { violations, evidence, schedule } = result;
  const counts = CHECK_NAMES.map(
    (name) => [name, violations.filter(({ check }) => check === name).length] as const,
  ).filter(([, count]) => count > 0);
  const lines = [
    `Seed ${options.seed}: ${violations.length} violations (${counts.map((pair) => pair.join(' ')).join(', ')})`,
    'The faults:',
    ...[...schedule.links, ...schedule.nodes]
      .sort((a, b) => a.atMs - b.atMs)
      .map((step) => `  ${stepText(step)}`),
    ...evidence.incidents.map(
      ({ node, kind, life, atMs }) =>
        `  ${((atMs - evidence.startedAt) / 1000).toFixed(1)}s: life ${life} of node${node + 1}'s log ended (${kind})`,
    ),
  ];
  for (const violation of violations.slice(0, MAX_TOLD_VIOLATIONS))
    lines.push('', ...violationLines(violation, evidence));
  if (violations.length > MAX_TOLD_VIOLATIONS)
    lines.push('', `… and ${violations.length - MAX_TOLD_VIOLATIONS} more.`);
  lines.push('', `The same schedule again: ${replayCommand(options)}`);
  return lines.join('\n');
}

function violationLines({ check, key, text }: Violation, evidence: Evidence): string[] {
  const lines = [`${check}${key === null ? '' : ` ${key}`}: ${text}`];
  if (key === null) return lines;
  const calls = evidence.calls
    .filter(({ request }) => request.key === key)
    .sort((a, b) => a.startMs - b.startMs);
  if (calls.length > MAX_TOLD_CALLS)
    lines.push(`  … ${calls.length - MAX_TOLD_CALLS} earlier calls`);
  for (const call of calls.slice(-MAX_TOLD_CALLS))
    lines.push(`  ${callText(call, evidence.startedAt)}`);
  const sightings = evidence.watched.flatMap((watched) =>
    text.startsWith(`${watched.name}:`) ? sightingLines(key, watched, evidence.startedAt) : [],
  );
  return [...lines, ...sightings, ...opLines(key, evidence)];
}

/** The events of the key, those of the stream, and the last and first ones where the watcher changed its node. */
function sightingLines(key: string, { sightings }: Watched, startedAt: number): string[] {
  const seconds = (atMs: number): string => `${((atMs - startedAt) / 1000).toFixed(3)}s`;
  return sightings
    .filter(
      (sighting, index) =>
        sighting.key === key ||
        ['synced', 'reset', 'anew'].includes(sighting.type) ||
        sighting.from !== sightings[index - 1]?.from ||
        sighting.from !== sightings[index + 1]?.from,
    )
    .slice(-MAX_TOLD_CALLS)
    .map(
      ({ type, key: ofKey, value, atMs, from, toldUntilMs }) =>
        `  ${seconds(atMs)} told by ${from}: ${type} ${ofKey ?? ''} ${value ?? ''} (expiries until ${seconds(toldUntilMs)})`,
    );
}

/** The ops of the key, and which nodes' logs have them. */
function opLines(key: string, { logs, startedAt }: Evidence): string[] {
  const holders = new Map<string, number[]>();
  for (const { node, ops } of logs)
    for (const { origin, seq, kind, key: opKey, generation, version, hlc, value } of ops) {
      if (opKey !== key) continue;
      const bornAt = ((hlc / 1000 - startedAt) / 1000).toFixed(3);
      const text = `${origin}/${seq} ${kind} generation ${generation} version ${version} born ${bornAt}s ${value ?? ''}`;
      holders.set(text, [...(holders.get(text) ?? []), node + 1]);
    }
  return [...holders]
    .slice(-MAX_TOLD_CALLS)
    .map(([text, nodes]) => `  log of ${nodes.map((node) => `node${node}`).join(', ')}: ${text}`);
}

export function replayCommand({
  nodes,
  lengthMs,
  seed,
  network,
  settings,
  faults,
}: RunOptions): string {
  const given = Object.entries(settings).map((pair) => ` --setting ${pair.join('=')}`);
  return `npm run chaos -- --nodes ${nodes} --minutes ${lengthMs / 60_000} --seed ${seed} --network ${network} --faults '${faults.join(',')}'${given.join('')}`;
}
