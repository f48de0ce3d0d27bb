/** A transport that was stopped says nothing more, and takes nobody in. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { PROOF_SUBPROTOCOL } from '../../../src/gossip/protocol/proof.ts';
import type { TransportEvent } from '../../../src/gossip/transport.ts';
import { eventsOf, gossipUrl, LIMIT_MS, listening } from '../../support/listeningTransports.ts';
import { waitFor } from '../../support/processes.ts';

const stopped = suite('gossip over WebSocket that was stopped');

stopped('a dial under way ends with the transport, and nothing is told of it', async () => {
  await using here = await listening();
  const events: TransportEvent[] = [];
  here.transport.listen((event) => events.push(event));
  const silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  here.transport.dial(`http://127.0.0.1:${port}`);
  const [socket] = await once(silent, 'connection');
  here.transport.dial('no URL');
  socket.resume();
  await Promise.all([once(socket, 'close'), here.transport.stop()]);
  // The end of a dial is told a few turns after its connection has gone.
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(events, []);
  silent.close();
});

stopped('peers are refused, and the end of a connection is not told', async () => {
  await using here = await listening();
  await using there = await listening();
  const events = await eventsOf(here, there.url);
  assert.is(events.length, 1);
  await here.transport.stop();
  assert.is(events.length, 1);
  assert.equal(here.transport.openBy, { challenge: 0, header: 0, mtls: 0 });
  const [failed] = await eventsOf(there, here.url);
  assert.match(failed?.kind === 'dialFailed' ? failed.reason : '', /503/);
  assert.is(here.transport.refused.full, 1);
});

stopped('a peer that was proving itself is not counted as one that failed', async () => {
  await using there = await listening();
  const before = { ...there.transport.refused };
  const silent = new WebSocket(gossipUrl(there), [PROOF_SUBPROTOCOL]);
  silent.on('error', () => {});
  await waitFor(() => there.transport.unproved === 1, LIMIT_MS, 'it is asked for a proof');
  const closed = once(silent, 'close');
  await there.transport.stop();
  await closed;
  assert.equal(there.transport.refused, before);
});

stopped.run();
