/** One op a line: each gets the answer of a batch's op, in order, while the body still comes. */
import type * as http from 'node:http';
import type { Socket } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stretch, waitFor } from '../../support/processes.ts';
import { codePoint } from '../../support/texts.ts';
import { connectionEvent, requestTo } from '../carrier.ts';
import { type TestServer, withServer } from '../testServer.ts';

const bulk = suite('bulk stream');

const TYPE = { 'Content-Type': 'application/x-ndjson' };

interface Line {
  readonly status?: number;
  readonly line?: number;
  readonly count?: number;
  readonly detail?: string;
  readonly token?: string;
}

/** A request whose body the test writes piece by piece. */
class Stream implements Disposable {
  text = '';
  status: number | null = null;
  isEnded = false;
  response: http.IncomingMessage | null = null;
  readonly request: http.ClientRequest;

  constructor(port: number, isReading = true) {
    const options = { port, method: 'POST', path: '/cache', headers: TYPE, agent: false };
    this.request = requestTo(options, (response) => {
      this.status = response.statusCode ?? 0;
      this.response = response;
      if (isReading) this.read();
    });
    this.request.on('error', () => {});
    this.request.flushHeaders();
  }

  read(): void {
    this.response?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.response?.on('end', () => {
      this.isEnded = true;
    });
  }

  get lines(): Line[] {
    const texts = this.text.split('\n').slice(0, -1);
    return texts.map((text) => JSON.parse(text));
  }

  async until(lines: number): Promise<void> {
    await waitFor(() => this.lines.length >= lines, 20_000, `${lines} lines do not come`);
  }

  async ended(): Promise<void> {
    await waitFor(() => this.isEnded, 20_000, 'The answer does not end');
  }

  [Symbol.dispose](): void {
    this.request.destroy();
  }
}

const put = (key: string, value: unknown = 1) =>
  `${JSON.stringify({ op: 'put', key, value, version: 'next' })}\n`;

