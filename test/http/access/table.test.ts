/**
 * Each endpoint with each kind of token, over HTTP, Server-Sent Events and WebSockets, against one node.
 * The table below is written apart from the rows of the routes; docs/access.md shows it to people.
 */
import * as http from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { TokenRow } from '../../../src/access/authFile.ts';
import { SCOPES, type Scope } from '../../../src/access/scopes.ts';
import {
  bearer,
  CLUSTER_TOKEN,
  type GuardedNode,
  guardedNode,
  type MadeToken,
  makeToken,
} from './guardedNode.ts';

const table = suite('table of access');

/** A key that all tokens with a right prefix may touch. */
const RIGHT = 'right/';
const OTHER = 'other/';

interface Endpoint {
  readonly name: string;
  readonly over: 'http' | 'stream' | 'socket';
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
  /** All of them are needed; in a nested list, one of them. None: anybody may ask. */
  readonly needs: readonly (Scope | readonly Scope[])[];
  /** The keys that it touches: those with a prefix, all, or none. */
  readonly keys: 'prefix' | 'all' | 'none';
  /** The statuses of a caller that may ask. */
  readonly allowed: readonly number[];
}

const KEY = `/cache/${encodeURIComponent(`${RIGHT}a`)}`;
const PREFIX = encodeURIComponent(RIGHT);
const PUT_BODY = '{"value":1,"version":"next"}';
const opsOf = (...ops: string[]): string => `{"ops":[${ops.join()}]}`;
const GET_OP = `{"op":"get","key":"${RIGHT}a"}`;
const PUT_OP = `{"op":"put","key":"${RIGHT}a","value":1,"version":"next"}`;
const DELETE_OP = `{"op":"delete","key":"${RIGHT}a"}`;

const plain = (
  method: string,
  path: string,
  needs: Endpoint['needs'],
  more: Partial<Endpoint> = {},
): Endpoint => ({
  name: `${method} ${path} ${more.body ?? ''}`,
  over: 'http',
  method,
  path,
  needs,
  keys: 'prefix',
  allowed: [200],
  ...more,
});

const watches = (over: 'stream' | 'socket'): Endpoint[] => {
  const allowed = [over === 'stream' ? 200 : 101];
  const watch = (query: string, needs: Endpoint['needs']): Endpoint =>
    plain('GET', `/watch?prefix=${PREFIX}${query}`, needs, {
      over,
      allowed,
      name: `${over} ${query}`,
    });
  return [
    watch('&values=false', ['watch']),
    watch('', ['watch', 'read']),
    watch('&values=false&initial=true', ['watch', 'read']),
  ];
};

const ENDPOINTS: readonly Endpoint[] = [
  plain('GET', KEY, ['read'], { allowed: [200, 404] }),
  plain('GET', `${KEY}?_=1`, ['read'], { allowed: [200, 404] }),
  plain('HEAD', KEY, ['read'], { allowed: [200, 404] }),
  plain('GET', `${KEY}?at=-1ms`, ['read'], { allowed: [200, 404] }),
  plain('GET', `/cache?prefix=${PREFIX}`, ['read']),
  plain('PUT', KEY, ['write'], { body: PUT_BODY }),
  plain('PUT', `${KEY}?acks=1`, ['write'], { body: PUT_BODY }),
  plain('DELETE', KEY, ['write']),
  plain('POST', '/cache', ['read'], { body: opsOf(GET_OP) }),
  plain('POST', '/cache', ['write'], { body: opsOf(PUT_OP, DELETE_OP) }),
  plain('POST', '/cache', ['write', 'read'], { body: opsOf(PUT_OP, GET_OP) }),
  plain('POST', `${KEY}/touch`, ['write'], { body: '{"ttl_ms":1000}', allowed: [200, 404] }),
  plain('POST', '/cache/get', ['read'], { body: `{"keys":["${RIGHT}a"]}` }),
  plain('DELETE', `/cache?prefix=${PREFIX}b`, ['write']),
  plain('DELETE', '/cache?all=true', ['write', 'admin'], { keys: 'all' }),
  ...watches('stream'),
  ...watches('socket'),
  plain('HEAD', `/watch?prefix=${PREFIX}&values=false`, ['watch']),
  plain('POST', `/_ticket?prefix=${PREFIX}`, ['watch']),
  plain('GET', '/_health', [], { keys: 'none' }),
  plain('GET', '/livez', [], { keys: 'none' }),
  plain('GET', '/readyz', [], { keys: 'none' }),
  plain('GET', '/openapi.json', [], { keys: 'none' }),
  plain('OPTIONS', KEY, [], { keys: 'none', allowed: [204] }),
  plain('GET', '/metrics', ['metrics'], { keys: 'none' }),
  plain('GET', '/_cluster', ['metrics'], { keys: 'none' }),
  plain('GET', '/_figures', ['metrics'], { keys: 'none' }),
  plain('GET', '/_watchers', ['metrics'], { keys: 'none' }),
  plain('GET', '/_log', ['log'], { keys: 'all' }),
  plain('GET', '/_log/rows?limit=1', ['log'], { keys: 'all' }),
  plain('POST', '/_log/compact', ['admin'], { keys: 'none', allowed: [200, 409] }),
  plain('POST', '/_cluster/retire', ['admin'], {
    keys: 'none',
    body: '{"member":"nobody"}',
    allowed: [404],
  }),
];

