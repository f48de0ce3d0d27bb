/** Raw bytes: a PUT of another type than JSON is stored as it came, and a GET gives it back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  batchResultsSchema,
  listSchema,
  manySchema,
  problemSchema,
  readEntrySchema,
  storedSchema,
} from '../../../src/http/openapi/answerSchemas.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../../src/words/op.ts';
import { MAX_MEDIA_TYPE_LENGTH } from '../../../src/words/rawValue.ts';
import { KIB, MIB } from '../../../src/words/size.ts';
import { onBothPaths, START_MS, type TestServer } from '../testServer.ts';

const raw = suite('raw bytes');

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const PNG = 'image/png';

const put = (server: TestServer, body: string | Buffer, headers = {}, path = '/cache/a') =>
  server.send('PUT', path, {
    headers: { 'Content-Type': PNG, 'Hearsay-Version': '1', ...headers },
    body,
  });

raw(
  'every byte comes back as it was sent, with its type, version and ETag',
  onBothPaths(async (server) => {
    const stored = await put(server, EVERY_BYTE, { 'Hearsay-Version': '7' });
    assert.is(stored.status, 200);
    assert.is(storedSchema.parse(stored.whole).version, 7);
    for (const path of ['/cache/a', '/cache/a?_=1']) {
      const { status, headers, bytes } = await server.get(path);
      assert.is(status, 200);
      assert.equal(bytes, EVERY_BYTE);
      assert.is(headers['content-type'], PNG);
      assert.is(headers['content-length'], '256');
      assert.is(headers['hearsay-version'], '7');
      assert.is(headers['hearsay-expires-at'], undefined);
      assert.match(headers.etag ?? '', /^"node1\.abcdef\/1"$/);
    }
    const head = await server.send('HEAD', '/cache/a');
    assert.is(head.headers['content-length'], '256');
    assert.is(head.bytes.length, 0);
  }),
);

raw(
  'a browser runs nothing of them, and takes them for their type alone',
  onBothPaths(async (server) => {
    await put(server, '<script>alert(1)</script>', { 'Content-Type': 'text/html' });
    const { headers } = await server.get('/cache/a');
    assert.is(headers['content-type'], 'text/html');
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['content-security-policy'], "default-src 'none'; sandbox");
    assert.is(headers['cross-origin-resource-policy'], 'same-origin');
  }),
);

raw(
  'the type comes back in its own spelling',
  onBothPaths(async (server) => {
    for (const type of ['Text/PLAIN;charset="iso-8859-1"', 'application/x-www-form-urlencoded']) {
      const { status } = await put(server, 'é', {
        'Content-Type': type,
        'Hearsay-Version': 'next',
      });
      assert.is(status, 200);
      const { headers, text } = await server.get('/cache/a');
      assert.is(headers['content-type'], type);
      assert.is(text, 'é');
    }
  }),
);

raw(
  'no bytes are a value too',
  onBothPaths(async (server) => {
    assert.is((await put(server, '')).status, 200);
    const { status, bytes, headers } = await server.get('/cache/a');
    assert.equal([status, bytes.length, headers['content-length']], [200, 0, '0']);
  }),
);

raw(
  'versions, times to live and conditions hold as for JSON',
  onBothPaths(async (server) => {
    await put(server, 'a', { 'Hearsay-TTL-Ms': '1000' });
    const first = await server.get('/cache/a?fields=ttl');
    assert.is(first.headers['hearsay-ttl-ms'], '1000');
    assert.is(first.headers['hearsay-expires-at'], new Date(START_MS + 1000).toISOString());
    assert.is((await put(server, 'b')).status, 409);
    assert.is(
      (await put(server, 'b', { 'Hearsay-Version': 'next', 'If-None-Match': '*' })).status,
      412,
    );
    assert.is(
      (await put(server, 'b', { 'Hearsay-Version': '9', 'If-Match': first.headers.etag })).status,
      200,
    );
    assert.is((await server.get('/cache/a', { 'If-None-Match': first.headers.etag })).text, 'b');
    const { etag } = (await server.get('/cache/a')).headers;
    assert.is((await server.get('/cache/a', { 'If-None-Match': etag })).status, 304);
    assert.is((await server.get('/cache/a', { 'If-Match': first.headers.etag })).status, 412);
    assert.is(
      (await put(server, 'c', { 'Hearsay-Version': 'next', 'Hearsay-TTL-Ms': '5' })).status,
      200,
    );
    assert.is((await server.get('/cache/a')).headers['hearsay-version'], '10');
    server.advance(5);
    assert.is((await server.get('/cache/a')).status, 404);
  }),
);

raw(
  'a touch keeps bytes and type',
  onBothPaths(async (server) => {
    await put(server, EVERY_BYTE, { 'Hearsay-TTL-Ms': '10' });
    const headers = { 'Content-Type': 'application/json' };
    await server.send('POST', '/cache/a/touch', { headers, body: '{"ttl_ms":1000}' });
    server.advance(500);
    const { bytes, headers: told } = await server.get('/cache/a');
    assert.equal(bytes, EVERY_BYTE);
    assert.is(told['hearsay-expires-at'], new Date(START_MS + 1000).toISOString());
  }),
);

const AS_JSON = { value: { bytes: 'AAEC/w==', type: PNG }, version: 1, expires_at: null };

raw(
  'in JSON they are base64 with their type, and meta says that they are bytes',
  onBothPaths(async (server) => {
    await put(server, Buffer.from([0, 1, 2, 255]));
    const { entries } = listSchema.parse((await server.get('/cache')).body);
    assert.equal(entries, [{ key: 'a', ...AS_JSON, meta: 'bytes' }]);
    const headers = { 'Content-Type': 'application/json' };
    const many = await server.send('POST', '/cache/get', { headers, body: '{"keys":["a"]}' });
    assert.equal(manySchema.parse(many.body).entries, entries);
    const { results } = batchResultsSchema.parse(
      (await server.batch({ ops: [{ op: 'get', key: 'a' }] })).whole,
    );
    assert.equal(results, [{ status: 200, ...AS_JSON, meta: 'bytes' }]);
  }),
);

raw(
  'JSON stores them too, from a PUT, a batch and a line, and any order of members will do',
  onBothPaths(async (server) => {
    const value = { type: PNG, bytes: 'AAEC/w==' };
    await server.put('/cache/a', { value, version: 1, meta: 'bytes' });
    await server.batch({ ops: [{ op: 'put', key: 'b', value, version: 1, meta: 'bytes' }] });
    for (const key of ['a', 'b']) {
      const { headers, bytes } = await server.get(`/cache/${key}`);
      assert.is(headers['content-type'], PNG);
      assert.equal([...bytes], [0, 1, 2, 255]);
    }
  }),
);

raw(
  'a JSON value that looks like bytes stays JSON',
  onBothPaths(async (server) => {
    for (const meta of ['', ',"meta":null', ',"meta":{}', ',"meta":{"values":["bytes"]}']) {
      const value = '{"bytes":"AAEC/w==","type":"image/png"}';
      await server.put('/cache/a', `{"value":${value},"version":"next"${meta}}`);
      const { headers, text, body } = await server.get('/cache/a');
      assert.is(headers['content-type'], 'application/json');
      assert.ok(text.startsWith(`{"value":${value},`));
      readEntrySchema.parse(body);
    }
  }),
);

const NO_BYTES: readonly unknown[] = [
  1,
  null,
  {},
  { bytes: 'AAEC/w==' },
  { bytes: 'AAEC/w', type: PNG },
  { bytes: 'AAEC/w==', type: 'png' },
  { bytes: 'AAEC/w==', type: 'application/json' },
  { bytes: 'AAEC/w==', type: 'a/b\r\nc: d' },
  { bytes: 'AAEC/w==', type: PNG, more: 1 },
];

raw(
  'a meta of bytes beside another value is 422, and names the value',
  onBothPaths(async (server) => {
    for (const value of NO_BYTES) {
      const single = await server.put('/cache/a', { value, version: 1, meta: 'bytes' });
      const batch = await server.batch({
        ops: [{ op: 'put', key: 'a', value, version: 1, meta: 'bytes' }],
      });
      assert.equal([single.status, batch.status], [422, 422], JSON.stringify(value));
      assert.is(problemSchema.parse(single.body).errors?.[0]?.field, 'value');
      assert.is(problemSchema.parse(batch.body).errors?.[0]?.field, 'ops.0.value');
    }
    for (const meta of ['Bytes', '', [], 1, true])
      assert.is((await server.put('/cache/a', { value: 1, version: 1, meta })).status, 422);
  }),
);

const HEADERS: readonly [
  headers: Record<string, string | string[]>,
  status: number,
  field: string,
][] = [
  [{ 'Hearsay-Version': '' }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': '-1' }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': '1.0' }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': '1e3' }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': 'NEXT' }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': String(MAX_PUT_VERSION + 1) }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-Version': ['1', '2'] }, 422, 'Hearsay-Version'],
  [{ 'Hearsay-TTL-Ms': '0' }, 422, 'Hearsay-TTL-Ms'],
  [{ 'Hearsay-TTL-Ms': 'null' }, 422, 'Hearsay-TTL-Ms'],
  [{ 'Hearsay-TTL-Ms': String(MAX_TTL_MS + 1) }, 422, 'Hearsay-TTL-Ms'],
  [{ 'Hearsay-TTL': '5' }, 422, 'hearsay-ttl'],
  [{ 'Hearsay-Expires-At': '2026-11-27T00:00:00Z' }, 422, 'hearsay-expires-at'],
  [{ 'Content-Type': 'application/json' }, 422, 'Hearsay-Version'],
  [{ 'Content-Type': 'application/ld+json' }, 422, 'Hearsay-Version'],
  [{ 'Content-Type': 'png' }, 415, ''],
  [{ 'Content-Type': '' }, 415, ''],
  [{ 'Content-Type': `a/${'b'.repeat(MAX_MEDIA_TYPE_LENGTH - 1)}` }, 415, ''],
  [{ 'Content-Encoding': 'gzip' }, 415, ''],
];
for (const [headers, status, field] of HEADERS)
  raw(
    `${JSON.stringify(headers).slice(0, 80)} is ${status}`,
    onBothPaths(async (server) => {
      const answer = await put(server, 'x', headers);
      assert.is(answer.status, status);
      assert.is(problemSchema.parse(answer.body).errors?.[0]?.field ?? '', field);
      assert.is((await server.get('/cache/a')).status, 404);
    }),
  );

raw(
  'the greatest version, time to live and type are taken',
  onBothPaths(async (server) => {
    const type = `a/${'b'.repeat(MAX_MEDIA_TYPE_LENGTH - 2)}`;
    const { status } = await put(server, 'x', {
      'Content-Type': type,
      'Hearsay-Version': String(MAX_PUT_VERSION),
      'Hearsay-TTL-Ms': String(MAX_TTL_MS),
    });
    assert.is(status, 200);
    const { headers } = await server.get('/cache/a');
    assert.is(headers['content-type'], type);
    assert.is(headers['hearsay-version'], String(MAX_PUT_VERSION));
  }),
);

raw(
  'a time to live without a version is 422, and so are both without a type',
  onBothPaths(async (server) => {
    const send = (headers: Record<string, string>) =>
      server.send('PUT', '/cache/a', { headers, body: '{"value":1,"version":1}' });
    const late = await send({ 'Content-Type': PNG, 'Hearsay-TTL-Ms': '5' });
    assert.equal(
      [late.status, problemSchema.parse(late.body).errors?.[0]?.field],
      [422, 'Hearsay-Version'],
    );
    for (const name of ['Hearsay-Version', 'Hearsay-TTL-Ms']) {
      const untyped = await send({ [name]: '1' });
      assert.equal(
        [untyped.status, problemSchema.parse(untyped.body).errors?.[0]?.field],
        [422, name],
      );
    }
  }),
);

raw(
  'without a version in the headers a body means what it always meant',
  onBothPaths(async (server) => {
    const send = (headers: Record<string, string>) =>
      server.send('PUT', '/cache/a', { headers, body: '{"value":1,"version":"next"}' });
    assert.is((await send({})).status, 200);
    for (const type of [PNG, 'text/plain', 'application/x-www-form-urlencoded']) {
      const { status, text } = await send({ 'Content-Type': type });
      assert.is(status, 415);
      assert.match(text, 'send Hearsay-Version');
    }
    assert.is((await server.get('/cache/a')).text.slice(0, 10), '{"value":1');
  }),
);

raw(
  'the body may have exactly max-body-bytes, declared or in chunks',
  onBothPaths(
    async (server) => {
      for (const chunked of [{}, { 'Transfer-Encoding': 'chunked' }]) {
        const headers = { 'Hearsay-Version': 'next', ...chunked };
        assert.is((await put(server, Buffer.alloc(64 * KIB, 7), headers)).status, 200);
        assert.is((await server.get('/cache/a')).bytes.length, 64 * KIB);
        assert.is((await put(server, Buffer.alloc(64 * KIB + 1), headers)).status, 413);
      }
    },
    { limits: { maxBodyBytes: 64 * KIB } },
  ),
);

raw(
  'a value that is only in the log comes from there',
  onBothPaths(
    async (server) => {
      const bytes = Buffer.alloc(MIB / 2, 'hearsay');
      for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
        await put(server, bytes, {}, `/cache/${key}`);
      for (const key of ['a', 'h']) {
        const answer = await server.get(`/cache/${key}`);
        assert.ok(answer.bytes.equals(bytes));
        assert.is(answer.headers['content-type'], PNG);
      }
    },
    { maxMemory: 3 * MIB },
  ),
);

raw.run();
