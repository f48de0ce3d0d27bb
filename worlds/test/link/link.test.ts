/** The link over real sockets: delayed both ways, in order, bounded, cut and healed. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { listen } from '../../http/jsonApp.ts';
import { regionFetch } from '../../http/regionFetch.ts';
import { Link, type LinkOptions } from '../../link/link.ts';
import { crossingsSchema, passagesSchema } from '../../link/waySettings.ts';

const link = suite('link');

const HOST = '127.0.0.1';
const DELAY_MS = 40;
const MAX_HELD_BYTES = 64 * 1024;

interface Place extends AsyncDisposable {
  readonly link: Link;
  /** Leads to the server. */
  readonly port: number;
  /** Connections that the server has taken. */
  readonly taken: Socket[];
}

async function open(
  options: Partial<LinkOptions> = {},
  onConnection: (socket: Socket) => void = (socket) => socket.pipe(socket),
): Promise<Place> {
  await using opening = new AsyncDisposableStack();
  const taken: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    taken.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  opening.defer(() => {
    server.close();
    for (const socket of taken) socket.destroy();
  });
  const address = server.address();
  const serverPort = typeof address === 'object' && address !== null ? address.port : 0;
  const over = opening.use(
    new Link({ delayMs: DELAY_MS, maxHeldBytes: MAX_HELD_BYTES, maxConnections: 10, ...options }),
  );
  const port = await over.openPassage(HOST, 0, { host: HOST, port: serverPort });
  const ends = opening.move();
  return { link: over, port, taken, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

function dial(port: number): { socket: Socket; received: () => string } & Disposable {
  const socket = connect({ port, host: HOST, allowHalfOpen: true });
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  socket.on('error', () => {});
  return { socket, received: () => text, [Symbol.dispose]: () => socket.destroy() };
}

link('each direction is late by the delay, and both sides may end by themselves', async () => {
  await using place = await open();
  using near = dial(place.port);
  const sentAtMs = performance.now();
  near.socket.end('there and back');
  await once(near.socket, 'end');
  assert.is(near.received(), 'there and back');
  assert.ok(performance.now() - sentAtMs >= 2 * DELAY_MS);
  near.socket.destroy();
  await waitFor(() => place.link.counts.connections === 0, 5000, 'nothing is left of it');
});

link('all bytes come in order, and a slow reader holds the sender up', async () => {
  const bytes = Buffer.alloc(24 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  await using place = await open({ delayMs: 1 }, (socket) => socket.pause());
  using near = dial(place.port);
  near.socket.end(bytes);
  await waitFor(() => place.link.counts.heldBytes >= MAX_HELD_BYTES, 5000, 'the line is full');
  await wait(50);
  // A chunk that was being read, and one under way.
  assert.ok(place.link.counts.heldBytes < MAX_HELD_BYTES + 256 * 1024);
  assert.ok(near.socket.writableLength > 0);
  const parts: Buffer[] = [];
  const [reader] = place.taken;
  reader?.on('data', (part: Buffer) => parts.push(part)).resume();
  await once(reader as Socket, 'end');
  assert.ok(Buffer.concat(parts).equals(bytes));
});

link('a cut holds what is under way and new connections, and the heal loses nothing', async () => {
  await using place = await open();
  using near = dial(place.port);
  near.socket.write('1');
  await waitFor(() => near.received() === '1', 5000, 'the first echo');
  place.link.isCut = true;
  near.socket.write('2');
  using late = dial(place.port);
  late.socket.write('late');
  await wait(3 * DELAY_MS);
  assert.is(near.received(), '1');
  assert.is(place.taken.length, 1);
  place.link.isCut = false;
  near.socket.write('3');
  await waitFor(() => near.received() === '123' && late.received() === 'late', 5000, 'the rest');
  assert.is(place.taken.length, 2);
});

link(
  'who gives up while the link is cut leaves nothing behind, and the target never hears',
  async () => {
    await using place = await open();
    place.link.isCut = true;
    {
      using near = dial(place.port);
      near.socket.write('hello');
      await waitFor(() => place.link.counts.connections === 1, 5000, 'it is held');
    }
    await waitFor(() => place.link.counts.connections === 0, 5000, 'it is gone');
    place.link.isCut = false;
    await wait(2 * DELAY_MS);
    assert.is(place.taken.length, 0);
  },
);

link('a broken connection breaks on the other side, and one too many is closed', async () => {
  await using place = await open({ maxConnections: 1 });
  using near = dial(place.port);
  near.socket.write('1');
  await waitFor(() => near.received() === '1', 5000, 'the echo');
  using over = dial(place.port);
  await waitFor(() => over.socket.destroyed, 5000, 'it is closed');
  assert.is(place.link.counts.refused, 1);
  place.taken[0]?.resetAndDestroy();
  await waitFor(() => near.socket.destroyed, 5000, 'the dialler is closed');
  await waitFor(() => place.link.counts.connections === 0, 5000, 'nothing is left of it');
});

link('a target that is away closes the dialler', async () => {
  await using place = await open();
  const port = await place.link.openPassage(HOST, 0, { host: HOST, port: 1 });
  using near = dial(port);
  await waitFor(() => near.socket.destroyed, 5000, 'the dialler is closed');
});

link('a crossing leads to any port of its host, and to no other host', async () => {
  await using place = await open();
  await using there = await listen(
    (request, response) => response.end(JSON.stringify({ asked: request.url })),
    HOST,
    0,
  );
  const port = await place.link.openCrossing(HOST, 0, HOST);
  const ask = regionFetch('eu', `http://${HOST}:${port}`);
  const request = { method: 'GET', headers: {}, signal: AbortSignal.timeout(10_000) };
  const atMs = performance.now();
  assert.equal(await (await ask('us', `${there.url}/a`, request)).json(), { asked: '/a' });
  assert.ok(performance.now() - atMs >= 2 * DELAY_MS);
  const elsewhere = there.url.replace(HOST, 'localhost');
  for (const url of [elsewhere, `http://${HOST}:1`])
    await ask('us', url, request).then(
      () => assert.unreachable('it was let through'),
      () => {},
    );
  assert.is((await fetch(`http://${HOST}:${port}/`)).status, 405);
  place.link.isCut = true;
  const cut = { ...request, signal: AbortSignal.timeout(200) };
  await ask('us', there.url, cut).then(
    () => assert.unreachable('it crossed the cut'),
    () => {},
  );
  assert.ok((await ask('eu', there.url, request)).ok, 'the own region is asked without a detour');
});

link('the ways are named by ports, hosts and ports', () => {
  assert.equal(passagesSchema.parse('1:127.0.0.1:2,3:node-a.us:4'), [
    { port: 1, target: { host: '127.0.0.1', port: 2 } },
    { port: 3, target: { host: 'node-a.us', port: 4 } },
  ]);
  assert.equal(crossingsSchema.parse('5:us'), [{ port: 5, host: 'us' }]);
  assert.equal(passagesSchema.parse(''), []);
  for (const text of ['1:a', 'a:b:1', '1:b:2,', 'x'])
    assert.not.ok(passagesSchema.safeParse(text).success, text);
});

link.run();
