/** Networks and nodes that fail: who is asked next, for how long, and what is said in the end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import {
  HearsayError,
  InvalidRequestError,
  ServerError,
  TimeoutError,
  UnavailableError,
} from '../../../src/client/index.ts';
import { BUSY, type Fault, rejectedWith, rejection, until, withProxies } from '../support.ts';

const faults = suite('faults');

/** Nobody listens there: a port of the system's, and not one of those that fetch refuses to try. */
const NOWHERE = 'http://127.0.0.1:2';

const test = (name: string, ...how: Parameters<typeof withProxies>) =>
  faults(name, withProxies(...how));

const oneEndpoint = ([first]: readonly string[]) => ({ endpoints: [first ?? ''] });

test(
  'where nobody listens, the next endpoint is asked, and from then on',
  async ({ client, proxies }) => {
    assert.is((await client.put('a', 1)).version, 1);
    await client.get('a');
    assert.is(proxies[0].seen.length, 2);
  },
  (urls) => ({ endpoints: [NOWHERE, ...urls] }),
);

test(
  'where nobody listens anywhere, it is said soon, and nothing can have been stored',
  async ({ client }) => {
    const error = await rejectedWith(UnavailableError, client.put('a', 1, { version: 1 }));
    assert.is(error.mayBeStored, false);
    assert.ok(error.message.includes(NOWHERE), error.message);
  },
  () => ({ endpoints: [NOWHERE], maxRounds: 3 }),
);

test(
  'a node that hangs costs one attempt, and the next call nothing',
  async ({ client, proxies: [hung, other] }) => {
    hung.faultOf = () => 'hang';
    assert.is((await client.put('a', 1, { version: 1 })).version, 1);
    await client.get('a');
    assert.is(hung.seen.length, 1);
    assert.is(other.seen.length, 2);
  },
  () => ({ attemptTimeoutMs: 1000 }),
);

test(
  'a whole call takes no longer than it may',
  async ({ client, proxies }) => {
    for (const proxy of proxies) proxy.faultOf = () => 'hang';
    const startMs = performance.now();
    const error = await rejectedWith(TimeoutError, client.put('a', 1, { version: 1 }));
    assert.is(error.mayBeStored, true);
    assert.instance(await rejection(client.get('a')), TimeoutError);
    assert.ok(performance.now() - startMs < 5000 * patience());
  },
  () => ({ timeoutMs: 200, attemptTimeoutMs: 150 }),
);

test(
  'a read never says that something may be stored',
  async ({ client, proxies }) => {
    for (const proxy of proxies) proxy.faultOf = () => 'refuse';
    const errors = [await rejection(client.get('a')), await rejection(client.list().next())];
    for (const error of errors) assert.ok(error instanceof UnavailableError && !error.mayBeStored);
  },
  () => ({ maxRounds: 2 }),
);

test('a node that can not write now is left for one that can', async ({ client, proxies }) => {
  proxies[0].faultOf = () => BUSY;
  await client.put('a', 1);
  await client.put('a', 2);
  assert.is(proxies[0].seen.length, 1);
});

test(
  'the only node is given the time that it asks for',
  async ({ client, proxies }) => {
    proxies[0].faults.push(BUSY);
    const startMs = performance.now();
    assert.is((await client.put('a', 1)).version, 1);
    assert.ok(performance.now() - startMs >= 990);
  },
  (urls) => ({ ...oneEndpoint(urls), maxBackoffMs: 5000 }),
);

test(
  'more time than there is: the reason at once',
  async ({ client, proxies }) => {
    proxies[0].faultOf = () => BUSY;
    const error = await rejectedWith(UnavailableError, client.put('a', 1, { version: 1 }));
    assert.is(error.retryAfterMs, 1000);
    assert.is(error.mayBeStored, false);
    assert.match(error.message, /takes no writes yet/);
  },
  (urls) => ({ ...oneEndpoint(urls), timeoutMs: 500, maxBackoffMs: 5000 }),
);

test('a full disk here, room there', async ({ client, proxies }) => {
  proxies[0].faultOf = () => ({ status: 507, body: '{"detail":"The disk is full."}' });
  assert.is((await client.put('a', 1, { version: 1 })).version, 1);
});

// ---- answers that are none

const STRANGE: readonly [Fault, new (...words: never[]) => HearsayError][] = [
  [{ status: 200, body: '<html>Welcome</html>' }, ServerError],
  [{ status: 200, body: '[]' }, ServerError],
  [{ status: 200, body: '{}' }, ServerError],
  [{ status: 404, body: '<html>Not found</html>' }, ServerError],
  [{ status: 404, body: '{"detail":"There is nothing at this path."}' }, ServerError],
  [{ status: 500, body: '{"detail":"The log could not be written."}' }, ServerError],
  [{ status: 502, body: 'Bad gateway' }, ServerError],
  [{ status: 504, body: '{"detail":"Not in time."}' }, TimeoutError],
  [{ status: 204, body: '' }, ServerError],
  [{ status: 401, body: '' }, InvalidRequestError],
  [{ status: 415, body: '{"detail":"JSON, please."}' }, InvalidRequestError],
];

for (const [fault, type] of STRANGE) {
  const { status, body } = fault as { status: number; body: string };
  test(
    `an answer of ${status} ${body.slice(0, 12)} is an error of its kind`,
    async ({ client, proxies }) => {
      for (const proxy of proxies) proxy.faultOf = () => fault;
      for (const error of [
        await rejection(client.get('a')),
        await rejection(client.put('a', 1, { version: 1 })),
        await rejection(client.batch([{ op: 'get', key: 'a' }])),
        await rejection(client.list().next()),
      ])
        assert.instance(error, type, String(error));
    },
    () => ({ maxRounds: 2 }),
  );
}

test(
  'a node that fails with the outcome unknown',
  async ({ client, proxies }) => {
    for (const proxy of proxies)
      proxy.faultOf = () => ({ status: 500, body: '{"detail":"Lost."}' });
    const error = await rejection(client.put('a', 1, { version: 1 }));
    assert.ok(error instanceof ServerError && error.mayBeStored);
  },
  () => ({ maxRounds: 1 }),
);

test('closing says of a write that is under way that it may be stored', async ({
  client,
  proxies,
}) => {
  proxies[0].faultOf = () => 'hang';
  const pending = rejection(client.put('a', 1, { version: 1 }));
  await until(() => proxies[0].seen.length === 1, 'the request has come');
  await client.close();
  const error = await pending;
  assert.ok(error instanceof HearsayError && error.name === 'ClosedError' && error.mayBeStored);
});

faults.run();
