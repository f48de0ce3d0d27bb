/** The calls of the client, one by one, against a real server. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ClosedError,
  ConflictError,
  createClient,
  type Entry,
  type HearsayClient,
  InvalidRequestError,
  type LevelOptions,
} from '../../../src/client/index.ts';
import { START_MS, type TestServer, withServer } from '../../http/testServer.ts';
import { rejectedWith, rejection, withClient } from '../support.ts';

const calls = suite('calls');

const test = (name: string, run: (client: HearsayClient, server: TestServer) => Promise<void>) =>
  calls(
    name,
    withServer((server) =>
      withClient({ endpoints: [urlOf(server)] }, (client) => run(client, server)),
    ),
  );

const urlOf = ({ port }: TestServer): string => `http://127.0.0.1:${port}`;

async function all<Item>(entries: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

const keysOf = async (entries: AsyncIterable<Entry>): Promise<string[]> =>
  (await all(entries)).map(({ key }) => key);

test('what is put is got, with its type, its version and its expiry', async (client) => {
  const value = { at: new Date(7), tags: new Set(['a']), size: 10n ** 20n, none: undefined };
  const stored = await client.put('a', value, { ttlMs: 5000 });
  assert.is(stored.version, 1);
  assert.is(stored.node, 'node1');
  assert.is(stored.acks, null);
  assert.instance(stored.expiresAt, Date);
  const entry = await client.get<typeof value>('a');
  assert.equal(entry, { key: 'a', value, version: 1, expiresAt: stored.expiresAt });
});

test('a put that waits for all tells how many members there are', async (client) => {
  const { acks, members } = await client.put('a', 1, { acks: 'all' });
  assert.equal([acks, members], [1, 1]);
  assert.equal((await client.put('a', 1, { acks: 1 })).members, null);
});

test('an absent key is undefined, and so is a deleted and an expired one', async (client, server) => {
  assert.is(await client.get('a'), undefined);
  await client.put('a', 1);
  const deleted = await client.delete('a');
  assert.equal([deleted.existed, deleted.node], [true, 'node1']);
  assert.is(await client.get('a'), undefined);
  await client.put('b', 1, { ttlMs: 1000 });
  server.advance(1000);
  assert.is(await client.get('b'), undefined);
  assert.is((await client.delete('b')).existed, false);
  assert.is((await client.delete('never')).existed, false);
});

test('null, false, 0 and the empty text are values', async (client) => {
  for (const value of [null, false, 0, '']) {
    await client.put('a', value);
    assert.is((await client.get('a'))?.value, value);
  }
});

test('without a version, a put takes the next one', async (client) => {
  assert.is((await client.put('a', 1, { version: 41 })).version, 41);
  assert.is((await client.put('a', 2)).version, 42);
  assert.is((await client.get('a'))?.value, 2);
});

test('a version that is not above the live one is a conflict', async (client) => {
  await client.put('a', 1, { version: 5 });
  for (const version of [0, 4, 5]) {
    const error = await rejectedWith(ConflictError, client.put('a', 2, { version }));
    assert.is(error.currentVersion, 5);
    assert.is(error.key, 'a');
    assert.is(error.mayBeStored, false);
    assert.is(error.name, 'ConflictError');
  }
  assert.is((await client.get('a'))?.value, 1);
});

test('version 0 stores only where the key is absent', async (client) => {
  assert.is((await client.put('a', 1, { version: 0 })).version, 0);
  assert.instance(await rejection(client.put('a', 2, { version: 0 })), ConflictError);
});

test('a delete up to a version spares what is above it', async (client) => {
  await client.put('a', 1, { version: 5 });
  const error = await rejectedWith(ConflictError, client.delete('a', { upToVersion: 4 }));
  assert.is(error.currentVersion, 5);
  await client.delete('a', { upToVersion: 5 });
  assert.is(await client.get('a'), undefined);
});

const KEYS = [
  '.',
  '..',
  'a/b',
  '../a',
  '%41',
  '%',
  'a?b#c',
  ' ',
  '+',
  '😀',
  '__proto__',
  'constructor',
  '\0',
  '"\\',
];

test('any key is stored, read, listed and deleted as that very key', async (client) => {
  for (const [index, key] of KEYS.entries()) await client.put(key, index);
  for (const [index, key] of KEYS.entries()) assert.is((await client.get(key))?.value, index, key);
  assert.equal(await keysOf(client.list()), [...KEYS].sort());
  for (const key of KEYS) await client.delete(key);
  assert.equal(await keysOf(client.list()), []);
});

test('a key that no node takes is refused, with the reason', async (client) => {
  const tooLong = await rejectedWith(InvalidRequestError, client.get('x'.repeat(2000)));
  assert.is(tooLong.status, 414);
  // So long that only a batch can carry it.
  assert.instance(await rejection(client.put('x'.repeat(20_000), 1)), InvalidRequestError);
  for (const key of ['', '\ud800', 'a\udc00']) {
    const error = await rejectedWith(InvalidRequestError, client.put(key, 1));
    assert.is(error.status, null);
  }
});

test('bad options are refused before anything is sent', async (client) => {
  const wrong: Promise<unknown>[] = [
    client.put('a', 1, { version: -1 }),
    client.put('a', 1, { version: 1.5 }),
    client.put('a', 1, { version: Number.MAX_SAFE_INTEGER }),
    client.put('a', 1, { ttlMs: 0 }),
    client.put('a', 1, { ttlMs: Number.NaN }),
    client.put('a', 1, { acks: 0 }),
    client.put('.', 1, { acks: 1 }),
    client.put('a', () => {}),
    client.delete('a', { upToVersion: -1 }),
    client.deletePrefix(''),
    client.update('a', () => 1, { maxTries: 0 }),
    all(client.list({ limit: -1 })),
    all(client.list({ prefix: '\ud800' })),
  ];
  for (const promise of wrong) assert.instance(await rejection(promise), InvalidRequestError);
  assert.equal(await keysOf(client.list()), []);
});

test('a list comes page by page, in order, and no further than it is asked for', async (client) => {
  const keys = Array.from({ length: 25 }, (_, index) => `k/${String(index).padStart(2, '0')}`);
  await Promise.all([...keys, 'a', 'z'].map((key) => client.put(key, { key })));
  assert.equal(await keysOf(client.list({ prefix: 'k/', pageSize: 10 })), keys);
  assert.equal(
    await keysOf(client.list({ prefix: 'k/', pageSize: 10, limit: 12 })),
    keys.slice(0, 12),
  );
  assert.equal(await keysOf(client.list({ prefix: 'k/', startAfter: 'k/20' })), keys.slice(21));
  assert.equal(await keysOf(client.list({ limit: 0 })), []);
  const [first] = await all(client.list<{ key: string }>({ prefix: 'k/' }));
  assert.equal(first, { key: 'k/00', value: { key: 'k/00' }, version: 1, expiresAt: null });
});

test('a touch moves the expiry, and finds only what lives', async (client, server) => {
  const since = new Date(0);
  await client.put('a', since, { version: 3, ttlMs: 1000 });
  const touched = await client.touch('a', 5000);
  const expiresAt = new Date(START_MS + 5000);
  assert.equal([touched?.version, touched?.expiresAt], [3, expiresAt]);
  server.advance(1000);
  assert.equal(await client.get('a'), { key: 'a', value: since, version: 3, expiresAt });
  assert.is(await client.touch('none', null), undefined);
  await client.put('..', 1);
  const results = await client.batch([
    { op: 'touch', key: '..', ttlMs: 50 },
    { op: 'touch', key: 'none', ttlMs: 50 },
  ]);
  assert.equal([results[0]?.version, results[1]], [1, undefined]);
  const refusal = await rejectedWith(InvalidRequestError, client.touch('a', 0));
  assert.match(refusal.message, / to 10000000000000, or null\.$/);
});

test('many keys are read together, in the order in which they were asked for', async (client) => {
  const since = new Date(0);
  await client.batch([
    { op: 'put', key: 'a', value: since },
    { op: 'put', key: '..', value: 2 },
  ]);
  const entries = await client.getMany(['..', 'none', 'a', '..']);
  assert.equal(
    entries.map((entry) => entry?.value),
    [2, undefined, since, 2],
  );
  assert.equal(await client.getMany([]), []);
  await rejectedWith(InvalidRequestError, client.getMany(['']));
});

test('a level shows its keys without values, and longer prefixes, page by page, in one order', async (client) => {
  for (const key of ['a', 'a/1', 'a/2/x', 'a/2/y', 'a0', 'a/\u{1f600}/1', 'a/\uffee'])
    await client.put(key, key);
  const names = async (options: LevelOptions) =>
    (await all(client.listLevel(options))).map((one) => ('prefix' in one ? one.prefix : one.key));
  const level = ['a/1', 'a/2/', 'a/\uffee', 'a/\u{1f600}/'];
  assert.equal(await names({ prefix: 'a/', pageSize: 1 }), level);
  assert.equal(await names({ prefix: 'a/', limit: 2 }), level.slice(0, 2));
  assert.equal(await names({ prefix: 'a/', startAfter: 'a/2/' }), level.slice(2));
  assert.equal(await names({ delimiter: '2/' }), [
    'a',
    'a/1',
    'a/2/',
    'a/\uffee',
    'a/\u{1f600}/1',
    'a0',
  ]);
  const [first] = await all(client.listLevel({ prefix: 'a/' }));
  assert.equal(first, { key: 'a/1', version: 1, expiresAt: null });
  await rejectedWith(InvalidRequestError, all(client.listLevel({ delimiter: '' })));
});

test('a list without values sends none, and its pages go on where the last one ended', async (client) => {
  await Promise.all(['k/1', 'k/2', 'k/3'].map((key) => client.put(key, { key }, { version: 7 })));
  const entries = await all(client.list({ prefix: 'k/', pageSize: 2, values: false }));
  assert.equal(
    entries,
    ['k/1', 'k/2', 'k/3'].map((key) => ({ key, value: undefined, version: 7, expiresAt: null })),
  );
});

test('a batch: results in order, each of its own kind, and a conflict is one of them', async (client) => {
  await client.put('b', 'old', { version: 3 });
  const at = new Date(3);
  const results = await client.batch([
    { op: 'put', key: 'a', value: at, ttlMs: 1000 },
    { op: 'get', key: 'a' },
    { op: 'put', key: 'b', value: 'new', version: 3 },
    { op: 'get', key: 'never' },
    { op: 'delete', key: 'b', upToVersion: 2 },
    { op: 'delete', key: 'a' },
  ]);
  const [put, got, refused, absent, spared, deleted] = results;
  assert.ok(!(put instanceof Error) && put.version === 1);
  assert.equal(got?.value, at);
  assert.instance(refused, ConflictError);
  assert.is(refused instanceof ConflictError && refused.currentVersion, 3);
  assert.is(absent, undefined);
  assert.instance(spared, ConflictError);
  assert.ok(!(deleted instanceof Error) && deleted.node === 'node1');
  assert.is(await client.get('a'), undefined);
  assert.equal(await client.batch([]), []);
});

test('every write of a turn is told its token', async (client) => {
  const [put, other, deleted] = await Promise.all([
    client.put('a', 1),
    client.put('b', 1),
    client.delete('c'),
  ]);
  for (const { token } of [put, other, deleted]) assert.type(token, 'string');
  const conflict = await rejectedWith(ConflictError, client.put('a', 1, { version: 1 }));
  assert.type(conflict.token, 'string');
});

test('one malformed op refuses the whole batch', async (client) => {
  const error = await rejectedWith(
    InvalidRequestError,
    client.batch([
      { op: 'put', key: 'a', value: 1 },
      { op: 'get', key: 'x'.repeat(2000) },
    ]),
  );
  assert.is(error.status, 422);
  assert.match(error.message, /ops\.1\.key/);
  assert.is(await client.get('a'), undefined);
  const many = Array.from({ length: 1001 }, () => ({ op: 'get', key: 'a' }) as const);
  assert.instance(await rejection(client.batch(many)), InvalidRequestError);
});

test('deleting by prefix', async (client) => {
  await Promise.all(['a1', 'a2', 'b'].map((key) => client.put(key, 1)));
  assert.is(await client.deletePrefix('a'), 2);
  assert.equal(await keysOf(client.list()), ['b']);
  assert.is(await client.deletePrefix('', { all: true }), 1);
});

test('plain JSON of other writers, and what they can not read', async (client, server) => {
  await server.put('/cache/a', { value: { n: [1, null, 'x'] }, version: 3 });
  assert.equal((await client.get('a'))?.value, { n: [1, null, 'x'] });
  await server.put('/cache/b', {
    value: '1',
    version: 1,
    meta: { values: ['from the future'], v: 1 },
  });
  await client.put('c', 2);
  // One that can't be decoded does not hide the others.
  const entries = await all(client.list());
  assert.equal(
    entries.map(({ key }) => key),
    ['a', 'b', 'c'],
  );
  assert.throws(
    () => entries[1]?.value,
    (error: unknown) => (error as Error).name === 'UndecodableValueError',
  );
  assert.is(entries[2]?.value, 2);
});

test('what is plain JSON is stored as plain JSON', async (client, server) => {
  await client.put('a', { n: 1 });
  const { text } = await server.get('/cache/a');
  assert.not.match(text, /meta/);
});

calls(
  'digits that a double can not hold, for who reads them otherwise',
  withServer(async (server) => {
    await server.put('/cache/a', '{"value": 12345678901234567890, "version": 1}');
    const exact = (text: string): unknown =>
      JSON.parse(text.replace(/(?<=[:[,\s])\d{17,}/g, (digits) => `"${digits}"`));
    await withClient({ endpoints: [urlOf(server)], parseJson: exact }, async (client) => {
      assert.is((await client.get('a'))?.value, '12345678901234567890');
    });
  }),
);

test('a signal that has aborted, and one that aborts', async (client) => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  assert.is(await rejection(client.get('a', { signal })), reason);
  assert.is(await rejection(client.put('a', 1, { signal })), reason);
  assert.is(await rejection(client.delete('a', { signal })), reason);
  assert.is(await rejection(client.update('a', () => 1, { signal })), reason);
  assert.is(await rejection(client.batch([{ op: 'get', key: 'a' }], { signal })), reason);
  assert.is(await rejection(all(client.list({ signal }))), reason);
  assert.is(await rejection(client.watch({ signal }).next()), reason);
  const later = new AbortController();
  const pending = client.put('b', 1, { signal: later.signal });
  later.abort(reason);
  assert.is(await rejection(pending), reason);
  assert.is(await client.get('a'), undefined);
  assert.is(await client.get('b'), undefined);
});

test('after close every call is refused, and what waits is ended', async (client) => {
  const waiting = client.get('a');
  await client.close();
  for (const promise of [waiting, client.get('a'), client.put('a', 1), all(client.list())])
    assert.instance(await rejection(promise), ClosedError);
  assert.equal(await client.watch().next(), { done: true, value: undefined });
});

calls('a client is closed where it goes out of scope', async () => {
  let held: HearsayClient | undefined;
  {
    await using client = createClient({ endpoints: ['http://127.0.0.1:9'] });
    held = client;
  }
  assert.instance(await rejection(held.get('a')), ClosedError);
});

calls.run();
