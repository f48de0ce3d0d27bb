/** The configuration of a static world with one small map. */
import type { WorldConfiguration } from '../../rules/worldConfiguration.ts';

export const meadow = (fields: Partial<WorldConfiguration> = {}): WorldConfiguration => ({
  name: 'The meadow',
  map: 'meadow',
  maxPlayers: 10,
  mode: 'static',
  minInstances: 1,
  maxInstances: 1,
  spareSeats: 0,
  desired: 'running',
  restartEveryHours: null,
  ...fields,
});
