/** Input that no client of the protocol sends: an instance closes the connection, or refuses by a 4xx, and goes on. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import { readClientMessage } from '../../rules/clientMessages.ts';
import { decodeMessage, encodeMessage } from '../../world/messagePack.ts';
import { PlayConnections } from '../../world/playConnections.ts';
import { rounds } from '../support/rounds.ts';
import { playerId, TestWorld } from '../support/testWorld.ts';

const malformed = suite('malformed');

const RUNS = rounds(10_000);
const OVER_SOCKETS = rounds(100);

/** Bytes of any kind, MessagePack of any value, and messages that are nearly right. */
const frame = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.anything({ maxDepth: 2 }).map((value) => encoded(value)),
  fc
    .array(fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-1, 0, 1, 2, null, 'x')), {
      maxLength: 6,
    })
    .map((value) => encoded(value)),
);

function encoded(value: unknown): Uint8Array {
  try {
    return encode(value);
  } catch {
    // It has no form in MessagePack.
    return new Uint8Array([0xc1]);
  }
}

malformed('any frame is a message, or closes its connection', () => {
  fc.assert(
    fc.property(frame, fc.boolean(), (data, isBinary) => {
      const socket = new EventEmitter();
      let [heard, faults] = [0, 0];
      const count = (): void => {
        heard += 1;
      };
      const connections = new PlayConnections({
        onInput: count,
        onPing: count,
        onLeave: count,
        onHeard: () => {},
        onFault: () => {
          faults += 1;
        },
        onClose: () => {},
      });
      connections.open(1, playerId(1), {
        socket: socket as unknown as WebSocket,
        stream: new PassThrough(),
      });
      socket.emit('message', Buffer.from(data), isBinary);
      assert.is(heard + faults, 1);
      if (!isBinary) assert.is(faults, 1);
    }),
    { numRuns: RUNS },
  );
  assert.is(readClientMessage([0, 1, 1, 1])?.type, 'input');
});

malformed('a message that tells of many elements takes no room for them', () => {
  // An array of 33 million elements: those of one take 268 MB, and these are nine in one another.
  const header = [0xdd, 0x01, 0xff, 0xff, 0xff];
  const message = Buffer.from(Array.from({ length: 9 }, () => header).flat());
  const mostBytes = process.resourceUsage().maxRSS * 1024;
  assert.is(decodeMessage(message), null);
  const grown = process.resourceUsage().maxRSS * 1024 - mostBytes;
  assert.ok(grown < 64 * 1024 * 1024, `it took ${grown} bytes`);
});

malformed('a message is read as it is after one that is none', () => {
  const input = encodeMessage([0, 7, -1, 1]);
  for (const wrong of [
    [0x94, 0],
    [0x94, 0x94, 0x94],
    [0xc1],
    [0x91, 0xa1, 0x41],
    [0x95, 0, 0, 0, 0, 0],
  ]) {
    assert.is(decodeMessage(Buffer.from(wrong)), null);
    assert.equal(decodeMessage(input), [0, 7, -1, 1]);
  }
  encodeMessage([0, 8, 0, 0]);
  assert.equal(decodeMessage(input), [0, 7, -1, 1], 'a later message does not overwrite it');
});

malformed('over sockets nobody else is hurt, and no tick is skipped', async () => {
  // Each keeps its seat for a while after the connection was closed.
  await using world = await TestWorld.start({ maxPlayers: OVER_SOCKETS + 1 });
  using calm = await world.play(playerId(0));
  const skipped = world.instance.game.skippedTicks;
  for (const [index, data] of fc.sample(frame, OVER_SOCKETS).entries()) {
    using player = await world.play(playerId(index + 1));
    player.sendBytes(data);
    // A message that happens to be right has no answer: the next one is wrong for sure.
    player.sendBytes(new Uint8Array(65));
    assert.ok([4400, 1000].includes(await player.closed()), `frame ${index}`);
  }
  assert.is(calm.closeCode, null);
  assert.ok(calm.isComplete);
  assert.is(world.instance.game.skippedTicks, skipped);
  assert.equal(world.faults, []);
});

malformed('no body is a 500', async () => {
  await using world = await TestWorld.start();
  const token = await (await world.signer('api')).tokenFor(world.name);
  const body = fc.oneof(fc.json({ maxDepth: 3 }), fc.string(), fc.uint8Array({ maxLength: 200 }));
  const bodies = fc.sample(body, RUNS);
  const heapBytes = process.memoryUsage().heapUsed;
  const AT_ONCE = 20;
  for (let from = 0; from < bodies.length; from += AT_ONCE)
    await Promise.all(
      bodies.slice(from, from + AT_ONCE).map(async (sent) => {
        const answer = await fetch(`${world.controlUrl}/seats`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${token}` },
          body: typeof sent === 'string' ? sent : Buffer.from(sent),
        });
        await answer.body?.cancel();
        assert.is(answer.status, 422, JSON.stringify(sent));
      }),
    );
  assert.ok(process.memoryUsage().heapUsed - heapBytes < 128 * 1024 * 1024, 'memory is flat');
  assert.equal(world.faults, []);
});

malformed.run();
