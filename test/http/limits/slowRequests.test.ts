/** Slow requests count until their answers are read, and no place among them is lost. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SlowRequests } from '../../../src/http/limits/slowRequests.ts';
import { waitFor } from '../../support/processes.ts';
import { type TestServer, withServer } from '../testServer.ts';
import { Raw } from './raw.ts';

const slowRequests = suite('slow requests');

/** A response as far as the slow class looks at it. */
class FakeResponse extends EventEmitter {
  readonly req: { readonly address: string };
  closed = false;

  constructor(address: string) {
    super();
    this.req = { address };
  }

  /** As Node tells of an answer that was sent. */
  finish(): void {
    this.emit('finish');
    this.close();
  }

  close(): void {
    this.closed = true;
    this.emit('close');
  }
}

const slowOf = (maxSlowRequests: number): SlowRequests =>
  new SlowRequests({ maxSlowRequests }, (request) =>
    'address' in request ? String(request.address) : '',
  );

const answer = <T>(slow: SlowRequests, to: FakeResponse, work: () => Promise<T> | T): Promise<T> =>
  slow.answer(to as unknown as ServerResponse, work);

const isRefused = (one: Promise<unknown>): Promise<boolean> =>
  one.then(
    () => false,
    (error) => error.status === 429,
  );

slowRequests('a stream counts until its first page is read, and no longer', async () => {
  const slow = slowOf(1);
  const work = Promise.withResolvers<number>();
  const first = slow.run(() => work.promise);
  assert.is(slow.underWay, 1);
  assert.ok(await isRefused(slow.run(() => 1)));
  assert.is(slow.refused, 1);
  work.resolve(7);
  assert.is(await first, 7);
  assert.is(await slow.run(() => 8), 8);
  await slow.run(() => Promise.reject(new Error('x'))).catch(() => {});
  assert.is(slow.underWay, 0);
});

slowRequests('an answer counts until it is sent, or its client has gone', async () => {
  const slow = slowOf(1);
  for (const end of ['finish', 'close'] as const) {
    const response = new FakeResponse('a');
    assert.is(await answer(slow, response, () => 7), 7);
    assert.ok(await isRefused(answer(slow, new FakeResponse('b'), () => 1)));
    response[end]();
    assert.is(slow.underWay, 0, end);
  }
});

slowRequests('the unread answers of one address hold half of the places', async () => {
  const slow = slowOf(4);
  const [first, second, work] = ['a', 'a', 'a'].map((address) => new FakeResponse(address));
  const underWay = Promise.withResolvers<void>();
  const working = answer(slow, work as FakeResponse, () => underWay.promise);
  await answer(slow, first as FakeResponse, () => 1);
  assert.not(await isRefused(answer(slow, second as FakeResponse, () => 1)));
  assert.ok(await isRefused(answer(slow, new FakeResponse('a'), () => 1)));
  const other = new FakeResponse('b');
  assert.not(await isRefused(answer(slow, other, () => 1)));
  assert.is(slow.underWay, 4);
  first?.finish();
  assert.not(await isRefused(answer(slow, new FakeResponse('b'), () => 1)));
  underWay.resolve();
  await working;
});

slowRequests('no place is lost, however requests begin, fail, end and are given up', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(
        fc.record({
          address: fc.constantFrom('a', 'b', 'c'),
          /** The order in which the work ends and the client reads or goes. */
          steps: fc.constantFrom(
            'done finish',
            'fail finish',
            'done close',
            'fail close',
            'close done',
            'close fail',
          ),
          /** Where in the sequence of all steps each of the two comes. */
          at: fc.tuple(fc.nat(99), fc.nat(99)).map((both) => both.sort((a, b) => a - b)),
        }),
        { maxLength: 12 },
      ),
      async (max, requests) => {
        const slow = slowOf(max);
        const events: [number, () => void][] = [];
        const all = requests.map(({ address, steps, at }) => {
          const response = new FakeResponse(address);
          const work = Promise.withResolvers<void>();
          const acts = {
            done: () => work.resolve(),
            fail: () => work.reject(new Error('x')),
            finish: () => response.finish(),
            close: () => response.close(),
          };
          for (const [index, step] of steps.split(' ').entries())
            events.push([at[index] ?? 0, acts[step as keyof typeof acts]]);
          work.promise.catch(() => {});
          return answer(slow, response, () => work.promise).catch(() => {});
        });
        assert.ok(slow.underWay <= max);
        for (const [, act] of events.sort(([a], [b]) => a - b)) {
          act();
          await new Promise(setImmediate);
          assert.ok(slow.underWay >= 0 && slow.underWay <= max);
        }
        await Promise.all(all);
        assert.is(slow.underWay, 0);
        for (const address of ['a', 'b', 'c']) {
          const response = new FakeResponse(address);
          assert.not(await isRefused(answer(slow, response, () => 1)));
          response.finish();
        }
      },
    ),
    { numRuns: 50 },
  ),
);

const LIST = 'GET /cache?prefix=k HTTP/1.1\r\nHost: x\r\n\r\n';

/** More than the kernel takes for a client, in lists of 4 MB. */
async function fill(server: TestServer): Promise<void> {
  const value = 'x'.repeat(900_000);
  for (let key = 0; key < 5; key++) await server.put(`/cache/k${key}`, { value, version: 1 });
}

slowRequests(
  'lists are 429 while others are not read, and are served once those have gone; metrics always are',
  withServer(
    async (server) => {
      await fill(server);
      using many = new DisposableStack();
      const stuck = ['127.0.0.2', '127.0.0.3'].map((address) => {
        const client = many.use(new Raw(server.port, LIST.repeat(6), address));
        client.socket.pause();
        return client;
      });
      const isFull = async () => (await server.get('/cache?prefix=k&limit=101')).status === 429;
      await waitFor(isFull, 20_000, 'Lists are served');
      const { text, headers } = await server.get('/cache?prefix=k&limit=101');
      assert.match(text, /#temporary-reduced-capacity.*"violated-policies":\["slow"]/);
      assert.is(headers['retry-after'], '1');
      assert.is((await server.get('/metrics')).status, 200);
      assert.is((await server.get('/cache/k1')).status, 200);
      assert.is((await server.get('/cache?prefix=k&limit=1')).status, 200);
      stuck[0]?.socket.destroy();
      const isServed = async () => (await server.get('/cache?prefix=k&limit=101')).status === 200;
      await waitFor(isServed, 20_000, 'No place is given back');
    },
    { limits: { maxSlowRequests: 2 } },
  ),
);

slowRequests(
  'each way in which a list ends gives its place back',
  withServer(
    async (server) => {
      await fill(server);
      // Sent ahead of one another, given up at once, without a body, with a fault.
      using ahead = new Raw(server.port, LIST.repeat(3));
      await waitFor(() => ahead.statuses.length === 3, 20_000, 'An answer is missing');
      assert.equal(ahead.statuses, [200, 200, 200]);
      for (let count = 0; count < 3; count++) {
        const gone = new Raw(server.port, LIST);
        await waitFor(() => gone.text !== '', 20_000, 'No answer begins');
        gone.socket.resetAndDestroy();
      }
      const isServed = async () => (await server.send('HEAD', '/cache?prefix=k')).status === 200;
      await waitFor(isServed, 20_000, 'No place is given back');
      assert.is((await server.get('/cache?prefix=k&after=%ff')).status, 400);
      assert.is((await server.get('/cache?prefix=k')).status, 200);
    },
    { limits: { maxSlowRequests: 1 } },
  ),
);

slowRequests.run();
