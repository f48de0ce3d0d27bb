/** Rule 11 over the wire, and tokens while identity is away. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
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
    const claims = { player: 'p1', session: 's1', gen: 3, scope: 'worlds:list' };
    const sign = async () =>
      signAccess(await keys.signingKey(Date.now()), ISSUER, claims, Date.now());
    const revoked = new Set<string>();
    const file = join(directory, 'jwks.json');
    const server = await KeyServer.start(() => keys.publicKeys(Date.now()));
    const open = () =>
      new AccessVerifier({
        jwksUrl: server.url,
        file,
        issuer: ISSUER,
        maxRemembered: 2,
        isRevoked: (subject) => revoked.has(subject),
      });
    try {
      using verifier = open();
      await verifier.start();
      assert.is((await verifier.verify(await sign()))?.gen, 3);
    } finally {
      await server[Symbol.asyncDispose]();
    }
    using alone = open();
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
    using empty = open();
    await empty.start();
    assert.is(await empty.verify(token), null);
  }),
);

tokens(
  'all who come while the keys are read wait for them, also where identity was down before',
  () =>
    withDirectory(async (directory) => {
      using store = new IdentityStore(':memory:');
      const keys = new KeyRotation(store);
      const reading = Promise.withResolvers<void>();
      let isUp = false;
      await using server = await KeyServer.start(async () => {
        if (!isUp) return null;
        await reading.promise;
        return keys.publicKeys(Date.now());
      });
      using verifier = new AccessVerifier({
        jwksUrl: server.url,
        file: join(directory, 'jwks.json'),
        issuer: ISSUER,
        isRevoked: () => false,
        pauses: { afterSuccessMs: 60_000, afterFailureMs: 0 },
      });
      await verifier.start();
      isUp = true;
      const verified = Promise.all(
        Array.from({ length: 20 }, async (_unused, number) =>
          verifier.verify(await tokenOf(keys, `p${number}`)),
        ),
      );
      await waitFor(() => server.readings === 2, 10_000, 'the keys are read again');
      await new Promise((resolve) => setTimeout(resolve, 50));
      reading.resolve();
      assert.equal(
        (await verified).map((claims) => claims?.player),
        Array.from({ length: 20 }, (_unused, number) => `p${number}`),
      );
      assert.is(server.readings, 2, 'one reading is for all');
      // An invented key is no reason to read again and again.
      const [, ...rest] = (await tokenOf(keys, 'p')).split('.');
      const invented = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'invented' }));
      assert.is(await verifier.verify([invented.toString('base64url'), ...rest].join('.')), null);
      assert.is(server.readings, 2);
    }),
);

tokens('a token counts whose key came while it was checked with the key before', () =>
  withDirectory(async (directory) => {
    const keysOf = async (kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
      return { signing: { kid, privateKey }, shown: { ...(await exportJWK(publicKey)), kid } };
    };
    const [before, after, foreign] = await Promise.all(['k', 'k', 'foreign'].map(keysOf));
    assert.ok(before && after && foreign);
    const claims = { player: 'p', session: 's', gen: 1, scope: 'worlds:list' };
    const now = Date.now();
    const token = await signAccess(after.signing, ISSUER, claims, now);
    const other = await signAccess(foreign.signing, ISSUER, claims, now);
    let { shown } = before;
    await using server = await KeyServer.start(() => ({ keys: [shown] }));
    using verifier = new AccessVerifier({
      jwksUrl: server.url,
      file: join(directory, 'jwks.json'),
      issuer: ISSUER,
      isRevoked: () => false,
      pauses: { afterSuccessMs: 0, afterFailureMs: 0 },
    });
    await verifier.start();
    assert.is(await verifier.verify(token), null);
    shown = after.shown;
    const release = takeAllThreads(join(directory, 'pipe'));
    // The signature waits for a thread, and the keys are read without any, because of the token of an unknown one.
    const verified = verifier.verify(token);
    const refused = verifier.verify(other);
    await waitFor(() => server.readings === 2, 10_000, 'the keys are read again');
    // Who reads them runs in this process too.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await release();
    assert.is((await verified)?.player, 'p');
    assert.is(await refused, null);
  }),
);

/** Shows the keys of identity. */
class KeyServer implements AsyncDisposable {
  readings = 0;
  readonly #keys: () => object | null | Promise<object | null>;
  readonly #ends = new AsyncDisposableStack();
  #url = '';

  private constructor(keys: () => object | null | Promise<object | null>) {
    this.#keys = keys;
  }

  /** @param keys null: it is down. */
  static async start(keys: () => object | null | Promise<object | null>): Promise<KeyServer> {
    const server = new KeyServer(keys);
    const app = jsonApp(
      [{ method: 'GET', path: '/keys', answer: () => server.#answer() }],
      () => {},
    );
    const listener = server.#ends.use(await listen(app.callback(), '127.0.0.1', 0));
    server.#url = `${listener.url}/keys`;
    return server;
  }

  get url(): string {
    return this.#url;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }

  async #answer(): Promise<{ status: number; body: object }> {
    this.readings += 1;
    const body = await this.#keys();
    return body === null ? { status: 503, body: {} } : { status: 200, body };
  }
}

/** Each thread opens a pipe that nobody writes to. @returns a function that lets them go on. */
function takeAllThreads(pipe: string): () => Promise<void> {
  execFileSync('mkfifo', [pipe]);
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  const opened = Promise.all(Array.from({ length: threads }, () => open(pipe, 'r')));
  return async () => {
    const writer = openSync(pipe, 'w');
    for (const file of await opened) await file.close();
    closeSync(writer);
  };
}

async function tokenOf(keys: KeyRotation, player: string): Promise<string> {
  const claims = { player, session: 's', gen: 1, scope: 'worlds:list' };
  return signAccess(await keys.signingKey(Date.now()), ISSUER, claims, Date.now());
}

tokens.run();