interface Operation {
  readonly security: readonly Readonly<Record<string, readonly Scope[]>>[];
}

interface Shown {
  readonly name: string;
  readonly token: string | null;
  /** Null: it is no token, or none any more. */
  readonly scopes: ReadonlySet<Scope> | null;
  readonly prefix: string | null;
}

function tokenOf(
  scopes: readonly Scope[],
  prefix: string | null,
  more: Partial<TokenRow> = {},
): { readonly made: MadeToken; readonly shown: Shown } {
  const made = makeToken(scopes, prefix, more);
  const name = `${scopes.join()} ${prefix ?? 'all keys'} ${Object.keys(more).join()}`;
  return { made, shown: { name, token: made.token, scopes: new Set(scopes), prefix } };
}

/** Each scope alone, all but one, all, and the pairs that an endpoint needs. */
const SETS: readonly (readonly Scope[])[] = [
  ...SCOPES.map((scope) => [scope]),
  ...SCOPES.map((scope) => SCOPES.filter((other) => other !== scope)),
  SCOPES,
  ['read', 'watch'],
  ['read', 'write'],
  ['write', 'admin'],
];

function isAllowed({ needs, keys }: Endpoint, { scopes, prefix }: Shown): boolean {
  if (needs.length === 0) return true;
  if (scopes === null) return false;
  const has = (need: Scope | readonly Scope[]): boolean =>
    typeof need === 'string' ? scopes.has(need) : need.some((one) => scopes.has(one));
  if (!needs.every(has)) return false;
  if (keys === 'none' || prefix === null) return true;
  return keys === 'prefix' && prefix === RIGHT;
}

const BARE_REFUSAL =
  /^\{"type":"about:blank","title":"Unauthorized","status":401,"detail":"This needs the scope (\w+|read or write): show a token as `Authorization: Bearer TOKEN`\."}$/;

class Caller {
  readonly #url: URL;
  readonly #agent = new http.Agent({ keepAlive: true });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  ask(
    endpoint: Endpoint,
    headers: http.OutgoingHttpHeaders,
  ): Promise<{ status: number; text: string; challenge: string }> {
    const { method, path, body, over } = endpoint;
    if (over === 'socket') return this.#upgrade(path, headers);
    const typed =
      body === undefined
        ? headers
        : { 'Content-Type': endpoint.type ?? 'application/json', ...headers };
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const agent = over === 'http' ? this.#agent : false;
      const request = http.request(
        { hostname, port, method, path, headers: typed, agent },
        (response) => {
          const { statusCode: status = 0 } = response;
          const challenge = response.headers['www-authenticate'] ?? '';
          if (over === 'stream' && status === 200) {
            response.destroy();
            resolve({ status, text: '', challenge });
            return;
          }
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => resolve({ status, text, challenge }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  #upgrade(path: string, headers: http.OutgoingHttpHeaders) {
    return new Promise<{ status: number; text: string; challenge: string }>((resolve, reject) => {
      const socket = new WebSocket(
        `${this.#url.href.replace(/^http/, 'ws').replace(/\/$/, '')}${path}`,
        {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name, String(value)]),
          ),
        },
      );
      socket.on('open', () => {
        socket.terminate();
        resolve({ status: 101, text: '', challenge: '' });
      });
      socket.on('unexpected-response', (request, response) => {
        request.destroy();
        const challenge = response.headers['www-authenticate'] ?? '';
        resolve({ status: response.statusCode ?? 0, text: '', challenge });
      });
      socket.on('error', reject);
    });
  }
}

interface Guarded extends GuardedNode {
  readonly caller: Caller;
}

