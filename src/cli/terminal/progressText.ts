/** The progress of long work as a line: how much is done, how fast it goes, and how long it will take. */
import { countText, durationText } from './text.ts';

export interface Done {
  readonly count: number;
  /** From 0 to 1; null if the end is not known. */
  readonly share: number | null;
  /** Milliseconds since the start of the work. */
  readonly elapsedMs: number;
}

const BAR_COLUMNS = 20;
/** Before it, a rate says little. */
const LEAST_RATE_MS = 500;

/**
 * @param what the word before the figures.
 * @param first the work that was done already when this run began, which counts for no rate.
 * @param columns of the terminal; null if there is none, and no bar.
 */
export function progressLine(
  what: string,
  unit: string,
  first: Done,
  now: Done,
  columns: number | null,
): string {
  const { share, elapsedMs } = now;
  const parts = [
    `${countText(now.count)} ${unit}`,
    ...(share === null ? [] : [`${Math.floor(share * 100)} %`]),
    ...rateText(first, now, unit),
    `${durationText(wholeSeconds(elapsedMs))}`,
    ...timeLeftText(first, now),
  ];
  const words = parts.join(', ');
  if (columns === null) return `${what}: ${words}`;
  const withBar = `${what}: ${share === null ? '' : barOf(share)}${words}`;
  // The last column stays free, where some terminals would begin a new line.
  return withBar.length < columns
    ? withBar
    : `${what}: ${words}`.slice(0, Math.max(0, columns - 1));
}

function barOf(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_COLUMNS);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_COLUMNS - full)}] `;
}

function rateText(first: Done, now: Done, unit: string): string[] {
  const ms = now.elapsedMs - first.elapsedMs;
  if (ms < LEAST_RATE_MS) return [];
  return [`${countText(Math.round(((now.count - first.count) * 1000) / ms))} ${unit}/s`];
}

/** @returns a phrase if the end is known, and the work goes on. */
export function timeLeftText(first: Done, now: Done): string[] {
  const leftMs = timeLeftMs(first, now);
  return leftMs === null ? [] : [`${durationText(wholeSeconds(leftMs))} left`];
}

function timeLeftMs(first: Done, now: Done): number | null {
  const ms = now.elapsedMs - first.elapsedMs;
  if (now.share === null || first.share === null || ms < LEAST_RATE_MS) return null;
  const done = now.share - first.share;
  return done <= 0 ? null : Math.max(0, ((1 - now.share) / done) * ms);
}

/** A time below a second would be told in milliseconds, which nobody can know. */
const wholeSeconds = (ms: number): number => Math.max(1000, Math.round(ms / 1000) * 1000);
