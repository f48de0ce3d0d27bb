/** Tokens that end, files that change, tickets, subprotocols, and the defaults of a node without a file. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { SCOPES } from '../../../src/access/scopes.ts';
import { findAdminToken } from '../../../src/node/adminToken.ts';
import { waitFor } from '../../support/processes.ts';
import { bearer, type GuardedNode, guardedNode, makeToken } from './guardedNode.ts';

const ends = suite('ends of access');

const LIMIT_MS = 10_000;

const statusOf = async (url: string, init: RequestInit = {}): Promise<number> => {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
};

/** A watch of each kind; `ends` fills with how each has ended. */
async function watching(server: GuardedNode, token: string, query = ''): Promise<string[]> {
  const ended: string[] = [];
  const target = `${server.url}/watch?values=false${query}`;
  const stream = await fetch(target, { headers: bearer(token) });
  assert.is(stream.status, 200);
  const reader = stream.body?.getReader();
  const readAll = async (): Promise<void> => {
    while (!(await reader?.read())?.done);
    ended.push('end of stream');
  };
  readAll().catch((error: unknown) => ended.push(String(error)));
  const socket = new WebSocket(target.replace('http', 'ws'), { headers: bearer(token) });
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  socket.on('close', (code, reason) => ended.push(`${code} ${reason}`));
  return ended;
}

const BOTH_ENDS = ['1008 The token was revoked, or has expired.', 'end of stream'];

ends('a revoked token ends its watches and gets 401, and a reload keeps the others', async () => {
  const [gone, narrowed, kept] = [
    makeToken(['watch']),
    makeToken(['watch']),
    makeToken(['watch', 'metrics']),
  ];
  await using server = await guardedNode([gone, narrowed, kept]);
  const all = [gone, narrowed, kept].map(({ token }) => watching(server, token));
  const [ofGone = [], ofNarrowed = [], ofKept = []] = await Promise.all(all);
  const row = { ...narrowed.row, prefixes: ['a/'] };
  server.write([{ ...narrowed, row }, kept]);
  // The node looks by itself.
  await waitFor(() => ofGone.length === 2 && ofNarrowed.length === 2, LIMIT_MS, 'the ends');
  assert.equal([ofGone.sort(), ofNarrowed.sort()], [BOTH_ENDS, BOTH_ENDS]);
  assert.equal(ofKept, []);
  const target = `${server.url}/watch?values=false&prefix=a/`;
  assert.is(await statusOf(target, { headers: bearer(gone.token) }), 401);
  assert.is(await statusOf(target, { headers: bearer(narrowed.token) }), 200);
  assert.match(server.lines.join('\n'), `removed ${gone.row.id}; changed ${narrowed.row.id}`);
  assert.is(await server.metric('hearsay_auth_reloads_total'), 1);
});

ends('an expired token ends its watches and gets 401', async () => {
  const expires = new Date(Date.now() + 3000).toISOString();
  const brief = makeToken(['watch'], null, { expires });
  await using server = await guardedNode([brief]);
  const ended = await watching(server, brief.token);
  await waitFor(() => ended.length === 2, LIMIT_MS, 'the ends');
  assert.equal(ended.sort(), BOTH_ENDS);
  assert.ok(Date.now() >= Date.parse(expires));
  assert.is(await statusOf(`${server.url}/watch`, { headers: bearer(brief.token) }), 401);
});

ends('a faulty file changes nothing, is warned of, and shows in the metrics', async () => {
  const reader = makeToken(['read']);
  await using server = await guardedNode([reader]);
  const read = () => statusOf(`${server.url}/cache/a`, { headers: bearer(reader.token) });
  const good = readFileSync(server.file, 'utf8');
  const faults: (() => void)[] = [
    () => writeFileSync(server.file, '{'),
    () => writeFileSync(server.file, good.replace('"scopes"', '"scope"')),
    () => {
      writeFileSync(server.file, good);
      chmodSync(server.file, 0o640);
    },
  ];
  for (const [index, make] of faults.entries()) {
    make();
    server.node.reload();
    assert.is(await read(), 404);
    assert.is(await server.metric('hearsay_auth_reload_failed'), 1);
    const warnings = server.lines.filter((line) => line.includes('The tokens stay as they were.'));
    assert.is(warnings.length, index + 1);
    assert.not.match(warnings.join(), /[0-9a-f]{64}/);
  }
  chmodSync(server.file, 0o600);
  server.node.reload();
  assert.is(await server.metric('hearsay_auth_reload_failed'), 0);
  chmodSync(server.file, 0o644);
  const start = () => guardedNode(null, { authFile: server.file });
  await start().then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /open to other users: .* chmod 600/),
  );
});

