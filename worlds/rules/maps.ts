/** The grounds on which worlds are played. All lengths are whole units; a figure is 16 units wide. */
import type { MapName } from './worldConfiguration.ts';

export interface GameMap {
  readonly width: number;
  readonly height: number;
  /** Coins that lie on the ground at a time. */
  readonly coins: number;
  /** Units that a figure walks in a tick, along each axis. */
  readonly speed: number;
}

export const MAPS: Readonly<Record<MapName, GameMap>> = {
  meadow: { width: 1200, height: 800, coins: 40, speed: 8 },
  harbour: { width: 1600, height: 600, coins: 30, speed: 8 },
  summit: { width: 800, height: 800, coins: 24, speed: 6 },
};

/** A coin is taken by a figure that is this near along both axes. */
export const REACH = 16;
