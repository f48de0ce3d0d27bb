/** POST /cache/get: many keys at one point; and the time that is left. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  manySchema,
  problemSchema,
  readEntrySchema,
} from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths, type TestServer } from '../testServer.ts';

const many = suite('many keys at one point');

const ask = (server: TestServer, body: unknown) =>
  server.send('POST', '/cache/get', {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

many(
  'entries come in the order of the keys, with null for those that are absent',
  onBothPaths(async (server) => {
    await server.put('/cache/a', '{"value":1.00,"version":3,"ttl_ms":1000,"meta":{"v":1.0}}');
    await server.put('/cache/b', { value: 2, version: 1 });
    await server.delete('/cache/b');
    const { status, text, body } = await ask(server, { keys: ['b', 'a', 'never', 'a'] });
    assert.is(status, 200);
    const a =
      '{"key":"a","value":1.00,"version":3,"expires_at":"2026-11-24T12:00:01.000Z","meta":{"v":1.0}}';
    assert.is(text, `{"entries":[null,${a},null,${a}]}`);
    manySchema.parse(body);
    server.advance(1000);
    assert.is((await ask(server, { keys: ['a'] })).text, '{"entries":[null]}');
    assert.is((await ask(server, { keys: [] })).text, '{"entries":[]}');
  }),
);

many(
  'a key named get is a key like others',
  onBothPaths(async (server) => {
    await server.put('/cache/get', { value: 1, version: 1 });
    assert.is((await server.get('/cache/get')).status, 200);
    assert.is((await ask(server, { keys: ['get'] })).status, 200);
  }),
);

many(
  'a wrong body is refused by its field',
  onBothPaths(
    async (server) => {
      const refusals: [body: unknown, field: string][] = [
        [{}, 'keys'],
        [{ keys: 'a' }, 'keys'],
        [{ keys: [''] }, 'keys.0'],
        [{ keys: ['a', 1] }, 'keys.1'],
        [{ keys: ['a', 'b', 'c'] }, 'keys'],
        [{ keys: [], at: 1 }, 'at'],
        [{ keys: [], more: 1 }, 'more'],
      ];
      for (const [body, field] of refusals) {
        const { status, body: problem } = await ask(server, body);
        assert.is(status, 422, field);
        assert.is(problemSchema.parse(problem).errors?.[0]?.field, field);
      }
    },
    { limits: { maxBatchOps: 2 } },
  ),
);

many(
  'entries that are too long together are refused as a whole',
  onBothPaths(
    async (server) => {
      for (const key of ['a', 'b']) await server.put(`/cache/${key}`, { value: key, version: 1 });
      assert.is((await ask(server, { keys: ['a'] })).status, 200);
      assert.is((await ask(server, { keys: ['a', 'b'] })).status, 413);
    },
    { limits: { maxBatchAnswerBytes: 80 } },
  ),
);

many(
  'fields=ttl tells the time that is left',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 1000 });
    await server.put('/cache/b', { value: 1, version: 1 });
    server.advance(300);
    const left = async (key: string) =>
      readEntrySchema.parse((await server.get(`/cache/${key}?fields=ttl`)).body).ttl_ms;
    assert.equal([await left('a'), await left('b')], [700, null]);
    assert.is((await server.get('/cache/a?fields=size')).status, 422);
    assert.is((await server.get('/cache/a?fields=ttl&at=now')).status, 422);
    server.advance(700);
    assert.is((await server.get('/cache/a?fields=ttl')).status, 404);
  }),
);

many.run();
