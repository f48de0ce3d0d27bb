/** POST /cache/{key}/touch, and a touch in a batch: another time to live for a live entry. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  batchResultsSchema,
  entrySchema,
  problemSchema,
  touchedSchema,
} from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths, START_MS, type TestServer } from '../testServer.ts';

const touches = suite('touch');

const touch = (server: TestServer, key: string, body: unknown, headers = {}) =>
  server.send('POST', `/cache/${key}/touch`, {
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const at = (ms: number): string => new Date(START_MS + ms).toISOString();

touches(
  'a live entry keeps value, meta and version, and gets the new time to live',
  onBothPaths(async (server) => {
    await server.put('/cache/a', '{"value":1.00,"version":3,"ttl_ms":1000,"meta":{"v":1.0}}');
    server.advance(900);
    const { status, body, whole } = await touch(server, 'a', { ttl_ms: 1000 });
    assert.is(status, 200);
    assert.equal(body, { status: 'touched', node: 'node1', version: 3, expires_at: at(1900) });
    touchedSchema.parse(whole);
    server.advance(900);
    const { text } = await server.get('/cache/a');
    assert.is(text, `{"value":1.00,"version":3,"expires_at":"${at(1900)}","meta":{"v":1.0}}`);
    server.advance(100);
    assert.is((await server.get('/cache/a')).status, 404);
  }),
);

touches(
  'null lets it live for ever, and a later touch shortens its life',
  onBothPaths(async (server) => {
    await server.put('/cache/a%2Fb', { value: 1, version: 1, ttl_ms: 10 });
    await touch(server, 'a%2Fb', { ttl_ms: null });
    assert.is(entrySchema.parse((await server.get('/cache/a%2Fb')).body).expires_at, null);
    await touch(server, 'a%2Fb', { ttl_ms: 5 });
    assert.is(entrySchema.parse((await server.get('/cache/a%2Fb')).body).expires_at, at(5));
  }),
);

touches(
  'what is absent, deleted or expired stays so',
  onBothPaths(async (server) => {
    await server.put('/cache/deleted', { value: 1, version: 1 });
    await server.delete('/cache/deleted');
    await server.put('/cache/expired', { value: 1, version: 1, ttl_ms: 10 });
    server.advance(10);
    for (const [key, detail] of [
      ['never', 'Not found'],
      ['deleted', 'Not found'],
      ['expired', 'Expired'],
    ] as const) {
      const { status, body } = await touch(server, key, { ttl_ms: 1000 });
      assert.is(status, 404, key);
      assert.is(problemSchema.parse(body).detail, detail);
      assert.is((await server.get(`/cache/${key}`)).status, 404);
    }
  }),
);

touches(
  'it may carry If-Match, and the entry has another tag afterwards',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    const { etag } = (await server.get('/cache/a')).headers;
    const condition = { 'If-Match': String(etag) };
    assert.is((await touch(server, 'a', { ttl_ms: 1000 }, condition)).status, 200);
    const second = await touch(server, 'a', { ttl_ms: 1000 }, condition);
    assert.is(second.status, 412);
    assert.is(problemSchema.parse(second.body).current_version, 1);
    await server.delete('/cache/a');
    assert.is((await touch(server, 'a', { ttl_ms: 1000 }, { 'If-Match': '*' })).status, 412);
  }),
);

touches(
  'a wrong body is refused by its field',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 1000 });
    for (const [body, field] of [
      [{}, 'ttl_ms'],
      [{ ttl_ms: 0 }, 'ttl_ms'],
      [{ ttl_ms: '5' }, 'ttl_ms'],
      [{ ttl: 5, ttl_ms: 5 }, 'ttl'],
      [[], 'body'],
    ] as const) {
      const { status, body: problem } = await touch(server, 'a', body);
      assert.is(status, 422, JSON.stringify(body));
      assert.is(problemSchema.parse(problem).errors?.[0]?.field, field);
    }
    const twice = await server.send('POST', '/cache/a/touch', {
      headers: { 'Content-Type': 'application/json' },
      body: '{"ttl_ms":5,"ttl_ms":6}',
    });
    assert.is(twice.status, 422);
    assert.is((await server.get('/cache/a/touch')).status, 405);
  }),
);

touches(
  'a batch touches in the order of its ops',
  onBothPaths(async (server) => {
    const { status, body, whole } = await server.batch({
      ops: [
        { op: 'touch', key: 'a', ttl_ms: 5 },
        { op: 'put', key: 'a', value: 1, version: 1 },
        { op: 'touch', key: 'a', ttl_ms: 5 },
        { op: 'get', key: 'a' },
      ],
    });
    assert.is(status, 200);
    const { results } = body as { results: { status: number }[] };
    assert.equal(
      results.map((one) => one.status),
      [404, 200, 200, 200],
    );
    assert.equal(results[2], { status: 200, node: 'node1', version: 1, expires_at: at(5) });
    batchResultsSchema.parse(whole);
    assert.is((await server.batch({ ops: [{ op: 'touch', key: 'a' }] })).status, 422);
  }),
);

touches(
  'a value that is only in the log is touched all the same',
  onBothPaths(
    async (server) => {
      await server.put('/cache/a', { value: 'x'.repeat(5000), version: 1, ttl_ms: 1000 });
      for (let index = 0; index < 300; index++)
        await server.put(`/cache/k${index}`, { value: 'x'.repeat(5000), version: 1 });
      assert.is((await touch(server, 'a', { ttl_ms: 2000 })).status, 200);
      server.advance(1500);
      const { body } = await server.get('/cache/a');
      assert.is(String(entrySchema.parse(body).value).length, 5000);
    },
    { maxMemory: 600_000 },
  ),
);

touches.run();
