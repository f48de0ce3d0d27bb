/** Requests, handshakes and watches that are under way at the very instant of a reload go on. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { bearer, CLUSTER_TOKEN, guardedNode, makeToken } from '../http/access/guardedNode.ts';
import { testAuthorities } from '../support/certificates.ts';
import { waitFor } from '../support/processes.ts';

const reloads = suite('reloads');

const LIMIT_MS = 20_000;
const ROUNDS = 6;
const BODY = '{"value":1,"version":"next"}';

reloads('certificates, tokens and keys change under load, and no request is dropped', async () => {
  await using made = await testAuthorities();
  const pair = await made.authority.write('server');
  const file = (name: string): string => join(made.directory, name);
  const own = (name: string, text: string): void =>
    writeFileSync(file(name), text, { mode: 0o600 });
  const [kept, next] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const keySet = async (hasBoth: boolean): Promise<string> => {
    const keys = { kept, ...(hasBoth && { next }) };
    const all = Object.entries(keys).map(async ([kid, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid,
    }));
    return JSON.stringify({ keys: await Promise.all(all) });
  };
  own('jwks.json', await keySet(false));
  own('internal-token', `${CLUSTER_TOKEN}\n`);
  const listed = makeToken(['read', 'write', 'watch', 'metrics']);
  await using server = await guardedNode([listed], {
    tlsCert: pair.cert,
    tlsKey: pair.key,
    internalToken: null,
    internalTokenFile: file('internal-token'),
    jwks: file('jwks.json'),
    jwtIssuer: 'https://login.example.com',
    jwtAudience: 'hearsay',
  });
  const jwt = await new SignJWT({ sub: 'alice', scope: 'read write watch' })
    .setProtectedHeader({ alg: 'ES256', kid: 'kept' })
    .setIssuer('https://login.example.com')
    .setAudience('hearsay')
    .setExpirationTime('1h')
    .sign(kept.privateKey);
  const ca = made.authority.pair.cert;
  const headersOf = (token: string) => ({ ...bearer(token), 'Content-Type': 'application/json' });
  const callers = [listed.token, jwt].map(headersOf);
  using agent = new Agent({ keepAlive: true, ca });

  const seen = ['', ''];
  const ended: string[] = [];
  const stream = await answerOf(https.get(`${server.url}/watch`, { ca, headers: callers[0] }));
  assert.is(stream.statusCode, 200);
  stream.on('data', (text) => {
    seen[0] += String(text);
  });
  stream.on('close', () => ended.push('stream'));
  const socket = new WebSocket(`${server.url.replace('https', 'wss')}/watch`, {
    ca,
    headers: bearer(jwt),
  });
  socket.on('message', (text) => {
    seen[1] += String(text);
  });
  socket.on('close', (code, reason) => ended.push(`socket ${code} ${reason}`));
  await once(socket, 'open');

  const seed = https.request(`${server.url}/cache/seed`, {
    method: 'PUT',
    ca,
    headers: callers[0],
  });
  seed.end(BODY);
  const answered = [(await answerOf(seed)).statusCode];
  for (let round = 1; round <= ROUNDS; round++) {
    const isOdd = round % 2 === 1;
    // The node has begun these: it has asked for their bodies.
    const bodies = callers.map((headers, index) => {
      const path = `${server.url}/cache/${round}-${index}`;
      const more = { ...headers, Expect: '100-continue', 'Content-Length': BODY.length };
      const request = https.request(path, { method: 'PUT', ca, headers: more, agent: false });
      request.flushHeaders();
      return request;
    });
    const puts = bodies.map(answerOf);
    await Promise.all(bodies.map((request) => once(request, 'continue')));
    for (const request of bodies) request.write(BODY.slice(0, 9));

    // All that follows is read anew while these are on their way: handshakes of which one message is sent, and
    // requests on connections that are open.
    const pairNow = await made.authority.issue();
    const keysNow = await keySet(isOdd);
    const { hostname, port } = new URL(server.url);
    const plain = connectPlain(Number(port), hostname);
    await once(plain, 'connect');
    const shaking = connect({ socket: plain, ca, servername: 'localhost' });
    const gets = callers.flatMap((headers) =>
      [1, 2].map(() => answerOf(https.get(`${server.url}/cache/seed`, { headers, agent }))),
    );
    await new Promise(setImmediate);
    await made.authority.write('server', pairNow);
    own('jwks.json', keysNow);
    own('internal-token', `${CLUSTER_TOKEN}\n${isOdd ? 'another-token-of-the-cluster\n' : ''}`);
    server.write(isOdd ? [listed, makeToken(['read'])] : [listed]);
    server.node.reload();
    const later = callers.map((headers) =>
      answerOf(https.get(`${server.url}/cache/seed`, { ca, headers, agent: false })),
    );

    await once(shaking, 'secureConnect');
    shaking.write(
      `GET /cache/seed HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${listed.token}\r\n` +
        'Connection: close\r\n\r\n',
    );
    let text = '';
    for await (const part of shaking) text += part;
    assert.match(text, /^HTTP\/1\.1 200 /);
    for (const request of bodies) request.end(BODY.slice(9));
    for (const response of await Promise.all([...puts, ...gets, ...later])) {
      response.resume();
      answered.push(response.statusCode);
    }
  }
  assert.equal([...new Set(answered)].sort(), [200]);
  assert.ok(answered.length >= ROUNDS * 8);
  const last = `"key":"${ROUNDS}-1"`;
  await waitFor(() => seen.every((all) => all.includes(last)), LIMIT_MS, 'watches are told');
  assert.equal(ended, []);
  for (const name of ['auth', 'tls', 'internal_token'])
    assert.ok((await server.metric(`hearsay_${name}_reloads_total`)) >= ROUNDS, name);
  socket.terminate();
  stream.destroy();
});

reloads.run();

class Agent extends https.Agent {
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** @throws the error of a request whose connection is cut. */
const answerOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
