/** Keys are percent-decoded exactly once, strictly, and may hold any Unicode. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths } from '../testServer.ts';

const keys = suite('keys');

const PUT = { value: 1, version: 1 };

const KEYS: readonly [path: string, key: string][] = [
  ['a%2Fb', 'a/b'],
  ['%2f', '/'],
  ['a%3Fb', 'a?b'],
  ['a%23b', 'a#b'],
  ['%2541', '%41'],
  ['%25zz', '%zz'],
  ['%41', 'A'],
  ['a%20b', 'a b'],
  ['a+b', 'a+b'],
  ['%F0%9F%99%82', '🙂'],
  ['%c3%a9', 'é'],
  ['e%CC%81', 'e\u0301'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['toString', 'toString'],
  ['a%00b', 'a\0b'],
  ['%0D%0A', '\r\n'],
  ['.', '.'],
  ['..', '..'],
  ['%2e%2e', '..'],
  ['a:b;c=d,e&f', 'a:b;c=d,e&f'],
  ['"<>[]{}|\\^`', '"<>[]{}|\\^`'],
  ['%EF%BF%BD', '\ufffd'],
  ['%EF%BB%BF', '\ufeff'],
];
for (const [path, key] of KEYS) {
  keys(
    `the path /cache/${path} is the key ${JSON.stringify(key)}, everywhere`,
    onBothPaths(async (server) => {
      assert.is((await server.put(`/cache/${path}`, PUT)).status, 200);
      assert.equal(
        [...server.replica.map.entries()].map((entry) => entry.key),
        [key],
      );
      assert.is((await server.get(`/cache/${path}`)).status, 200);
      assert.equal((await server.get('/cache')).body, {
        entries: [{ key, value: 1, version: 1, expires_at: null }],
        next: null,
      });
      const { body } = await server.batch({ ops: [{ op: 'get', key }] });
      assert.equal(body, { results: [{ status: 200, value: 1, version: 1, expires_at: null }] });
      const prefix = encodeURIComponent(key);
      assert.equal((await server.delete(`/cache?prefix=${prefix}`)).body, {
        status: 'deleted',
        node: 'node1',
        count: 1,
      });
    }),
  );
}

const BAD_PATHS = [
  '%zz',
  '%',
  'a%2',
  '%C3%28',
  '%FF',
  '%ED%A0%80',
  '%F0%9F%99',
  '%C0%80',
  '%F5%80%80%80',
  'a#b',
];
for (const path of BAD_PATHS) {
  keys(
    `the path /cache/${path} is 400 for every method`,
    onBothPaths(async (server) => {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const body = method === 'PUT' ? JSON.stringify(PUT) : '';
        const answer = await server.send(method, `/cache/${path}`, { body });
        assert.is(answer.status, 400, method);
        assert.is(answer.headers['content-type'], 'application/problem+json');
        problemSchema.parse(answer.body);
      }
      assert.is(server.replica.lastLsn, 0);
    }),
  );
}

keys(
  'a path with bytes that are not ASCII is 400, from Node itself',
  onBothPaths(async (server) => {
    const answer = await server.exchange('GET /cache/caf\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 400 /);
  }),
);

keys(
  'a key of 1,024 bytes is stored, one of 1,025 is 414, whatever its characters',
  onBothPaths(async (server) => {
    for (const [character, bytes] of [
      ['k', 1],
      ['é', 2],
      ['🙂', 4],
    ] as const) {
      const longest = encodeURIComponent(character.repeat(1024 / bytes));
      assert.is((await server.put(`/cache/${longest}`, PUT)).status, 200);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const { status, body } = await server.send(method, `/cache/${longest}k`);
        assert.is(status, 414);
        assert.match(problemSchema.parse(body).detail, /1024 bytes/);
      }
    }
  }),
);

for (const [path, status] of [
  ['/cache/', 404],
  ['/cache//', 404],
  ['/cache/a/', 404],
  ['/cache/a/b', 404],
  ['/Cache/a', 404],
  ['/cache/A', 200],
  ['//cache/A', 404],
] as const) {
  keys(
    `PUT ${path} is ${status}: no key is empty, no path is taken for another`,
    onBothPaths(async (server) => {
      const answer = await server.put(path, PUT);
      assert.is(answer.status, status);
    }),
  );
}

keys(
  'a query after the key is no part of it',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a?x=/b', PUT)).status, 200);
    assert.is((await server.get('/cache/a')).status, 200);
    assert.is((await server.get('/cache/a?')).status, 200);
  }),
);

keys(
  'a target in absolute form, as proxies send it, means its path',
  onBothPaths(async (server) => {
    assert.is((await server.put('http://other:1234/cache/a', PUT)).status, 200);
    assert.is((await server.get('/cache/a')).status, 200);
    for (const target of ['http://a:b:c/x', 'http://[::bad/x', 'http://h', 'http://h?/cache/a'])
      assert.is((await server.get(target)).status, 404, target);
  }),
);

for (const [what, key] of [
  ['the first half of a pair', '"\\ud83d"'],
  ['the second half of a pair', '"a\\ude42"'],
  ['halves in the wrong order', '"\\ude42\\ud83d"'],
  ['nothing', '""'],
  ['1,025 bytes', JSON.stringify('k'.repeat(1025))],
  ['a number', '1'],
  ['null', 'null'],
] as const) {
  keys(
    `a key of ${what} in a batch is 422, with the field named`,
    onBothPaths(async (server) => {
      for (const op of ['put', 'get', 'delete']) {
        const good = '{"op":"put","key":"good","value":1,"version":1}';
        const bad = `{"op":"${op}","key":${key},"value":1,"version":1}`;
        const { status, body } = await server.batch(`{"ops":[${good},${bad}]}`);
        assert.is(status, 422);
        const { detail, errors } = problemSchema.parse(body);
        assert.match(detail, /^ops\.1\.key /);
        assert.is(errors?.[0]?.field, 'ops.1.key');
      }
      assert.is(server.replica.lastLsn, 0, 'the good op was not carried out either');
    }),
  );
}

keys.run();
