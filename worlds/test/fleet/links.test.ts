/** The connections of worlds at their fleet: bounded, one for each process, and only of the right ones. */
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import WebSocket from 'ws';
import { waitFor } from '../../../test/support/processes.ts';
import { fleetName } from '../../slots/linkMessages.ts';
import { FleetServer } from '../support/fleetServer.ts';

const links = suite('links');

/** @returns the socket once it is open, or the status by which it was refused. */
async function link(url: string, token: string): Promise<WebSocket | number> {
  const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
  socket.on('error', () => {});
  const refused = once(socket, 'unexpected-response').then(([, response]) => {
    socket.terminate();
    return Number((response as { statusCode: number }).statusCode);
  });
  return Promise.race([once(socket, 'open').then(() => socket), refused]);
}

async function opened(url: string, token: string): Promise<WebSocket> {
  const socket = await link(url, token);
  if (typeof socket === 'number') throw new Error(`The link was refused with ${socket}.`);
  return socket;
}

const closeCode = async (socket: WebSocket): Promise<number> =>
  Number((await once(socket, 'close'))[0]);

links('there are no more than the bound, and room again after one has ended', async () => {
  await using fleet = await FleetServer.start(2);
  const token = await fleet.token();
  const first = await opened(fleet.linkUrl(1), token);
  await opened(fleet.linkUrl(2), token);
  assert.is(await link(fleet.linkUrl(3), token), 503);
  assert.is(fleet.links.refused, 1);
  assert.is(fleet.links.open, 2);
  first.close();
  await waitFor(() => fleet.links.open === 1, 5000, 'one has ended');
  await opened(fleet.linkUrl(3), token);
});

links(
  'many at once are no more than the bound, though their tokens are checked meanwhile',
  async () => {
    await using fleet = await FleetServer.start(3);
    const token = await fleet.token();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_unused, slot) => link(fleet.linkUrl(slot + 1), token)),
    );
    assert.is(all.filter((one) => one === 503).length, 17);
    assert.is(fleet.links.open, 3);
  },
);

links('a newer connection of a process replaces the older', async () => {
  await using fleet = await FleetServer.start(5);
  const token = await fleet.token();
  const older = await opened(fleet.linkUrl(1), token);
  const isClosed = closeCode(older);
  const newer = await opened(fleet.linkUrl(1), token);
  assert.is(await isClosed, 1006);
  assert.is(newer.readyState, WebSocket.OPEN);
  await waitFor(() => fleet.links.open === 1, 5000, 'one is left');
});

links('only a world may connect, and refused ones leave their room', async () => {
  await using fleet = await FleetServer.start(1);
  const foreign = await fleet.worldSigner.tokenFor(fleetName('us'));
  const api = await fleet.apiSigner.tokenFor(fleetName('eu'));
  for (let round = 0; round < 3; round += 1) {
    assert.is(await link(fleet.linkUrl(1), foreign), 401);
    assert.is(await link(fleet.linkUrl(1), api), 403);
    assert.is(await link(`${fleet.linkUrl(1)}x`, api), 404);
  }
  assert.is(fleet.links.refused, 0);
  const socket = await opened(fleet.linkUrl(1), await fleet.token());
  const malformed = closeCode(socket);
  socket.send('{"type":"health"}');
  assert.is(await malformed, 4400);
});

links('a process of an earlier epoch is told that it was replaced', async () => {
  await using fleet = await FleetServer.start(5);
  fleet.epoch = 2;
  const token = await fleet.token();
  assert.is(await closeCode(await opened(fleet.linkUrl(1, 1), token)), 4409);
  const socket = await opened(fleet.linkUrl(1, 2), token);
  fleet.epoch = 3;
  const replaced = closeCode(socket);
  socket.send('{"type":"health","state":"active","taken":0}');
  assert.is(await replaced, 4409);
  assert.equal(fleet.heard, []);
});

links.run();
