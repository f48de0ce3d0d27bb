/** POST /cache: many ops in order, in one commit. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { batchResultsSchema, problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { requestTo } from '../carrier.ts';
import { onBothPaths, withServer } from '../testServer.ts';

const batch = suite('batch');

const put = (key: string, version: number | 'next' = 1) => ({ op: 'put', key, value: 1, version });

const getsOf = (key: string, count: number) =>
  Array.from({ length: count }, () => ({ op: 'get', key }));

batch(
  'results come in order, each with the status and the members of the single request',
  onBothPaths(async (server) => {
    await server.put('/cache/old', { value: 'old', version: 5 });
    const { status, headers, body, whole } = await server.batch({
      ops: [
        { op: 'put', key: 'a', value: { x: 1 }, version: 'next', ttl_ms: 1000 },
        { op: 'get', key: 'a' },
        put('old', 5),
        { op: 'get', key: 'nothing' },
        { op: 'delete', key: 'old', version: 4 },
        { op: 'delete', key: 'old' },
        { op: 'get', key: 'old' },
      ],
    });
    assert.is(status, 200);
    assert.is(headers['content-type'], 'application/json');
    const problem = { type: 'about:blank' };
    const expires_at = '2026-11-24T12:00:01.000Z';
    const conflict = {
      ...problem,
      title: 'Conflict',
      status: 409,
      detail: 'Version conflict',
      current_version: 5,
    };
    const notFound = { ...problem, title: 'Not Found', status: 404, detail: 'Not found' };
    assert.equal(body, {
      results: [
        { status: 200, node: 'node1', version: 1, expires_at },
        { status: 200, value: { x: 1 }, version: 1, expires_at },
        conflict,
        notFound,
        conflict,
        { status: 200, node: 'node1', existed: true },
        notFound,
      ],
    });
    batchResultsSchema.parse(whole);
  }),
);

batch(
  'every op has its own value and meta',
  onBothPaths(async (server) => {
    const op = (key: string, members: string): string =>
      `{"op":"put","key":"${key}","version":1,${members}}`;
    const ops = [
      op('a', '"value":1.0'),
      '{"op":"get","key":"a"}',
      op('b', '"meta":{},"value":2.0'),
    ];
    assert.is((await server.batch(`{"ops":[${ops.join(' , ')}]}`)).status, 200);
    assert.match(
      (await server.get('/cache/a')).text,
      '{"value":1.0,"version":1,"expires_at":null}',
    );
    assert.match((await server.get('/cache/b')).text, /^\{"value":2\.0,.*,"meta":\{\}\}$/);
  }),
);

batch(
  'all of it is one commit',
  onBothPaths(async (server) => {
    let commits = 0;
    server.replica.onCommit(() => commits++);
    await server.batch({ ops: [put('a'), put('b'), { op: 'delete', key: 'a' }, put('c')] });
    assert.is(commits, 1);
    assert.is(server.replica.lastLsn, 4);
  }),
);

batch(
  'an expired key is told as such',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 1 });
    server.advance(1);
    for (const ops of [[{ op: 'get', key: 'a' }], [put('b'), { op: 'get', key: 'a' }]])
      assert.match((await server.batch({ ops })).text, '"detail":"Expired"');
  }),
);

batch(
  'a batch that only reads is answered where nothing may be written',
  withServer(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    server.replica.readiness.refuseWrites('it is joining');
    const { body } = await server.batch({ ops: [{ op: 'get', key: 'a' }] });
    assert.equal(body, { results: [{ status: 200, value: 1, version: 1, expires_at: null }] });
    assert.is((await server.batch({ ops: [put('b')] })).status, 503);
  }),
);

batch(
  'no ops, no results',
  onBothPaths(async (server) => {
    assert.equal((await server.batch({ ops: [] })).body, { results: [] });
  }),
);

batch(
  '. and .. are keys here, though no client can put them into a path',
  onBothPaths(async (server) => {
    await server.batch({ ops: [put('.'), put('..')] });
    const { whole } = await server.batch({ ops: [{ op: 'get', key: '..' }] });
    assert.is(batchResultsSchema.parse(whole).results[0]?.status, 200);
  }),
);

const MALFORMED: readonly [op: unknown, field: string][] = [
  [{ op: 'put', key: 'x', value: 1 }, 'ops.3.version'],
  [{ op: 'put', key: 'x', value: 1, version: '3' }, 'ops.3.version'],
  [{ op: 'put', key: 'x', value: 1, version: -1 }, 'ops.3.version'],
  [{ op: 'put', key: 'x', version: 1 }, 'ops.3.value'],
  [{ op: 'put', value: 1, version: 1 }, 'ops.3.key'],
  [{ op: 'put', key: 'x', value: 1, version: 1, ttl_ms: 0 }, 'ops.3.ttl_ms'],
  [{ op: 'put', key: 'x', value: 1, version: 1, meta: [] }, 'ops.3.meta'],
  [{ op: 'get' }, 'ops.3.key'],
  [{ op: 'delete', key: 'x', version: 'next' }, 'ops.3.version'],
  [{ op: 'delete', key: 'x', version: null }, 'ops.3.version'],
  [{ op: 'delete', key: 'x', versoin: 1 }, 'ops.3.versoin'],
  [{ op: 'delete', key: 'x', acks: 2 }, 'ops.3.acks'],
  [{ op: 'get', key: 'x', at: '-1h' }, 'ops.3.at'],
  [{ op: 'put', key: 'x', value: 1, version: 1, ttl: 5 }, 'ops.3.ttl'],
  [{ op: 'join', key: 'x' }, 'ops.3.op'],
  [{ op: '__proto__', key: 'x' }, 'ops.3.op'],
  [{ key: 'x' }, 'ops.3.op'],
  [null, 'ops.3'],
  [[], 'ops.3'],
  ['get', 'ops.3'],
];
for (const [op, field] of MALFORMED) {
  batch(
    `the malformed op ${JSON.stringify(op)} is 422 for all, and named as ${field}`,
    onBothPaths(async (server) => {
      const { status, body } = await server.batch({ ops: [put('a'), put('b'), put('c'), op] });
      assert.is(status, 422);
      const { detail, errors } = problemSchema.parse(body);
      assert.ok(detail.startsWith(`${field} `), detail);
      assert.is(errors?.[0]?.field, field);
      assert.is(server.replica.lastLsn, 0);
    }),
  );
}

for (const [body, field] of [
  [{}, 'ops'],
  [{ ops: null }, 'ops'],
  [{ ops: {} }, 'ops'],
  [{ ops: 'put' }, 'ops'],
  [{ ops: [], acks: 2 }, 'acks'],
  [{ ops: [], timeout_ms: 2 }, 'timeout_ms'],
  [[], 'body'],
  [null, 'body'],
] as const) {
  batch(
    `the body ${JSON.stringify(body)} is 422 and names ${field}`,
    onBothPaths(async (server) => {
      const { status, body: told } = await server.batch(body);
      assert.is(status, 422);
      assert.is(problemSchema.parse(told).errors?.[0]?.field, field);
    }),
  );
}

batch(
  'a put ignores fields that nobody knows, as a single one does',
  onBothPaths(async (server) => {
    const { status } = await server.batch({ ops: [{ ...put('a'), other: 1, expires_at: null }] });
    assert.is(status, 200);
  }),
);

batch(
  '1,000 ops are carried out, 1,001 are 422',
  onBothPaths(async (server) => {
    const ops = Array.from({ length: 1000 }, (_, index) => put(`key${index}`));
    const { status, whole } = await server.batch({ ops });
    assert.is(status, 200);
    assert.is(batchResultsSchema.parse(whole).results.length, 1000);
    const refused = await server.batch({ ops: [...ops, put('one more')] });
    assert.is(refused.status, 422);
    assert.match(problemSchema.parse(refused.body).detail, /^ops must not hold more than 1000 ops/);
    assert.is(server.replica.lastLsn, 1000);
  }),
);

batch(
  'a hundred thousand malformed ops are refused in a short answer',
  onBothPaths(async (server) => {
    const many = await server.batch(`{"ops":[${'1,'.repeat(400_000)}1]}`);
    assert.is(many.status, 422);
    assert.ok(many.text.length < 1000);
    const wrong = await server.batch({ ops: Array.from({ length: 1000 }, () => ({})) });
    assert.is(wrong.status, 422);
    assert.ok(wrong.text.length < 5000);
  }),
);

batch(
  'results of many megabytes are answered whole',
  onBothPaths(async (server) => {
    const value = 'x'.repeat(1_000_000);
    await server.put('/cache/a', { value, version: 1 });
    const { status, headers, whole } = await server.batch({ ops: getsOf('a', 10) });
    assert.is(status, 200);
    assert.is(headers['content-type'], 'application/json');
    const { results } = batchResultsSchema.parse(whole);
    assert.is(results.length, 10);
    assert.ok(results.every((result) => 'value' in result && result.value === value));
  }),
);

batch(
  'results longer than a string may be go out as fast as the client takes them',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 'x'.repeat(1_000_000), version: 1 });
    const request = requestTo({ port: server.port, method: 'POST', path: '/cache' });
    request.end(JSON.stringify({ ops: getsOf('a', 600) }));
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request.on('response', (response) => {
        let received = 0;
        response.on('data', (chunk: Buffer) => {
          received += chunk.length;
          if (received > 5_000_000) resolve(response.statusCode);
        });
        response.on('end', () => reject(new Error(`ended after ${received} bytes`)));
      });
      request.on('error', reject);
    });
    assert.is(status, 200);
    request.destroy();
  }),
);

batch.run();
