/** Bodies: what is taken for JSON, how long it may be, and that values come back digit for digit. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { MemoryLog } from '../../../src/log/memory.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { newEntries } from '../../support/entries.ts';
import { newAgent, requestTo } from '../carrier.ts';
import { onBothPaths, type TestServer } from '../testServer.ts';

const bodies = suite('bodies');

const PUT = '{"value":1,"version":1}';

const VALUES = [
  '12345678901234567890',
  '0.1000000000000000055',
  '-0',
  '1.0',
  '1E+2',
  '1e999',
  '{"b":1,"a":2,"b":3}',
  '{"10":1,"2":2}',
  '[ 1 ,\n\t2 ]',
  '"\\u0041\\/\\ud800"',
  '{"__proto__":{"x":1},"constructor":null}',
  '"é🙂\u2028"',
  '""',
  '{"value":1,"version":9}',
];
for (const value of VALUES) {
  bodies(
    `the value ${value} comes back as sent, from a batch and a restarted node too`,
    onBothPaths(async (server) => {
      assert.is((await server.put('/cache/a', `{"value":${value},"version":1}`)).status, 200);
      const ops = `{"ops":[{"op":"put","key":"b","version":1,"value":${value}},{"op":"get","key":"b"}]}`;
      const entry = `"value":${value},"version":1,"expires_at":null}`;
      assert.ok((await server.batch(ops)).text.includes(`{"status":200,${entry}]`));
      for (const key of ['a', 'b'])
        assert.is((await server.get(`/cache/${key}`)).text, `{${entry}`);

      const stored = server.log.stored();
      const log = new MemoryLog({ clusterName: 'test', newOrigin: () => '', stored });
      const options = { nodeId: 'node1', place: 'memory', clock: Date.now, limits: defaultLimits };
      const again = await Replica.open({ ...options, log, entries: newEntries() });
      for (const key of ['a', 'b']) {
        const outcome = again.get(key);
        assert.is(outcome.kind === 'found' && outcome.entry.value, value);
      }
      await again.close();
    }),
  );
}

const NOT_JSON: readonly [what: string, body: string | Buffer][] = [
  ['nothing', ''],
  ['text', 'hello'],
  ['NaN', '{"value":NaN,"version":1}'],
  ['Infinity', '{"value":Infinity,"version":1}'],
  ['truncated', '{"value":[1,2'],
  ['with something after it', `${PUT}x`],
  ['with a trailing comma', '{"value":1,"version":1,}'],
  ['with single quotes', "{'value':1,'version':1}"],
  ['with a control character', '{"value":"\u0001","version":1}'],
  ['with a lone escape', '{"value":"\\x","version":1}'],
  ['not UTF-8', Buffer.from('{"value":"\xff","version":1}', 'latin1')],
  ['half of a character', Buffer.from('{"value":"\xc3","version":1}', 'latin1')],
  ['a surrogate in UTF-8', Buffer.from('{"value":"\xed\xa0\x80","version":1}', 'latin1')],
  ['UTF-16', Buffer.from(PUT, 'utf16le')],
];
for (const [what, body] of NOT_JSON) {
  bodies(
    `a body that is ${what} is 422`,
    onBothPaths(async (server) => {
      const { status, body: told } = await server.put('/cache/a', body);
      assert.is(status, 422);
      const problem = problemSchema.parse(told);
      assert.match(problem.detail, /^The body is not (JSON|UTF-8)/);
      assert.is(problem.errors?.[0]?.field, 'body');
      assert.is((await server.get('/cache/a')).status, 404);
    }),
  );
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

bodies(
  'a value nested 100,000 deep is stored and comes back',
  onBothPaths(async (server) => {
    const value = nested(100_000);
    for (const field of ['value', 'meta']) {
      const body = field === 'value' ? `{"value":${value},"version":"next"}` : null;
      const meta = `{"value":1,"version":"next","meta":{"x":${value}}}`;
      assert.is((await server.put('/cache/a', body ?? meta)).status, 200, field);
      const { text } = await server.send('GET', '/cache/a');
      assert.ok(text.includes(value), field);
    }
  }),
);

bodies(
  'a whole body nested half a million deep is 422',
  onBothPaths(async (server) => {
    const { status } = await server.put('/cache/a', nested(500_000));
    assert.is(status, 422);
    assert.is((await server.batch(nested(500_000))).status, 422);
    assert.is((await server.batch(`{"ops":${nested(500_000)}}`)).status, 422);
  }),
);

const TYPES: readonly [type: string | undefined, status: number][] = [
  [undefined, 200],
  ['application/json', 200],
  ['Application/JSON', 200],
  ['application/json; charset=utf-8', 200],
  ['application/json;charset="UTF-8"', 200],
  ['application/json; charset=utf8', 200],
  ['application/merge-patch+json', 200],
  ['application/json; charset=latin1', 415],
  ['application/json; charset=utf-16', 415],
  ['text/plain', 415],
  ['application/x-www-form-urlencoded', 415],
  ['application/jsonx', 415],
  ['application/xml', 415],
  ['json', 415],
  ['', 415],
  [';', 415],
];
for (const [type, status] of TYPES) {
  bodies(
    `Content-Type ${type ?? '(none)'} is ${status}`,
    onBothPaths(async (server) => {
      const headers = type === undefined ? {} : { 'Content-Type': type };
      const answer = await server.send('PUT', '/cache/a', { headers, body: PUT });
      assert.is(answer.status, status);
    }),
  );
}

for (const [coding, status] of [
  ['identity', 200],
  ['gzip', 415],
] as const) {
  bodies(
    `Content-Encoding ${coding} is ${status}`,
    onBothPaths(async (server) => {
      const answer = await server.put('/cache/a', PUT, { 'Content-Encoding': coding });
      assert.is(answer.status, status);
    }),
  );
}

/** A PUT body of exactly that many bytes. */
const putOfLength = (bytes: number): string => {
  const rest = '{"value":"","version":1}'.length;
  return `{"value":"${'x'.repeat(bytes - rest)}","version":1}`;
};

