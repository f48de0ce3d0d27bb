/** Histograms of the log and of replication: commits, their end on the disk, visibility, pulls. */
import { Histogram, type Registry } from 'prom-client';
import type { CommitTimes } from '../log/sqlite/sqliteLog.ts';
import type { Committed } from '../replica/replica.ts';
import { hlcToMs } from '../words/hlc.ts';

/** Seconds: from a push on the same machine to an op that waited for the end of a partition. */
const VISIBILITY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600,
];
const COMMIT_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5,
];
const PULL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Timings {
  readonly #commits: Histogram;
  readonly #syncs: Histogram;
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
    this.#commits = new Histogram({
      name: 'hearsay_commit_duration_seconds',
      help: 'Time that a commit of the log took, whatever the number of its ops.',
      buckets: COMMIT_BUCKETS,
      registers: [registry],
    });
    this.#syncs = new Histogram({
      name: 'hearsay_fsync_duration_seconds',
      help: 'Time that the end of a commit took, which writes it and, with durability full, syncs it to the disk.',
      buckets: COMMIT_BUCKETS,
      registers: [registry],
    });
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

  stored({ commitMs, syncMs }: CommitTimes): void {
    this.#commits.observe(commitMs / 1000);
    this.#syncs.observe(syncMs / 1000);
  }

  pulled(durationMs: number): void {
    this.#pulls.observe(durationMs / 1000);
  }
}
