/**
 * A watch tells everything, whatever its size and the reader's speed: over real sockets, with more than
 * a watcher's buffer and the kernel's together hold.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Limits } from '../../../src/words/limits.ts';
import { CountingReader } from './countingReader.ts';
import { WatchServer } from './watchServer.ts';

const catchUp = suite('catching up over real sockets');

const SIZES = [
  { count: 1000, valueBytes: 800 },
  { count: 330, valueBytes: 15_000 },
] as const;
const FACES = ['stream', 'socket'] as const;

const open = (server: WatchServer, face: (typeof FACES)[number], query: string) =>
  face === 'stream' ? server.stream(query) : Promise.resolve(server.watch(query));

for (const face of FACES)
  for (const { count, valueBytes } of SIZES) {
    const values = `${count} values of ${valueBytes} bytes over a ${face}`;

    catchUp(`${values}: the whole state is told, and then what comes`, async () => {
      await using server = await WatchServer.start();
      await server.putMany(0, count, valueBytes);
      using client = await open(server, face, 'initial=true');
      await client.synced();
      assert.is(client.keys.size, count);
      await server.put('later', 1);
      await client.until(({ key }) => key === 'later');
    });

    catchUp(`${values}: a cursor goes on to the end, and then to what comes`, async () => {
      await using server = await WatchServer.start();
      using first = await server.stream();
      const { cursor } = await first.synced();
      await server.putMany(0, count, valueBytes);
      using client = await open(server, face, `cursor=${cursor}`);
      await client.synced();
      assert.is(client.keys.size, count);
      await server.put('later', 1);
      await client.until(({ key }) => key === 'later');
    });

    catchUp(`${values}: a slow reader is told everything, what came meanwhile too`, async () => {
      await using server = await WatchServer.start();
      await server.putMany(0, count, valueBytes);
      using client = await open(server, face, 'initial=true');
      await client.until(({ type }) => type === 'put');
      client.pause();
      await server.putMany(count, count, valueBytes);
      client.resume();
      await client.until(() => client.keys.size === 2 * count, `${2 * count} keys`);
      await server.put('later', 1);
      await client.until(({ key }) => key === 'later');
    });
  }

catchUp('an HTTP/1.0 reader, to whom nothing is chunked, is told everything too', async () => {
  await using server = await WatchServer.start();
  await server.putMany(0, 330, 15_000);
  using client = new CountingReader('HTTP/1.0', server.port, 'initial=true');
  await client.until(330, 1, 10_000);
  await server.put('later', 1);
  await client.until(331, 1, 10_000);
});

const tiny: Partial<Limits> = { maxWatcherBufferBytes: 1 };

for (const face of FACES)
  catchUp(`a ${face} with the smallest buffer that can be set is told everything`, async () => {
    await using server = await WatchServer.start({ limits: tiny });
    await server.putMany(0, 1000, 800);
    using client = await open(server, face, 'initial=true');
    await client.synced();
    assert.is(client.keys.size, 1000);
  });

for (const face of FACES)
  catchUp(`a clock that goes back resets a live ${face}, and the state follows`, async () => {
    let aheadMs = 0;
    const clock = () => Date.now() + aheadMs;
    await using server = await WatchServer.start({ clock });
    await server.put('a', 1);
    using client = await open(server, face, 'initial=true');
    await client.synced();
    const before = client.events.length;
    aheadMs = -3_600_000;
    await client.until(({ type }) => type === 'reset', 'reset');
    await client.until((event) => client.events.indexOf(event) >= before && event.key === 'a');
    await client.until(
      (event) => client.events.indexOf(event) >= before && event.type === 'synced',
    );
    await server.put('b', 2);
    await client.until(({ key }) => key === 'b');
  });

catchUp.run();
