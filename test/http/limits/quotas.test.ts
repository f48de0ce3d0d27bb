/** Callers are told their quotas, and a bound of callers is reached. */
import type { IncomingMessage } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tableOf } from '../../../src/access/authTable.ts';
import { anonymousCaller, type Caller } from '../../../src/access/caller.ts';
import { Pace } from '../../../src/access/pace.ts';
import { SCOPES } from '../../../src/access/scopes.ts';
import { digestOf } from '../../../src/access/secret.ts';
import { Callers } from '../../../src/http/access/callers.ts';
import { Tickets } from '../../../src/http/access/tickets.ts';
import type { Limits } from '../../../src/words/limits.ts';
import { onBothPaths, withServer } from '../testServer.ts';

const quotas = suite('quotas');

const bound = (rps: number): Caller => ({
  ...anonymousCaller(SCOPES),
  limits: { rps, watchers: null },
});

const callersOf = (caller: Caller) => (limits: Limits, nowMs: () => number) =>
  new Callers({
    table: tableOf(new Map([[digestOf('token'), caller]]), anonymousCaller([])),
    isOpen: false,
    clusterToken: null,
    verifyJwt: async (text) => (text.startsWith('jwt.') ? anonymousCaller(SCOPES) : null),
    limits,
    nowMs,
  });

const headers = { Authorization: 'Bearer token' };

quotas('what remains falls with each request, and fills with time', () => {
  const pace = new Pace();
  const { proof } = bound(4);
  assert.equal(
    [0, 0, 0, 0].map((at) => pace.next(proof, 4, at).remaining),
    [3, 2, 1, 0],
  );
  assert.equal(pace.next(proof, 4, 0), { waitMs: 250, remaining: 0 });
  assert.equal(pace.next(proof, 4, 500), { waitMs: 0, remaining: 1 });
});

quotas(
  'answers tell a bound token its quota, the same on both paths',
  onBothPaths(
    async (server) => {
      const told = async (method: string, path: string) => {
        const body = method === 'PUT' ? '{"value":1,"version":1}' : '';
        const { status, headers: got } = await server.send(method, path, { headers, body });
        return [status, got['ratelimit-policy'], got.ratelimit];
      };
      const policy = '"requests";q=3;w=1';
      assert.equal(await told('PUT', '/cache/a'), [200, policy, '"requests";r=2;t=1']);
      assert.equal(await told('GET', '/cache/a'), [200, policy, '"requests";r=1;t=1']);
      assert.equal(await told('GET', '/cache/%zz'), [400, policy, '"requests";r=0;t=1']);
      assert.equal(await told('GET', '/cache/a'), [429, policy, '"requests";r=0;t=1']);
      const { text, headers: got } = await server.get('/cache?prefix=', headers);
      assert.is(got['retry-after'], '1');
      assert.equal(JSON.parse(text)['violated-policies'], ['requests']);
      assert.match(JSON.parse(text).type, /#quota-exceeded$/);
      assert.is((await server.get('/livez', headers)).headers.ratelimit, undefined);
    },
    { callers: callersOf(bound(3)) },
  ),
);

quotas(
  'wrong tokens get the same refusals on both paths, and each is counted once',
  onBothPaths(
    async (server) => {
      const shown = async (method: string, path: string, text: string) => {
        const sent = { headers: { Authorization: `Bearer ${text}` }, body: '{}' };
        return (await server.send(method, path, sent)).status;
      };
      assert.is(await shown('GET', '/cache/a', 'wrong'), 401);
      assert.is(await shown('PUT', '/cache/a', 'wrong'), 401);
      assert.is(await shown('GET', '/cache/a', 'a.b.c'), 401);
      assert.is(await shown('GET', '/cache/a', 'jwt.b.c'), 404);
      for (const method of ['GET', 'PUT', 'DELETE'])
        assert.is(await shown(method, '/cache/a', 'wrong'), method === 'GET' ? 401 : 429, method);
      assert.is(await shown('GET', '/cache/a', 'token'), 404);
      const { text, headers: got } = await server.get('/cache/a', { Authorization: 'Bearer no' });
      assert.is(got['retry-after'], '6');
      assert.match(text, /#abnormal-usage-detected.*"violated-policies":\["wrong-tokens"]/);
    },
    { callers: callersOf(bound(9)), limits: { maxWrongTokens: 4 } },
  ),
);

quotas(
  'a list that is not slow ends at 256 KiB, and tells where it goes on',
  withServer(async (server) => {
    for (let key = 0; key < 5; key++)
      await server.put(`/cache/k${key}`, { value: 'x'.repeat(200_000), version: 1 });
    const { text, headers } = await server.get('/cache?prefix=k&limit=100');
    assert.match(text, /"next":"k1"}$/);
    assert.match(String(headers.link), /after=k1&limit=100/);
    assert.match((await server.get('/cache?prefix=k&limit=101')).text, /"next":null}$/);
  }),
);

