/** Histograms of replication: until an op of another node is visible here, and how long pulls take. */
import { Histogram, type Registry } from 'prom-client';
import type { Committed } from '../replica/replica.ts';
import { hlcToMs } from '../words/hlc.ts';

/** Seconds: from a push on the same machine to an op that waited for the end of a partition. */
const VISIBILITY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600,
];
const PULL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Timings {
  readonly #visibility: Histogram;
  readonly #pulls: Histogram;
  readonly #startedAtMs: number;

  /**
   * @param startedAtMs the wall clock at the node's start, UTC milliseconds. Ops from before would tell how old
   *   the cluster is.
   * @throws Error if the registry holds the histograms already.
   */
  constructor(registry: Registry, startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
    this.#visibility = new Histogram({
      name: 'hearsay_visibility_seconds',
      help: "Time from an op's stamp at another node until this node holds it, by both wall clocks; only ops stamped since this node's start.",
      buckets: VISIBILITY_BUCKETS,
      registers: [registry],
    });
    this.#pulls = new Histogram({
      name: 'hearsay_pull_duration_seconds',
      help: 'Time from a digest to a peer until the ops of its answer were in the log.',
      buckets: PULL_BUCKETS,
      registers: [registry],
    });
  }

  committed({ rows, origin }: Pick<Committed, 'rows' | 'origin'>): void {
    for (const { row } of rows) {
      const { op, committedAt } = row;
      if (op.origin === origin) continue;
      const bornAtMs = hlcToMs(op.hlc);
      // A clock that is ahead of ours stamps ops that are not born yet.
      if (bornAtMs >= this.#startedAtMs)
        this.#visibility.observe(Math.max(0, committedAt - bornAtMs) / 1000);
    }
  }

  pulled(durationMs: number): void {
    this.#pulls.observe(durationMs / 1000);
  }
}
