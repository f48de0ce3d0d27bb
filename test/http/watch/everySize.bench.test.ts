// time limit: 600 s
/** Watches of every size, over each face: the state, a resumption, what comes live, and a slow reader. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CountingReader, type Face } from './countingReader.ts';
import { WatchServer } from './watchServer.ts';

const sizes = suite('watches of every size');

const LIMIT_MS = 60_000;
const FACES: readonly Face[] = ['SSE', 'HTTP/1.0', 'WebSocket'];
const SIZES = [
  { count: 10, valueBytes: 100 },
  { count: 10, valueBytes: 900_000 },
  { count: 1000, valueBytes: 15_000 },
  { count: 100_000, valueBytes: 100 },
] as const;

async function fill(server: WatchServer, from: number, count: number, valueBytes: number) {
  const atOnce = Math.max(1, Math.min(5000, Math.floor(4_000_000 / valueBytes)));
  for (let index = 0; index < count; index += atOnce)
    await server.putMany(from + index, Math.min(atOnce, count - index), valueBytes);
}

for (const face of FACES)
  for (const { count, valueBytes } of SIZES)
    sizes(`${count} values of ${valueBytes} bytes over ${face}`, async () => {
      const limits = { maxRecentOps: 100, maxBodyBytes: 1_000_000 };
      await using server = await WatchServer.start({ limits });
      using first = await server.stream();
      const { cursor } = await first.synced();
      first.response.destroy();
      await fill(server, 0, count, valueBytes);
      using state = new CountingReader(face, server.port, 'initial=true');
      await state.until(count, 1, LIMIT_MS);
      using resumed = new CountingReader(face, server.port, `cursor=${cursor}`);
      await resumed.until(count, 1, LIMIT_MS);
      using slow = new CountingReader(face, server.port, 'initial=true');
      await slow.until(1, 0, LIMIT_MS);
      slow.pause();
      await fill(server, count, count, valueBytes);
      await state.until(2 * count, 1, LIMIT_MS);
      await resumed.until(2 * count, 1, LIMIT_MS);
      slow.resume();
      await slow.until(2 * count, 1, LIMIT_MS);
      assert.equal([state.puts, resumed.puts, slow.puts], [2 * count, 2 * count, 2 * count]);
    });

sizes.run();
