/** Figures of this node for people who look at the page: GET /_figures and GET /_watchers. */
import { z } from 'zod';
import type { WatchHub } from '../../watch/hub/hub.ts';
import { answerJson } from '../answer/answer.ts';
import { BAD_QUERY, json } from '../openapi/answers.ts';
import { type RecentRates, STEP_MS } from '../recentRates.ts';
import type { Health } from './clusterRoutes.ts';
import type { Routes } from './route.ts';

/** The state of a node that only its wiring knows. */
export interface NodeFigures {
  readonly version: string;
  /** UTC milliseconds. */
  readonly startedAtMs: number;
  readonly memoryBytes: { readonly process: number; readonly heap: number; readonly map: number };
  /** Above it values are dropped from memory; null if there is no bound. */
  readonly maxMapBytes: number | null;
  readonly entries: {
    /** Live ones, as far as the sweeper has come. */
    readonly live: number;
    readonly dead: number;
    readonly cold: number;
  };
  readonly diskBytes: {
    readonly free: number | null;
    readonly database: number;
    readonly writeAheadLog: number;
  };
  readonly checkpoint: {
    /** Rows of the log that a start would replay. */
    readonly lagRows: number;
    readonly bytes: number;
    readonly failures: number;
  };
  /** The part of the log whose rows were checked since the start, from 0 to 1. */
  readonly proved: number;
  /** Origins of which two histories exist. */
  readonly forked: readonly string[];
  /** UTC milliseconds up to which dead entries may be collected; null before the first time. */
  readonly stableAtMs: number | null;
  /** By origin: the age in milliseconds of the oldest op of this node that the peer lacks. */
  readonly peerLagMs: Readonly<Record<string, number>>;
  readonly connections: number;
}

export interface FiguresOptions {
  readonly nodeId: string;
  /** UTC milliseconds. */
  readonly nowMs: () => number;
  readonly health: () => Health;
  readonly figures: () => NodeFigures;
  readonly rates: Pick<RecentRates, 'rates'>;
}

const bytes = z.int().min(0);
const instant = z.iso.datetime();
const steps = z.array(z.int().min(0));

const figuresSchema = z
  .object({
    node: z.string(),
    version: z.string(),
    now: instant,
    started_at: instant,
    health: z.object({
      status: z.enum(['ok', 'degraded', 'failing']),
      reasons: z.array(z.string()),
    }),
    memory: z.object({
      process_bytes: bytes,
      heap_bytes: bytes,
      map_bytes: bytes,
      max_map_bytes: z.union([bytes, z.null()]),
    }),
    entries: z.object({ live: z.int(), dead: z.int(), cold: z.int() }),
    disk: z.object({
      free_bytes: z.union([bytes, z.null()]),
      database_bytes: bytes,
      write_ahead_log_bytes: bytes,
    }),
    checkpoint: z.object({ lag_rows: z.int(), bytes, failures: z.int() }),
    damage: z.object({
      proved: z.number().min(0).max(1).meta({
        description: 'The part of the log whose rows were checked since the start.',
      }),
      forked: z.array(z.string()).meta({ description: 'Origins of which two histories exist.' }),
    }),
    stable_at: z.union([instant, z.null()]).meta({
      description: 'Entries that were dead by then may be collected.',
    }),
    peer_lag_ms: z.record(z.string(), z.int().min(0)).meta({
      description: 'By origin: the age of the oldest op of this node that the peer lacks.',
    }),
    connections: z.int(),
    rates: z.object({
      step_ms: z.int(),
      ends_at: instant,
      writes: steps.meta({ description: 'Ops that this node made in each step.' }),
      reads: steps.meta({ description: 'Requests that read entries.' }),
      conflicts: steps.meta({
        description: 'Requests that were refused for a version or a condition.',
      }),
      watchers: steps.meta({ description: 'Watchers at the end of each step.' }),
    }),
  })
  .meta({ id: 'Figures' });

