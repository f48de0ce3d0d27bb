/** The play port by TLS, and the private listener that is not on it. */
import { request } from 'node:https';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { testAuthorities } from '../../../test/support/certificates.ts';
import { isPrivateHost } from '../../http/privateHost.ts';
import { playerId, type Reserved, TestWorld } from '../support/testWorld.ts';

const play = suite('public play');

play('players come by TLS, and the play port takes nothing of the private listener', async () => {
  await using authorities = await testAuthorities();
  const { cert: certFile, key: keyFile } = await authorities.authority.write('play');
  const ca = authorities.authority.pair.cert;
  await using world = await TestWorld.start({ tls: { certFile, keyFile } });
  const { playUrl, seatToken } = (await (await world.reserve(playerId(1))).json()) as Reserved;
  assert.match(playUrl, /^wss:\/\/localhost:\d+\/play$/);
  const socket = new WebSocket(playUrl, ['worlds.v1', `seat.${seatToken}`], { ca });
  await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.terminate();
  const base = playUrl.replace(/^wss/, 'https').replace(/\/play$/, '');
  const statusOf = (method: string, path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request(base + path, { method, ca }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
  for (const [method, path] of [
    ['POST', '/seats'],
    ['DELETE', `/seats/${playerId(1)}?fence=9`],
    ['POST', '/drain'],
    ['GET', '/metrics'],
    ['GET', '/_health'],
  ] as const)
    assert.is(await statusOf(method, path), 404, path);
  assert.is.not(new URL(world.controlUrl).port, new URL(playUrl).port);
  assert.equal(world.faults, []);
});

play('a private listener takes addresses of this machine and of private networks alone', () => {
  for (const host of [
    '127.0.0.1',
    '127.1.2.3',
    '::1',
    'localhost',
    '10.1.2.3',
    '172.31.0.1',
    'fd00::1',
  ])
    assert.ok(isPrivateHost(host), host);
  for (const host of ['0.0.0.0', '::', '192.0.2.1', '172.32.0.1', '2001:db8::1', 'example.com', ''])
    assert.not.ok(isPrivateHost(host), host);
});

play.run();
