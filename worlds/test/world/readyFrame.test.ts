/** Frames that are written as they are, read by ws. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket, WebSocketServer } from 'ws';
import { type PlaySocket, readyFrame, writeFrame } from '../../world/readyFrame.ts';

const frames = suite('ready frames');

/** At both sides of each length of a header. */
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

frames(
  'a client reads each frame as it was, between messages of ws, and none after a close',
  async () => {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { promise: opened, resolve } = Promise.withResolvers<PlaySocket>();
    server.on('upgrade', (request, stream, head) =>
      sockets.handleUpgrade(request, stream, head, (socket) => resolve({ socket, stream })),
    );
    const { port } = server.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    const read: Buffer[] = [];
    client.on('message', (data: Buffer, isBinary) => {
      assert.ok(isBinary);
      read.push(data);
    });
    const closed = once(client, 'close');
    const sent: Uint8Array[] = [];
    try {
      const playSocket = await opened;
      for (const [index, size] of SIZES.entries()) {
        const payload = new Uint8Array(size).fill(index + 1);
        writeFrame(playSocket, readyFrame(payload));
        const own = new Uint8Array([index]);
        playSocket.socket.send(own);
        sent.push(payload, own);
      }
      playSocket.socket.close(4410, 'closed');
      writeFrame(playSocket, readyFrame(new Uint8Array([9])));
      assert.is((await closed)[0], 4410);
    } finally {
      client.terminate();
      server.close();
    }
    assert.is(read.length, sent.length);
    for (const [index, payload] of sent.entries())
      assert.ok(read[index]?.equals(payload), `message ${index}`);
  },
);

frames.run();
