import { createLocalJWKSet, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { verifyAccess } from '../../access/accessToken.ts';
import type { AuditRecord } from '../../access/auditChain.ts';
import { listen } from '../../http/jsonApp.ts';
import { Problem } from '../../http/problem.ts';
import { Identity } from '../../identity/identity.ts';
import { identityApp } from '../../identity/identityApp.ts';
import { IdentityStore, MAX_FAMILIES } from '../../identity/identityStore.ts';
import { KeyRotation } from '../../identity/keyRotation.ts';

const identities = suite('identity');

const ISSUER = 'https://worlds.example.com';
const DAY_MS = 24 * 3_600_000;
const OUT_OF_REACH = new Error('No node answers.');

class Setup implements Disposable {
  nowMs = 1_800_000_000_000;
  isCacheDown = false;
  /** The acts of identity in the cache, in order. */
  readonly done: string[] = [];
  readonly store = new IdentityStore(':memory:');
  readonly keys = new KeyRotation(this.store);
  readonly audit: AuditRecord[] = [];
  readonly identity = new Identity({
    store: this.store,
    keys: this.keys,
    issuer: ISSUER,
    retentionMs: 3_600_000,
    audit: { write: (line) => void this.audit.push(line) },
    now: () => this.nowMs,
    playerKeys: {
      revoke: (subject, reason) => this.#act(`revoke ${subject} ${reason}`),
      remove: (player) => this.#act(`remove ${player}`),
    },
  });

  async claims(access: string) {
    const { keys } = await this.keys.publicKeys(this.nowMs);
    return verifyAccess(access, createLocalJWKSet({ keys: [...keys] }), ISSUER, this.nowMs);
  }

  listen() {
    const app = identityApp({
      identity: this.identity,
      keys: this.keys,
      issuer: ISSUER,
      now: () => this.nowMs,
      onFault: (error) => this.done.push(`fault ${String(error)}`),
      isOutOfReach: (error) => error === OUT_OF_REACH,
    });
    return listen(app, '127.0.0.1', 0);
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
  }

  #act(what: string): Promise<void> {
    if (this.isCacheDown) return Promise.reject(OUT_OF_REACH);
    this.done.push(what);
    return Promise.resolve();
  }
}

const is401 = (error: unknown): boolean => error instanceof Problem && error.status === 401;

async function fails(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(is401(error), String(error));
}

identities('each login and each refresh raises the number of the token', async () => {
  using setup = new Setup();
  const guest = await setup.identity.addGuest();
  const again = await setup.identity.loginBySecret(guest.player, guest.secret);
  const refreshed = await setup.identity.refresh(again.refresh);
  const claims = await Promise.all(
    [guest, again, refreshed].map(({ access }) => setup.claims(access)),
  );
  assert.equal(
    claims.map((claim) => claim?.gen),
    [1, 2, 3],
  );
  assert.is(claims[1]?.session, claims[2]?.session);
  assert.is.not(claims[0]?.session, claims[1]?.session);
  assert.match(guest.player, /^p[0-9a-f]{32}$/);
  await fails(setup.identity.loginBySecret(guest.player, `${guest.secret}x`));
  await fails(setup.identity.loginBySecret('nobody', guest.secret));
});

identities('two tabs that refresh at once both stay logged in', async () => {
  using setup = new Setup();
  const { refresh } = await setup.identity.addGuest();
  const [one, other] = await Promise.all([
    setup.identity.refresh(refresh),
    setup.identity.refresh(refresh),
  ]);
  setup.nowMs += 60_000;
  await setup.identity.refresh(one.refresh);
  await setup.identity.refresh(other.refresh);
  assert.equal(setup.done, []);
});

identities('reuse after the grace ends the family, and no other', async () => {
  using setup = new Setup();
  const guest = await setup.identity.addGuest();
  const other = await setup.identity.loginBySecret(guest.player, guest.secret);
  const next = await setup.identity.refresh(guest.refresh);
  setup.nowMs += 10_000;
  await fails(setup.identity.refresh(guest.refresh));
  await fails(setup.identity.refresh(next.refresh));
  const session = decodeJwt(guest.access).sid;
  assert.equal(setup.done, [`revoke ${String(session)} reuse`]);
  await setup.identity.refresh(other.refresh);
});

