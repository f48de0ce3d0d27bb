/** Methods and paths as RFC 9110 has them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { onBothPaths } from '../testServer.ts';

const methods = suite('methods');

const ENTRY = 'DELETE, GET, HEAD, OPTIONS, PUT';
const CACHE = 'DELETE, GET, HEAD, OPTIONS, POST';
const READ_ONLY = 'GET, HEAD, OPTIONS';

for (const [path, allow] of [
  ['/cache/a', ENTRY],
  ['/cache/%zz', ENTRY],
  ['/cache', CACHE],
  ['/cache?prefix=a', CACHE],
  ['/_health', READ_ONLY],
  ['/_cluster', READ_ONLY],
  ['/metrics', READ_ONLY],
  ['/openapi.json', READ_ONLY],
] as const) {
  methods(
    `OPTIONS ${path} is 204 and allows ${allow}`,
    onBothPaths(async (server) => {
      const { status, headers, text } = await server.send('OPTIONS', path);
      assert.is(status, 204);
      assert.is(headers.allow, allow);
      assert.is(text, '');
    }),
  );

  methods(
    `a method that ${path} does not know is 405 and told what is allowed`,
    onBothPaths(async (server) => {
      for (const method of ['PATCH', 'TRACE', 'PROPFIND', 'MKCOL', 'LOCK', 'QUERY']) {
        const { status, headers, body } = await server.send(method, path);
        assert.is(status, 405, method);
        assert.is(headers.allow, allow);
        assert.is(headers['content-type'], 'application/problem+json');
        assert.is(problemSchema.parse(body).status, 405);
      }
    }),
  );
}

methods(
  'OPTIONS * is 204',
  onBothPaths(async (server) => {
    const { status, headers } = await server.send('OPTIONS', '*');
    assert.is(status, 204);
    assert.is(headers.allow, 'DELETE, GET, HEAD, OPTIONS, POST, PUT');
  }),
);

for (const path of [
  '/',
  '/nothing',
  '/_HEALTH',
  '/_health/',
  '/cache/',
  '/metrics/x',
  '/%zz',
  '/?x',
]) {
  methods(
    `${path} is an unknown path: 404 for every method`,
    onBothPaths(async (server) => {
      for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']) {
        const { status, headers, body } = await server.send(method, path);
        assert.is(status, 404, method);
        assert.is(headers['content-type'], 'application/problem+json');
        assert.is(problemSchema.parse(body).detail, 'There is nothing at this path.');
      }
    }),
  );
}

methods(
  'HEAD is GET without the body: same status, same headers',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: '🙂', version: 1 });
    const paths = ['/cache/a', '/cache/none', '/cache', '/_health', '/openapi.json', '/cache/%zz'];
    for (const path of paths) {
      const got = await server.get(path);
      const { status, headers, text } = await server.send('HEAD', path);
      assert.is(status, got.status, path);
      assert.is(text, '');
      assert.equal({ ...headers, date: '' }, { ...got.headers, date: '' });
      assert.is(headers['content-length'], String(Buffer.byteLength(got.text)));
    }
    const etag = (await server.get('/cache/a')).headers.etag ?? '';
    const { status } = await server.send('HEAD', '/cache/a', {
      headers: { 'If-None-Match': etag },
    });
    assert.is(status, 304);
  }),
);

methods(
  'a method that HTTP does not know is 400, and the connection is closed',
  onBothPaths(async (server) => {
    const answer = await server.exchange('FOO /cache/a HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 400 /);
  }),
);

methods.run();
