/** The worlds of a first start. */
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import type { Region } from './worldsPlan.ts';

const meadow: WorldConfiguration = {
  name: 'The meadow',
  map: 'meadow',
  maxPlayers: 50,
  mode: 'dynamic',
  minInstances: 1,
  maxInstances: 4,
  spareSeats: 10,
  desired: 'running',
  restartEveryHours: 24,
};

const harbour: WorldConfiguration = {
  name: 'The harbour',
  map: 'harbour',
  maxPlayers: 50,
  mode: 'static',
  minInstances: 1,
  maxInstances: 1,
  spareSeats: 0,
  desired: 'running',
  restartEveryHours: 24,
};

export const FIRST_WORLDS: Readonly<Record<Region, Readonly<Record<string, WorldConfiguration>>>> =
  { eu: { meadow, harbour }, us: { meadow } };
