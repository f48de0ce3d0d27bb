/** Where certificates count between nodes, they alone open connections, and only for as long as they count. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocketServer } from 'ws';
import type { TransportEvent } from '../../../src/gossip/transport.ts';
import type { KeyPair } from '../../../src/net/certificates.ts';
import { peerUri } from '../../../src/net/peerNames.ts';
import { TOKEN_REFUSED } from '../../../src/net/peerRefusals.ts';
import {
  NO_PLAIN_HTTP,
  NOT_CERTIFIED,
  type PeerMaterial,
  PeerTls,
} from '../../../src/net/peerTls.ts';
import { type TestAuthority, testAuthorities } from '../../support/certificates.ts';
import {
  eventsOf,
  LIMIT_MS,
  type Listening,
  listening,
  type Options,
} from '../../support/listeningTransports.ts';
import { waitFor } from '../../support/processes.ts';

const certificates = suite('gossip by certificates');

/** The settings of a node that has a certificate for peers, and asks its own for theirs. */
async function certified(
  authority: TestAuthority,
  nodeId: string,
  { material: changed, ...more }: Options & { readonly material?: () => PeerMaterial } = {},
): Promise<Options> {
  const pair = await authority.issue({
    names: [peerUri('hearsay', nodeId), '127.0.0.1'],
    uses: ['server', 'client'],
  });
  const authorities = [new X509Certificate(authority.pair.cert)];
  const isMutual = more.peerAuth === 'mtls';
  const material = changed ?? (() => ({ pair, authorities }));
  return {
    tls: new PeerTls({ cluster: 'hearsay', material, isMutual, isRequired: isMutual }),
    server: { ...pair, ca: authority.pair.cert, requestCert: true, rejectUnauthorized: false },
    ...more,
  };
}

const reasonOf = ([event]: readonly TransportEvent[]): string | undefined =>
  event?.kind === 'dialFailed' ? event.reason : event?.kind;

const isOpenAt = ({ transport }: Listening, way: 'challenge' | 'mtls'): Promise<void> =>
  waitFor(async () => transport.openBy[way] === 1, LIMIT_MS, `a connection by ${way} is open`);

certificates(
  'with mtls each side knows the other by its certificate, and shows no secret',
  async () => {
    await using made = await testAuthorities();
    const of = (nodeId: string) => certified(made.authority, nodeId, { peerAuth: 'mtls' });
    await using here = await listening(await of('node1'));
    await using there = await listening(await of('node2'));
    const heard: TransportEvent[] = [];
    there.transport.listen((event) => heard.push(event));
    const [opened] = await eventsOf(here, there.url);
    await isOpenAt(there, 'mtls');
    const [known] = heard;
    assert.equal(opened?.kind === 'opened' && opened.proved, {
      cluster: 'hearsay',
      nodeId: 'node2',
    });
    assert.equal(known?.kind === 'opened' && known.proved, { cluster: 'hearsay', nodeId: 'node1' });
    assert.equal(here.transport.openBy, { challenge: 0, header: 0, mtls: 1 });
    assert.equal(there.shown, []);
  },
);

certificates('with mtls neither the proof nor the secret lets a peer in', async () => {
  await using made = await testAuthorities();
  await using there = await listening(
    await certified(made.authority, 'node2', { peerAuth: 'mtls' }),
  );
  const authorities = [new X509Certificate(made.authority.pair.cert)];
  const without = { material: () => ({ pair: null, authorities }) };
  for (const peerAuth of ['challenge', 'header'] as const) {
    const settings = await certified(made.authority, 'node1', { ...without, peerAuth });
    await using here = await listening(settings);
    assert.is(reasonOf(await eventsOf(here, there.url)), NOT_CERTIFIED, peerAuth);
  }
  assert.is(there.transport.refused.certificate, 2);
  assert.equal(there.shown, []);
});

certificates(
  'a node that takes proofs takes certificates too, whatever secret is shown',
  async () => {
    await using made = await testAuthorities();
    const here = { peerAuth: 'mtls', tokens: ['another token'] } as const;
    await using dialler = await listening(await certified(made.authority, 'node1', here));
    await using there = await listening(await certified(made.authority, 'node2'));
    assert.is(reasonOf(await eventsOf(dialler, there.url)), 'opened');
    await isOpenAt(there, 'mtls');
  },
);

certificates('a peer that offers a proof must prove, even one with a certificate', async () => {
  await using made = await testAuthorities();
  await using here = await listening(
    await certified(made.authority, 'node1', { tokens: ['another token'] }),
  );
  await using there = await listening(await certified(made.authority, 'node2'));
  assert.is(reasonOf(await eventsOf(here, there.url)), TOKEN_REFUSED);
});

