/** The short path takes a request only where it gives the answer of the general path, and then gives that answer. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { onBothPaths } from './testServer.ts';

const paths = suite('short path');

const KEYS = ['a', '%61', 'a%2Fb', '%', '%zz', '%C3%A9', '%ED%A0%80', '..', 'k'.repeat(1100), ''];
const QUERIES = [
  '',
  '?',
  '?_=1',
  '?at=now',
  '?acks=1',
  '?acks=x',
  '?version=1',
  '?other=1',
  '?acks=1&acks=1',
];
const PLACES = ['/cache/', '/cache//', '/Cache/', '/cach', 'http://elsewhere/cache/', '*'];
const ENDS = ['', '/', '#', '/b'];
const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'OPTIONS', 'PATCH'];
const HEADERS = [
  {},
  { origin: 'http://localhost' },
  { origin: 'https://elsewhere.example' },
  { 'hearsay-after': 'x' },
  { 'if-match': '*' },
  { 'if-none-match': '*' },
  { 'if-none-match': 'x' },
  { 'content-type': 'text/plain' },
  { 'content-encoding': 'gzip' },
  { 'content-type': 'image/png', 'hearsay-version': 'next' },
  { 'content-type': 'image/png', 'hearsay-version': 'x', 'hearsay-ttl-ms': '5' },
  { 'content-type': 'application/json', 'hearsay-version': '1' },
];
const BODIES = [
  undefined,
  '{"value":1,"version":"next"}',
  '{"value":1,"version":"next","ttl":5}',
  '{"value":1}',
  '{"version":1,"value":{"b":1.0,"b":2}}',
  '[]',
  '{',
  'null',
];

paths(
  'any shape of a request for a key gets the same bytes on both paths',
  onBothPaths(async (server) => {
    const request = fc.record({
      method: fc.constantFrom(...METHODS),
      place: fc.constantFrom(...PLACES),
      key: fc.constantFrom(...KEYS),
      end: fc.constantFrom(...ENDS),
      query: fc.constantFrom(...QUERIES),
      headers: fc.constantFrom(...HEADERS),
      body: fc.constantFrom(...BODIES),
    });
    const shape = fc.asyncProperty(
      request,
      async ({ method, place, key, end, query, headers, body }) => {
        const sent = body === undefined ? { headers } : { headers, body };
        const { status } = await server.send(method, `${place}${key}${end}${query}`, sent);
        assert.ok(status < 500);
      },
    );
    await fc.assert(shape, { numRuns: 500 });
  }),
);

const BATCH_TARGETS = ['/cache', '/cache?', '/cache?_=1', '/cache/', '/Cache', '/cache#'];
const BATCH_HEADERS = [
  ...HEADERS,
  { 'content-type': 'application/json; charset=utf-8' },
  { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  { 'content-type': 'application/x-ndjson' },
];
const BATCHES = [
  undefined,
  '{"ops":[]}',
  '{"ops":[{"op":"put","key":"a","value":[1.0],"version":"next"},{"op":"get","key":"a"}]}',
  '{"ops":[{"op":"put","key":"ä","value":"ä","version":"next"},{"op":"get","key":"ä"}]}',
  '{"ops":[{"op":"touch","key":"a","ttl_ms":5},{"op":"delete","key":"a"}]}',
  '{"ops":[{"op":"put","key":"a","value":1,"version":"next","ttl":5}]}',
  '{"ops":[{"op":"put","key":"","value":1,"version":1}],"ops":[]}',
  '{"ops":[{"op":"get","key":"a"},]}',
  '{"op":"get","key":"a"}',
  '[]',
];

paths(
  'any shape of a batch gets the same bytes on both paths',
  onBothPaths(async (server) => {
    const request = fc.record({
      method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT'),
      target: fc.constantFrom('/cache', ...BATCH_TARGETS),
      headers: fc.constantFrom({}, ...BATCH_HEADERS),
      body: fc.constantFrom(...BATCHES),
    });
    const shape = fc.asyncProperty(request, async ({ method, target, headers, body }) => {
      const sent = body === undefined ? { headers } : { headers, body };
      const { status } = await server.send(method, target, sent);
      assert.ok(status < 500);
    });
    await fc.assert(shape, { numRuns: 300 });
  }),
);

paths(
  'requests by the short path are counted under the route of the general path',
  onBothPaths(async (server) => {
    await server.put('/cache/a', { value: 1, version: 'next' });
    await server.get('/cache/a');
    await server.get('/cache/a?_=1');
    await server.batch({ ops: [] });
    await server.send('POST', '/cache?_=1', { body: '{"ops":[]}' });
    const { text } = await server.get('/metrics');
    assert.match(text, 'hearsay_http_requests_total{route="/cache",method="POST",status="200"} 2');
    assert.match(
      text,
      'hearsay_http_requests_total{route="/cache/:key",method="PUT",status="200"} 1',
    );
    assert.match(
      text,
      'hearsay_http_requests_total{route="/cache/:key",method="GET",status="200"} 2',
    );
    assert.match(
      text,
      'hearsay_http_request_duration_seconds_count{route="/cache/:key",method="GET"} 2',
    );
  }),
);

paths.run();
