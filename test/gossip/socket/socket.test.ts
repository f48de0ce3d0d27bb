/** The transport over WebSocket keeps the rules of the port, and lets nobody in who does not know the secret. */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket, WebSocketServer } from 'ws';
import {
  DiallerProof,
  PROOF_SUBPROTOCOL,
  type ProofStep,
} from '../../../src/gossip/protocol/proof.ts';
import type { TransportEvent } from '../../../src/gossip/transport.ts';
import { ClusterSecret } from '../../../src/net/clusterSecrets.ts';
import { PROOF_UNKNOWN, TOKEN_REFUSED } from '../../../src/net/peerRefusals.ts';
import { sealOf } from '../../../src/net/seal.ts';
import { transportConformance } from '../../conformance/transport.ts';
import {
  eventsOf,
  gossipUrl,
  LIMIT_MS,
  type Listening,
  listening,
  newLife,
} from '../../support/listeningTransports.ts';
import { waitFor } from '../../support/processes.ts';

/** A URL at which nobody listens any more. */
async function deadUrl(): Promise<string> {
  const gone = await listening();
  await gone[Symbol.asyncDispose]();
  return gone.url;
}

for (const [name, ours, theirs] of [
  ['WebSocket, by proofs', {}, {}],
  ['WebSocket, by the header', { peerAuth: 'header' }, { isOld: true }],
] as const)
  transportConformance(name, async (run) => {
    await using here = await listening(ours);
    await using there = await listening(theirs);
    await run({
      dialler: here.transport,
      other: there.transport,
      url: there.url,
      deadUrl: await deadUrl(),
      until: (condition) => waitFor(async () => condition(), LIMIT_MS, 'the transports did it'),
    });
  }).run();

const sockets = suite('gossip over WebSocket');

const NONCE = Buffer.alloc(32).toString('base64url');

class Believer extends ClusterSecret {
  override verifies(): boolean {
    return true;
  }
}

sockets('a peer with another secret is refused, counted, and told once', async () => {
  await using here = await listening({ tokens: ['another token'] });
  await using there = await listening();
  for (let dials = 1; dials <= 2; dials++) {
    assert.equal(await eventsOf(here, there.url), [
      { kind: 'dialFailed', url: there.url, reason: TOKEN_REFUSED },
    ]);
    const isCounted = async (): Promise<boolean> => there.transport.refused.doubted === dials;
    await waitFor(isCounted, LIMIT_MS, 'the other side has seen it go');
  }
  assert.equal(there.refused, ['127.0.0.1', '127.0.0.1']);
  assert.is(there.notes.length, 1);
  assert.match(
    there.notes[0] ?? '',
    /did not prove that it knows the token.*: .*start it with the same/,
  );
  assert.equal(there.facts, [{ event: 'unproved', address: '127.0.0.1', reason: 'doubted' }]);
  assert.equal([...here.shown, ...there.shown], []);
});

sockets(
  'neither side shows its secret, and a node of 0.3.0 is shown it only by --peer-auth header',
  async () => {
    await using old = await listening({ isOld: true });
    await using here = await listening();
    await using there = await listening({ peerAuth: 'header' });
    assert.is((await eventsOf(here, there.url))[0]?.kind, 'opened');
    assert.is((await eventsOf(there, here.url))[0]?.kind, 'opened');
    assert.equal([...here.shown, ...there.shown], []);
    const [failed] = await eventsOf(here, old.url);
    assert.is(failed?.kind === 'dialFailed' && failed.reason, PROOF_UNKNOWN);
    assert.equal(old.shown, []);
    assert.is((await eventsOf(there, old.url))[0]?.kind, 'opened');
    assert.equal(old.shown, ['token']);
    assert.equal(there.transport.openBy, { challenge: 2, header: 1, mtls: 0 });
  },
);

sockets('a host that proves nothing is shown nothing, whatever it answers', async () => {
  for (const [answer, reason] of [
    ['{"type":"proof"}', /does not prove/],
    ['{"type":"prove","nonce":"x"}', /does not prove/],
    ['x'.repeat(5000), /does not prove/],
    [null, /was closed/],
  ] as const) {
    const said: string[] = [];
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        said.push(String(data));
        if (answer === null) socket.close();
        else socket.send(answer);
      });
    });
    await using here = await listening({ peerAuth: 'header' });
    const { port } = server.address() as AddressInfo;
    const [failed] = await eventsOf(here, `http://127.0.0.1:${port}`);
    assert.match(failed?.kind === 'dialFailed' ? failed.reason : '', reason);
    assert.is(said.length, 1);
    assert.not.ok(said[0]?.includes('token'));
    server.close();
  }
});