async function guarded(made: readonly { readonly made: MadeToken }[]): Promise<Guarded> {
  const limits = { maxWrongTokens: 1_000_000, maxWrongTokensPerSecond: 1_000_000 };
  const node = await guardedNode(
    made.map((one) => one.made),
    { limits },
  );
  return { ...node, caller: new Caller(node.url) };
}

table('each endpoint answers each kind of token as the table says', async () => {
  const made = SETS.flatMap((scopes) => [
    tokenOf(scopes, null),
    ...(scopes.includes('log') ? [] : [tokenOf(scopes, RIGHT), tokenOf(scopes, OTHER)]),
  ]);
  const expired = tokenOf(SCOPES, null, { expires: '2020-01-01T00:00:00Z' });
  const revoked = tokenOf(SCOPES, null);
  const wrong = tokenOf(SCOPES, null);
  await using server = await guarded([...made, expired, revoked]);
  server.write([...made, expired].map((one) => one.made));
  server.node.reload();
  const none = [wrong, expired, revoked].map(({ shown }) => ({ ...shown, scopes: null }));
  const nobody: Shown = { name: 'no token', token: null, scopes: null, prefix: null };
  const faults: string[] = [];
  for (const endpoint of ENDPOINTS)
    for (const shown of [...made.map((one) => one.shown), ...none, nobody]) {
      const { status, text, challenge } = await server.caller.ask(endpoint, bearer(shown.token));
      const refusal = shown.scopes === null ? 401 : 403;
      const expected = isAllowed(endpoint, shown) ? endpoint.allowed : [refusal];
      const isBare = endpoint.method === 'HEAD' || endpoint.over === 'socket';
      const isTold =
        status !== refusal ||
        (challenge.startsWith('Bearer realm="hearsay"') &&
          (isBare || text.includes(`"status":${status}`)));
      if (!expected.includes(status) || !isTold || text.includes(shown.token ?? 'hsy_'))
        faults.push(`${endpoint.name} with ${shown.name}: ${status}, not ${expected.join(' or ')}`);
    }
  assert.equal(faults, []);
});

table('the table has every route, with the scopes that the description names', async () => {
  await using server = await guarded([]);
  const { text } = await server.caller.ask(plain('GET', '/openapi.json', []), {});
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> };
  const faults: string[] = [];
  for (const [path, operations] of Object.entries(paths))
    for (const [method, { security }] of Object.entries(operations)) {
      const pattern = new RegExp(`^${path.replace('{key}', '[^/?]+')}(\\?|$)`);
      const rows = ENDPOINTS.filter(
        (one) => one.method === method.toUpperCase() && pattern.test(one.path),
      );
      const needed = new Set(rows.flatMap(({ needs }) => needs.flat()));
      const described = security.flatMap((one) => Object.values(one).flat());
      const isSame =
        described.length === 0 ? needed.size === 0 : described.every((one) => needed.has(one));
      if (rows.length === 0 || !isSame) faults.push(`${method} ${path}: ${[...needed].join()}`);
    }
  assert.equal(faults, []);
});

table('without a token a route that needs a scope tells the scope, and nothing else', async () => {
  await using server = await guarded([]);
  const told = new Set<string>();
  for (const endpoint of ENDPOINTS.filter(({ needs }) => needs.length > 0)) {
    const { text } = await server.caller.ask(endpoint, {});
    if (text !== '') told.add(text);
  }
  assert.ok(told.size > 0);
  for (const text of told) assert.match(text, BARE_REFUSAL);
  const { text, status } = await server.caller.ask(plain('GET', '/_health', []), {});
  assert.equal([status, JSON.parse(text)], [200, { node: 'node1', status: 'ok' }]);
  assert.is(
    (await server.caller.ask(plain('GET', '/readyz?verbose', []), {})).text.includes('node1'),
    false,
  );
});

table(
  'a refusal is the same whether the key is there or not, on both paths to a handler',
  async () => {
    const other = tokenOf(['read', 'write'], OTHER);
    const all = tokenOf(['read', 'write'], null);
    await using server = await guarded([other, all]);
    const ask = (method: string, key: string, token: string | null, query = '') =>
      server.caller.ask(plain(method, `/cache/${key}${query}`, []), bearer(token));
    await server.caller.ask(
      plain('PUT', '/cache/there', [], { body: PUT_BODY }),
      bearer(all.shown.token),
    );
    for (const token of [other.shown.token, null, 'hsy_wrong'])
      for (const method of ['GET', 'DELETE']) {
        const there = await ask(method, 'there', token);
        assert.ok([401, 403].includes(there.status));
        assert.equal(await ask(method, 'absent', token), there);
        if (method === 'GET') assert.equal(await ask(method, 'there', token, '?_=1'), there);
      }
  },
);

