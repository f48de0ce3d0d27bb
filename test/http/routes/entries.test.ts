/** The contract of single keys: PUT, GET and DELETE /cache/{key}. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  entrySchema,
  problemSchema,
  storedSchema,
} from '../../../src/http/openapi/answerSchemas.ts';
import { ORIGIN, onBothPaths, START_MS, type TestServer } from '../testServer.ts';

const entries = suite('entries');

/** Asserts a 422 that names the field, and that nothing was stored under the key. */
async function refuses(server: TestServer, body: unknown, field: string): Promise<void> {
  const told = JSON.stringify(body);
  const answer = await server.put('/cache/refused', body);
  assert.is(answer.status, 422, told);
  const { detail, errors } = problemSchema.parse(answer.body);
  assert.ok(detail.includes(field), `${detail} does not name ${field}`);
  assert.ok(
    errors?.some((error) => error.field === field),
    `${answer.text} does not name ${field}`,
  );
  assert.is((await server.get('/cache/refused')).status, 404, told);
  assert.is(server.replica.lastLsn, 0, told);
}

entries(
  'a PUT is stored and read back',
  onBothPaths(async (server) => {
    const stored = await server.put('/cache/a', { value: { b: [1, 'x'] }, version: 3 });
    assert.is(stored.status, 200);
    assert.is(stored.headers['content-type'], 'application/json');
    assert.equal(stored.body, {
      status: 'stored',
      node: 'node1',
      version: 3,
      expires_at: null,
    });
    storedSchema.parse(stored.whole);
    const read = await server.get('/cache/a');
    assert.is(read.status, 200);
    assert.is(read.headers['content-type'], 'application/json');
    assert.is(read.text, '{"value":{"b":[1,"x"]},"version":3,"expires_at":null}');
    entrySchema.parse(read.body);
  }),
);

entries(
  'a key that was never written is "Not found"',
  onBothPaths(async (server) => {
    const { status, headers, body } = await server.get('/cache/a');
    assert.is(status, 404);
    assert.is(headers['content-type'], 'application/problem+json');
    assert.equal(body, {
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Not found',
    });
  }),
);

entries(
  'a deleted key is "Not found"',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    const deleted = await server.delete('/cache/a');
    assert.is(deleted.status, 200);
    assert.equal(deleted.body, { status: 'deleted', node: 'node1', existed: true });
    const { status, body } = await server.get('/cache/a');
    assert.is(status, 404);
    assert.is(problemSchema.parse(body).detail, 'Not found');
  }),
);

entries(
  'DELETE is 200 also where there is nothing',
  onBothPaths(async (server) => {
    const { status, body } = await server.delete('/cache/a');
    assert.is(status, 200);
    assert.equal(body, { status: 'deleted', node: 'node1', existed: false });
  }),
);

entries(
  'an expired key is "Expired", at the very millisecond',
  onBothPaths(async (server) => {
    const stored = await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 1000 });
    const expiresAt = new Date(START_MS + 1000).toISOString();
    assert.is(storedSchema.parse(stored.whole).expires_at, expiresAt);
    server.advance(999);
    assert.is(
      (await server.get('/cache/a')).text,
      `{"value":1,"version":1,"expires_at":"${expiresAt}"}`,
    );
    server.advance(1);
    const { status, body } = await server.get('/cache/a');
    assert.is(status, 404);
    assert.is(problemSchema.parse(body).detail, 'Expired');
  }),
);

for (const version of [2, 3]) {
  entries(
    `a live key at version 3 refuses version ${version} and says where it is`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 'first', version: 3 });
      const { status, headers, body } = await server.put('/cache/a', { value: 'late', version });
      assert.is(status, 409);
      assert.is(headers['content-type'], 'application/problem+json');
      assert.equal(body, {
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        detail: 'Version conflict',
        current_version: 3,
      });
      assert.is(entrySchema.parse((await server.get('/cache/a')).body).value, 'first');
    }),
  );
}

entries(
  'a higher version overwrites',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 3 });
    assert.is((await server.put('/cache/a', { value: 2, version: 4 })).status, 200);
    assert.is((await server.get('/cache/a')).text, '{"value":2,"version":4,"expires_at":null}');
  }),
);

entries(
  'after DELETE version 1 is accepted again',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 7 });
    await server.delete('/cache/a');
    assert.is((await server.put('/cache/a', { value: 2, version: 1 })).status, 200);
    assert.is((await server.get('/cache/a')).text, '{"value":2,"version":1,"expires_at":null}');
  }),
);

