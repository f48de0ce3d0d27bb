/** Writes whose answer is lost: what is known of them, and that no update is ever made twice. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type HearsayClient,
  HearsayError,
  UnknownOutcomeError,
} from '../../../src/client/index.ts';
import { type TestServer, withServer } from '../../http/testServer.ts';
import { BUSY, type Fault, FaultProxy, rejectedWith, withClient, withProxies } from '../support.ts';

const lost = suite('lost answers');

const test = (name: string, ...how: Parameters<typeof withProxies>) =>
  lost(name, withProxies(...how));

const opsOf = ({ replica }: TestServer): number => replica.lastLsn;

for (const fault of ['swallow', 'half'] as const) {
  test(`a put that was stored is a success, whatever became of its answer (${fault})`, async ({
    client,
    proxies,
    server,
  }) => {
    proxies[0].faults.push(fault);
    const stored = await client.put('a', { n: 1 }, { version: 5, ttlMs: 60_000 });
    assert.is(stored.version, 5);
    assert.instance(stored.expiresAt, Date);
    assert.is(opsOf(server), 1);
    assert.equal((await client.get('a'))?.value, { n: 1 });
  });
}

test('the same value from somebody else is not taken for it', async ({
  client,
  proxies,
  server,
}) => {
  await server.put('/cache/a', { value: 1, version: 5, meta: { write: 'of another' } });
  proxies[0].faults.push('refuse');
  const error = await rejectedWith(UnknownOutcomeError, client.put('a', 1, { version: 5 }));
  assert.is(error.currentVersion, 5);
  assert.is(error.mayBeStored, true);
});

test('a put that was stored and then overwritten has an unknown outcome', async ({
  client,
  proxies,
  server,
}) => {
  proxies[0].faults.push('swallow');
  proxies[0].beforeAnswer = async () =>
    void (await server.put('/cache/a', { value: 2, version: 6 }));
  const error = await rejectedWith(UnknownOutcomeError, client.put('a', 1, { version: 5 }));
  assert.is(error.currentVersion, 6);
});

test('a put that takes the next version is stored again, with the same value', async ({
  client,
  proxies,
  server,
}) => {
  proxies[0].faults.push('swallow');
  assert.is((await client.put('a', 1)).version, 2);
  assert.is(opsOf(server), 2);
});

test('a delete is repeated', async ({ client, proxies, server }) => {
  await client.put('a', 1, { version: 1 });
  proxies[0].faults.push('swallow');
  const { existed } = await client.delete('a', { upToVersion: 1 });
  assert.is(existed, null, 'the first attempt may have deleted it');
  assert.is(await client.get('a'), undefined);
  proxies[1].faults.push('swallow');
  proxies[1].beforeAnswer = async () =>
    void (await server.put('/cache/b', { value: 2, version: 6 }));
  await rejectedWith(UnknownOutcomeError, client.delete('b', { upToVersion: 1 }));
});

test('a batch whose answer is lost', async ({ client, proxies, server }) => {
  await server.put('/cache/taken', { value: 0, version: 9 });
  proxies[0].faults.push('swallow');
  const [mine, taken, got, again] = await client.batch([
    { op: 'put', key: 'mine', value: 1, version: 3 },
    { op: 'put', key: 'taken', value: 1, version: 3 },
    { op: 'get', key: 'mine' },
    { op: 'put', key: 'mine', value: 2, version: 4 },
  ]);
  // By then the second put of the batch has overwritten the first.
  assert.instance(mine, UnknownOutcomeError);
  assert.instance(taken, UnknownOutcomeError);
  assert.is(got?.value, 2);
  assert.ok(!(again instanceof Error) && again.version === 4);
});

test('an update whose answer is lost is made once', async ({ client, proxies }) => {
  const add = () => client.update<number>('n', (value = 0) => value + 1);
  await add();
  proxies[0].faultOf = ({ method }) => (method === 'PUT' ? 'swallow' : 'pass');
  assert.is((await add()).value, 2);
  assert.is((await client.get('n'))?.value, 2);
});

test('an update is not made again where its first write may have been stored', async ({
  client,
  proxies,
  server,
}) => {
  await client.put('n', 1, { version: 1 });
  let made = 0;
  proxies[0].faultOf = ({ method }) => (method === 'PUT' ? 'swallow' : 'pass');
  proxies[0].beforeAnswer = async () => {
    if (opsOf(server) === 2) await server.put('/cache/n', { value: 3, version: 3 });
  };
  await rejectedWith(
    UnknownOutcomeError,
    client.update<number>('n', (value = 0) => {
      made++;
      return value + 1;
    }),
  );
  assert.is(made, 1);
});

lost(
  'counters under random faults count every success once, and nothing that failed for certain',
  () =>
    fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(
          fc.constantFrom<Fault>('pass', 'pass', 'pass', 'swallow', 'half', 'refuse', BUSY),
        ),
        (stream) =>
          withServer(async (server) => {
            const proxy = await FaultProxy.inFrontOf(`http://127.0.0.1:${server.port}`);
            proxy.faultOf = () => stream.next().value ?? 'pass';
            try {
              await countThrough(proxy, server);
            } finally {
              await proxy.close();
            }
          })(),
      ),
      { numRuns: 15 },
    ),
);

async function countThrough(proxy: FaultProxy, server: TestServer): Promise<void> {
  const outcomes = { made: 0, unknown: 0 };
  const count = async (client: HearsayClient): Promise<void> => {
    for (let index = 0; index < 5; index++) {
      try {
        await client.update<number>('n', (value = 0) => value + 1, { maxTries: 100 });
        outcomes.made++;
      } catch (error) {
        assert.instance(error, HearsayError);
        if ((error as HearsayError).mayBeStored) outcomes.unknown++;
      }
    }
  };
  const endpoints = [proxy.url, `${proxy.url}/`];
  await withClient({ endpoints, maxRounds: 5 }, (one) =>
    withClient({ endpoints }, async (two) => void (await Promise.all([count(one), count(two)]))),
  );
  const { body } = await server.get('/cache/n');
  const total = (body as { value?: number }).value ?? 0;
  assert.ok(total >= outcomes.made, `${total} of ${outcomes.made} made`);
  assert.ok(total <= outcomes.made + outcomes.unknown, `${total}: ${JSON.stringify(outcomes)}`);
}

lost.run();
