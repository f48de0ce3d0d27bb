// time limit: 300 s
/** A client that reads nothing while a million updates hit a thousand keys. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { WatchServer } from './watchServer.ts';

const slow = suite('slow reader');

const KEYS = 1000;
const UPDATES = 1_000_000;
const AT_ONCE = 1000;
const MAX_COST_BYTES = 4 * 1024 * 1024;

slow(
  'costs at most 4 MiB, stays, and ends with the final state after far fewer events',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hearsay-slow-'));
    const log = await openSqliteLog({
      directory,
      durability: 'normal',
      clusterName: 'test',
      newOrigin: () => 'node1.aaaaaa',
    });
    try {
      await using server = await WatchServer.start({ log });
      // Everything that is kept of writes by itself is full before the measure is taken.
      await update(server, 50_000, 'before');
      const beforeBytes = heldBytes();
      using client = server.watch('initial=true');
      await client.synced();
      client.socket.pause();
      const seenBefore = client.events.length;

      await update(server, UPDATES, 'while it sleeps');

      const costBytes = heldBytes() - beforeBytes;
      assert.ok(costBytes <= MAX_COST_BYTES, `it costs ${costBytes} bytes`);
      assert.is(server.watching.hub.size, 1, 'it stays connected');
      client.socket.resume();
      await server.put('end', 'end');
      await client.until(({ key }) => key === 'end', 'the end', 120_000);
      const mirror = new Map<string, unknown>();
      for (const { type, key, value } of client.events)
        if (type === 'put') mirror.set(key ?? '', value);
      const shown = server.replica.list('', null, { entries: 10_000 }).entries;
      assert.equal(
        [...mirror].sort(),
        shown.map(({ key, value }) => [key, JSON.parse(value ?? '')]).sort(),
      );
      const sent = client.events.length - seenBefore;
      assert.ok(sent < UPDATES / 10, `it was sent ${sent} events`);
      if (process.env.SHOW) console.log({ costBytes, sent });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

slow.run();

async function update({ replica }: WatchServer, count: number, what: string): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, (_, index) => ({
      kind: 'put' as const,
      key: `key${(from + index) % KEYS}`,
      version: 'next' as const,
      ttlMs: null,
      value: `"${what} ${from + index}"`,
      meta: null,
    }));
    await replica.submit(requests);
  }
}

/** The memory that lives after everything else has been collected. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