ends('reloads under load drop no request', async () => {
  const reader = makeToken(['read', 'write']);
  await using server = await guardedNode([reader]);
  const statuses: number[] = [];
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver)
      statuses.push(await statusOf(`${server.url}/cache/a`, { headers: bearer(reader.token) }));
  };
  const askers = Array.from({ length: 8 }, ask);
  for (let round = 0; round < 30; round++) {
    server.write([reader, makeToken(['read'])]);
    server.node.reload();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  isOver = true;
  await Promise.all(askers);
  assert.ok(statuses.length > 30);
  assert.equal([...new Set(statuses)], [404]);
});

ends('a ticket opens one watch, within its prefix, and ends with its token', async () => {
  const [watcher, other] = [makeToken(['watch', 'write'], 'a/'), makeToken(['watch'])];
  await using server = await guardedNode([watcher, other]);
  const ticketFor = async (prefix: string): Promise<string> => {
    const path = `${server.url}/_ticket?prefix=${encodeURIComponent(prefix)}`;
    const response = await fetch(path, { method: 'POST', headers: bearer(watcher.token) });
    const { ticket } = (await response.json()) as { ticket: string };
    return ticket;
  };
  const watch = (ticket: string, query = 'prefix=a/b&values=false') =>
    statusOf(`${server.url}/watch?${query}&ticket=${ticket}`);
  const ticket = await ticketFor('a/b');
  assert.is(await watch(ticket), 200);
  assert.is(await watch(ticket), 401);
  assert.is(await watch(await ticketFor('a/b'), 'prefix=a/&values=false'), 403);
  assert.is(await watch(await ticketFor('a/b'), 'prefix=a/b'), 403);
  assert.is(await watch('nonsense'), 401);
  assert.is(await statusOf(`${server.url}/cache/a?ticket=${await ticketFor('a/')}`), 401);
  const late = await ticketFor('a/b');
  assert.is(await server.metric('hearsay_tickets'), 2);
  server.write([other]);
  server.node.reload();
  assert.is(await watch(late), 401);
});

ends('a page shows its token as a subprotocol, which does not come back', async () => {
  const watcher = makeToken(['watch', 'read']);
  await using server = await guardedNode([watcher]);
  const url = `${server.url.replace('http', 'ws')}/watch`;
  const opened = async (protocols: string[]): Promise<string> => {
    const socket = new WebSocket(url, protocols);
    try {
      return await new Promise((resolve) => {
        socket.on('open', () => resolve(socket.protocol));
        socket.on('error', (error) => resolve(error.message));
      });
    } finally {
      socket.terminate();
    }
  };
  const carrier = `hearsay.bearer.${watcher.token}`;
  assert.is(await opened(['hearsay.v1', carrier]), 'hearsay.v1');
  assert.is(await opened([carrier, 'hearsay.v1']), 'hearsay.v1');
  assert.match(await opened(['hearsay.v1']), /401/);
  assert.match(await opened(['hearsay.v1', `${carrier}x`]), /401/);
});

ends('wrong tokens get 429 after ten, and keep no right one out', async () => {
  const reader = makeToken(['read']);
  await using server = await guardedNode([reader]);
  const ask = (token: string) => fetch(`${server.url}/cache/a`, { headers: bearer(token) });
  const statuses: number[] = [];
  for (let count = 0; count < 12; count++) statuses.push((await ask(`wrong${count}`)).status);
  assert.equal(statuses, [...Array<number>(10).fill(401), 429, 429]);
  const refused = await ask('wrong');
  assert.ok(Number(refused.headers.get('Retry-After')) > 0);
  assert.is((await ask(reader.token)).status, 404);
  assert.is(await server.metric('hearsay_refused_callers_total{reason="guesses"}'), 3);
  assert.is(await server.metric('hearsay_wrong_token_addresses'), 1);
});

ends('behind a trusted proxy, each client has its own wrong tokens', async () => {
  await using server = await guardedNode([], { trustedProxies: ['127.0.0.0/8'] });
  const statusOf = async (client: string): Promise<number> => {
    const headers = { ...bearer('wrong'), 'X-Forwarded-For': client };
    return (await fetch(`${server.url}/cache/a`, { headers })).status;
  };
  for (let count = 0; count < 10; count++) assert.is(await statusOf('192.0.2.1'), 401);
  assert.is(await statusOf('192.0.2.1'), 429);
  assert.is(await statusOf('192.0.2.2'), 401);
  assert.is(await server.metric('hearsay_wrong_token_addresses'), 2);
});

