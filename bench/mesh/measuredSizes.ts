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

/**
 * Other sizes keep the figures of their own last run, as do the parts of this size that were not measured.
 * @throws Error if only a part of a size was measured that has no figures yet.
 */
export function keepMeasured(measured: Pick<Measured, 'nodes'> & Partial<Measured>): void {
  const before = measuredSizes().find(({ nodes }) => nodes === measured.nodes);
  if (before === undefined && !isWhole(measured))
    throw new Error(`No run of ${measured.nodes} nodes was whole yet: leave --idle out.`);
  const others = measuredSizes().filter(({ nodes }) => nodes !== measured.nodes);
  const sizes = [...others, { ...before, ...measured }].sort((a, b) => a.nodes - b.nodes);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify({ sizes }, null, 2)}\n`);
}

const isWhole = (measured: Partial<Measured>): measured is Measured =>
  measured.bytesOverOps !== undefined;
