// time limit: 120 s
/**
 * No input gives a 500: whatever is sent, it is answered as planned, errors as problem details, and
 * the server goes on. A failing run prints the input and the seed that makes it again.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { codePoint } from '../support/texts.ts';
import { type Answer, type TestServer, withServer } from './testServer.ts';

const fuzz = suite('fuzz');

const PLANNED = new Set([200, 204, 304, 400, 404, 405, 409, 413, 414, 415, 422]);

function isPlanned({ status, headers, body }: Answer): void {
  assert.ok(PLANNED.has(status), `status ${status}`);
  if (status < 400 || body === null) return;
  assert.is(headers['content-type'], 'application/problem+json');
  assert.is(problemSchema.parse(body).status, status);
}

const check = <T>(
  arbitrary: fc.Arbitrary<T>,
  send: (input: T) => Promise<Answer>,
  numRuns: number,
) =>
  fc.assert(
    fc.asyncProperty(arbitrary, async (input) => isPlanned(await send(input))),
    { numRuns },
  );

const name = fc.constantFrom(
  ...[
    'value',
    'version',
    'ttl_ms',
    'meta',
    'ops',
    'op',
    'key',
    '__proto__',
    'constructor',
    'x',
  ].map((text) => JSON.stringify(text)),
  '"\\u0076alue"',
  '"\\u005f_proto__"',
);

/** JSON that was made to hurt: odd numbers, names with a meaning, things given twice. */
const hostileJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom('null', 'true', '-0', '1e400', '12345678901234567890', '0.1', '""', '[]', '{}'),
    fc.json({ maxDepth: 2 }),
    fc.string({ unit: codePoint }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\ud800"', '"\\u0000"', '"next"', '"put"', '9007199254740991', '5'),
    fc.array(tie('value')).map((elements) => `[${elements.join()}]`),
    fc
      .array(fc.tuple(name, tie('value')))
      .map((members) => `{${members.map(([key, value]) => `${key} :${value}`).join(' ,')}}`),
  ),
})).value;

/** Members of a request, each of which may be right, wrong, missing, or there twice. */
const members = (...known: readonly [name: string, values: readonly string[]][]) =>
  fc
    .array(
      fc.oneof(
        ...known.map(([key, values]) =>
          fc.oneof(fc.constantFrom(...values), hostileJson).map((value) => `"${key}":${value}`),
        ),
        fc.tuple(name, hostileJson).map(([key, value]) => `${key}:${value}`),
      ),
      { maxLength: 8 },
    )
    .map((list) => `{${list.join()}}`);

const VALUE = ['value', ['1', 'null']] as const;
const VERSION = ['version', ['1', '"next"']] as const;
const TTL = ['ttl_ms', ['1', 'null']] as const;

const putBody = members([...VALUE], [...VERSION], [...TTL], ['meta', ['{}', 'null']]);
const op = members(
  ['op', ['"put"', '"get"', '"delete"']],
  ['key', ['"a"', '"b"']],
  [...VALUE],
  [...VERSION],
  [...TTL],
);
const batchBody = fc.oneof(
  fc.array(fc.oneof(op, hostileJson), { maxLength: 5 }).map((ops) => `{"ops":[${ops.join()}]}`),
  members(['ops', ['[]', '[{"op":"get","key":"a"}]']]),
);

/** A text with some of its characters changed, dropped or doubled: nearly JSON. */
const damaged = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(text, fc.nat(), fc.nat({ max: 3 }), fc.string({ unit: codePoint, maxLength: 2 }))
    .map(([whole, at, dropped, added]) => {
      const index = at % (whole.length + 1);
      return whole.slice(0, index) + added + whole.slice(index + dropped);
    });

const bodyOf = (body: fc.Arbitrary<string>): fc.Arbitrary<string | Buffer> =>
  fc.oneof(
    { weight: 4, arbitrary: body },
    damaged(body),
    hostileJson,
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  );

fuzz(
  'no body of a PUT gives a 500, and what is stored can be read',
  withServer(async (server) => {
    const send = async (body: string | Buffer): Promise<Answer> => {
      isPlanned(await server.get('/cache/a'));
      return server.put('/cache/a', body);
    };
    await check(bodyOf(putBody), send, 600);
  }),
);

fuzz(
  'no body of a batch gives a 500',
  withServer(async (server) => {
    await check(bodyOf(batchBody), (body) => server.batch(body), 600);
  }),
);

/** Characters that HTTP lets pass in a target, and escapes good and bad. */
const targetPart = fc.oneof(
  fc.constantFrom(...'/?#&=+.%;:@!*~"<>[]{}|\\^`azAZ09'),
  fc.constantFrom('%2F', '%zz', '%', '%4', '%00', '%ff', '%F0%9F%99%82', '%ED%A0%80', '%25', '%20'),
  fc.constantFrom(
    '/cache',
    '/cache/',
    '/_health',
    'prefix=',
    'after=',
    'limit=',
    'version=',
    'all=',
  ),
  fc
    .string({ unit: codePoint, maxLength: 3 })
    .map((text) => encodeURIComponent(text.toWellFormed())),
);
const target = fc
  .tuple(
    fc.constantFrom(
      '/',
      '/cache',
      '/cache/',
      '/cache?',
      '/cache/a?',
      '//',
      'http://x',
      'http://[::',
    ),
    fc.array(targetPart, { maxLength: 12 }),
  )
  .map(([start, parts]) => start + parts.join(''));
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE');

fuzz(
  'no method with any target gives a 500',
  withServer(async (server) => {
    const body = '{"value":1,"version":"next"}';
    await check(
      fc.tuple(method, target),
      ([verb, path]) => server.send(verb, path, { body }),
      1000,
    );
  }),
);

const headerName = fc.constantFrom(
  'Content-Type',
  'Content-Encoding',
  'If-Match',
  'If-None-Match',
  'Accept',
  'Expect',
  'Upgrade',
  'Connection',
  'Transfer-Encoding',
  'X-Internal-Token',
);
const headerValue = fc.oneof(
  fc.constantFrom('application/json', '*', 'W/"', '"', '"a', ';', 'charset=', 'chunked', 'close'),
  fc.constantFrom(
    'h2c',
    'websocket',
    '100-continue',
    'application/json; charset="',
    'x'.repeat(5000),
  ),
  fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
);

fuzz(
  'no header gives a 500, and the server goes on whatever came',
  withServer(async (server) => {
    const input = fc.tuple(method, fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }));
    const property = fc.asyncProperty(input, async ([verb, headers]) => {
      assert.not.match(await answersTo(server, verb, headers), /^HTTP\/1\.1 5/m);
    });
    await fc.assert(property, { numRuns: 500 });
    assert.is((await server.get('/_health')).status, 200);
  }),
);

/** All that comes back until the connection is closed, by a reset perhaps. */
function answersTo(server: TestServer, verb: string, headers: [string, string][]): Promise<string> {
  const lines = headers.map(([key, value]) => `${key}: ${value}`);
  const start = [`${verb} /cache/a HTTP/1.1`, 'Host: x', 'Content-Length: 2', ...lines].join(
    '\r\n',
  );
  const last = 'GET /_health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  return server.exchange(`${start}\r\n\r\n{}${last}`).catch(() => '');
}

fuzz.run();
