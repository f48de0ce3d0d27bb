/** Rule 11 over the wire, and tokens while identity is away. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, importJWK, SignJWT } from 'jose';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { signAccess } from '../../access/accessToken.ts';
import { AccessVerifier } from '../../access/accessVerifier.ts';
import { makeRoleKeys, openGuard, openSigner } from '../../access/serviceTokens.ts';
import { jsonApp, listen } from '../../http/jsonApp.ts';
import { IdentityStore } from '../../identity/identityStore.ts';
import { KeyRotation } from '../../identity/keyRotation.ts';
import { ACTIONS, mayDo, ROLES } from '../../rules/grants.ts';

const tokens = suite('tokens');

const ISSUER = 'https://worlds.example.com';

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-worlds-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

tokens('each role may do over the wire what the table says, and gets 403 for all else', () =>
  withDirectory(async (directory) => {
    await makeRoleKeys(directory, ROLES);
    assert.is((await stat(join(directory, 'world.key.json'))).mode & 0o777, 0o600);
    assert.not.match(await readFile(join(directory, 'roles.json'), 'utf8'), /"d":/);
    const guard = await openGuard(directory, 'target');
    const app = jsonApp(
      ACTIONS.map((action) => ({
        method: 'POST',
        path: `/${action}`,
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), action);
          return { status: 200 };
        },
      })),
      (error) => assert.unreachable(String(error)),
    );
    await using listener = await listen(app.callback(), '127.0.0.1', 0);
    const statusOf = async (action: string, token: string) => {
      const headers = { Authorization: `Bearer ${token}` };
      const answer = await fetch(`${listener.url}/${action}`, { method: 'POST', headers });
      await answer.arrayBuffer();
      return answer.status;
    };
    for (const role of ROLES) {
      const signer = await openSigner(directory, role);
      const [own, foreign] = [await signer.tokenFor('target'), await signer.tokenFor('other')];
      for (const action of ACTIONS)
        assert.is(
          await statusOf(action, own),
          mayDo(role, action) ? 200 : 403,
          `${role} ${action}`,
        );
      assert.is(await statusOf('seats.reserve', foreign), 401, 'a token names one target');
    }
    assert.is(await statusOf('seats.reserve', 'x.y.z'), 401);
  }),
);

tokens('a role can not sign for another, and a token ends after a minute', () =>
  withDirectory(async (directory) => {
    await makeRoleKeys(directory, ['world', 'api']);
    const guard = await openGuard(directory, 'target');
    const jwk = JSON.parse(await readFile(join(directory, 'world.key.json'), 'utf8')) as object;
    const key = await importJWK({ kty: 'EC', ...jwk }, 'ES256');
    const sign = (kid: string, issuer: string, expires: string) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'service+jwt' })
        .setIssuer(issuer)
        .setAudience('target')
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(key);
    const isAdmitted = async (token: string) =>
      guard.admit(`Bearer ${token}`, 'seats.displace').then(
        () => true,
        () => false,
      );
    assert.ok(await isAdmitted(await sign('world', 'world', '1m')));
    const short = await sign('world', 'world', '5s');
    assert.ok(await isAdmitted(short));
    assert.ok(await isAdmitted(short), 'a token that was verified before');
    assert.not.ok(await isAdmitted(`${short.slice(0, -4)}AAAA`));
    await waitFor(async () => !(await isAdmitted(short)), 10_000, 'it has ended');
    assert.not.ok(await isAdmitted(await sign('api', 'api', '1m')));
    assert.not.ok(await isAdmitted(await sign('world', 'api', '1m')));
    assert.not.ok(await isAdmitted(await sign('world', 'world', '-1s')));
    const made = decodeJwt(await (await openSigner(directory, 'world')).tokenFor('target'));
    assert.is((made.exp ?? 0) - (made.iat ?? 0), 60);
  }),
);

tokens('access tokens count while identity is away, and a revoked one does not', () =>
  withDirectory(async (directory) => {
    using store = new IdentityStore(':memory:');
    const keys = new KeyRotation(store);
    const app = jsonApp(
      [
        {
          method: 'GET',
          path: '/keys',
          answer: async () => ({ status: 200, body: await keys.publicKeys(Date.now()) }),
        },
      ],
      () => {},
    );
    const claims = { player: 'p1', session: 's1', gen: 3, scope: 'worlds:list' };
    const sign = async () =>
      signAccess(await keys.signingKey(Date.now()), ISSUER, claims, Date.now());
    const revoked = new Set<string>();
    const file = join(directory, 'jwks.json');
    const open = (url: string) =>
      new AccessVerifier({
        jwksUrl: `${url}/keys`,
        file,
        issuer: ISSUER,
        maxRemembered: 2,
        isRevoked: (subject) => revoked.has(subject),
      });
    const listener = await listen(app.callback(), '127.0.0.1', 0);
    try {
      using verifier = open(listener.url);
      await verifier.start();
      assert.is((await verifier.verify(await sign()))?.gen, 3);
    } finally {
      await listener[Symbol.asyncDispose]();
    }
    using alone = open(listener.url);
    await alone.start();
    const token = await sign();
    assert.is((await alone.verify(token))?.player, 'p1');
    for (const subject of ['p1', 's1']) {
      revoked.add(subject);
      assert.is(await alone.verify(token), null);
      revoked.clear();
    }
    assert.is(await alone.verify(`${token.slice(0, -4)}AAAA`), null);
    await writeFile(file, 'damaged');
    using empty = open(listener.url);
    await empty.start();
    assert.is(await empty.verify(token), null);
  }),
);

tokens.run();