const SMALL = { limits: { maxBodyBytes: 1000, maxDroppedBodyBytes: 64_000 } };
const MIDDLING = { limits: { maxBodyBytes: 10_000 } };

bodies(
  'a body of the limit is stored, one byte more is 413; chunked too',
  onBothPaths(async (server) => {
    for (const transfer of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const path = `/cache/${Object.keys(transfer).length}`;
      assert.is((await server.put(path, putOfLength(1000), transfer)).status, 200);
      const { status, headers, body } = await server.put(path, putOfLength(1001), transfer);
      assert.is(status, 413);
      assert.is(headers['content-type'], 'application/problem+json');
      assert.match(problemSchema.parse(body).detail, /1000 bytes/);
    }
  }, SMALL),
);

bodies(
  'the default limit is 1 MiB',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a', putOfLength(2 ** 20))).status, 200);
    assert.is((await server.put('/cache/a', putOfLength(2 ** 20 + 1))).status, 413);
  }),
);

for (const transfer of ['declared', 'chunked']) {
  bodies(
    `after a ${transfer} body over the limit the connection carries the next request`,
    onBothPaths(async (server) => {
      const agent = newAgent({ keepAlive: true, maxSockets: 1 });
      const headers = transfer === 'chunked' ? { 'Transfer-Encoding': 'chunked' } : {};
      let connections = 0;
      server.server.on('connection', () => connections++);
      for (let round = 0; round < 3; round++) {
        const large = putOfLength(600_000);
        const refused = await server.send('PUT', '/cache/a', { headers, body: large, agent });
        assert.is(refused.status, 413);
        const stored = await server.send('PUT', `/cache/${round}`, { body: PUT, agent });
        assert.is(stored.status, 200);
      }
      assert.is(connections, 1);
      agent.destroy();
    }, MIDDLING),
  );
}

