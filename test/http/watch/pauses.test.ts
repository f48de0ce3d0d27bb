/** Real watchers, so many that telling them takes a while: events wait for each other, and none is lost. */
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WatchServer } from './watchServer.ts';

const pauses = suite('pauses between deliveries to many watchers');

const WATCHERS = 300;

pauses('events that come within a pause reach every watcher, once and in order', async () => {
  await using server = await WatchServer.start();
  const { hub } = server.watching;
  using clients = new DisposableStack();
  const watching = Array.from({ length: WATCHERS }, () => clients.use(server.watch()));
  await Promise.all(watching.map((client) => client.synced()));
  const keys: string[] = [];
  while (hub.pauses < 3) {
    assert.ok(keys.length < 1000, 'three hundred system calls take more than a millisecond');
    // The second comes right after the first was told; then the watchers read.
    for (let commit = 0; commit < 2; commit++) {
      const key = `k${keys.length}`;
      keys.push(key);
      await server.put(key, commit);
    }
    await turn();
  }
  const last = keys.at(-1);
  await Promise.all(watching.map((client) => client.until(({ key }) => key === last)));
  for (const { events } of watching)
    assert.equal(
      events.filter(({ type }) => type === 'put').map(({ key }) => key),
      keys,
    );
});

pauses('without watchers no delivery waits', async () => {
  await using server = await WatchServer.start();
  for (let index = 0; index < 50; index++) await server.put(`k${index}`, index);
  assert.is(server.watching.hub.pauses, 0);
});

pauses.run();
