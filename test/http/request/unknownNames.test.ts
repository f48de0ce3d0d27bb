/** Names that no request has: which of them are ignored, and which would do harm if they were. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths } from '../testServer.ts';

const names = suite('unknown names');

const PUT = { value: 1, version: 1 };

for (const name of [
  'ttl',
  'TTL',
  'ttlMs',
  'ttl-ms',
  'ttl_MS',
  'ttl_seconds',
  'expires_at',
  'expiry',
]) {
  names(
    `a time to live called ${name} is 422 with what it is called, and stores nothing`,
    onBothPaths(async (server) => {
      const { status, body } = await server.put('/cache/a', { ...PUT, [name]: 5 });
      assert.is(status, 422);
      const { detail, errors } = problemSchema.parse(body);
      assert.is(
        detail,
        `${name} is no field of a PUT: the time to live is ttl_ms, in milliseconds.`,
      );
      assert.equal(
        errors?.map(({ field }) => field),
        [name],
      );
      assert.is(server.replica.lastLsn, 0);
    }),
  );
}

names(
  'an answer of a GET that never expires can be put as it is',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    const { body } = await server.get('/cache/a');
    assert.is((await server.put('/cache/b', body)).status, 200);
  }),
);

for (const name of ['versoin', 'Version', 'prefix', 'at']) {
  names(
    `DELETE with ${name}=1 is 422 and deletes nothing`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const { status, body } = await server.delete(`/cache/a?${name}=1`);
      assert.is(status, 422);
      assert.is(
        problemSchema.parse(body).detail,
        `${name} is not supported here: there is version, acks, timeout_ms.`,
      );
      assert.is((await server.get('/cache/a')).status, 200);
    }),
  );
}

for (const [method, query, name] of [
  ['DELETE', '?perfix=a&all=true', 'perfix'],
  ['DELETE', '?prefix=a&version=1', 'version'],
  ['DELETE', '?prefix=a&acks=2', 'acks'],
  ['DELETE', '?prefix=a&timeout_ms=2', 'timeout_ms'],
  ['GET', '?lmit=1', 'lmit'],
  ['GET', '?%6Cmit=1', 'lmit'],
  ['GET', '?=1', ''],
  ['POST', '?acks=2', 'acks'],
] as const) {
  names(
    `${method} /cache${query} is 422, as there is no parameter ${name}, and changes nothing`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', PUT);
      const body = '{"ops":[{"op":"put","key":"b","value":1,"version":1}]}';
      const sent = method === 'POST' ? { body } : {};
      const answer = await server.send(method, `/cache${query}`, sent);
      assert.is(answer.status, 422);
      const { detail, errors } = problemSchema.parse(answer.body);
      assert.ok(detail.startsWith(`${name} is not supported here: `), detail);
      assert.equal(
        errors?.map(({ field }) => field),
        [name],
      );
      assert.is(server.replica.lastLsn, 1);
    }),
  );
}

for (const [method, path, sent, detail] of [
  ['POST', '/cache/get', { keys: [], more: 1 }, 'more is not supported here: there is keys, at.'],
  ['POST', '/cache', { ops: [], more: 1 }, 'more is not supported here: there is ops.'],
  [
    'POST',
    '/cache',
    { ops: [{ op: 'delete', key: 'a', ttl_ms: 1 }] },
    'ops.0.ttl_ms is not supported here: there is op, key, version.',
  ],
  [
    'POST',
    '/cache/a/touch',
    { ttl_ms: 1, version: 1 },
    'version is not supported here: there is ttl_ms.',
  ],
] as const) {
  names(
    `${method} ${path} with ${JSON.stringify(sent)} is 422, and tells what there is`,
    onBothPaths(async (server) => {
      const answer = await server.send(method, path, { body: JSON.stringify(sent) });
      assert.is(answer.status, 422);
      assert.is(problemSchema.parse(answer.body).detail, detail);
    }),
  );
}

names(
  'a name that nobody knows is not sent back in its whole length',
  onBothPaths(async (server) => {
    const { status, text } = await server.get(`/cache?${'x'.repeat(10_000)}=1`);
    assert.is(status, 422);
    assert.ok(text.length < 1000);
  }),
);

names(
  'a PUT and a GET of one key ignore parameters that nobody knows',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a?other=1', PUT)).status, 200);
    assert.is((await server.get('/cache/a?other=1')).status, 200);
  }),
);

names.run();
