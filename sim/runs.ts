/** The options of a run, and its result. */
import type { NodeCounts } from './node.ts';
import type { Check, Violation } from './violation.ts';
import type { WorldOptions } from './worldOptions.ts';

export interface RunCounts extends NodeCounts {
  steps: number;
  ops: number;
  /** `retire` ops. */
  retirements: number;
  /** Retired origins that were closed. */
  closed: number;
  messages: number;
  stored: number;
  conflicts: number;
  refused: number;
  /** Simulated time, in all and from healing to convergence. */
  simulatedMs: number;
  convergenceMs: number;
  /** Counts of events told to watchers, of their fresh starts, and of their resumes. */
  watchEvents: number;
  watchResets: number;
  watchResumes: number;
  watchTouches: number;
}

export interface RunResult {
  readonly violation: Violation | null;
  readonly digest: string;
  readonly counts: RunCounts;
  readonly lastLines: (count: number) => readonly string[];
}

export interface RunOptions {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes?: number;
  readonly steps?: number;
  /** Look for these only; for tests of the checks themselves. */
  readonly checks?: readonly Check[];
  /** Only for tests: changes the world that the seed has drawn. */
  readonly change?: (world: WorldOptions) => WorldOptions;
}
