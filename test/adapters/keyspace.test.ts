/** The core of all adapters: prefixes, times to live, and who closes the client. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Keyspace } from '../../src/adapters/keyspace.ts';
import { ClosedError, InvalidRequestError } from '../../src/client/index.ts';
import { startNode } from '../../src/index.ts';
import { rejectedWith, until, withClient } from '../client/support.ts';
import { type TestServer, withServer } from '../http/testServer.ts';
import { temporaryDirectory } from '../support/processes.ts';

const keyspace = suite('keyspace');

const urlOf = (server: TestServer): string => `http://127.0.0.1:${server.port}`;

/** Runs with the keys that begin with "a/", and a client that sees all keys. */
const withKeys = (
  run: (keys: Keyspace, parts: Parameters<Parameters<typeof withServer>[0]>[0]) => Promise<void>,
) =>
  withServer((server) =>
    withClient({ endpoints: [urlOf(server)] }, (client) =>
      run(Keyspace.open({ client }, 'a/'), server),
    ),
  );

keyspace(
  'a key is stored under the prefix, and read without it',
  withKeys(async (keys) => {
    await keys.put('x', { n: 1 }, null);
    assert.equal((await keys.client.get('a/x'))?.value, { n: 1 });
    assert.equal(await keys.get('x'), { n: 1 });
    assert.is(await keys.has('x'), true);
    assert.is(await keys.get('none'), undefined);
    assert.is(await keys.has('none'), false);
    await keys.within('b/').put('y', 2, null);
    assert.is(await keys.get('b/y'), 2);
    assert.equal(await allOf(keys.keys()), ['b/y', 'x']);
    assert.equal(await allOf(keys.keys('b/')), ['b/y']);
    assert.equal(await allOf(keys.within('b/').entries()), [['y', 2]]);
  }),
);

keyspace(
  'a delete tells whether the key was live',
  withKeys(async (keys) => {
    await keys.put('x', 1, null);
    assert.is(await keys.delete('x'), true);
    assert.is(await keys.delete('x'), false);
  }),
);

keyspace(
  'a clear takes the keys with the prefix and no other',
  withKeys(async (keys) => {
    await keys.client.put('ab', 1);
    await keys.put('x', 1, null);
    await keys.put('b/y', 1, null);
    await keys.clear('b/');
    assert.equal(await allOf(keys.keys()), ['x']);
    await keys.clear();
    assert.equal(await allOf(keys.keys()), []);
    const all = Keyspace.open({ client: keys.client, prefix: '' }, 'a/');
    assert.equal(await allOf(all.keys()), ['ab']);
    await all.clear();
    assert.equal(await allOf(all.keys()), []);
  }),
);

keyspace(
  'a time to live is a whole number that a node takes, and one of zero or less keeps nothing',
  withKeys(async (keys, server) => {
    const expiryOf = async (ttlMs: number | null) => {
      await keys.put('x', 1, ttlMs);
      return (await keys.client.get('a/x'))?.expiresAt?.getTime();
    };
    const beforeMs = (await expiryOf(1000)) ?? 0;
    assert.is(await expiryOf(1000.5), beforeMs + 1);
    assert.is(await expiryOf(0.1), beforeMs - 999);
    for (const endless of [null, Number.POSITIVE_INFINITY, 10 ** 13 + 1])
      assert.is(await expiryOf(endless), undefined);
    assert.is(await keys.has('x'), true);
    for (const past of [0, -1, Number.NEGATIVE_INFINITY]) {
      await keys.put('x', 1, null);
      await keys.put('x', 2, past);
      assert.is(await keys.has('x'), false);
    }
    await keys.put('x', 1, 1000);
    server.advance(1000);
    assert.is(await keys.get('x'), undefined);
  }),
);

keyspace(
  'keys are listed down to a depth, and those below it are not read',
  withKeys(async (keys) => {
    for (const key of ['x', 'b:x', 'b:c:x', 'b:c:d:x', 'bb:x']) await keys.put(key, 1, null);
    const toDepth = (prefix: string, depth: number) => allOf(keys.keysToDepth(prefix, ':', depth));
    assert.equal(await toDepth('', 0), ['x']);
    assert.equal(await toDepth('', 1), ['b:x', 'bb:x', 'x']);
    assert.equal(await toDepth('', 9), ['b:c:d:x', 'b:c:x', 'b:x', 'bb:x', 'x']);
    assert.equal(await toDepth('b:', 0), []);
    assert.equal(await toDepth('b:', 1), ['b:x']);
    assert.equal(await toDepth('b:', 2), ['b:c:x', 'b:x']);
  }),
);

keyspace(
  'changes of its keys are told from the moment that it follows, until it stops',
  async () => {
    await using directory = await temporaryDirectory();
    await using node = await startNode({ port: 0, nodes: [], dataDir: directory.path });
    await node.ready;
    await withClient({ endpoints: [node.url] }, async (client) => {
      const keys = Keyspace.open({ client }, 'a/');
      await keys.put('before', 1, null);
      const told: string[] = [];
      const failed: unknown[] = [];
      const stop = await keys.follow({
        values: false,
        onEvent: ({ type }, key) => told.push(`${type} ${key}`),
        onEnd: (reason) => failed.push(reason),
      });
      await client.put('ab', 1);
      await keys.put('x', 1, 50);
      await keys.put('y', 1, null);
      await keys.delete('y');
      const expected = ['put x', 'put y', 'delete y', 'expire x'];
      await until(() => expected.every((line) => told.includes(line)), 'four changes were told');
      assert.is(told.length, 4);
      await stop();
      await keys.put('after', 1, null);
      assert.not.ok(told.includes('put after'));
      assert.equal(failed, []);
    });
  },
);

keyspace(
  'it closes the client that it made, and leaves open one that it was given',
  withServer(async (server) => {
    await withClient({ endpoints: [urlOf(server)] }, async (client) => {
      await Keyspace.open({ client }, '').close();
      assert.is(await client.get('x'), undefined);
      const own = Keyspace.open({ endpoints: [urlOf(server)] }, '');
      await own.within('b/').close();
      await rejectedWith(ClosedError, own.get('x'));
    });
  }),
);

keyspace('options that contradict each other, or that nobody knows, are refused by name', () => {
  const { client } = Keyspace.open({ endpoints: ['http://localhost:1'] }, '');
  const both = { client, endpoints: ['http://localhost:1'] };
  // Types refuse both already.
  const open = (options: object) => () => Keyspace.open(options as { client: typeof client }, '');
  for (const [options, message] of [
    [both, /either a client or endpoints/],
    [{ endpoints: ['http://localhost:1'], ttl: 5 }, /ttl/],
    [{}, /endpoints/],
  ] as const)
    assert.throws(
      open(options),
      (error: unknown) => error instanceof InvalidRequestError && message.test(error.message),
    );
});

keyspace.run();

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
