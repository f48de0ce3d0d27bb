/** Read, change, write: exactly once each, whoever else writes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConflictError, type HearsayClient } from '../../../src/client/index.ts';
import { type TestServer, withServer } from '../../http/testServer.ts';
import { rejectedWith, rejection, withClient } from '../support.ts';

const updates = suite('updates');

const test = (name: string, run: (client: HearsayClient, server: TestServer) => Promise<void>) =>
  updates(
    name,
    withServer((server) =>
      withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, (client) =>
        run(client, server),
      ),
    ),
  );

test('updates at the same time are each made exactly once', async (client) => {
  const add = () => client.update<number>('n', (value = 0) => value + 1, { maxTries: 200 });
  const updated = await Promise.all(Array.from({ length: 30 }, add));
  assert.is((await client.get('n'))?.value, 30);
  assert.equal(
    updated.map(({ value }) => value).sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
});

test('an update is given the entry, and stores nothing where it throws', async (client) => {
  await client.put('a', 'x', { version: 7 });
  const updated = await client.update<string>('a', (value, entry) => {
    assert.is(entry?.version, 7);
    return `${value}y`;
  });
  assert.is(updated.version, 8);
  assert.is(updated.value, 'xy');
  const error = new Error('no');
  const thrown = await rejection(
    client.update('a', () => {
      throw error;
    }),
  );
  assert.is(thrown, error);
  assert.is((await client.get('a'))?.value, 'xy');
});

test('an update of an absent key does not overwrite what comes between', async (client, server) => {
  let made = 0;
  const updated = await client.update<string>('a', async (value) => {
    if (made++ === 0) await server.put('/cache/a', { value: 'first', version: 0 });
    return `${value}, mine`;
  });
  assert.is(updated.value, 'first, mine');
  assert.is(made, 2);
});

test('an update gives up after so many tries', async (client) => {
  let tries = 0;
  await rejectedWith(
    ConflictError,
    client.update(
      'a',
      async () => {
        tries++;
        await client.put('a', 'faster');
        return 'mine';
      },
      { maxTries: 3 },
    ),
  );
  assert.is(tries, 3);
});

updates.run();