sockets(
  'a dialler shows the secret in the header, as nodes up to 0.3.0 do, or gets 401',
  async () => {
    await using there = await listening({ tokens: ['token', 'the next'] });
    const bearer = { Authorization: 'Bearer token' };
    for (const [headers, opens] of [
      [{ 'X-Internal-Token': 'token' }, true],
      [{ 'X-Internal-Token': 'the next' }, true],
      [{ 'X-Internal-Token': 'wrong' }, false],
      [bearer, false],
      [{}, false],
    ] as const) {
      const socket = new WebSocket(gossipUrl(there), { headers });
      const [ended] = await Promise.race([
        once(socket, 'open').then(() => ['open']),
        once(socket, 'error'),
      ]);
      assert.match(String(ended), opens ? /open/ : /401/);
      assert.equal(there.transport.openBy, { challenge: 0, header: opens ? 1 : 0, mtls: 0 });
      const left = (): boolean => there.transport.openBy.header === 0;
      socket.terminate();
      await waitFor(left, LIMIT_MS, 'the other side has seen it go');
    }
    assert.is(there.transport.refused.token, 3);
  },
);

/** A dialler that offers a proof, and whose part a test plays. */
async function offering(there: Listening): Promise<WebSocket> {
  const socket = new WebSocket(gossipUrl(there), [PROOF_SUBPROTOCOL]);
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

/** Goes through the proof as a dialler that knows the secret. @returns the last step. */
async function proving(
  socket: WebSocket,
): Promise<Extract<ProofStep<ClusterSecret>, { kind: 'proved' }>> {
  const proof = new DiallerProof(newLife(), 'hearsay', [new ClusterSecret('token')], NONCE);
  socket.send(proof.opening);
  const [shown] = await once(socket, 'message');
  const step = proof.take(String(shown));
  assert.ok(step.kind === 'proved' && step.text !== null);
  socket.send(step.text);
  return step;
}

sockets('each side seals by the key of its own side', async () => {
  await using there = await listening();
  const heard: string[] = [];
  there.transport.listen((event) => {
    heard.push(event.kind === 'message' ? event.text : event.kind);
    if (event.kind === 'opened') there.transport.send(event.connection, 'from the acceptor');
  });
  const socket = await offering(there);
  const { key, nonces } = await proving(socket);
  const seal = sealOf(key, nonces, 'dialler');
  const [said] = await once(socket, 'message');
  assert.is(seal.open(said), 'from the acceptor');
  socket.send(seal.seal('from the dialler'));
  await waitFor(() => heard.length === 2, LIMIT_MS, 'it has heard the dialler');
  assert.equal(heard, ['opened', 'from the dialler']);
  socket.terminate();
});

sockets('a proof counts only as long as the node lives and knows the secret', async () => {
  let life = newLife();
  await using there = await listening({ life: () => life });
  const events: TransportEvent[] = [];
  there.transport.listen((event) => events.push(event));
  const changes = [
    () => {
      life = newLife();
    },
    () => there.secrets.replace(['another token']),
  ];
  for (const change of changes) {
    const socket = await offering(there);
    const isAsked = (): boolean => there.transport.unproved === 1;
    await waitFor(isAsked, LIMIT_MS, 'it is asked for a proof');
    change();
    const closed = once(socket, 'close');
    await proving(socket);
    await closed;
  }
  assert.equal(events, []);
  assert.is(there.transport.refused.proof, 0, 'the proofs were right when they were asked for');
});

sockets('of those that prove themselves no more are let in than allowed', async () => {
  await using there = await listening({ maxConnections: 1 });
  const [first, second] = [await offering(there), await offering(there)];
  await proving(first);
  await waitFor(() => there.transport.openBy.challenge === 1, LIMIT_MS, 'the first is open');
  const closed = once(second, 'close');
  await proving(second);
  await closed;
  assert.is(there.transport.refused.full, 1);
  assert.equal(there.transport.openBy, { challenge: 1, header: 0, mtls: 0 });
  first.terminate();
});

sockets('what is no text is an empty message, where nothing is sealed', async () => {
  await using there = await listening();
  const texts: string[] = [];
  there.transport.listen((event) => {
    if (event.kind === 'message') texts.push(event.text);
  });
  const socket = new WebSocket(gossipUrl(there), { headers: { 'X-Internal-Token': 'token' } });
  await once(socket, 'open');
  socket.send(Buffer.from('bytes'));
  socket.send('a text');
  await waitFor(() => texts.length === 2, LIMIT_MS, 'both have come');
  assert.equal(texts, ['', 'a text']);
  socket.terminate();
});

sockets(
  'a dialler that does not prove itself is closed, counted by its fault, and learns nothing',
  async () => {
    await using there = await listening();
    const events: TransportEvent[] = [];
    there.transport.listen((event) => events.push(event));
    for (const [fault, text] of [
      ['form', '{"type":"hello"}'],
      ['form', Buffer.from('{}')],
      ['size', 'x'.repeat(5000)],
    ] as const) {
      const before = there.transport.refused[fault];
      const socket = await offering(there);
      socket.send(text);
      await once(socket, 'close');
      assert.is(there.transport.refused[fault], before + 1, fault);
    }
    const proving = await offering(there);
    const proof = new DiallerProof(newLife(), 'hearsay', [new Believer('wrong')], NONCE);
    proving.send(proof.opening);
    const [shown] = await once(proving, 'message');
    const step = proof.take(String(shown));
    assert.ok(step.kind === 'proved' && step.text !== null);
    proving.send(step.text);
    const [code] = await once(proving, 'close');
    assert.is(code, 1008);
    assert.is(there.transport.refused.proof, 1);
    const leaving = await offering(there);
    leaving.terminate();
    await waitFor(async () => there.transport.refused.left === 1, LIMIT_MS, 'it has left');
    assert.equal(events, []);
    assert.is(there.transport.unproved, 0);
  },
);

sockets('a dialler that says nothing is closed in time', async () => {
  await using there = await listening({ proofTimeoutMs: 200 });
  const socket = await offering(there);
  await once(socket, 'close');
  assert.is(there.transport.refused.silence, 1);
});

sockets(
  'beyond their bound the oldest of those that have not proved themselves is closed',
  async () => {
    await using here = await listening();
    await using there = await listening({ maxUnproved: 2 });
    const [oldest, second] = [await offering(there), await offering(there)];
    const gone = once(oldest, 'close');
    const third = await offering(there);
    await gone;
    assert.is(there.transport.unproved, 2);
    assert.is(there.transport.refused.crowded, 1);
    // A node that keeps the protocol is not kept out by them.
    assert.is((await eventsOf(here, there.url))[0]?.kind, 'opened');
    for (const socket of [second, third]) socket.terminate();
  },
);

sockets('texts that come with the proof arrive, and after the connection was opened', async () => {
  await using here = await listening();
  await using there = await listening();
  const long = 'x'.repeat(20_000);
  const told: string[] = [];
  const heard: string[] = [];
  for (const [side, list] of [
    [here, told],
    [there, heard],
  ] as const)
    side.transport.listen((event) => {
      list.push(event.kind === 'message' ? event.text : event.kind);
      if (event.kind !== 'opened') return;
      for (const text of ['hello', long]) side.transport.send(event.connection, text);
    });
  here.transport.dial(there.url);
  await waitFor(async () => told.length + heard.length === 6, LIMIT_MS, 'both have spoken');
  for (const list of [told, heard]) assert.equal(list, ['opened', 'hello', long]);
});

sockets('both sides learn the life that the other has proved', async () => {
  const [ours, theirs] = [newLife(), newLife()];
  await using here = await listening({ life: () => ours });
  await using there = await listening({ life: () => theirs });
  const events: TransportEvent[] = [];
  there.transport.listen((event) => events.push(event));
  const [opened] = await eventsOf(here, there.url);
  await waitFor(async () => events.length > 0, LIMIT_MS, 'the other side knows of it');
  assert.equal(opened?.kind === 'opened' && opened.proved, theirs);
  assert.equal(events[0]?.kind === 'opened' && events[0].proved, ours);
});

sockets('a proof of a life that is over opens nothing', async () => {
  let ours = newLife();
  await using here = await listening({
    life: () => {
      const life = ours;
      ours = newLife();
      return life;
    },
  });
  await using there = await listening();
  const [failed] = await eventsOf(here, there.url);
  assert.match(failed?.kind === 'dialFailed' ? failed.reason : '', /another origin/);
});

sockets(
  'a host that passes on the proofs of two nodes can neither read nor change what they say',
  async () => {
    await using here = await listening();
    await using there = await listening();
    const passed: Buffer[] = [];
    const relay = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: () => PROOF_SUBPROTOCOL,
    });
    await once(relay, 'listening');
    relay.on('connection', (near) => {
      const far = new WebSocket(gossipUrl(there), [PROOF_SUBPROTOCOL]);
      far.on('message', (data, binary) => near.send(data as Buffer, { binary }));
      near.on('message', async (data, binary) => {
        if (far.readyState === WebSocket.CONNECTING) await once(far, 'open');
        const bytes = data as Buffer;
        passed.push(Buffer.from(bytes));
        // The third is the first message behind the proof.
        if (passed.length === 3) bytes[0] = (bytes[0] ?? 0) ^ 1;
        far.send(bytes, { binary });
      });
    });
    const events: TransportEvent[] = [];
    there.transport.listen((event) => events.push(event));
    const { port } = relay.address() as AddressInfo;
    const [opened] = await eventsOf(here, `http://127.0.0.1:${port}`);
    assert.ok(opened?.kind === 'opened');
    here.transport.send(opened.connection, 'the value of a key');
    await waitFor(async () => events.length === 2, LIMIT_MS, 'it is closed');
    assert.equal(
      events.map(({ kind }) => kind),
      ['opened', 'closed'],
    );
    assert.ok(passed.every((bytes) => !bytes.includes('value')));
    relay.close();
    for (const client of relay.clients) client.terminate();
  },
);