quotas('beyond maxTickets nobody gets a ticket, until one has ended', () => {
  const tickets = new Tickets({ maxTickets: 2 });
  const caller = bound(9);
  tickets.issue(caller, '', 0);
  tickets.issue(caller, '', 1000);
  assert.throws(() => tickets.issue(caller, '', 2000), /as many tickets/);
  assert.is(tickets.issue(caller, '', 30_000).expiresAt, 60_000);
  assert.is(tickets.waiting, 2);
});

quotas('beyond maxRememberedTokens the JWT that was verified first is verified anew', async () => {
  let verified = 0;
  const limits = { maxRememberedTokens: 2, maxTickets: 1 };
  const guesses = { maxWrongTokens: 1, maxWrongTokensPerSecond: 1, maxWrongTokenAddresses: 1 };
  const callers = new Callers({
    table: tableOf(new Map(), anonymousCaller([])),
    isOpen: false,
    clusterToken: null,
    verifyJwt: async () => {
      verified++;
      const caller = anonymousCaller(SCOPES);
      return { ...caller, proof: { ...caller.proof, isListed: false } };
    },
    limits: { ...limits, ...guesses },
    nowMs: () => 0,
  });
  const show = async (name: string): Promise<void> => {
    const request = { headers: { authorization: `Bearer a.${name}.c` }, socket: {} };
    const identity = await callers.identify(request as Parameters<typeof callers.identify>[0]);
    assert.is(identity.refusal, null);
  };
  for (const name of ['one', 'one', 'two', 'three']) await show(name);
  assert.equal([verified, callers.rememberedTokens], [3, 2]);
  await show('three');
  assert.is(verified, 3);
  await show('one');
  assert.is(verified, 4);
  callers.stop();
});

quotas('a token that a connection has shown before counts no longer than at first', () => {
  let nowMs = 0;
  const caller = { ...bound(9), proof: { ...bound(9).proof, expiresAt: 1000 } };
  const none = tableOf(new Map(), anonymousCaller([]));
  const limits = { maxRememberedTokens: 1, maxTickets: 1 };
  const guesses = { maxWrongTokens: 9, maxWrongTokensPerSecond: 9, maxWrongTokenAddresses: 9 };
  const table = tableOf(new Map([[digestOf('token'), caller]]), anonymousCaller([]));
  const callers = new Callers({
    table,
    isOpen: false,
    clusterToken: null,
    verifyJwt: null,
    limits: { ...limits, ...guesses },
    nowMs: () => nowMs,
  });
  const socket = {};
  const known = (text: string) =>
    callers.known({ headers: { authorization: `Bearer ${text}` }, socket } as IncomingMessage);
  for (let count = 0; count < 2; count++) {
    assert.is(known('token'), caller);
    assert.is(known('tokem'), null);
    assert.is(known('tokens'), null);
  }
  nowMs = 1000;
  assert.is(known('token'), null);
  nowMs = 0;
  callers.replace(none);
  assert.is(known('token'), null);
  callers.replace(table);
  assert.is(known('token'), caller);
  callers.stop();
});

quotas.run();