certificates('a certificate of an authority that only one side trusts opens nothing', async () => {
  await using made = await testAuthorities();
  const { authority, stranger } = made;
  await using there = await listening(await certified(authority, 'node2'));
  const pair = await stranger.issue({
    names: [peerUri('hearsay', 'node1')],
    uses: ['server', 'client'],
  });
  const material = () => ({ pair, authorities: [new X509Certificate(authority.pair.cert)] });
  await using here = await listening(
    await certified(stranger, 'node1', { material, peerAuth: 'mtls' }),
  );
  assert.is(reasonOf(await eventsOf(here, there.url)), NOT_CERTIFIED);
  assert.is(there.transport.refused.token, 1);
});

certificates('with mtls a host whose certificate names no node is not spoken to', async () => {
  await using made = await testAuthorities();
  const server = createServer(await made.authority.issue());
  const relay = new WebSocketServer({ server });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // It is trusted as a host by its name, as if the dial let it pass.
  const pair: KeyPair = await made.authority.issue({ names: [peerUri('hearsay', 'node1')] });
  const authorities = [new X509Certificate(made.authority.pair.cert)];
  const tls = new PeerTls({
    cluster: 'hearsay',
    material: () => ({ pair, authorities }),
    isMutual: false,
    isRequired: true,
  });
  await using here = await listening({ tls, peerAuth: 'mtls' });
  assert.is(reasonOf(await eventsOf(here, `https://127.0.0.1:${port}`)), NOT_CERTIFIED);
  server.closeAllConnections();
  server.close();
  relay.close();
});

certificates('where TLS is required no peer is dialled by plain http, and else it is', async () => {
  await using made = await testAuthorities();
  await using there = await listening();
  await using strict = await listening(
    await certified(made.authority, 'node1', { peerAuth: 'mtls' }),
  );
  await using loose = await listening(await certified(made.authority, 'node1'));
  assert.is(reasonOf(await eventsOf(strict, there.url)), NO_PLAIN_HTTP);
  assert.is(reasonOf(await eventsOf(loose, there.url)), 'opened');
  assert.match(reasonOf(await eventsOf(strict, 'no URL')) ?? '', /no URL that a node can dial/);
});

certificates(
  'a connection by a certificate ends once that counts no more, and one by a proof stays',
  async () => {
    await using made = await testAuthorities();
    const { authority, stranger } = made;
    const names = [peerUri('hearsay', 'node2')];
    const pair = await authority.issue({ names, uses: ['server', 'client'] });
    let authorities = [new X509Certificate(authority.pair.cert)];
    const material = () => ({ pair, authorities });
    await using there = await listening(await certified(authority, 'node2', { material }));
    await using proving = await listening(await certified(authority, 'node1'));
    await using here = await listening(await certified(authority, 'node3', { peerAuth: 'mtls' }));
    await eventsOf(proving, there.url);
    const events = await eventsOf(here, there.url);
    await Promise.all([isOpenAt(there, 'challenge'), isOpenAt(there, 'mtls')]);
    there.transport.closeUncertified();
    there.transport.closeUnknown();
    const [opened] = events;
    assert.ok(opened?.kind === 'opened');
    const heard: TransportEvent[] = [];
    there.transport.listen((event) => heard.push(event));
    here.transport.send(opened.connection, 'the certificate counts');
    await waitFor(() => heard.length > 0, LIMIT_MS, 'it is heard, or closed');
    assert.is(heard[0]?.kind, 'message');
    authorities = [new X509Certificate(stranger.pair.cert)];
    there.transport.closeUncertified();
    await waitFor(async () => events.length === 2, LIMIT_MS, 'it is closed');
    assert.match(events[1]?.kind === 'closed' ? events[1].reason : '', /counts no more/);
    assert.equal(there.transport.openBy, { challenge: 1, header: 0, mtls: 0 });
  },
);

certificates('a connection ends with the certificate that opened it', async () => {
  await using made = await testAuthorities();
  const { authority } = made;
  const authorities = [new X509Certificate(authority.pair.cert)];
  await using there = await listening(await certified(authority, 'node2', { pingIntervalMs: 50 }));
  const heard: TransportEvent[] = [];
  there.transport.listen((event) => heard.push(event));
  const names = [peerUri('hearsay', 'node1')];
  // A busy machine takes long to open one.
  for (let forMs = 3000; heard.length === 0 && forMs < 100_000; forMs *= 2) {
    const toMs = Date.now() + forMs;
    const pair = await authority.issue({ names, uses: ['server', 'client'], toMs });
    const material = () => ({ pair, authorities });
    await using here = await listening(
      await certified(authority, 'node1', { peerAuth: 'mtls', material }),
    );
    if (reasonOf(await eventsOf(here, there.url)) !== 'opened') continue;
    await waitFor(() => heard.length === 2, LIMIT_MS + forMs, 'it is closed');
    assert.ok(Date.now() >= toMs - 1000, 'a certificate ends with a second');
  }
  const [opened, closed] = heard;
  assert.is(opened?.kind, 'opened');
  assert.is(closed?.kind === 'closed' && closed.reason, 'its certificate has ended');
});

certificates.run();
