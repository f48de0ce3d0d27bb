/** A head as one text has the bytes of the head that Node writes. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KnownHead, TextHeads, writeKnownHead } from '../../../src/http/answer/textHeads.ts';
import { withServer } from '../testServer.ts';

const heads = suite('text heads');

const BODY = 'é'.repeat(30);
const OK: KnownHead = {
  status: 200,
  contentType: 'application/json',
  contentLength: 60,
  etag: null,
};

type Write = (response: http.ServerResponse) => void;

/** A server whose answers have the heads that are written, one after another. */
async function serving(writes: Write[], options: http.ServerOptions = {}) {
  const server = http.createServer(options, (_, response) => {
    writes.shift()?.(response);
    response.end(BODY);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends the requests one after another on one connection. @returns the answers, each with `Date` replaced. */
async function answersTo(port: number, requests: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  const answers: string[] = [];
  let text = '';
  for (const request of requests) {
    socket.write(request);
    for (;;) {
      const [head, body] = text.split('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/.exec(head ?? '')?.[1]);
      if (body !== undefined && (request.startsWith('HEAD') || body.length === length)) break;
      const [chunk] = await once(socket, 'data');
      text += chunk.toString('latin1');
    }
    answers.push(text.replace(/\r\nDate: [^\r]+\r\n/, '\r\nDate: now\r\n'));
    text = '';
  }
  socket.destroy();
  return answers;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Calls of Node's `writeHead` while it writes. */
function countingWriteHead(write: Write): { write: Write; calls: () => number } {
  let calls = 0;
  return {
    write: (response) => {
      response.writeHead = new Proxy(response.writeHead, {
        apply: (writeHead, self, args) => {
          calls++;
          return Reflect.apply(writeHead, self, args);
        },
      });
      write(response);
    },
    calls: () => calls,
  };
}

/** Waits until a second has just begun, for the date of all heads to be the same. */
async function earlyInASecond(): Promise<void> {
  while (Date.now() % 1000 > 600) await new Promise((resolve) => setTimeout(resolve, 20));
}

heads('a head as one text is that of writeHead, whatever its parts', async () => {
  const ofAnswer = fc.record({
    status: fc.constantFrom(200, 400, 404, 409, 412, 503, 507),
    contentType: fc.constantFrom(
      'application/json',
      'application/problem+json',
      'text/plain; charset=utf-8',
    ),
    contentLength: fc.constant(Buffer.byteLength(BODY)),
    etag: fc.constantFrom(null, '"node1.a/1"', '"node1.abcdef/9007199254740991"'),
  });
  const request = fc.constantFrom(
    GET,
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  const options = fc.constantFrom<http.ServerOptions>({}, { keepAliveTimeout: 65_000 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(ofAnswer, { minLength: 1, maxLength: 6 }),
      request,
      options,
      async (all, asked, server) => {
        const texts = new TextHeads();
        const writes = all.flatMap((head): Write[] => [
          (response) => writeKnownHead(response, head),
          (response) => texts.write(response, head),
        ]);
        await using served = await serving(writes, server);
        const answers = await answersTo(
          served.port,
          writes.map(() => asked),
        );
        for (let index = 0; index < answers.length; index += 2)
          assert.is(answers[index + 1], answers[index]);
      },
    ),
    { numRuns: 40 },
  );
});

heads('of the heads of a second, Node writes the first alone', async () => {
  await earlyInASecond();
  const texts = new TextHeads();
  const counted = Array.from({ length: 4 }, () =>
    countingWriteHead((response) => texts.write(response, OK)),
  );
  await using served = await serving(counted.map(({ write }) => write));
  await answersTo(
    served.port,
    Array.from(counted, () => GET),
  );
  assert.equal(
    counted.map(({ calls }) => calls()),
    [1, 0, 0, 0],
  );
});

heads('while the date of Node is not that of the clock, Node writes each head', async () => {
  const texts = new TextHeads(() => Date.now() + 3_600_000);
  const counted = Array.from({ length: 3 }, () =>
    countingWriteHead((response) => texts.write(response, OK)),
  );
  await using served = await serving(counted.map(({ write }) => write));
  await answersTo(
    served.port,
    Array.from(counted, () => GET),
  );
  assert.equal(
    counted.map(({ calls }) => calls()),
    [1, 1, 1],
  );
});

const OTHERS: readonly (readonly [string, string, Write])[] = [
  [
    'a connection that ends with its answer',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    () => {},
  ],
  ['a header that was set before', GET, (response) => response.setHeader('RateLimit', '"rps";r=1')],
  [
    'an answer after which the server closes',
    GET,
    (response) => {
      response.shouldKeepAlive = false;
    },
  ],
];

for (const [name, request, before] of OTHERS)
  heads(`Node writes the head of ${name}`, async () => {
    const texts = new TextHeads();
    const { write, calls } = countingWriteHead((response) => {
      before(response);
      texts.write(response, OK);
    });
    const byNode: Write = (response) => {
      before(response);
      writeKnownHead(response, OK);
    };
    await using served = await serving([(response) => texts.write(response, OK), write]);
    await using other = await serving([byNode]);
    const [, answer] = [
      ...(await answersTo(served.port, [GET])),
      ...(await answersTo(served.port, [request])),
    ];
    assert.equal([answer], await answersTo(other.port, [request]));
    assert.is(calls(), 1);
  });

heads('a response that has a head gets no other', async () => {
  const texts = new TextHeads();
  let error: unknown;
  const twice: Write = (response) => {
    texts.write(response, OK);
    try {
      texts.write(response, { ...OK, status: 404 });
    } catch (thrown) {
      error = thrown;
    }
  };
  await using served = await serving([(response) => texts.write(response, OK), twice]);
  const [first, second] = await answersTo(served.port, [GET, GET]);
  assert.is(second, first);
  assert.match(String(error), /ERR_HTTP_HEADERS_SENT/);
});

heads(
  'answers on a connection that is kept are alike, whoever wrote their heads',
  withServer(async (server) => {
    await server.put('/cache/a', { value: 'b', version: 1 });
    const batch = '{"ops":[{"op":"get","key":"a"}]}';
    const requests = [
      'GET /cache/a HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET /cache/b HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'PUT /cache/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 23\r\n\r\n{"value":1,"version":1}',
      `POST /cache HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${batch.length}\r\n\r\n${batch}`,
    ];
    const rounds = [requests, requests, requests].map((asked) => answersTo(server.port, asked));
    const [first, ...others] = await Promise.all(rounds);
    for (const other of others) assert.equal(other, first);
    assert.equal(
      first?.map((answer) => answer.split('\r\n', 1)),
      [
        ['HTTP/1.1 200 OK'],
        ['HTTP/1.1 404 Not Found'],
        ['HTTP/1.1 409 Conflict'],
        ['HTTP/1.1 200 OK'],
      ],
    );
  }),
);

heads.run();