/** Sends the pieces as chunks of their own. */
async function sendAll(server: TestServer, pieces: readonly (string | Buffer)[]): Promise<Stream> {
  const stream = new Stream(server.port);
  for (const piece of pieces) {
    stream.request.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.request.end();
  await stream.ended();
  return stream;
}

bulk(
  'a line is answered before the next one comes, and the last line has the count and the token',
  withServer(async (server) => {
    using stream = new Stream(server.port);
    stream.request.write(put('a'));
    await stream.until(1);
    assert.is(server.replica.get('a').kind, 'found');
    stream.request.write(
      '{"op":"get","key":"a"}\n{"op":"delete","key":"a"}\n{"op":"get","key":"a"}\n',
    );
    await stream.until(4);
    stream.request.end();
    await stream.ended();
    assert.equal(
      stream.lines.map(({ status }) => status),
      [200, 200, 200, 404, undefined],
    );
    const [last] = stream.lines.slice(-1);
    assert.is(last?.count, 4);
    const after = { 'Hearsay-After': last?.token };
    assert.is((await server.get('/cache/a', after)).status, 404);
  }),
);

bulk(
  'each result names the line of its op, and empty lines count',
  withServer(async (server) => {
    const body = [put('a'), '\n', '{"op":"put"}\n', '\r\n', put('b'), '{"op":"get","key":"c"}'];
    using stream = await sendAll(server, body);
    assert.equal(
      stream.lines.map(({ status, line }) => [status, line]),
      [
        [200, 1],
        [422, 3],
        [200, 5],
        [404, 6],
        [undefined, undefined],
      ],
    );
  }),
);

const op = fc.oneof(
  fc.record({
    op: fc.constant('put'),
    key: fc.constantFrom('a', 'b', 'é', '🌍'),
    value: fc.oneof(fc.string({ unit: codePoint }), fc.double(), fc.constant(null)),
    version: fc.oneof(fc.constant('next'), fc.integer({ min: -1, max: 5 })),
  }),
  fc.record({ op: fc.constant('get'), key: fc.constantFrom('a', 'b', '') }),
  fc.record({ op: fc.constantFrom('delete', 'other'), key: fc.constantFrom('a', 'b') }),
);

bulk('the answers are those of one batch a line, wherever the body is cut', async () => {
  const ops = fc.array(op, { maxLength: 8 });
  const cuts = fc.array(fc.nat(400), { maxLength: 5 });
  const ends = fc.constantFrom('\n', '\r\n', '\n\n');
  const property = fc.asyncProperty(ops, cuts, ends, async (sent, cutAt, end) => {
    await withServer((single) =>
      withServer(async (server) => {
        const body = Buffer.from(sent.map((one) => JSON.stringify(one)).join(end));
        const places = [...new Set(cutAt.filter((place) => place < body.length))].sort(
          (a, b) => a - b,
        );
        const pieces = [...places, body.length].map((place, index) =>
          body.subarray(places[index - 1] ?? 0, place),
        );
        using stream = await sendAll(server, pieces);
        const singly = [];
        for (const one of sent) {
          const { status, whole } = await single.batch({ ops: [one] });
          const [result] = (whole as { results?: { status: number }[] }).results ?? [];
          singly.push(result ?? { status });
        }
        const told = stream.lines.slice(0, -1);
        assert.equal(
          told.map(({ status }) => status),
          singly.map(({ status }) => status),
        );
        const linesOfOp = end === '\n\n' ? 2 : 1;
        for (const [index, result] of told.entries()) {
          const line = index * linesOfOp + 1;
          assert.is(result.line, line);
          if (result.status === 200) assert.equal(result, { ...singly[index], line });
        }
        assert.is(stream.lines.at(-1)?.count, sent.length);
      })(),
    )();
  });
  await fc.assert(property, { numRuns: 60 });
});

bulk(
  'a malformed line gets its problem, and the lines around it are carried out',
  withServer(async (server) => {
    const pieces = [
      put('a'),
      'nonsense\n',
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      '[]\n',
      put('b'),
    ];
    using stream = await sendAll(server, pieces);
    assert.equal(
      stream.lines.map(({ status }) => status),
      [200, 422, 422, 422, 200, undefined],
    );
    assert.is(server.replica.get('b').kind, 'found');
  }),
);

bulk(
  'a time to live under another name is refused',
  withServer(async (server) => {
    using stream = await sendAll(server, [
      '{"op":"put","key":"a","value":1,"version":1,"ttl":5}\n',
    ]);
    assert.match(stream.lines[0]?.detail ?? '', 'the time to live is ttl_ms');
    assert.is(server.replica.get('a').kind, 'absent');
  }),
);

bulk(
  'a line above the bound ends the answer without its last line, and stores nothing of it',
  withServer(
    async (server) => {
      using stream = new Stream(server.port);
      stream.request.write(put('a'));
      await stream.until(1);
      stream.request.end(put('b', 'x'.repeat(2000)));
      await stream.ended();
      assert.equal(
        stream.lines.map(({ status }) => status),
        [200, 413],
      );
      assert.is(server.replica.get('b').kind, 'absent');
      using first = await sendAll(server, [put('c', 'x'.repeat(2000))]);
      assert.is(first.status, 413);
    },
    { limits: { maxBodyBytes: 1000 } },
  ),
);

bulk(
  'more lines than a batch may have are stored in several commits',
  withServer(
    async (server) => {
      const lines = Array.from({ length: 100 }, (_, index) => put(`key${index}`));
      using stream = await sendAll(server, [lines.join('')]);
      assert.is(stream.lines.at(-1)?.count, 100);
      assert.ok(stream.lines.slice(0, -1).every(({ status }) => status === 200));
    },
    { limits: { maxBatchOps: 7 } },
  ),
);

bulk(
  'a client that reads no answers is not read either, and loses nothing once it reads',
  withServer(async (server) => {
    const bytes = 500_000;
    const count = 400;
    await server.put('/cache/large', { value: 'x'.repeat(bytes), version: 1 });
    const sockets: Socket[] = [];
    server.server.on(connectionEvent(), (socket: Socket) => sockets.push(socket));
    using stream = new Stream(server.port, false);
    stream.request.end('{"op":"get","key":"large"}\n'.repeat(count));
    await waitFor(() => stream.response !== null, 20_000, 'Nothing is answered');
    const isHeld = () => (sockets[0]?.writableLength ?? 0) > 0;
    await waitFor(isHeld, 20_000, 'The answers do not wait');
    // All answers together take 200 MB.
    for (let round = 0; round < 10; round++) {
      assert.is((await server.get('/cache/large')).status, 200);
      assert.ok((sockets[0]?.writableLength ?? 0) < 4 * bytes);
    }
    stream.read();
    await stream.ended();
    assert.is(stream.lines.length, count + 1);
  }),
);

bulk(
  'above the bound of requests a further one gets 503, and the metric tells of those under way',
  withServer(
    async (server) => {
      using stream = new Stream(server.port);
      stream.request.write(put('a'));
      await stream.until(1);
      assert.match((await server.get('/metrics')).text, 'hearsay_bulk_requests 1\n');
      using refused = await sendAll(server, [put('b')]);
      assert.is(refused.status, 503);
      stream.request.end();
      await stream.ended();
      using next = await sendAll(server, [put('b')]);
      assert.is(next.status, 200);
    },
    { limits: { maxBulkRequests: 1 } },
  ),
);

bulk(
  'lines wait for room in the queue',
  withServer(
    async (server) => {
      // One request waits for the commit under way, and fills the queue.
      const others = ['x', 'y'].map((key) => server.put(`/cache/${key}`, { value: 1, version: 1 }));
      using stream = await sendAll(server, [put('a') + put('b')]);
      assert.equal(
        stream.lines.map(({ status }) => status),
        [200, 200, undefined],
      );
      await Promise.all(others);
    },
    {
      limits: { maxQueuedOps: 1 },
      log: { commitDelay: () => new Promise((resolve) => setTimeout(resolve, 20)) },
    },
  ),
);

bulk('a client that sends nothing more for the send timeout is told so', async () => {
  const sendTimeoutMs = 500 * stretch();
  await withServer(
    async (server) => {
      using stream = new Stream(server.port);
      stream.request.write(put('a'));
      await stream.until(2);
      assert.is(stream.lines[1]?.status, 408);
      await stream.ended();
    },
    { sendTimeoutMs },
  )();
});

bulk(
  'a body of lines may take longer than a request may',
  withServer(async (server) => {
    server.server.requestTimeout = 1;
    server.server.headersTimeout = 1;
    using stream = new Stream(server.port);
    stream.request.write(put('a'));
    await stream.until(1);
    const plain = server.exchange(
      'PUT /cache/k HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n{"value":1',
    );
    assert.match(await plain, 'HTTP/1.1 408 ');
    stream.request.end(put('b'));
    await stream.ended();
    assert.is(stream.lines.at(-1)?.count, 2);
  }),
);

bulk(
  'a wrong charset or coding is refused, and conditions are too',
  withServer(async (server) => {
    const statusOf = async (headers: http.OutgoingHttpHeaders) =>
      (await server.send('POST', '/cache', { headers, body: put('a') })).status;
    assert.is(await statusOf({ 'Content-Type': 'application/x-ndjson; charset=latin1' }), 415);
    assert.is(await statusOf({ ...TYPE, 'Content-Encoding': 'gzip' }), 415);
    assert.is(await statusOf({ ...TYPE, 'If-Match': '*' }), 422);
    assert.is(await statusOf({ 'Content-Type': 'application/x-ndjson; charset=UTF-8' }), 200);
  }),
);

bulk(
  'lines that ask for long values are answered in parts, each as the lines before it left the entry',
  withServer(async (server) => {
    const value = 'x'.repeat(400_000);
    (await sendAll(server, [put('long', value)])).request.end();
    await waitFor(async () => (await server.get('/cache/long')).status === 200, 20_000, 'no entry');
    const get = '{"op":"get","key":"long"}\n';
    // Of a commit three are more than a mebibyte.
    const stream = await sendAll(server, [
      `${get.repeat(7)}${put('long', 1)}${get}{"op":"none"}\n${get}`,
    ]);
    await stream.ended();
    const { lines } = stream;
    assert.equal(
      lines.slice(0, -1).map(({ status, line }) => [status, line]),
      [200, 200, 200, 200, 200, 200, 200, 200, 200, 422, 200].map((status, index) => [
        status,
        index + 1,
      ]),
    );
    const values = lines.map((one) => (one as { readonly value?: unknown }).value);
    assert.ok(values.slice(0, 7).every((one) => one === value));
    assert.equal([values[8], values[10]], [1, 1]);
    assert.is(lines.at(-1)?.count, 11);
  }),
);

bulk.run();