export function addFiguresRoute(routes: Routes, options: FiguresOptions): void {
  routes.add({
    method: 'GET',
    path: '/_figures',
    needs: 'metrics',
    touches: 'none',
    summary: 'The state of this node, and what it did in the last 15 minutes',
    answers: { '200': json('Steps have the oldest first.', figuresSchema) },
    handler: ({ ctx }) => answerJson(ctx, JSON.stringify(figuresJson(options))),
  });
}

const isoOf = (atMs: number): string => new Date(atMs).toISOString();

function figuresJson(options: FiguresOptions): z.input<typeof figuresSchema> {
  const figures = options.figures();
  const { endsAtMs, ...rates } = options.rates.rates;
  const { status, reasons } = options.health();
  const { memoryBytes, diskBytes, checkpoint, stableAtMs } = figures;
  return {
    node: options.nodeId,
    version: figures.version,
    now: isoOf(options.nowMs()),
    started_at: isoOf(figures.startedAtMs),
    health: { status, reasons: [...reasons] },
    memory: {
      process_bytes: memoryBytes.process,
      heap_bytes: memoryBytes.heap,
      map_bytes: memoryBytes.map,
      max_map_bytes: figures.maxMapBytes,
    },
    entries: { ...figures.entries },
    disk: {
      free_bytes: diskBytes.free,
      database_bytes: diskBytes.database,
      write_ahead_log_bytes: diskBytes.writeAheadLog,
    },
    checkpoint: {
      lag_rows: checkpoint.lagRows,
      bytes: checkpoint.bytes,
      failures: checkpoint.failures,
    },
    damage: { proved: figures.proved, forked: [...figures.forked] },
    stable_at: stableAtMs === null ? null : isoOf(stableAtMs),
    peer_lag_ms: { ...figures.peerLagMs },
    connections: figures.connections,
    rates: {
      step_ms: STEP_MS,
      ends_at: isoOf(endsAtMs),
      writes: [...rates.writes],
      reads: [...rates.reads],
      conflicts: [...rates.conflicts],
      watchers: [...rates.watchers],
    },
  };
}

const MAX_LISTED = 1000;

const watcherSchema = z
  .object({
    prefix: z.string(),
    over: z.enum(['stream', 'socket', 'process']),
    caller: z.string().meta({ description: 'The id of its token, or `anonymous`.' }),
    address: z.string(),
    since: instant,
    with_values: z.boolean(),
    standing: z.enum(['live', 'behind', 'reading']),
    behind_ops: z.int().min(0).meta({ description: 'What it has not been told yet.' }),
    buffered_bytes: bytes,
    fell_behind: z
      .int()
      .min(0)
      .meta({ description: 'How often it was too slow for events as they came.' }),
    left_out: z.int().min(0).meta({
      description: 'Events that it was not told, because a later one of their keys had come.',
    }),
  })
  .meta({ id: 'Watcher' });

const watchersQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LISTED, `must be from 1 to ${MAX_LISTED}`)
    .default(MAX_LISTED)
    .meta({ description: 'The most watchers that are listed.' }),
});

export function addWatchersRoute(routes: Routes, nodeId: string, hub: WatchHub): void {
  routes.add({
    method: 'GET',
    path: '/_watchers',
    needs: 'metrics',
    touches: 'none',
    summary: 'The watchers of this node',
    query: watchersQuery,
    answers: {
      '200': json(
        'Those furthest behind first.',
        z.object({ node: z.string(), count: z.int(), watchers: z.array(watcherSchema) }),
      ),
      ...BAD_QUERY,
    },
    handler: ({ ctx, query: { limit } }) =>
      answerJson(
        ctx,
        JSON.stringify({
          node: nodeId,
          count: hub.size,
          watchers: hub.watcherViews(limit).map((view) => ({
            prefix: view.prefix,
            over: view.client.over,
            caller: view.client.caller,
            address: view.client.address,
            since: isoOf(view.sinceMs),
            with_values: view.withValues,
            standing: view.standing,
            behind_ops: view.behindOps,
            buffered_bytes: view.bufferedBytes,
            fell_behind: view.fellBehind,
            left_out: view.leftOut,
          })),
        }),
      ),
  });
}