sockets('a connection does not outlive the secret that opened it', async () => {
  await using here = await listening({ tokens: ['old', 'new'] });
  await using there = await listening({ tokens: ['old', 'new'] });
  const events = await eventsOf(here, there.url);
  const isOpenThere = async (): Promise<boolean> => there.transport.openBy.challenge === 1;
  await waitFor(isOpenThere, LIMIT_MS, 'the other side has opened it');
  const heard: TransportEvent[] = [];
  there.transport.listen((event) => heard.push(event));
  there.secrets.replace(['new', 'old']);
  there.transport.closeUnknown();
  here.secrets.replace(['new', 'old']);
  here.transport.closeUnknown();
  const [opened] = events;
  assert.ok(opened?.kind === 'opened');
  here.transport.send(opened.connection, 'both secrets count');
  await waitFor(() => heard.length > 0, LIMIT_MS, 'the other side has heard it, or closed');
  assert.is(heard[0]?.kind, 'message');
  there.secrets.replace(['new']);
  there.transport.closeUnknown();
  await waitFor(async () => events.length === 2, LIMIT_MS, 'it is closed');
  assert.match(events[1]?.kind === 'closed' ? events[1].reason : '', /has been replaced/);
  assert.is((await eventsOf(here, there.url))[0]?.kind, 'opened');
});