table('RFC 6750: the challenge names the fault, and the scope that is missing', async () => {
  const reader = tokenOf(['read'], null);
  await using server = await guarded([reader]);
  const challengeOf = async (headers: http.OutgoingHttpHeaders): Promise<string> =>
    (await server.caller.ask(plain('PUT', '/cache/a', [], { body: PUT_BODY }), headers)).challenge;
  assert.is(await challengeOf({}), 'Bearer realm="hearsay"');
  assert.is(await challengeOf({ Authorization: 'Basic YTpi' }), 'Bearer realm="hearsay"');
  assert.is(
    await challengeOf(bearer('hsy_wrong')),
    'Bearer realm="hearsay", error="invalid_token", error_description="The token is wrong, or was revoked."',
  );
  assert.is(
    await challengeOf(bearer(reader.shown.token)),
    'Bearer realm="hearsay", error="insufficient_scope", scope="write", error_description="The token lacks the scope write."',
  );
});

table(
  'a client token is no token of a peer, and that of the cluster counts for log and admin',
  async () => {
    const all = tokenOf(SCOPES, null);
    await using server = await guarded([all]);
    const gossip = plain('GET', '/gossip', [], { over: 'socket' });
    assert.is((await server.caller.ask(gossip, bearer(all.shown.token))).status, 401);
    const asked = { 'X-Internal-Token': CLUSTER_TOKEN };
    const statusOf = async (method: string, path: string, headers = asked): Promise<number> =>
      (await server.caller.ask(plain(method, path, []), headers)).status;
    assert.is(await statusOf('GET', '/_log'), 200);
    assert.is(await statusOf('POST', '/_log/compact'), 200);
    assert.is(await statusOf('GET', '/cache/a'), 403);
    assert.is(await statusOf('GET', '/_log', { 'X-Internal-Token': 'wrong' }), 401);
  },
);

table('without the scope metrics, the health tells no reasons', async () => {
  const [metrics, reader] = [tokenOf(['metrics'], null), tokenOf(['read'], null)];
  await using server = await guarded([metrics, reader]);
  const { readiness } = server.node.replica;
  // The node itself sets both again, many times a second.
  Object.defineProperties(readiness, {
    whyUnwritable: { get: () => 'of a secret reason' },
    whyUnreadable: { get: () => 'of a secret reason' },
  });
  const healthOf = async (token: string | null): Promise<string> =>
    (await server.caller.ask(plain('GET', '/_health', []), bearer(token))).text;
  assert.match(await healthOf(metrics.shown.token), '"reasons"');
  for (const token of [null, reader.shown.token, 'hsy_wrong']) {
    assert.not.match(await healthOf(token), '"reasons"');
    assert.match(await healthOf(token), '"status":"failing"');
    const { status, text } = await server.caller.ask(plain('GET', '/readyz', []), bearer(token));
    assert.equal([status, text.includes('a secret reason')], [503, false]);
  }
});

table('a request that is not allowed does not wait, and its body is not read', async () => {
  const reader = tokenOf(['read'], OTHER);
  await using server = await guarded([reader]);
  const { text } = await server.caller.ask(plain('GET', '/cache/a', [], {}), {
    ...bearer(reader.shown.token),
    'Hearsay-After': 'nonsense',
  });
  assert.match(text, '"status":403');
  const { status } = await server.caller.ask(
    plain('PUT', '/cache/a', [], { body: '{' }),
    bearer(reader.shown.token),
  );
  assert.is(status, 403);
});

table('a batch that holds one op too many does none of them', async () => {
  const writer = tokenOf(['read', 'write'], RIGHT);
  await using server = await guarded([writer]);
  const ask = (body: string, type: string) =>
    server.caller.ask(plain('POST', '/cache', [], { body, type }), bearer(writer.shown.token));
  const foreign = `{"op":"put","key":"${OTHER}a","value":1,"version":1}`;
  const { status, text } = await ask(opsOf(PUT_OP, foreign), 'application/json');
  assert.is(status, 403);
  assert.match(text, 'ops.1');
  const { text: lines } = await ask(`${PUT_OP}\n${foreign}\n${GET_OP}\n`, 'application/x-ndjson');
  const statuses = lines.split('\n').map((line) => /"status":(\d+)/.exec(line)?.[1]);
  assert.equal(statuses.slice(0, 3), ['200', '403', '200']);
  assert.match(lines, '"version":1');
});

table.run();
