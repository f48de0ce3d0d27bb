/** Requests as bytes, right and wrong, and what an accident or an attacker makes of them. */
import fc from 'fast-check';

const HOST = 'Host: localhost\r\n';
const BODY = '{"value":1,"version":"next"}';
const BATCH =
  '{"ops":[{"op":"get","key":"a"},{"op":"put","key":"b","value":[1],"version":"next"}]}';
const LINES = '{"op":"get","key":"a"}\n{"op":"put","key":"b","value":[1],"version":"next"}\nnone';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

const withBody = (method: string, target: string, body: string, headers = ''): string =>
  `${method} ${target} HTTP/1.1\r\n${HOST}${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
const get = (target: string, headers = ''): string =>
  `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`;
const chunked = (body: string): string =>
  `PUT /cache/c HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
  `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** Requests whose answers do not depend on when, or how often, they come. */
export const CONSTANT_REQUESTS: readonly string[] = [
  get('/cache/kept'),
  withBody('POST', '/cache', '{"ops":[{"op":"get","key":"kept"}]}'),
  get('/cache?prefix=kept&limit=1'),
  `HEAD /cache/kept HTTP/1.1\r\n${HOST}\r\n`,
  `DELETE /cache/kept?version=1 HTTP/1.1\r\n${HOST}\r\n`,
  withBody('PUT', '/cache/kept', '{"value":0,"version":1}'),
  get('/cache/kept', 'If-None-Match: *\r\n'),
];

export const REQUESTS: readonly string[] = [
  ...CONSTANT_REQUESTS,
  withBody('PUT', '/cache/a', BODY, 'Content-Type: application/json\r\n'),
  withBody('PUT', '/cache/a', BODY, 'If-None-Match: *\r\nExpect: 100-continue\r\n'),
  withBody('PUT', '/cache/a?acks=9&timeout_ms=5', BODY),
  withBody('POST', '/cache', BATCH),
  withBody('POST', '/cache', LINES, 'Content-Type: application/x-ndjson\r\n'),
  chunked(BODY),
  get('/cache/a?at=-1ms'),
  get('/cache/a', 'Hearsay-After: WzEsImMiLHt9LDBd\r\n'),
  get('/watch?prefix=z', ''),
  get('/watch?cursor=x', 'Accept: text/event-stream\r\nLast-Event-ID: y\r\n'),
  get('/watch', UPGRADE),
  get('/gossip', `${UPGRADE}X-Internal-Token: guess\r\n`),
  get('/nothing', UPGRADE),
  get('/_log', 'X-Internal-Token: guess\r\n'),
  withBody('POST', '/_cluster/retire', '{"member":"node1"}', 'X-Internal-Token: guess\r\n'),
  get('/_health', 'Origin: https://elsewhere.example\r\n'),
  get('http://elsewhere.example/cache/a'),
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `CONNECT elsewhere.example:1 HTTP/1.1\r\n${HOST}\r\n`,
  'GET /cache/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET /cache/a\r\n\r\n',
  withBody('PUT', '/cache/a', BODY, 'Content-Length: 3\r\n'),
  withBody('PUT', '/cache/a', BODY, 'Transfer-Encoding: chunked\r\n'),
];

/** Bytes that mean something to a parser of HTTP, of a target, of JSON or of a WebSocket. */
const SIGNS = [
  '\r\n',
  '\r',
  '\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\0',
  '%',
  '%00',
  '%2F',
  '?',
  '#',
  '//',
  '0',
  '-1',
  '+1',
  '0x1',
  '99999999999999999999',
  'ffffffffffffffff',
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\u',
  'chunked',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 7\r\n',
  'Connection: close\r\n',
  'Upgrade: h2c\r\n',
  'HTTP/1.1',
  'HTTP/2.0',
  'GET ',
  'PUT ',
  '\x7f',
  '\x80',
  '\xff',
  '\x89\x80',
  'x'.repeat(300),
] as const;

const change = fc.record({
  at: fc.nat(),
  dropped: fc.oneof(fc.constant(0), fc.nat({ max: 4 }), fc.nat({ max: 60 })),
  added: fc.oneof(fc.constant(''), fc.constantFrom(...SIGNS)),
});

/** Latin-1: a character is a byte. */
const changed = fc
  .tuple(fc.constantFrom(...REQUESTS), fc.array(change, { maxLength: 3 }))
  .map(([request, changes]) =>
    changes.reduce((text, { at, dropped, added }) => {
      const index = at % (text.length + 1);
      return text.slice(0, index) + added + text.slice(index + dropped);
    }, request),
  );

export interface Stream {
  readonly bytes: Buffer;
  /** Where it is cut: what is behind it is sent later. */
  readonly cut: number;
}

/** Requests on one connection, sent ahead of their answers. */
export const stream: fc.Arbitrary<Stream> = fc
  .tuple(fc.array(changed, { minLength: 1, maxLength: 5 }), fc.nat())
  .map(([requests, cut]) => {
    const bytes = Buffer.from(requests.join(''), 'latin1');
    return { bytes, cut: cut % (bytes.length + 1) };
  });
