/** Clients that show a token, against a real node that asks for one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createClient,
  InvalidRequestError,
  type WatchEvent,
  WatchRefusedError,
} from '../../src/client/index.ts';
import { guardedNode, makeToken } from '../http/access/guardedNode.ts';
import { waitFor } from '../support/processes.ts';

const tokens = suite('tokens of clients');

const refusedWith = (status: number) => (error: unknown) =>
  assert.ok(error instanceof InvalidRequestError && error.status === status, String(error));

tokens('a client shows its token in calls and watches, and no error tells it', async () => {
  const user = makeToken(['read', 'write', 'watch'], 'user/');
  await using server = await guardedNode([user]);
  await using client = createClient({ endpoints: [server.url], token: user.token });
  await using watch = client.watch({ prefix: 'user/' });
  assert.is((await watch.next()).value?.type, 'synced');
  const next = watch.next();
  const told: unknown[] = [];
  next.then(
    ({ value }) => told.push(value),
    (error) => told.push(error),
  );
  await waitFor(async () => (await client.put('user/1', 1)) && told.length > 0, 10_000, 'an event');
  assert.is((told[0] as WatchEvent).type, 'put');
  assert.is((await client.get('user/1'))?.value, 1);
  await client.get('other/1').then(() => assert.unreachable(), refusedWith(403));
  await using nobody = createClient({ endpoints: [server.url] });
  await nobody.get('user/1').then(() => assert.unreachable(), refusedWith(401));
});

tokens('a function is asked once, and again once the node refuses its token', async () => {
  const [first, second] = [makeToken(['read', 'watch']), makeToken(['read', 'watch'])];
  await using server = await guardedNode([first]);
  const asked: string[] = [];
  let token = first.token;
  await using client = createClient({
    endpoints: [server.url],
    autoBatch: false,
    token: async (endpoint) => {
      asked.push(endpoint);
      return token;
    },
  });
  await Promise.all([client.get('a'), client.get('b'), client.get('c')]);
  assert.equal(asked, [server.url]);
  let connections = 0;
  await using watch = client.watch({
    onConnection: ({ isConnected }) => {
      if (isConnected) connections++;
    },
  });
  assert.is((await watch.next()).value?.type, 'synced');
  const drained = (async () => {
    for await (const _event of watch);
  })();
  drained.catch(() => {});
  token = second.token;
  server.write([second]);
  server.node.reload();
  await Promise.all([client.get('a'), client.get('b'), client.get('c')]);
  assert.is(asked.length, 2);
  await waitFor(() => connections === 2, 10_000, 'the watch goes on');
  token = 'wrong';
  server.write([first]);
  server.node.reload();
  await client.get('a').then(() => assert.unreachable(), refusedWith(401));
  await drained.then(
    () => assert.unreachable(),
    (error: unknown) => {
      assert.instance(error, WatchRefusedError);
      assert.not.match(String(error), /hsy_/);
      assert.match(String(error), /: it says: The token is wrong, or was revoked$/);
    },
  );
});

tokens('a watch without a token is refused, and does not try for ever', async () => {
  await using server = await guardedNode([makeToken(['read'])]);
  await using client = createClient({ endpoints: [server.url] });
  await client
    .watch()
    .next()
    .then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), /asks for a token/),
    );
});

tokens('the error of a function is the error of the call', async () => {
  await using client = createClient({
    endpoints: ['http://127.0.0.1:1'],
    token: () => Promise.reject(new RangeError('no token today')),
  });
  await client.get('a').then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, RangeError),
  );
});

tokens('a text that can be no token is refused, and so is the token of a write', () => {
  const make = (token: string) => () => createClient({ endpoints: ['http://a'], token });
  for (const token of ['', 'a b', 'ä', 'x'.repeat(9000)])
    assert.throws(make(token), (error: unknown) => error instanceof InvalidRequestError);
  const writeToken = Buffer.from('[1,"abc",{"node1.aaaaaa":1},0]').toString('base64url');
  assert.throws(make(writeToken), /pass it as `after`/);
});

tokens.run();
