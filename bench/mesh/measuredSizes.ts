/** `docs/scale/results.json`: the figures of the last run of each size. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Measured } from './measure.ts';

const FOLDER = new URL('../../docs/scale/', import.meta.url);
const RESULTS = new URL('results.json', FOLDER);

/** @returns the smallest first. */
export function measuredSizes(): readonly Measured[] {
  if (!existsSync(RESULTS)) return [];
  return (JSON.parse(readFileSync(RESULTS, 'utf8')) as { sizes: Measured[] }).sizes;
}

/** Other sizes keep the figures of their own last run. */
export function keepMeasured(measured: Measured): void {
  const others = measuredSizes().filter(({ nodes }) => nodes !== measured.nodes);
  const sizes = [...others, measured].sort((a, b) => a.nodes - b.nodes);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify({ sizes }, null, 2)}\n`);
}
