import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { packEpoch, packSave, readConflict } from '../../rules/fences.ts';
import type { WorldConfiguration } from '../../rules/worldConfiguration.ts';
import { openCache } from '../../tables/cache.ts';
import { InstanceTables, instanceOf } from '../../tables/instanceTables.ts';
import { keyOf, partsOf } from '../../tables/keys.ts';
import { Configurations, OnceRecords, Revocations } from '../../tables/operatorTables.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import {
  configurationSchema,
  revocationSchema,
  type Session,
  sessionSchema,
} from '../../tables/schemas.ts';
import { TableMirror } from '../../tables/tableMirror.ts';
import { record } from '../support/playerRecord.ts';

const tables = suite('tables');

const PLAYER = 'p0123456789abcdefghij';
const configuration: WorldConfiguration = {
  name: 'Meadow',
  map: 'meadow',
  maxPlayers: 10,
  mode: 'static',
  minInstances: 1,
  maxInstances: 1,
  spareSeats: 0,
  desired: 'running',
  restartEveryHours: null,
};
const session: Session = {
  v: 1,
  slot: 1,
  epoch: 3,
  state: 'active',
  max: 10,
  taken: 0,
  reserved: 0,
  held: 0,
  playUrl: 'ws://127.0.0.1:1',
  controlUrl: 'http://127.0.0.1:2',
  tickLateMs: 0,
  config: 1,
};

tables('keys read back as their parts', () => {
  const key = keyOf('session', 'eu', 'meadow', 'eu-meadow-1-1');
  assert.equal(partsOf('session', key, 3), ['eu', 'meadow', 'eu-meadow-1-1']);
  assert.is(partsOf('session', key, 2), null);
  assert.is(partsOf('roster', key, 3), null);
  assert.is(partsOf('session', 'worlds/session/eu//x', 3), null);
});

tables('each table keeps its rule on real nodes', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  await using cache = openCache({ endpoints: [cluster.node(0).url], token: null });
  await using other = openCache({ endpoints: [cluster.node(1).url], token: null });
  await recordsAreFenced(new PlayerRecords(cache), new PlayerRecords(other));
  await epochsAreFenced(
    ...([3, 4].map((epoch) => {
      const name = { region: 'eu', world: 'meadow', slot: 1, epoch };
      return new InstanceTables(cache, name);
    }) as [InstanceTables, InstanceTables]),
  );
  await keysCountOnce(new OnceRecords(cache));

  const configurations = new Configurations(cache);
  assert.is(await configurations.write('eu', 'meadow', configuration, 0), 1);
  assert.is(await configurations.write('eu', 'meadow', configuration, 0), null);
  assert.is(await configurations.write('eu', 'meadow', configuration, 1), 2);
  await cache.writer.put(keyOf('config', 'eu', 'harbour'), { v: 1, name: 'Harbour' });
  await using mirror = new TableMirror(other, 'config', configurationSchema, 'eu');
  await mirror.synced;
  await waitFor(() => [...mirror.rows()].length === 2, 5000, 'both configurations are told');
  assert.equal(mirror.get(keyOf('config', 'eu', 'meadow'))?.value, { v: 1, ...configuration });
  assert.is(mirror.get(keyOf('config', 'eu', 'harbour'))?.value, null);
  assert.ok(mirror.isCurrent);
  [...mirror.rows()].map(({ key }) => mirror.get(key));
  assert.equal([...other.malformed.counts], [['config', 1]], 'a value is parsed once');

  await using revoked = new TableMirror(other, 'revoked', revocationSchema);
  await revoked.synced;
  const changes: string[] = [];
  revoked.onChange(({ key }) => changes.push(key));
  await new Revocations(cache).revoke(PLAYER, 'operator');
  await waitFor(() => changes.length > 0, 5000, 'the revocation is told');
  assert.equal(changes, [keyOf('revoked', PLAYER)]);
});

async function recordsAreFenced(old: PlayerRecords, next: PlayerRecords): Promise<void> {
  assert.equal(await old.read(PLAYER), { record: null, version: null });
  const mine = { fence: 4, counter: 0 };
  const stored = await old.save(PLAYER, record, packSave(mine), { acks: 2 });
  assert.is(stored.type, 'stored');
  if (stored.type !== 'stored') return;
  assert.is(stored.acks, 2);
  const read = await next.read(PLAYER, stored.token);
  assert.equal(read.version, packSave(mine));
  assert.is(read.record?.coins, 12);
  const claim = packSave({ fence: 5, counter: 0 });
  await next.save(PLAYER, record, claim, { acks: 2 });
  const late = await old.save(PLAYER, record, packSave({ fence: 4, counter: 1 }));
  assert.equal(late, { type: 'conflict', currentVersion: claim });
  assert.is(readConflict(mine, claim).type, 'displaced');
}

async function epochsAreFenced(old: InstanceTables, next: InstanceTables): Promise<void> {
  assert.is(await old.writeMemory({ seed: 1, tick: 2, takings: [1, 2] }), 'stored');
  assert.is((await next.readMemory())?.tick, 2);
  assert.is(await next.writeMemory({ seed: 1, tick: 3, takings: [] }), 'stored');
  assert.is(await old.writeMemory({ seed: 1, tick: 9, takings: [] }), 'superseded');
  assert.is((await next.readMemory())?.tick, 3);
  assert.is(await next.writeSession(session), 'stored');
  assert.is(await next.writeRoster([PLAYER]), 'stored');
}

async function keysCountOnce(once: OnceRecords): Promise<void> {
  const first = { fingerprint: 'a', region: 'eu', world: 'meadow', instance: 'one' };
  await once.write(PLAYER, 'key', first);
  await once.write(PLAYER, 'key', { ...first, instance: 'two' });
  assert.is((await once.read(PLAYER, 'key'))?.instance, 'one');
  assert.is(await once.read(PLAYER, 'other'), null);
  const longer = `${PLAYER}0`;
  await once.write(longer, 'key', first);
  await once.removeAll(PLAYER);
  assert.is(await once.read(PLAYER, 'key'), null);
  assert.ok(await once.read(longer, 'key'), 'nobody else is erased');
}

tables('sessions and names have these forms', () => {
  assert.ok(sessionSchema.safeParse(session).success);
  assert.not.ok(sessionSchema.safeParse({ ...session, taken: -1 }).success);
  const malformed = { v: 1, ...configuration, minInstances: 2 };
  assert.not.ok(configurationSchema.safeParse(malformed).success);
  assert.not.ok(configurationSchema.safeParse({ ...malformed, v: 2 }).success);
  assert.is(instanceOf({ region: 'eu', world: 'meadow', slot: 2, epoch: 7 }), 'eu-meadow-2-7');
  assert.ok(packEpoch(7, 1) > packEpoch(6, 2 ** 20 - 1));
});

tables.run();
