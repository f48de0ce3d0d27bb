/** The transport over WebSocket keeps the rules of the port, and lets nobody in without the token. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SocketTransport, TOKEN_REFUSED } from '../../src/gossip/socket.ts';
import type { TransportEvent } from '../../src/gossip/transport.ts';
import { transportConformance } from '../conformance/transport.ts';
import { waitFor } from '../support/processes.ts';

const LIMIT_MS = 20_000;

interface Listening extends AsyncDisposable {
  readonly transport: SocketTransport;
  readonly url: string;
  readonly notes: string[];
}

async function listening(
  token = 'token',
  maxConnections = 8,
  maxMessagesPerSecond = 1000,
): Promise<Listening> {
  const notes: string[] = [];
  const transport = new SocketTransport(
    {
      token,
      maxMessageBytes: 1e6,
      maxMessagesPerSecond,
      maxConnections,
      dialTimeoutMs: 5000,
      pingIntervalMs: 5000,
    },
    (_level, text) => notes.push(text),
  );
  const server: Server = createServer();
  server.on('upgrade', (request, socket, head) => transport.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    transport,
    url: `http://127.0.0.1:${port}`,
    notes,
    [Symbol.asyncDispose]: async () => {
      await transport.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A URL at which nobody listens any more. */
async function deadUrl(): Promise<string> {
  const gone = await listening();
  await gone[Symbol.asyncDispose]();
  return gone.url;
}

transportConformance('WebSocket', async (run) => {
  await using here = await listening();
  await using there = await listening();
  await run({
    dialler: here.transport,
    other: there.transport,
    url: there.url,
    deadUrl: await deadUrl(),
    until: (condition) => waitFor(async () => condition(), LIMIT_MS, 'the transports did it'),
  });
}).run();

const sockets = suite('gossip over WebSocket');

async function eventsOf(here: Listening, url: string): Promise<TransportEvent[]> {
  const events: TransportEvent[] = [];
  here.transport.listen((event) => events.push(event));
  here.transport.dial(url);
  await waitFor(async () => events.length > 0, LIMIT_MS, 'the dial ended');
  return events;
}

sockets('a peer with a wrong token is refused, counted, and told once', async () => {
  await using here = await listening('another token');
  await using there = await listening();
  for (let dials = 1; dials <= 2; dials++) {
    const [event] = await eventsOf(here, there.url);
    assert.equal(event, {
      kind: 'dialFailed',
      url: there.url,
      reason: TOKEN_REFUSED,
    });
    assert.is(there.transport.rejected, dials);
  }
  assert.is(there.notes.length, 1);
  assert.match(there.notes[0] ?? '', /wrong or missing X-Internal-Token/);
});

sockets('what is no URL fails to be dialled, and throws nothing', async () => {
  await using here = await listening();
  for (const url of [
    'not a url',
    'node4:8000',
    'javascript:alert(1)',
    'http://h/?q#f',
    'ftp://h',
  ]) {
    const [event] = await eventsOf(here, url);
    assert.equal(event, { kind: 'dialFailed', url, reason: 'it is no URL that a node can dial' });
  }
});

sockets('a connection has the address of its peer, whoever dialled', async () => {
  await using here = await listening();
  await using there = await listening();
  const events: TransportEvent[] = [];
  there.transport.listen((event) => events.push(event));
  await eventsOf(here, there.url);
  await waitFor(async () => events.length > 0, LIMIT_MS, 'the other side knows of it');
  for (const event of [...events, ...(await eventsOf(here, there.url))])
    assert.is(event.kind === 'opened' ? event.address : '', '127.0.0.1');
});

sockets(
  'a peer that sends without pause is read at the set pace, in order, to the end',
  async () => {
    await using here = await listening();
    await using there = await listening('token', 8, 500);
    const texts: string[] = [];
    there.transport.listen((event) => {
      if (event.kind === 'message') texts.push(event.text);
    });
    const [opened] = await eventsOf(here, there.url);
    const sent = Array.from({ length: 300 }, (_, index) => `${index} ${'x'.repeat(2000)}`);
    for (const text of sent)
      if (opened?.kind === 'opened') here.transport.send(opened.connection, text);
    await waitFor(async () => texts.length === sent.length, LIMIT_MS, 'all have come');
    assert.equal(texts, sent);
    // Fifty in a tenth of a second, and no more of a chunk than had come already.
    const { pauses } = there.transport;
    assert.ok(pauses > 0 && pauses <= sent.length / 50, `${pauses} pauses`);
  },
);

sockets('more connections than allowed are refused', async () => {
  await using here = await listening();
  await using there = await listening('token', 1);
  const [first] = await eventsOf(here, there.url);
  assert.is(first?.kind, 'opened');
  const [second] = await eventsOf(here, there.url);
  assert.match(second?.kind === 'dialFailed' ? second.reason : '', /503/);
});

sockets.run();