bodies(
  'a declared length over the limit is 413 before any of the body has come',
  onBothPaths(async (server) => {
    const headers = 'Host: x\r\nConnection: close\r\nContent-Length: 1001';
    const answer = await server.exchange(`PUT /cache/a HTTP/1.1\r\n${headers}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 413 /);
  }, SMALL),
);

bodies(
  'a body that goes on far beyond the limit costs its connection',
  onBothPaths(async (server) => {
    const head = 'PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n';
    const answer = await server.exchange(head + 'x'.repeat(9_999_000)).catch(ignoreReset);
    // It may be lost with the connection, which the server had to cut.
    assert.ok(answer === '' || answer.startsWith('HTTP/1.1 413 '));
  }, SMALL),
);

bodies(
  'a refused body of another kind leaves the connection usable',
  onBothPaths(async (server) => {
    const agent = newAgent({ keepAlive: true, maxSockets: 1 });
    const typed = { 'Content-Type': 'text/plain' };
    const body = putOfLength(200_000);
    const refused = await server.send('PUT', '/cache/a', { headers: typed, body, agent });
    assert.is(refused.status, 415);
    const long = await server.send('PUT', `/cache/${'k'.repeat(2000)}`, { body, agent });
    assert.is(long.status, 414);
    assert.is((await server.send('PUT', '/cache/a', { body, agent })).status, 200);
    agent.destroy();
  }),
);

bodies(
  'a client that goes away in the middle of its body harms nobody',
  onBothPaths(async (server) => {
    const closed = new Promise((resolve) => {
      server.server.once('connection', (socket) => socket.once('close', resolve));
    });
    const request = requestTo({ port: server.port, method: 'PUT', path: '/cache/a' });
    request.on('error', () => {});
    request.setHeader('Content-Length', 500_000);
    server.server.once('request', () => request.destroy());
    request.write('{"value":');
    await closed;
    assert.is((await server.put('/cache/b', PUT)).status, 200);
    assert.is((await server.get('/cache/a')).status, 404);
  }),
);

bodies(
  'a byte order mark before the JSON is passed over',
  onBothPaths(async (server) => {
    assert.is((await server.put('/cache/a', `\ufeff${PUT}`)).status, 200);
    assert.match((await server.get('/cache/a')).text, '"value":1,');
  }),
);

bodies(
  'a small value does not keep the body alive that it came in',
  onBothPaths(async (server) => {
    const value = '"a value that is longer than thirteen"';
    const filler = ' '.repeat(900_000);
    const before = heapUsed();
    for (let index = 0; index < 40; index++) await fill(server, index, value, filler);
    const grown = heapUsed() - before;
    assert.ok(grown < 10_000_000, `grew by ${grown} bytes`);
    assert.ok((await server.get('/cache/key-one-of-many-39')).text.includes(value));
  }),
);

async function fill(server: TestServer, index: number, value: string, filler: string) {
  const single = `{"value":${value},"version":1,"meta":{"values":["Date"]}${filler}}`;
  assert.is((await server.put(`/cache/key-one-of-many-${index}`, single)).status, 200);
  const op = `{"op":"put","key":"another-of-many-${index}","value":${value},"version":1}`;
  assert.is((await server.batch(`{"ops":[${op}${filler}]}`)).status, 200);
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage: unknown = runInNewContext('gc');
  if (typeof collectGarbage === 'function') collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** A server that cuts a connection on which more comes is seen as a reset. */
function ignoreReset(error: unknown): string {
  if (error instanceof Error && 'code' in error && /ECONNRESET|EPIPE/.test(String(error.code)))
    return '';
  throw error;
}

bodies(
  'a field that is given twice is refused by name, and nothing is stored',
  onBothPaths(async (server) => {
    const put = (fields: string) => server.put('/cache/a', `{${fields}}`);
    const op = (fields: string) => server.batch(`{"ops":[{"op":"get","key":"b"},{${fields}}]}`);
    const wrong = [
      ['value', put('"value":1,"value":2,"version":1')],
      ['value', put('"value":1,"version":1,"v\\u0061lue":2')],
      ['version', put('"value":1,"version":1,"version":2')],
      ['ttl_ms', put('"value":1,"version":1,"ttl_ms":1,"ttl_ms":null')],
      ['ops.1.value', op('"op":"put","key":"a","version":1,"value":1,"value":2')],
      ['ops.1.key', op('"op":"delete","key":"a","key":"b"')],
      ['ops', server.batch('{"ops":[],"ops":[{"op":"put","key":"a","value":1,"version":1}]}')],
    ] as const;
    for (const [field, sent] of wrong) {
      const { status, body } = await sent;
      assert.is(status, 422);
      assert.is(problemSchema.parse(body).detail, `${field} is given more than once.`);
    }
    assert.is((await server.get('/cache/a')).status, 404);
    // A value is kept as it came, and unknown fields are ignored.
    assert.is((await put('"value":{"n":1,"n":2},"version":1,"x":1,"x":2')).status, 200);
  }),
);

bodies(
  'a sentence counts the other fields at fault, not how often one is',
  onBothPaths(async (server) => {
    const key = `\ud800${'k'.repeat(defaultLimits.maxKeyBytes)}`;
    const ops = [{ op: 'put', key, value: 1, version: -1, ttl_ms: 0 }];
    const { body } = await server.batch(JSON.stringify({ ops }));
    const { detail, errors } = problemSchema.parse(body);
    assert.match(detail, /^ops\.0\.key .* \(and 2 more\)\.$/);
    assert.equal(
      errors?.map(({ field }) => field),
      ['ops.0.key', 'ops.0.key', 'ops.0.version', 'ops.0.ttl_ms'],
    );
  }),
);

bodies.run();
