/** GET and DELETE /cache: many keys by their prefix. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listSchema, problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths, type TestServer } from '../testServer.ts';

const lists = suite('lists');

async function store(server: TestServer, ...keys: string[]): Promise<void> {
  const ops = keys.map((key) => ({ op: 'put', key, value: `of ${key}`, version: 1 }));
  assert.is((await server.batch({ ops })).status, 200);
}

async function keysOf(server: TestServer, path: string): Promise<string[]> {
  const { status, body } = await server.get(path);
  assert.is(status, 200, path);
  return listSchema.parse(body).entries.map(({ key }) => key);
}

lists(
  'an empty cache lists nothing',
  onBothPaths(async (server) => {
    const { status, headers, body } = await server.get('/cache');
    assert.is(status, 200);
    assert.equal(body, { entries: [], next: null });
    assert.is(headers.link, undefined);
  }),
);

lists(
  'with values=false entries come without values and annotations, page after page',
  onBothPaths(async (server) => {
    await server.put('/cache/a', '{"value":1.00,"version":3,"ttl_ms":1000,"meta":{"v":1.0}}');
    await server.put('/cache/b', { value: 2, version: 1 });
    const { text, headers } = await server.get('/cache?limit=1&values=false');
    assert.is(
      text,
      '{"entries":[{"key":"a","version":3,"expires_at":"2026-11-24T12:00:01.000Z"}],"next":"a"}',
    );
    assert.is(headers.link, '</cache?prefix=&after=a&limit=1&values=false>; rel="next"');
    assert.is((await server.get('/cache?values=0')).status, 422);
  }),
);

lists(
  'with a delimiter a page is one level of a tree of keys, and pages go on after prefixes',
  onBothPaths(async (server) => {
    await store(server, 'a', 'a/1', 'a/2/x', 'a/2/y', 'a/3', 'b/1');
    const path = '/cache?prefix=a/&values=false&delimiter=/';
    const of = (key: string) => ({ key, version: 1, expires_at: null });
    const { body } = await server.get(path);
    assert.equal(body, { entries: [of('a/1'), of('a/3')], prefixes: ['a/2/'], next: null });
    listSchema.parse(body);
    const first = await server.get(`${path}&limit=2`);
    assert.equal(first.body, { entries: [of('a/1')], prefixes: ['a/2/'], next: 'a/2/' });
    const link =
      '</cache?prefix=a%2F&after=a%2F2%2F&limit=2&values=false&delimiter=%2F>; rel="next"';
    assert.is(first.headers.link, link);
    const second = await server.get(link.slice(1, link.indexOf('>')));
    assert.equal(second.body, { entries: [of('a/3')], prefixes: [], next: null });
    const roots = await server.get('/cache?values=false&delimiter=%2F');
    assert.equal(roots.body, { entries: [of('a')], prefixes: ['a/', 'b/'], next: null });
  }),
);

lists(
  'a delimiter needs values=false, and is not empty',
  onBothPaths(async (server) => {
    for (const query of ['delimiter=/', 'delimiter=/&values=true', 'delimiter=&values=false']) {
      const { status, body } = await server.get(`/cache?${query}`);
      assert.is(status, 422, query);
      assert.match(problemSchema.parse(body).detail, /^delimiter (needs values=false|must not be)/);
    }
  }),
);

lists(
  'entries are listed whole, with values and meta as they were sent',
  onBothPaths(async (server) => {
    await server.put('/cache/a', '{"value":1.00,"version":3,"ttl_ms":1000,"meta":{"v":1.0}}');
    assert.is(
      (await server.get('/cache')).text,
      '{"entries":[{"key":"a","value":1.00,"version":3,"expires_at":"2026-11-24T12:00:01.000Z","meta":{"v":1.0}}],"next":null}',
    );
  }),
);

lists(
  'the order is that of code points, and so of the bytes in UTF-8',
  onBothPaths(async (server) => {
    await store(server, 'b', '🙂', 'a', '\uffee', 'B', 'aa', 'é', '10', '9');
    const expected = ['10', '9', 'B', 'a', 'aa', 'b', 'é', '\uffee', '🙂'];
    assert.equal(await keysOf(server, '/cache'), expected);
  }),
);

lists(
  'a prefix is taken literally, wherever it needs encoding',
  onBothPaths(async (server) => {
    await store(server, 'a', 'a/1', 'a/2', 'a%2F3', 'a b', 'a+b', 'b', '🙂1', '🙂2');
    assert.equal(await keysOf(server, '/cache?prefix=a/'), ['a/1', 'a/2']);
    assert.equal(await keysOf(server, '/cache?prefix=a%2F'), ['a/1', 'a/2']);
    assert.equal(await keysOf(server, '/cache?prefix=a%252F'), ['a%2F3']);
    assert.equal(await keysOf(server, '/cache?prefix=a%2B'), ['a+b']);
    assert.equal(await keysOf(server, '/cache?prefix=a+'), ['a b'], 'as forms encode a space');
    assert.equal(await keysOf(server, '/cache?prefix=a%20'), ['a b']);
    assert.equal(await keysOf(server, '/cache?prefix=%F0%9F%99%82'), ['🙂1', '🙂2']);
    assert.equal(await keysOf(server, '/cache?prefix=c'), []);
    assert.is((await keysOf(server, '/cache?prefix=')).length, 9);
    assert.is((await keysOf(server, '/cache?&prefix')).length, 9);
  }),
);

lists(
  'deleted and expired keys are not listed',
  onBothPaths(async (server) => {
    await store(server, 'a', 'b');
    await server.put('/cache/c', { value: 1, version: 1, ttl_ms: 10 });
    await server.delete('/cache/a');
    server.advance(10);
    assert.equal(await keysOf(server, '/cache'), ['b']);
  }),
);

lists(
  'pages joined by next, or by the Link, are the whole, and the last has neither',
  onBothPaths(async (server) => {
    const keys = ['p/ ', 'p/&', 'p/1', 'p/2', 'p/ü', 'p/🙂', 'p/%'].sort();
    await store(server, 'a', ...keys, 'q');
    const seen: string[] = [];
    let path: string | undefined = '/cache?prefix=p/&limit=2';
    let pages = 0;
    while (path !== undefined) {
      const { headers, body } = await server.get(path);
      const page = listSchema.parse(body);
      assert.ok(page.entries.length <= 2);
      seen.push(...page.entries.map(({ key }) => key));
      pages++;
      path = /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1];
      assert.is(path === undefined, page.next === null);
      if (page.next !== null) assert.is(page.next, page.entries.at(-1)?.key);
    }
    assert.equal(seen, keys);
    assert.is(pages, 4);
  }),
);

lists(
  '`after` need not be a key that is there',
  onBothPaths(async (server) => {
    await store(server, 'a', 'c', 'e');
    assert.equal(await keysOf(server, '/cache?after=b'), ['c', 'e']);
    assert.equal(await keysOf(server, '/cache?after=c'), ['e']);
    assert.equal(await keysOf(server, '/cache?after='), ['a', 'c', 'e']);
    assert.equal(await keysOf(server, '/cache?prefix=c&after=a'), ['c']);
    assert.equal(await keysOf(server, '/cache?prefix=c&after=d'), []);
  }),
);

lists(
  'a page holds at most 1,000 entries where no limit is given',
  onBothPaths(async (server) => {
    const keys = Array.from({ length: 1001 }, (_, index) => String(10_000 + index));
    await store(server, ...keys.slice(0, 500));
    await store(server, ...keys.slice(500));
    const { body } = await server.get('/cache');
    const page = listSchema.parse(body);
    assert.is(page.entries.length, 1000);
    assert.is(page.next, keys[999]);
    assert.equal(await keysOf(server, `/cache?after=${page.next}`), [keys[1000]]);
  }),
);

lists(
  'a page ends early where its values are long, and next goes on',
  onBothPaths(async (server) => {
    for (const key of 'abcdefgh')
      await server.put(`/cache/${key}`, { value: 'x'.repeat(1_000_000), version: 1 });
    const first = listSchema.parse((await server.get('/cache')).body);
    assert.equal(
      first.entries.map(({ key }) => key),
      ['a', 'b', 'c', 'd', 'e'],
    );
    assert.is(first.next, 'e');
    const rest = listSchema.parse((await server.get('/cache?after=e')).body);
    assert.equal(
      rest.entries.map(({ key }) => key),
      ['f', 'g', 'h'],
    );
    assert.is(rest.next, null);
  }),
);

const BAD_LIMITS = [
  '',
  '0',
  '-1',
  '1.5',
  '1e2',
  '+1',
  '0x1',
  'ten',
  '1001',
  '99999999999999999999',
];
for (const limit of BAD_LIMITS) {
  lists(
    `limit=${limit} is 422`,
    onBothPaths(async (server) => {
      const { status, body } = await server.get(`/cache?limit=${limit}`);
      assert.is(status, 422);
      assert.is(problemSchema.parse(body).errors?.[0]?.field, 'limit');
    }),
  );
}

for (const query of ['prefix=%zz', 'prefix=%C3%28', 'after=%', '%zz=1', 'prefix=#', '&&%FF']) {
  lists(
    `the query ${query} is 400`,
    onBothPaths(async (server) => {
      for (const method of ['GET', 'DELETE']) {
        const { status, body } = await server.send(method, `/cache?${query}`);
        assert.is(status, 400);
        problemSchema.parse(body);
      }
    }),
  );
}

for (const query of ['prefix=a&prefix=b', 'limit=1&limit=1', 'prefix=&prefix=']) {
  lists(
    `the query ${query}, with a parameter given twice, is 422`,
    onBothPaths(async (server) => {
      assert.is((await server.get(`/cache?${query}`)).status, 422);
    }),
  );
}

lists(
  'DELETE by prefix deletes those keys and no others, and counts them',
  onBothPaths(async (server) => {
    await store(server, 'a/1', 'a/2', 'b');
    const { status, body } = await server.delete('/cache?prefix=a/');
    assert.is(status, 200);
    assert.equal(body, { status: 'deleted', node: 'node1', count: 2 });
    assert.equal(await keysOf(server, '/cache'), ['b']);
    assert.equal((await server.delete('/cache?prefix=a/')).body, {
      status: 'deleted',
      node: 'node1',
      count: 0,
    });
  }),
);

for (const query of ['', '?', '?prefix=', '?all=false', '?prefix=&all=false']) {
  lists(
    `DELETE /cache${query} is 422 and deletes nothing`,
    onBothPaths(async (server) => {
      await store(server, 'a');
      const { status, body } = await server.delete(`/cache${query}`);
      assert.is(status, 422);
      assert.match(problemSchema.parse(body).detail, /^prefix /);
      assert.equal(await keysOf(server, '/cache'), ['a']);
    }),
  );
}

lists(
  'DELETE of every key must be said with all=true',
  onBothPaths(async (server) => {
    await store(server, 'a', 'b');
    assert.is((await server.delete('/cache?all=yes')).status, 422);
    const { body } = await server.delete('/cache?prefix=&all=true');
    assert.equal(body, { status: 'deleted', node: 'node1', count: 2 });
    assert.equal(await keysOf(server, '/cache'), []);
  }),
);

lists(
  'all=true with a prefix deletes what has the prefix',
  onBothPaths(async (server) => {
    await store(server, 'a', 'b');
    await server.delete('/cache?prefix=a&all=true');
    assert.equal(await keysOf(server, '/cache'), ['b']);
  }),
);

lists.run();
