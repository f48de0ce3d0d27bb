/** The record of a player who has played, for tests. */
import type { PlayerRecord } from '../../rules/progress.ts';

export const record: PlayerRecord = {
  position: { x: 1, y: 2 },
  coins: 12,
  milestone: 10,
  distance: 5,
  playedMs: 6,
  visits: 1,
  world: 'meadow',
  instance: 'eu-meadow-1-1',
  savedAtMs: 99,
};
