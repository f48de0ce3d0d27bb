/** The worlds of a first start. */
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import type { Cache } from '../tables/cache.ts';
import { Configurations } from '../tables/operatorTables.ts';
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

const FIRST_WORLDS: Readonly<Record<Region, Readonly<Record<string, WorldConfiguration>>>> = {
  eu: { meadow, harbour },
  us: { meadow },
};

/** Configures them, if nobody has yet: a configuration that an operator has set since stays. */
export async function createFirstWorlds(cache: Cache, region: Region): Promise<void> {
  const configurations = new Configurations(cache);
  for (const [world, configuration] of Object.entries(FIRST_WORLDS[region]))
    await configurations.create(region, world, configuration, Date.now());
}
