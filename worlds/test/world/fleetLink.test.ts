/** The connection of a world to its fleet: it comes back, it ends when it is replaced, or left alone. */
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocketServer } from 'ws';
import { freePorts } from '../../../test/support/ports.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { FleetLink, type FleetLinkTimes } from '../../world/fleetLink.ts';
import { FleetServer } from '../support/fleetServer.ts';

const link = suite('fleet link');

/** Long, but for the time that a test is about. */
const TIMES: FleetLinkTimes = { againMs: 20, silentMs: 60_000, aloneMs: 60_000 };

class LinkedWorld implements Disposable {
  readonly told: string[] = [];
  taken = 0;
  readonly #link: FleetLink;

  constructor(url: string, token: () => Promise<string>, times: Partial<FleetLinkTimes> = {}) {
    this.#link = new FleetLink({
      url,
      token,
      times: { ...TIMES, ...times },
      ready: { type: 'ready', pid: 1, controlUrl: 'http://127.0.0.1:1' },
      health: () => ({ type: 'health', state: 'active', taken: this.taken }),
      onSuperseded: () => this.told.push('superseded'),
      onAlone: () => this.told.push('alone'),
    });
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }
}

link('it tells that it is ready, then each second how it is', async () => {
  await using fleet = await FleetServer.start(5);
  using world = new LinkedWorld(fleet.linkUrl(), fleet.token);
  await waitFor(() => fleet.heard.length >= 2, 5000, 'the first two messages');
  assert.equal(
    fleet.heard.slice(0, 2).map(({ type }) => type),
    ['ready', 'health'],
  );
  world.taken = 7;
  await waitFor(
    () => fleet.heard.some((message) => message.type === 'health' && message.taken === 7),
    5000,
    'the next health',
  );
  assert.equal(world.told, []);
});

link('it comes back to a fleet that was away, and says again that it is ready', async () => {
  const port = await freePorts(1);
  const first = await FleetServer.start(5, port);
  using world = new LinkedWorld(first.linkUrl(), () => first.token());
  await waitFor(() => first.heard.length > 0, 5000, 'the first fleet hears it');
  await first[Symbol.asyncDispose]();
  // Its own keys are others: the world is refused, and goes on to try.
  await using second = await FleetServer.start(5, port);
  first.token = second.token;
  await waitFor(() => second.heard[0]?.type === 'ready', 5000, 'the second fleet hears it');
  assert.equal(world.told, []);
});

link('of a later epoch it is told once, and does not come back', async () => {
  await using fleet = await FleetServer.start(5);
  fleet.epoch = 2;
  using world = new LinkedWorld(fleet.linkUrl(1, 1), fleet.token, { aloneMs: 100 });
  await waitFor(() => world.told.length > 0, 5000, 'it is told');
  fleet.epoch = 1;
  // Were it still to count its time alone, that would be over by now.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(world.told, ['superseded']);
  assert.equal(fleet.heard, []);
});

link('without any fleet for long it ends, once', async () => {
  const port = await freePorts(1);
  using world = new LinkedWorld(`ws://127.0.0.1:${port}/link`, () => Promise.resolve('x'), {
    aloneMs: 500,
  });
  await waitFor(() => world.told.length > 0, 10_000, 'it ends');
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(world.told, ['alone']);
});

link('a fleet that says nothing, though it is connected, counts as away', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  using world = new LinkedWorld(`ws://127.0.0.1:${port}/link`, () => Promise.resolve('x'), {
    silentMs: 500,
  });
  await waitFor(() => connections >= 2, 10_000, 'it has connected anew');
  assert.equal(world.told, []);
  for (const socket of server.clients) socket.terminate();
  server.close();
});

link.run();