entries(
  'after expiry version 1 is accepted again',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 7, ttl_ms: 10 });
    server.advance(10);
    assert.is((await server.put('/cache/a', { value: 2, version: 1 })).status, 200);
    assert.is((await server.get('/cache/a')).text, '{"value":2,"version":1,"expires_at":null}');
  }),
);

entries(
  'version 0 is stored only where nothing lives',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a', { value: 1, version: 0 })).status, 200);
    assert.is((await server.put('/cache/a', { value: 2, version: 0 })).status, 409);
  }),
);

entries(
  'minus zero is version 0',
  onBothPaths(async (server) => {
    const { text } = await server.put('/cache/a', '{"value":1,"version":-0}');
    assert.match(text, /^\{"status":"stored","node":"node1","version":0,"expires_at":null,/);
    assert.ok(Object.is(server.replica.map.get('a')?.version, 0));
  }),
);

entries(
  '"next" is version 1, then the current one plus 1, and the answer says which',
  onBothPaths(async (server) => {
    for (const version of [1, 2, 3]) {
      const { status, whole } = await server.put('/cache/a', { value: 0, version: 'next' });
      assert.is(status, 200);
      assert.is(storedSchema.parse(whole).version, version);
    }
  }),
);

entries(
  'the greatest version that a PUT may name is 2^53 - 2',
  onBothPaths(async (server) => {
    const body = '{"value":1,"version":9007199254740990}';
    assert.is((await server.put('/cache/a', body)).status, 200);
    assert.match((await server.get('/cache/a')).text, '"version":9007199254740990,');
    const next = await server.put('/cache/a', { value: 2, version: 'next' });
    assert.is(next.status, 409, 'there is none after it');
  }),
);

const WRONG_VERSIONS = [
  'null',
  '1.5',
  '"3"',
  '"Next"',
  'true',
  '-1',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '1e400',
  '[]',
  '[1]',
  '{}',
];
for (const version of WRONG_VERSIONS) {
  entries(
    `version ${version} is 422 and stores nothing`,
    onBothPaths((server) => refuses(server, `{"value":1,"version":${version}}`, 'version')),
  );
}

entries(
  'a missing version is 422 and stores nothing',
  onBothPaths((server) => refuses(server, { value: 1 }, 'version')),
);

for (const ttl of ['0', '-1', '1.5', '"5"', 'true', '10000000000001', '1e999', '[]']) {
  entries(
    `ttl_ms ${ttl} is 422 and stores nothing`,
    onBothPaths((server) => refuses(server, `{"value":1,"version":1,"ttl_ms":${ttl}}`, 'ttl_ms')),
  );
}

entries(
  'ttl_ms null or missing never expires',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: null });
    await server.put('/cache/b', { value: 1, version: 1 });
    server.advance(10 ** 13);
    for (const key of ['a', 'b'])
      assert.match((await server.get(`/cache/${key}`)).text, '"expires_at":null');
  }),
);

entries(
  'the longest ttl_ms, 10^13, is stored and told with four digits of year',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1, ttl_ms: 10 ** 13 });
    const { expires_at: expiresAt } = entrySchema.parse((await server.get('/cache/a')).body);
    assert.is(expiresAt, new Date(START_MS + 10 ** 13).toISOString());
  }),
);

entries(
  'a missing value is 422 and stores nothing',
  onBothPaths((server) => refuses(server, { version: 1 }, 'value')),
);

entries(
  'value null is stored',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a', { value: null, version: 1 })).status, 200);
    assert.is((await server.get('/cache/a')).text, '{"value":null,"version":1,"expires_at":null}');
  }),
);

for (const body of ['null', '1', '"text"', '[]', '[{"value":1,"version":1}]']) {
  entries(
    `the body ${body} is 422 and stores nothing`,
    onBothPaths((server) => refuses(server, body, 'body')),
  );
}

entries(
  'next after the last version is 409, and says what to do',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 2 ** 53 - 2 });
    const next = { value: 2, version: 'next' };
    const { status, body } = await server.put('/cache/a', next);
    assert.is(status, 409);
    const { detail, current_version } = problemSchema.parse(body);
    assert.is(
      detail,
      'The versions of this key are exhausted: delete it, and any version is accepted again.',
    );
    assert.is(current_version, 2 ** 53 - 2);
    const batch = await server.batch({ ops: [{ op: 'put', key: 'a', ...next }] });
    assert.match(batch.text, /"detail":"The versions of this key are exhausted: /);
    const named = await server.put('/cache/a', { value: 2, version: 2 ** 53 - 2 });
    assert.is(problemSchema.parse(named.body).detail, 'Version conflict');
    await server.delete('/cache/a');
    assert.is((await server.put('/cache/a', next)).status, 200);
  }),
);

