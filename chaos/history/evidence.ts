/** The evidence of a run for the checks: its calls, its incidents, its end. */
import type { Sighting } from '../watchers/sighting.ts';
import type { Call } from './call.ts';

/** An entry as a node shows it. */
export interface Shown {
  readonly value: string;
  readonly version: number;
  /** UTC milliseconds; null: never. */
  readonly expiresAt: number | null;
}

export type ShownMap = ReadonlyMap<string, Shown>;

/** A row of a node's log. */
export interface LoggedOp {
  readonly origin: string;
  readonly seq: number;
  readonly hlc: number;
  readonly kind: string;
  readonly key: string;
  readonly generation: number;
  readonly version: number;
  readonly expiresAt: number | null;
  readonly value: string | null;
  /** Whether it was the greatest op of its key when this log took it. */
  readonly won: boolean;
}

/** A life of a node's log has ended. */
export interface Incident {
  readonly node: number;
  /** `lost`: its disk was wiped or put back to an older copy. `retired`: it rejoined with all that it held. */
  readonly kind: 'lost' | 'retired';
  /** The life that ended. */
  readonly life: number;
  readonly atMs: number;
}

/** A node's clock was wrong for a while. */
export interface WrongClock {
  readonly node: number;
  /** Positive: ahead. */
  readonly offsetMs: number;
  /** UTC milliseconds of this machine. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** The events of a watcher, and its mirror at the end. */
export interface Watched {
  readonly name: string;
  readonly sightings: readonly Sighting[];
  /** Value by key. */
  readonly mirror: ReadonlyMap<string, string>;
}

/** A log directory after its node has stopped. */
export interface StoppedLog {
  readonly node: number;
  /** The complaint of `hearsay log verify`; null: whole. */
  readonly damage: string | null;
  readonly ops: readonly LoggedOp[];
}

export interface Evidence {
  /** UTC milliseconds. */
  readonly startedAt: number;
  readonly calls: readonly Call[];
  readonly incidents: readonly Incident[];
  readonly wrongClocks: readonly WrongClock[];
  /** The entries that each node showed at the end, all faults over. */
  readonly maps: readonly ShownMap[];
  /** When the maps were read, UTC milliseconds. */
  readonly readAt: number;
  readonly watched: readonly Watched[];
  readonly logs: readonly StoppedLog[];
  /** Whether the logs may have been compacted within the run. */
  readonly isCompacted: boolean;
}

/** Something that must not be. */
export interface Violation {
  readonly check: CheckName;
  /** null where it is about no key. */
  readonly key: string | null;
  readonly text: string;
}

export const CHECK_NAMES = [
  'convergence',
  'survival',
  'resurrection',
  'tokens',
  'acks',
  'decisions',
  'watching',
  'logs',
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];

/**
 * Whether a write may be missing although it was answered: the disk that it was made on was lost later,
 * and no other node had said that it holds it.
 */
export function mayBeLost(call: Call, incidents: readonly Incident[]): boolean {
  if (call.crossedLives) return true;
  const losses = incidents.filter(({ kind }) => kind === 'lost');
  const ownIsLost = losses.some(
    ({ node, life }) => node === call.request.node && life >= call.life,
  );
  return ownIsLost && (call.answer.acks ?? 1) <= new Set(losses.map(({ node }) => node)).size;
}
