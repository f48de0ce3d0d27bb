/** Conditional writes (RFC 9110, section 13): If-Match and If-None-Match on PUT and DELETE. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { ORIGIN, onBothPaths } from '../testServer.ts';

const conditions = suite('conditional writes');

const TAG = `"${ORIGIN}/1"`;

for (const [headers, live, absent] of [
  [{ 'If-None-Match': '*' }, 412, 200],
  [{ 'If-None-Match': TAG }, 412, 200],
  [{ 'If-None-Match': `W/${TAG}` }, 412, 200],
  [{ 'If-None-Match': '"other"' }, 200, 200],
  [{ 'If-Match': '*' }, 200, 412],
  [{ 'If-Match': TAG }, 200, 412],
  [{ 'If-Match': `"other" ,, ${TAG},` }, 200, 412],
  [{ 'If-Match': `"a,b",${TAG}` }, 200, 412],
  [{ 'If-Match': '"other"' }, 412, 412],
  [{ 'If-Match': `W/${TAG}` }, 200, 412],
  [{ 'If-Match': TAG, 'If-None-Match': '"other"' }, 200, 412],
  [{ 'If-Match': '*', 'If-None-Match': '*' }, 412, 412],
] as const) {
  const told = Object.entries(headers).flat().join(' ');

  conditions(
    `${told}: a PUT is ${live} over a live entry and ${absent} where there is none`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const over = await server.put('/cache/a', { value: 2, version: 2 }, headers);
      assert.is(over.status, live);
      const { value } = (await server.get('/cache/a')).body as { value: number };
      assert.is(value, live === 200 ? 2 : 1);
      const fresh = await server.put('/cache/b', { value: 2, version: 2 }, headers);
      assert.is(fresh.status, absent);
      assert.is((await server.get('/cache/b')).status, absent === 200 ? 200 : 404);
    }),
  );

  conditions(
    `${told}: a DELETE is ${live} over a live entry and ${absent} where there is none`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const over = await server.send('DELETE', '/cache/a', { headers });
      assert.is(over.status, live);
      assert.is((await server.get('/cache/a')).status, live === 200 ? 404 : 200);
      assert.is((await server.send('DELETE', '/cache/b', { headers })).status, absent);
    }),
  );
}

conditions(
  'a 412 tells the live version where there is one, and logs nothing',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 7 });
    const headers = { 'If-Match': '"other"' };
    const {
      status,
      headers: answered,
      body,
      token,
    } = await server.put('/cache/a', { value: 2, version: 8 }, headers);
    assert.is(status, 412);
    assert.is(answered['content-type'], 'application/problem+json');
    assert.equal(body, {
      type: 'about:blank',
      title: 'Precondition Failed',
      status: 412,
      detail: 'Precondition failed',
      current_version: 7,
    });
    assert.ok(token);
    const absent = await server.put('/cache/b', { value: 2, version: 8 }, headers);
    assert.not('current_version' in problemSchema.parse(absent.body));
    assert.is(server.replica.lastLsn, 1);
  }),
);

conditions(
  'an expired entry and a tombstone are no live entries',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 10 });
    server.advance(10);
    const body = { value: 2, version: 1 };
    assert.is((await server.put('/cache/a', body, { 'If-Match': TAG })).status, 412);
    assert.is((await server.put('/cache/a', body, { 'If-None-Match': '*' })).status, 200);
    await server.delete('/cache/a');
    assert.is((await server.put('/cache/a', body, { 'If-Match': '*' })).status, 412);
    assert.is((await server.put('/cache/a', body, { 'If-None-Match': '*' })).status, 200);
  }),
);

conditions(
  'where the condition holds, the version is decided as ever',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 5 });
    const headers = { 'If-Match': TAG };
    assert.is((await server.put('/cache/a', { value: 2, version: 5 }, headers)).status, 409);
    const path = '/cache/a?version=4';
    assert.is((await server.send('DELETE', path, { headers })).status, 409);
  }),
);

conditions(
  'of many writers that saw the same entry, one passes',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 0, version: 1 });
    const writers = Array.from({ length: 20 }, (_, index) =>
      server.put('/cache/a', { value: index, version: 'next' }, { 'If-Match': TAG }),
    );
    const statuses = (await Promise.all(writers)).map(({ status }) => status);
    assert.is(statuses.filter((status) => status === 200).length, 1);
    assert.is(statuses.filter((status) => status === 412).length, 19);
  }),
);

for (const header of ['', 'unquoted', '"open', '*, "a"', '"a" "b"', '"a", b', ',']) {
  for (const name of ['If-Match', 'If-None-Match'])
    conditions(
      `${name}: ${header} is 422 and writes nothing`,
      onBothPaths(async (server) => {
        const headers = { [name]: header };
        const { status, body } = await server.put('/cache/a', { value: 1, version: 1 }, headers);
        assert.is(status, 422);
        assert.is(problemSchema.parse(body).errors?.[0]?.field, name);
        assert.is(server.replica.lastLsn, 0);
      }),
    );
}

for (const name of ['If-Match', 'If-None-Match']) {
  conditions(
    `${name} on a batch or on a bulk delete is 422 and writes nothing`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const headers = { [name]: TAG, 'Content-Type': 'application/json' };
      const ops = '{"ops":[{"op":"delete","key":"a"}]}';
      const batch = await server.send('POST', '/cache', { headers, body: ops });
      const bulk = await server.send('DELETE', '/cache?prefix=a', { headers });
      for (const { status, body } of [batch, bulk]) {
        assert.is(status, 422);
        assert.ok(
          problemSchema
            .parse(body)
            .detail.startsWith(
              `${name} is not supported here: it is for GET, PUT, DELETE and touch of one key`,
            ),
        );
      }
      assert.is(server.replica.lastLsn, 1);
    }),
  );
}

conditions.run();
