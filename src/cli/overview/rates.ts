/** Rates of a node, from two of its reports. */
import { seqOf } from '../../words/vector.ts';
import type { NodeReport } from './nodeReport.ts';
import type { Observation } from './observation.ts';

/** For each second; null if it is unknown, as after a restart. */
export interface Rates {
  /** Ops that were born at this node. */
  readonly writes: number | null;
  readonly reads: number | null;
  readonly conflicts: number | null;
  /** The share of one core, from 0. */
  readonly processor: number | null;
}

export const NO_RATES: Rates = { writes: null, reads: null, conflicts: null, processor: null };

/** @returns rates by origin, of nodes that both observations have, with the same start. */
export function ratesBetween(earlier: Observation, now: Observation): ReadonlyMap<string, Rates> {
  const seconds = (now.atMs - earlier.atMs) / 1000;
  if (seconds <= 0) return new Map();
  return new Map(
    now.reports.flatMap((report) => {
      const before = earlier.reports.find(({ origin }) => origin === report.origin);
      return before === undefined ? [] : [[report.origin, rates(before, report, seconds)] as const];
    }),
  );
}

function rates(before: NodeReport, now: NodeReport, seconds: number): Rates {
  const between = (from: number | null | undefined, to: number | null | undefined) =>
    from == null || to == null || to < from ? null : (to - from) / seconds;
  const [a, b] = [before.figures, now.figures];
  // A node that has started anew counts from 0 again.
  const isSameStart = a?.startedAtMs === b?.startedAtMs;
  const ofTotals = (name: 'reads' | 'conflicts' | 'processorSeconds') =>
    isSameStart ? between(a?.[name], b?.[name]) : null;
  return {
    writes: between(seqOf(before.vector, now.origin), seqOf(now.vector, now.origin)),
    reads: ofTotals('reads'),
    conflicts: ofTotals('conflicts'),
    processor: ofTotals('processorSeconds'),
  };
}