identities(
  'a refresh token ends after thirty days, and the oldest login for a further one',
  async () => {
    using setup = new Setup();
    const guest = await setup.identity.addGuest();
    for (let login = 0; login < MAX_FAMILIES; login += 1) {
      setup.nowMs += 1;
      await setup.identity.loginBySecret(guest.player, guest.secret);
    }
    await fails(setup.identity.refresh(guest.refresh));
    const late = await setup.identity.loginBySecret(guest.player, guest.secret);
    setup.nowMs += 30 * DAY_MS;
    await fails(setup.identity.refresh(late.refresh));
  },
);

identities('keys rotate without a gap: each token counts until it ends', async () => {
  using setup = new Setup();
  const guest = await setup.identity.addGuest();
  let { access, refresh } = guest;
  const seen = new Set<string>();
  for (let round = 0; round < 240; round += 1) {
    // A verifier that has read the keys an hour ago knows the key that signs now.
    const before = await setup.keys.publicKeys(setup.nowMs);
    setup.nowMs += 14 * 60_000;
    assert.ok(await setup.claims(access), `in round ${round}`);
    ({ access, refresh } = await setup.identity.refresh(refresh));
    const known = createLocalJWKSet({ keys: [...before.keys] });
    assert.ok(await verifyAccess(access, known, ISSUER, setup.nowMs));
    assert.ok(before.keys.length <= 3);
    for (const { kid = '' } of before.keys) seen.add(kid);
  }
  assert.ok(seen.size >= 3);
  setup.nowMs += 15 * 60_000 + 1000;
  assert.is(await setup.claims(access), null);
});

identities('no forged or foreign token counts', async () => {
  using setup = new Setup();
  const { access } = await setup.identity.addGuest();
  const [header = '', payload = '', signature = ''] = access.split('.');
  const { keys } = await setup.keys.publicKeys(setup.nowMs);
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const sign = (change: (jwt: SignJWT) => SignJWT, kid = keys[0]?.kid ?? '') =>
    change(
      new SignJWT(decodeJwt(access)).setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' }),
    ).sign(privateKey);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const secret = new TextEncoder().encode(JSON.stringify(keys[0]));
  const { key } = await setup.keys
    .signingKey(setup.nowMs)
    .then(({ privateKey: own }) => ({ key: own }));
  const own = (change: (jwt: SignJWT) => SignJWT, typ = 'at+jwt') =>
    change(
      new SignJWT(decodeJwt(access)).setProtectedHeader({
        alg: 'ES256',
        kid: keys[0]?.kid ?? '',
        typ,
      }),
    ).sign(key);
  const forged = [
    `${encode({ alg: 'none' })}.${payload}.`,
    `${header}.${encode({ ...decodeJwt(access), sub: 'another' })}.${signature}`,
    await new SignJWT(decodeJwt(access))
      .setProtectedHeader({ alg: 'HS256', kid: keys[0]?.kid ?? '', typ: 'at+jwt' })
      .sign(secret),
    await sign((jwt) => jwt),
    await sign((jwt) => jwt, 'unknown'),
    await new SignJWT(decodeJwt(access))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', jwk: await exportJWK(publicKey) })
      .sign(privateKey),
    await own((jwt) => jwt.setAudience('others')),
    await own((jwt) => jwt.setIssuer('others')),
    await own((jwt) => jwt, 'JWT'),
    '',
    'x.y.z',
  ];
  assert.ok(await setup.claims(access));
  assert.ok(await setup.claims(await own((jwt) => jwt)));
  for (const [at, token] of forged.entries()) assert.is(await setup.claims(token), null, `${at}`);
});

