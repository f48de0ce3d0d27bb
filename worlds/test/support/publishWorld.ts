/** Publishes an instance of the meadow as its process does. */
import type { Cache } from '../../tables/cache.ts';
import { InstanceTables } from '../../tables/instanceTables.ts';
import { Publisher } from '../../world/sessionPublisher.ts';
import type { TestWorld } from './testWorld.ts';

export function publishWorld(
  world: TestWorld,
  cache: Cache,
  slot: number,
  pace: { readonly everyMs: number; readonly atLeastMs: number },
): Disposable {
  const tables = new InstanceTables(cache, { region: 'eu', world: 'meadow', slot, epoch: 1 });
  const events = { onSuperseded: () => {}, onFailure: () => {} };
  const writeSession = () =>
    tables.writeSession({
      v: 1,
      slot,
      epoch: 1,
      state: world.instance.state,
      config: 1,
      tickLateMs: 0,
      max: world.instance.maxPlayers,
      ...world.instance.counts,
      playUrl: world.playUrl,
      controlUrl: world.controlUrl,
    });
  const writeRoster = () => tables.writeRoster(world.instance.players);
  const ends = new DisposableStack();
  ends.use(new Publisher({ ...pace, write: writeSession }, events));
  ends.use(new Publisher({ ...pace, write: writeRoster }, events));
  return ends;
}
