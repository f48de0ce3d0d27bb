/** Medians and percentiles: the figures that a shared, noisy machine allows. */

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** @param share from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[index] ?? Number.NaN;
}

/** One line of the report. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bound, such as `at least 0.55`; null where there is none. */
  readonly bound: string | null;
  readonly holds: boolean | null;
  /** The curve that the figure is a point of, and the number of keys there; missing for other figures. */
  readonly curve?: { readonly name: string; readonly keys: number };
}

/** All that a bench tells. */
export interface Outcome {
  readonly figures: readonly Figure[];
  /** A sentence for each part that could not run here. */
  readonly skipped: readonly string[];
}

export const atLeast = (name: string, value: number, unit: string, least: number): Figure => ({
  name,
  value,
  unit,
  bound: `at least ${least}`,
  holds: value >= least,
});

export const atMost = (name: string, value: number, unit: string, most: number): Figure => ({
  name,
  value,
  unit,
  bound: `at most ${most}`,
  holds: value <= most,
});

export const plain = (name: string, value: number, unit: string): Figure => ({
  name,
  value,
  unit,
  bound: null,
  holds: null,
});

/** A point of a curve over numbers of keys. */
export const point = (curve: string, keys: number, value: number, unit: string): Figure => ({
  ...plain(`${curve}, ${keys.toLocaleString('en')} keys`, value, unit),
  curve: { name: curve, keys },
});