ends('a token has the requests a second and the watches that its limits say', async () => {
  const limits = { rps: 5, watchers: 2 };
  const bound = makeToken(['read', 'watch'], null, { limits });
  const free = makeToken(['read']);
  await using server = await guardedNode([bound, free]);
  const ask = (path: string, token: string) =>
    fetch(server.url + path, { headers: bearer(token) }).then(async (response) => {
      const isWatch = path === '/watch' && response.ok;
      if (!isWatch) await response.arrayBuffer();
      return response;
    });
  const begunMs = Date.now();
  const statuses: number[] = [];
  for (let count = 0; count < 30; count++)
    statuses.push((await ask('/cache/a', bound.token)).status);
  const tookMs = Date.now() - begunMs;
  const taken = statuses.filter((status) => status === 404).length;
  assert.ok(taken >= 5 && taken <= 6 + (tookMs / 1000) * 5, `${taken} in ${tookMs} ms`);
  assert.ok(statuses.every((status) => status === 404 || status === 429));
  assert.is((await ask('/cache/a', free.token)).status, 404);
  const open: Response[] = [];
  await waitFor(
    async () => {
      const response = await ask('/watch', bound.token);
      if (response.ok) open.push(response);
      return open.length === 2;
    },
    10_000,
    'two watches',
  );
  await waitFor(
    async () => {
      assert.is((await ask('/watch', bound.token)).status, 429);
      return (await server.metric('hearsay_refused_callers_total{reason="watches"}')) > 0;
    },
    10_000,
    'the refusal of the third',
  );
  await open[0]?.body?.cancel();
  await waitFor(async () => (await ask('/watch', bound.token)).ok, 10_000, 'room for another');
});

ends('callers without a token may do what the file says', async () => {
  const reader = makeToken(['read']);
  await using server = await guardedNode([reader]);
  const read = (key: string, token: string | null = null) =>
    statusOf(`${server.url}/cache/${key}`, { headers: bearer(token) });
  assert.is(await read('a'), 401);
  server.write([reader], { scopes: ['read', 'health'], prefixes: ['public/'] });
  server.node.reload();
  assert.equal([await read('public%2Fa'), await read('a')], [404, 401]);
  assert.is(await read('public%2Fa', 'wrong'), 401);
  assert.is(await read('a', reader.token), 404);
});

ends('without a file, a loopback node asks for a token for the scope admin alone', async () => {
  await using server = await guardedNode(null);
  const file = join(server.dataDir, 'admin-token');
  assert.is(statSync(file).mode & 0o777, 0o600);
  const token = readFileSync(file, 'utf8').trim();
  const ask = (method: string, path: string, shown: string | null) =>
    statusOf(server.url + path, { method, headers: bearer(shown) });
  for (const path of ['/cache/a', '/metrics', '/_log', '/_cluster', '/watch'])
    for (const shown of [null, 'of another cluster', token])
      assert.ok([200, 404].includes(await ask('GET', path, shown)), path);
  for (const [method, path] of [
    ['POST', '/_log/compact'],
    ['DELETE', '/cache?all=true'],
  ] as const) {
    assert.is(await ask(method, path, null), 401);
    assert.is(await ask(method, path, 'wrong'), 401);
    assert.is(await ask(method, path, token), 200);
  }
  assert.is(findAdminToken(server.url, server.dataDir), token);
  assert.is(findAdminToken(server.url, join(server.dataDir, '..')), token);
  assert.is(findAdminToken('http://localhost:1', server.dataDir), null);
  assert.is(findAdminToken(server.url.replace('127.0.0.1', 'example.com'), server.dataDir), null);
});

ends(
  'a loopback node is asked by names of this machine, its own, and those that are allowed',
  async () => {
    const settings = { nodes: ['http://cache.test:1'], allowedHosts: ['allowed.test'] };
    await using server = await guardedNode(null, settings);
    const statusBy = (host: string, path = '/cache/a') =>
      new Promise<number>((resolve, reject) => {
        const request = get(server.url + path, { headers: { Host: host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on('error', reject);
      });
    const { port } = new URL(server.url);
    for (const host of ['localhost', `127.0.0.1:${port}`, 'cache.test', 'allowed.test:80'])
      assert.is(await statusBy(host), 404, host);
    for (const host of ['evil.test', `evil.test:${port}`, 'localhost.evil.test'])
      for (const path of ['/cache/a', '/_health', '/watch'])
        assert.is(await statusBy(host, path), 421, host);
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/watch`, {
      headers: { Host: 'evil.test' },
    });
    const message = await new Promise((resolve) =>
      socket.on('error', (error) => resolve(error.message)),
    );
    assert.match(String(message), /421/);
  },
);

ends('each token scope is in the metrics of the node, and no secret is in its log', async () => {
  const tokens = SCOPES.map((scope) => makeToken([scope]));
  await using server = await guardedNode(tokens);
  assert.is(await server.metric('hearsay_tokens'), SCOPES.length);
  for (const { token } of tokens) {
    await statusOf(`${server.url}/cache/a`, { headers: bearer(token) });
    await statusOf(`${server.url}/cache/a`, { headers: bearer(`${token}x`) });
  }
  const told = server.lines.join() + (await server.node.metrics());
  assert.not.match(told, /hsy_/);
});

ends.run();