identities('erasure revokes first, then deletes, and deletes again for a minute', async () => {
  using setup = new Setup();
  const { player, secret } = await setup.identity.addGuest();
  setup.isCacheDown = true;
  await setup.identity.erase(player).then(
    () => assert.unreachable(),
    (error: unknown) => assert.is(error, OUT_OF_REACH),
  );
  assert.ok(setup.identity.account(player), 'nothing was erased');
  setup.isCacheDown = false;
  const goneByMs = await setup.identity.erase(player);
  assert.is(goneByMs, setup.nowMs + 60_000 + 3_600_000);
  assert.equal(setup.done, [`revoke ${player} erased`, `remove ${player}`]);
  assert.is(setup.identity.account(player), null);
  await fails(setup.identity.loginBySecret(player, secret));
  setup.nowMs += 60_000;
  await setup.identity.repeatErasures();
  assert.is(setup.done.at(-1), `remove ${player}`);
  await setup.identity.repeatErasures();
  assert.is(setup.done.length, 3);
});

identities('over HTTP each refusal is a problem, and none is a 500', async () => {
  using setup = new Setup();
  await using listener = await setup.listen();
  const send = (
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ) => fetch(listener.url + path, { method, headers, ...(body !== undefined && { body }) });
  const made = await send('POST', '/identity/guests');
  assert.is(made.status, 201);
  const guest = (await made.json()) as { player: string; access: string; refresh: string };
  const cookie = made.headers.get('Set-Cookie') ?? '';
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  const byCookie = await send('POST', '/identity/tokens', '{"grant":"refresh"}', {
    Cookie: `a=b; ${cookie.split(';')[0]}`,
  });
  assert.is(byCookie.status, 200);
  const bearer = { Authorization: `Bearer ${guest.access}` };
  const jwks = await (await send('GET', '/.well-known/jwks.json')).text();
  assert.not.match(jwks, /"d":/);
  const me = await (await send('GET', '/identity/me', undefined, bearer)).json();
  assert.is((me as { player: string }).player, guest.player);
  const cases: readonly [number, Promise<Response>][] = [
    [401, send('GET', '/identity/me')],
    [401, send('GET', '/identity/me', undefined, { Authorization: 'Bearer x.y.z' })],
    [401, send('POST', '/identity/tokens', '{"grant":"refresh","refresh":"x"}')],
    [422, send('POST', '/identity/tokens', '{"grant":"other"}')],
    [422, send('POST', '/identity/tokens', '{')],
    [422, send('POST', '/identity/tokens', 'null')],
    [413, send('POST', '/identity/tokens', 'x'.repeat(20_000))],
    [404, send('GET', '/other')],
    [405, send('PUT', '/identity/me')],
  ];
  for (const [status, sent] of cases) {
    const answer = await sent;
    assert.is(answer.status, status, answer.url);
    assert.match(answer.headers.get('Content-Type') ?? '', /problem\+json/);
    assert.type(((await answer.json()) as { reason: unknown }).reason, 'string');
  }
  setup.isCacheDown = true;
  const away = await send('DELETE', '/identity/me', undefined, bearer);
  assert.is(away.status, 503);
  assert.ok(away.headers.get('Retry-After'));
  setup.isCacheDown = false;
  assert.is((await send('DELETE', '/identity/me', undefined, bearer)).status, 202);
  assert.is((await send('GET', '/identity/me', undefined, bearer)).status, 401);
  assert.not.ok(setup.done.some((what) => what.startsWith('fault')));
});

identities('logins, refusals, reuse, logouts and erasures are counted and audited', async () => {
  using setup = new Setup();
  const { identity, audit } = setup;
  const guest = await identity.addGuest();
  await fails(identity.loginBySecret(guest.player, 'wrong'));
  await identity.refresh(guest.refresh);
  setup.nowMs += 60_000;
  await fails(identity.refresh(guest.refresh));
  await identity.logout(guest.player, 'a-session');
  await identity.erase(guest.player);
  assert.equal(identity.logins.counts, { guest: 1, secret: 0, refresh: 1, refused: 1, reuse: 1 });
  assert.equal(
    audit.map(({ action, result }) => `${action} ${result}`),
    [
      ...['identity.guest done', 'identity.login refused', 'identity.reuse refused'],
      ...['identity.logout done', 'player.erase done'],
    ],
  );
  assert.ok(audit.every(({ who }) => who === guest.player));
});

identities.run();