entries(
  'members that nobody knows are ignored, also __proto__',
  onBothPaths(async (server) => {
    const body = '{"__proto__":{"ttl_ms":5},"other":1,"value":1,"version":1}';
    assert.is((await server.put('/cache/a', body)).status, 200);
    assert.match((await server.get('/cache/a')).text, '"expires_at":null');
  }),
);

entries(
  'a member inside __proto__ is no member',
  onBothPaths((server) => refuses(server, '{"__proto__":{"value":1},"version":1}', 'value')),
);

entries(
  'every wrong field is named',
  onBothPaths(async (server) => {
    const { body } = await server.put('/cache/a', { version: 'x', ttl_ms: 0, meta: 1 });
    const fields = problemSchema.parse(body).errors?.map(({ field }) => field);
    assert.equal(fields, ['value', 'version', 'ttl_ms', 'meta']);
  }),
);

entries(
  'meta comes back as it was sent; null and none are none',
  onBothPaths(async (server) => {
    const meta = '{ "values":{"d":["Date"]},"__proto__": [1] }';
    await server.put('/cache/a', `{"value":{"d":"x"},"version":1,"meta":${meta}}`);
    assert.is(
      (await server.get('/cache/a')).text,
      `{"value":{"d":"x"},"version":1,"expires_at":null,"meta":${meta}}`,
    );
    await server.put('/cache/a', { value: 1, version: 2, meta: null });
    assert.is((await server.get('/cache/a')).text, '{"value":1,"version":2,"expires_at":null}');
    for (const wrong of ['1', '[]', '"x"', 'true']) {
      const answer = await server.put('/cache/b', `{"value":1,"version":1,"meta":${wrong}}`);
      assert.is(answer.status, 422, wrong);
    }
  }),
);

entries(
  'a conditional DELETE spares a higher version, and says where it is',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 5 });
    const spared = await server.delete('/cache/a?version=4');
    assert.is(spared.status, 409);
    assert.is(problemSchema.parse(spared.body).current_version, 5);
    assert.is((await server.get('/cache/a')).status, 200);
    assert.is((await server.delete('/cache/a?version=5')).status, 200);
    assert.is((await server.get('/cache/a')).status, 404);
    assert.is((await server.delete('/cache/a?version=5')).status, 200, 'nothing is there now');
  }),
);

for (const version of [
  '',
  '-1',
  '1.5',
  'next',
  '0x10',
  '1e3',
  '+1',
  '9007199254740991',
  '1&version=2',
]) {
  entries(
    `DELETE with version=${version} is 422 and deletes nothing`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const { status, body } = await server.delete(`/cache/a?version=${version}`);
      assert.is(status, 422);
      assert.match(problemSchema.parse(body).detail, /^version /);
      assert.is((await server.get('/cache/a')).status, 200);
    }),
  );
}

entries(
  'the ETag is the id of the op, and changes with every write',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    assert.is((await server.get('/cache/a')).headers.etag, `"${ORIGIN}/1"`);
    await server.put('/cache/a', { value: 1, version: 2 });
    assert.is((await server.get('/cache/a')).headers.etag, `"${ORIGIN}/2"`);
  }),
);

const TAG = `"${ORIGIN}/1"`;
for (const [ifNoneMatch, status] of [
  [TAG, 304],
  [`W/${TAG}`, 304],
  ['*', 304],
  [`"other", ${TAG}`, 304],
  [`"a,b",W/${TAG} , "c"`, 304],
  ['"other"', 200],
  [`${ORIGIN}/1`, 200],
  [`"x${ORIGIN}/1"`, 200],
  ['', 200],
] as const) {
  entries(
    `If-None-Match ${ifNoneMatch} is ${status}`,
    onBothPaths(async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      const answer = await server.get('/cache/a', { 'If-None-Match': ifNoneMatch });
      assert.is(answer.status, status);
      assert.is(answer.headers.etag, TAG);
      assert.is(answer.text === '', status === 304);
    }),
  );
}

entries(
  'If-None-Match * of an absent key is 404',
  onBothPaths(async (server) => {
    assert.is((await server.get('/cache/a', { 'If-None-Match': '*' })).status, 404);
  }),
);

entries.run();
