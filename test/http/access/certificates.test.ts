/** Certificates of clients: the names in the file of tokens become callers, and nobody else does. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { CertificateRow } from '../../../src/access/authFile.ts';
import type { Wanted } from '../../../src/cli/tls/issue.ts';
import type { KeyPair } from '../../../src/net/certificates.ts';
import { writeAuthFile } from '../../../src/node/authFiles.ts';
import { type TestAuthorities, testAuthorities } from '../../support/certificates.ts';
import { waitFor } from '../../support/processes.ts';
import { bearer, type GuardedNode, guardedNode, type MadeToken, makeToken } from './guardedNode.ts';

const certificates = suite('certificates of clients');

const LIMIT_MS = 20_000;

interface Place extends AsyncDisposable {
  readonly made: TestAuthorities;
  readonly server: GuardedNode;
  readonly ca: string;
  /** The certificate of a client. */
  client(commonName: string, more?: Partial<Wanted>): Promise<KeyPair>;
  list(rows: readonly CertificateRow[], tokens?: readonly MadeToken[]): void;
  /** The status, and the detail of a problem. */
  get(path: string, pair: KeyPair | null, headers?: object): Promise<readonly [number, string]>;
}

async function place(): Promise<Place> {
  await using undo = new AsyncDisposableStack();
  const made = undo.use(await testAuthorities());
  const { cert, key } = await made.authority.write('server');
  const server = undo.use(
    await guardedNode([], { tlsCert: cert, tlsKey: key, tlsClientCa: made.authority.file }),
  );
  const ca = made.authority.pair.cert;
  const kept = undo.move();
  return {
    made,
    server,
    ca,
    client: (commonName, more) =>
      made.authority.issue({ commonName, names: [], uses: ['client'], ...more }),
    list: (rows, tokens = []) => {
      writeAuthFile(server.file, {
        version: 1,
        tokens: tokens.map(({ row }) => row),
        certificates: [...rows],
      });
      server.node.reload();
    },
    get: (path, pair, headers = {}) => asked(server.url + path, { ca, ...pair, ...headers }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function asked(url: string, options: https.RequestOptions): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { agent: false, ...options }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const { detail = '' } = JSON.parse(Buffer.concat(chunks).toString());
      resolve([response.statusCode ?? 0, detail]);
    });
    request.on('error', reject);
  });
}

certificates('a listed name makes a caller, with its scopes and prefixes alone', async () => {
  await using at = await place();
  at.list([{ name: 'web', scopes: ['read'], prefixes: ['user/'] }]);
  const web = await at.client('web');
  assert.equal(await at.get('/cache/user%2F1', web), [404, 'Not found']);
  assert.is((await at.get('/cache/other', web))[0], 403);
  assert.is((await at.get('/_cluster', web))[0], 403);
  assert.is((await at.get('/cache/user%2F1', null))[0], 401);
  assert.is((await at.get('/_health', null))[0], 200);
});

certificates(
  'alternative names count before the common name, and each kind of them counts',
  async () => {
    await using at = await place();
    const names = ['spiffe://a.example/web', 'web.example.com', 'web'];
    for (const name of names) {
      at.list([{ name, scopes: ['read'] }]);
      const pair = await at.client('web', { names: names.slice(0, 2) });
      assert.is((await at.get('/cache/a', pair))[0], 404, name);
    }
    at.list([
      { name: 'web', scopes: ['read'] },
      { name: 'web.example.com', scopes: ['watch'] },
    ]);
    const both = await at.client('web', { names: ['web.example.com'] });
    assert.is((await at.get('/cache/a', both))[0], 403);
  },
);

certificates(
  'a certificate that does not count is 401 with its fault, and health is for all',
  async () => {
    await using at = await place();
    at.list([{ name: 'web', scopes: ['read'] }]);
    const wrong: [pair: KeyPair, detail: RegExp][] = [
      [
        await at.made.stranger.issue({ commonName: 'web', names: [], uses: ['client'] }),
        /^The certificate of the client does not count \(/,
      ],
      [await at.client('web', { uses: ['server'] }), /does not count \(.*PURPOSE/],
      [
        await at.client('web', { toMs: Date.now() - 3_600_000 }),
        /^The certificate of the client has ended: renew it\.$/,
      ],
      [await at.client('other'), /the file of tokens lists no certificate for other\.$/],
    ];
    for (const [pair, detail] of wrong) {
      const [status, said] = await at.get('/cache/a', pair);
      assert.is(status, 401, said);
      assert.match(said, detail);
      assert.is((await at.get('/_health', pair))[0], 200);
    }
    assert.is(
      await at.server.metric('hearsay_refused_callers_total{reason="certificate"}'),
      wrong.length - 1,
    );
  },
);

certificates('a token beside a certificate counts alone, be it right or wrong', async () => {
  await using at = await place();
  const token = makeToken(['metrics']);
  at.list([{ name: 'web', scopes: ['read'] }], [token]);
  const web = await at.client('web');
  const shown = { headers: bearer(token.token) };
  assert.is((await at.get('/_cluster', web, shown))[0], 200);
  assert.is((await at.get('/cache/a', web, shown))[0], 403);
  assert.is((await at.get('/cache/a', web, { headers: bearer('wrong') }))[0], 401);
});

certificates(
  'a name that is taken out ends its watches, and so does a certificate that ends',
  async () => {
    await using at = await place();
    at.list([{ name: 'web', scopes: ['read', 'watch'] }]);
    const url = `${at.server.url.replace('https', 'wss')}/watch`;
    const watch = async (pair: KeyPair): Promise<() => number | null> => {
      const socket = new WebSocket(url, { ca: at.ca, ...pair });
      let code: number | null = null;
      socket.on('close', (closed) => {
        code = closed;
      });
      await once(socket, 'open');
      return () => code;
    };
    const short = await watch(await at.client('web', { toMs: Date.now() + 4000 }));
    const long = await watch(await at.client('web'));
    await waitFor(() => short() !== null, LIMIT_MS, 'the certificate has ended');
    assert.is(long(), null);
    at.list([]);
    await waitFor(() => long() === 1008, LIMIT_MS, 'the name is taken out');
  },
);

certificates('authorities that are taken out count no more, on open connections too', async () => {
  await using at = await place();
  at.list([{ name: 'web', scopes: ['read', 'watch'] }]);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const web = await at.client('web');
  assert.is((await at.get('/cache/a', web, { agent }))[0], 404);
  writeFileSync(at.made.authority.file, at.made.stranger.pair.cert);
  at.server.node.reload();
  const [status] = await at.get('/cache/a', web, { agent }).catch(() => [0]);
  assert.ok(status === 401 || status === 0, String(status));
  assert.is((await at.get('/cache/a', web))[0], 401);
  agent.destroy();
});

certificates.run();
