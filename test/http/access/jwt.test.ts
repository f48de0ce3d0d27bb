/** JWTs of an identity provider: which count, and what becomes of them when its keys change. */

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  exportJWK,
  exportSPKI,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { completeSettings } from '../../../src/node/settings.ts';
import { SettingError } from '../../../src/words/errors.ts';
import { temporaryDirectory, waitFor } from '../../support/processes.ts';
import { bearer, guardedNode, makeToken } from './guardedNode.ts';

const jwt = suite('JWTs');

const ISSUER = 'https://login.example.com';
const AUDIENCE = 'hearsay';
const GIVEN = { jwtIssuer: ISSUER, jwtAudience: AUDIENCE };

const pair = (algorithm: string): Promise<GenerateKeyPairResult> =>
  generateKeyPair(algorithm, { extractable: true });

const setOf = async (keys: Readonly<Record<string, GenerateKeyPairResult>>): Promise<string> => {
  const all = Object.entries(keys).map(async ([kid, { publicKey }]) => ({
    ...(await exportJWK(publicKey)),
    kid,
  }));
  return JSON.stringify({ keys: await Promise.all(all) });
};

interface Made {
  readonly claims?: JWTPayload;
  readonly algorithm?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string | number | null;
}

async function signed(
  key: Parameters<SignJWT['sign']>[0],
  kid: string,
  {
    claims = {},
    algorithm = 'ES256',
    issuer = ISSUER,
    audience = AUDIENCE,
    expires = '1h',
  }: Made = {},
): Promise<string> {
  const token = new SignJWT({ sub: 'alice', scope: 'openid read', ...claims })
    .setProtectedHeader({ alg: algorithm, kid })
    .setIssuer(issuer)
    .setAudience(audience);
  if (expires !== null) token.setExpirationTime(expires);
  return token.sign(key);
}

const statusAt = async (url: string, token: string): Promise<number> => {
  const response = await fetch(url, { headers: bearer(token) });
  await response.body?.cancel();
  return response.status;
};

jwt('a JWT counts by its signature, issuer, audience, end, scopes and prefixes', async () => {
  await using directory = await temporaryDirectory();
  const jwks = join(directory.path, 'jwks.json');
  const [good, other, rsa] = await Promise.all([pair('ES256'), pair('ES256'), pair('RS384')]);
  writeFileSync(jwks, await setOf({ one: good, rsa }));
  const listed = makeToken(['read']);
  await using server = await guardedNode([listed], {
    jwks,
    ...GIVEN,
    limits: { maxWrongTokens: 100 },
  });
  const read = (token: string, key = 'a') => statusAt(`${server.url}/cache/${key}`, token);
  const made = (more: Made = {}) => signed(good.privateKey, 'one', more);
  const valid = await made();
  assert.is(await read(valid), 404);
  assert.is(await read(valid), 404);
  assert.is(await server.metric('hearsay_remembered_tokens'), 1);
  assert.is(await read(listed.token), 404);
  const inside = await made({ claims: { hearsay_prefixes: ['a'] } });
  assert.equal([await read(inside, 'ab'), await read(inside, 'b')], [404, 403]);
  assert.is(await read(await made({ claims: { scope: 'write' } })), 403);
  const secret = new TextEncoder().encode(await exportSPKI(good.publicKey));
  const wrong = [
    await signed(other.privateKey, 'one'),
    await signed(other.privateKey, 'unknown'),
    await signed(rsa.privateKey, 'rsa', { algorithm: 'RS384' }),
    await signed(secret, 'one', { algorithm: 'HS256' }),
    await made({ issuer: 'https://evil.example.com' }),
    await made({ audience: 'another' }),
    await made({ expires: Math.floor(Date.now() / 1000) - 60 }),
    await made({ expires: null }),
    await made({ claims: { sub: '' } }),
    await made({ claims: { hearsay_prefixes: 'a' } }),
    `${valid.slice(0, -3)}AAA`,
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${valid.split('.')[1]}.x`,
  ];
  for (const [index, token] of wrong.entries()) assert.is(await read(token), 401, String(index));
  assert.not.match(server.lines.join(), /eyJ/);
});

jwt('a JWT ends with the key that signed it, and its watches too', async () => {
  await using directory = await temporaryDirectory();
  const jwks = join(directory.path, 'jwks.json');
  const [first, second] = await Promise.all([pair('ES256'), pair('ES256')]);
  writeFileSync(jwks, await setOf({ first, second }));
  await using server = await guardedNode(null, { jwks, ...GIVEN });
  const claims = { scope: 'read watch' };
  const [gone, kept] = await Promise.all([
    signed(first.privateKey, 'first', { claims }),
    signed(second.privateKey, 'second', { claims }),
  ]);
  const codes: Record<string, number> = {};
  for (const [name, token] of Object.entries({ gone, kept })) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/watch`, {
      headers: bearer(token),
    });
    socket.on('close', (code) => {
      codes[name] = code;
    });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
  }
  writeFileSync(jwks, await setOf({ second }));
  server.node.reload();
  await waitFor(() => codes.gone === 1008, 10_000, 'the end of the watch');
  assert.is(codes.kept, undefined);
  const url = `${server.url}/cache/a`;
  assert.equal([await statusAt(url, gone), await statusAt(url, kept)], [401, 404]);
  writeFileSync(jwks, '{}');
  server.node.reload();
  await waitFor(() => server.lines.join().includes('holds no key set'), 10_000, 'the warning');
  assert.is(await statusAt(url, kept), 404);
});

jwt('the key set of a URL is kept, so that a restart does not need it', async () => {
  const key = await pair('EdDSA');
  const set = await setOf({ one: key });
  const provider = createServer((_request, response) => response.end(set));
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const jwks = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`;
  const token = await signed(key.privateKey, 'one', { algorithm: 'EdDSA' });
  await using directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'kept');
  {
    await using server = await guardedNode(null, { jwks, dataDir, ...GIVEN });
    assert.is(await statusAt(`${server.url}/cache/a`, token), 404);
    const kept = join(dataDir, 'jwks.json');
    await waitFor(() => existsSync(kept), 10_000, 'the kept set');
    assert.is(statSync(kept).mode & 0o777, 0o600);
  }
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
  await using again = await guardedNode(null, { jwks, dataDir, ...GIVEN });
  assert.is(await statusAt(`${again.url}/cache/a`, token), 404);
});

jwt('a key set needs an issuer and an audience, and no algorithm that shares a secret', () => {
  const isSettingError = (error: unknown): boolean => error instanceof SettingError;
  assert.throws(() => completeSettings({ jwks: 'f', jwtIssuer: 'x' }), isSettingError);
  assert.throws(() => completeSettings({ jwks: 'f', jwtAudience: 'x' }), isSettingError);
  for (const name of ['HS256', 'none', ''])
    assert.throws(() => completeSettings({ jwtAlgorithms: [name] }), isSettingError);
  assert.is(
    completeSettings({ jwks: 'f', ...GIVEN, host: '10.0.0.1', internalToken: 'a-token-of-sixteen' })
      .jwks,
    'f',
  );
});

jwt.run();