sockets('the end of a connection tells that its peer answered no pings', async () => {
  await using here = await listening({ pingIntervalMs: 50 });
  await using there = await listening();
  const events = await eventsOf(here, there.url);
  assert.is(events[0]?.kind, 'opened');
  there.hang();
  await waitFor(async () => events.length === 2, LIMIT_MS, 'it is closed');
  assert.match(events[1]?.kind === 'closed' ? events[1].reason : '', /^it answered no pings/);
});

sockets('a port that hangs up on http is told with the scheme to try', async () => {
  await using here = await listening();
  const silent = createTcpServer((socket) => socket.once('data', () => socket.destroy()));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  try {
    const { port } = silent.address() as AddressInfo;
    const [event] = await eventsOf(here, `http://127.0.0.1:${port}`);
    assert.match(event?.kind === 'dialFailed' ? event.reason : '', /name it by https$/);
  } finally {
    silent.close();
  }
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
    await using there = await listening({ maxMessagesPerSecond: 500 });
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
  await using there = await listening({ maxConnections: 1 });
  const [first] = await eventsOf(here, there.url);
  assert.is(first?.kind, 'opened');
  const [second] = await eventsOf(here, there.url);
  assert.match(second?.kind === 'dialFailed' ? second.reason : '', /503/);
});

sockets.run();
