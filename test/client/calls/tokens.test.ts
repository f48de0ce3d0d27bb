/** Reading what was written: which tokens go with which requests. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { joinTokens, WriteTokens } from '../../../src/client/calls/tokens.ts';
import type { ClientOptions, HearsayClient } from '../../../src/client/index.ts';
import { InvalidRequestError, TimeoutError } from '../../../src/client/index.ts';
import { FaultProxy, rejectedWith, withClient } from '../support.ts';

const tokens = suite('tokens');

const STORED = (token: string) => ({
  status: 200,
  body: JSON.stringify({ status: 'stored', node: 'n', version: 1, token }),
});
const ABSENT = { status: 404, body: '{"detail":"Not found"}' };
const NO_RESULTS = {
  status: 200,
  body: '{"results":[{"status":404,"detail":"Not found"},{"status":404,"detail":"Not found"}]}',
};

type Run = (client: HearsayClient, first: FaultProxy, second: FaultProxy) => Promise<void>;

/** Two proxies that answer by themselves: before nothing. */
const test = (name: string, options: Partial<ClientOptions>, run: Run) =>
  tokens(name, async () => {
    const first = await FaultProxy.inFrontOf('http://127.0.0.1:2');
    const second = await FaultProxy.inFrontOf('http://127.0.0.1:2');
    try {
      const endpoints = [first.url, second.url];
      await withClient({ endpoints, maxRounds: 1, ...options }, (client) =>
        run(client, first, second),
      );
    } finally {
      await first.close();
      await second.close();
    }
  });

const sentAfter = (proxy: FaultProxy): unknown => proxy.seen.at(-1)?.headers['hearsay-after'];

test(
  'reads wait for the last write at each node',
  { readYourWrites: true },
  async (client, first, second) => {
    first.faults.push(ABSENT);
    await client.get('a');
    assert.is(sentAfter(first), undefined);
    first.faults.push(STORED('a1'), STORED('a2'), 'refuse');
    second.faults.push(STORED('b1'), ABSENT, NO_RESULTS, {
      status: 200,
      body: '{"entries":[],"next":null}',
    });
    assert.is((await client.put('a', 1)).token, 'a1');
    await client.put('a', 1);
    // The first node goes away; the second may not have what it took.
    await client.put('a', 1);
    assert.is(sentAfter(second), undefined);
    assert.is(client.token, 'a2,b1');
    await client.get('a');
    assert.is(sentAfter(second), 'a2,b1');
    await Promise.all([client.get('a'), client.get('b')]);
    assert.is(sentAfter(second), 'a2,b1');
    assert.ok((await client.list().next()).done);
    assert.is(sentAfter(second), 'a2,b1');
  },
);

test(
  'without being asked to, they wait for nothing but what the call names',
  {},
  async (client, first) => {
    first.faults.push(STORED('a1'), ABSENT, ABSENT);
    await client.put('a', 1);
    assert.is(client.token, 'a1');
    await client.get('a');
    assert.is(sentAfter(first), undefined);
    await client.get('a', { after: 'x' });
    assert.is(sentAfter(first), 'x');
  },
);

test(
  'a read that waits in vain keeps no other from its answer',
  {},
  async (client, first, second) => {
    const never = { status: 504, body: '{"detail":"Not in time."}' };
    for (const proxy of [first, second])
      proxy.faultOf = ({ headers, method }) =>
        headers['hearsay-after'] === undefined ? (method === 'POST' ? NO_RESULTS : ABSENT) : never;
    const [a, late, b] = await Promise.allSettled([
      client.get('a'),
      client.get('late', { after: 'x' }),
      client.get('b'),
    ]);
    assert.equal([a.status, late.status, b.status], ['fulfilled', 'rejected', 'fulfilled']);
  },
);

test("another client's token is waited for", { after: 'x,y' }, async (client, first) => {
  first.faults.push(ABSENT);
  await client.get('a');
  assert.is(sentAfter(first), 'x,y');
});

test(
  'a node that does not get the write in time is left for another',
  { after: 'x' },
  async (client, first, second) => {
    first.faults.push({ status: 504, body: '{"detail":"Not in time."}' });
    second.faults.push(ABSENT, { status: 504, body: '{"detail":"Not in time."}' });
    await client.get('a');
    first.faults.push({ status: 504, body: '{"detail":"Not in time."}' });
    const error = await rejectedWith(TimeoutError, client.get('a'));
    assert.is(error.mayBeStored, false);
  },
);

const OTHER_CLUSTER = {
  status: 409,
  body: '{"detail":"The token is of another cluster.","reason":"cluster"}',
};

test(
  'writes of a cluster that is no more are told once, and then forgotten',
  { after: 'x' },
  async (client, first) => {
    first.faults.push(OTHER_CLUSTER, ABSENT);
    const error = await rejectedWith(InvalidRequestError, client.get('a'));
    assert.match(error.message, /another cluster/);
    assert.is(client.token, null);
    await client.get('a');
    assert.is(sentAfter(first), undefined);
  },
);

test('an update reads again after what it has met', {}, async (client, first) => {
  first.faults.push(
    ABSENT,
    { status: 409, body: '{"detail":"Version conflict","current_version":4,"token":"t4"}' },
    { status: 200, body: '{"value":1,"version":4,"expires_at":null}' },
    STORED('t5'),
  );
  assert.is((await client.update<number>('a', (value = 0) => value + 1)).value, 2);
  assert.equal(
    first.seen.map(({ method, headers }) => `${method} ${headers['hearsay-after']}`),
    ['GET undefined', 'PUT undefined', 'GET t4', 'PUT undefined'],
  );
});

tokens('they are joined once each', () => {
  assert.is(joinTokens([null, 'a', undefined, 'b, a', '']), 'a,b');
  assert.is(joinTokens([null, '']), null);
  const kept = new WriteTokens('g');
  kept.remember('http://a', '1');
  kept.remember('http://a', '2');
  assert.is(kept.all, 'g,2');
});

tokens.run();
