/**
 * Rule 7: the progress of a player. A world keeps the gain since the record that it has read, and adds it
 * to that record. While no record was read, the gain waits: a record is never saved over one that was
 * not read. A milestone is told only once the record that holds it was stored twice.
 */
import type { Position } from './simulation.ts';

export const COINS_OF_MILESTONE = 10;

export interface PlayerRecord {
  readonly position: Position;
  readonly coins: number;
  /** The last milestone that was told. */
  readonly milestone: number;
  /** Units. */
  readonly distance: number;
  readonly playedMs: number;
  readonly visits: number;
  readonly world: string;
  readonly instance: string;
  readonly savedAtMs: number;
}

/** Since the record was read, or since the player came. */
export interface Gain {
  readonly position: Position;
  readonly coins: number;
  readonly distance: number;
  readonly playedMs: number;
}

export interface SavePlace {
  readonly world: string;
  readonly instance: string;
  readonly nowMs: number;
}

/** @param base the record that was read; null: the node said that there is none. */
export function recordAfter(
  base: PlayerRecord | null,
  { position, coins, distance, playedMs }: Gain,
  { world, instance, nowMs }: SavePlace,
): PlayerRecord {
  const total = (base?.coins ?? 0) + coins;
  return {
    position,
    coins: total,
    milestone: milestoneOf(total),
    distance: (base?.distance ?? 0) + distance,
    playedMs: (base?.playedMs ?? 0) + playedMs,
    visits: (base?.visits ?? 0) + 1,
    world,
    instance,
    savedAtMs: nowMs,
  };
}

export const milestoneOf = (coins: number): number =>
  Math.floor(coins / COINS_OF_MILESTONE) * COINS_OF_MILESTONE;

/** The milestone to tell now; null for none. @param stored coins of a record that two nodes hold. */
export function milestoneToTell(toldBefore: number, stored: number): number | null {
  const reached = milestoneOf(stored);
  return reached > toldBefore ? reached : null;
}
