/** Raw bytes through the client: they go as they are, and come back by each way to read. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Bytes,
  ConflictError,
  type HearsayClient,
  InvalidRequestError,
  JsonText,
  UnknownOutcomeError,
} from '../../../src/client/index.ts';
import { bytesFrom, bytesJson } from '../../../src/client/values/bytes.ts';
import { isRawType, rawParts, rawValueOf } from '../../../src/words/rawValue.ts';
import { type TestServer, withServer } from '../../http/testServer.ts';
import { rejection, withClient, withProxies } from '../support.ts';

const bytes = suite('bytes in the client');

const test = (name: string, run: (client: HearsayClient, server: TestServer) => Promise<void>) =>
  bytes(
    name,
    withServer((server) =>
      withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, (client) =>
        run(client, server),
      ),
    ),
  );

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const image = new Bytes(EVERY_BYTE, 'image/png');

test('they go as a body of their own, and a plain GET gives them', async (client, server) => {
  const stored = await client.put('a', image, { version: 3, ttlMs: 5000 });
  assert.is(stored.version, 3);
  const { headers, bytes: got } = await server.get('/cache/a');
  assert.equal([headers['content-type'], headers['hearsay-version']], ['image/png', '3']);
  assert.equal(new Uint8Array(got), EVERY_BYTE);
  const entry = await client.get<Bytes>('a');
  assert.instance(entry?.value, Bytes);
  assert.equal(entry, { key: 'a', value: image, version: 3, expiresAt: stored.expiresAt });
});

test('every way to read gives them back', async (client) => {
  const empty = new Bytes(new Uint8Array(0), 'text/plain; charset=utf-8');
  await Promise.all([client.put('a', image), client.put('b', empty), client.put('c', 1)]);
  const listed: unknown[] = [];
  for await (const { value } of client.list()) listed.push(value);
  assert.equal(listed, [image, empty, 1]);
  const many = await client.getMany(['b', 'a']);
  assert.equal(
    many.map((entry) => entry?.value),
    [empty, image],
  );
  const results = await client.batch([
    { op: 'put', key: 'd', value: empty },
    { op: 'get', key: 'd' },
    { op: 'get', key: 'a' },
  ]);
  assert.equal([results[1]?.value, results[2]?.value], [empty, image]);
});

test('an update reads and writes them', async (client) => {
  await client.put('a', image);
  await client.update<Bytes>(
    'a',
    (old) => new Bytes(Uint8Array.from(old?.bytes ?? []).reverse(), 'a/b'),
  );
  const entry = await client.get<Bytes>('a');
  assert.equal(entry?.value, new Bytes(Uint8Array.from(EVERY_BYTE).reverse(), 'a/b'));
});

test('text that describes them stores them, and an object that looks like it does not', async (client, server) => {
  const { value, meta } = bytesJson(image);
  await client.put('a', new JsonText(value, meta));
  assert.is((await server.get('/cache/a')).headers['content-type'], 'image/png');
  await client.put('b', JSON.parse(value));
  assert.is((await server.get('/cache/b')).headers['content-type'], 'application/json');
  assert.not.instance((await client.get('b'))?.value, Bytes);
});

test('they hold for conflicts as other values do', async (client) => {
  await client.put('a', image, { version: 5 });
  assert.instance(await rejection(client.put('a', image, { version: 5 })), ConflictError);
});

bytes(
  'an answer that is lost leaves it unknown whether they were stored',
  withProxies(async ({ client, proxies: [proxy] }) => {
    // The proxy passes text alone.
    const text = new Bytes(new TextEncoder().encode('some text'), 'text/plain');
    proxy.faults.push('swallow');
    assert.instance(await rejection(client.put('a', text, { version: 1 })), UnknownOutcomeError);
    proxy.faults.push('half');
    assert.equal((await client.get('a'))?.value, text);
  }),
);

bytes('they are copied, and must be bytes of a media type that is not JSON', () => {
  const own = new Uint8Array([1]);
  const copy = new Bytes(own);
  own[0] = 2;
  assert.equal([copy.bytes[0], copy.type], [1, 'application/octet-stream']);
  for (const type of [
    '',
    'png',
    'application/json',
    'a/x+json; v=1',
    `a/${'b'.repeat(255)}`,
    'a/b\n',
  ])
    assert.throws(() => new Bytes(own, type), isInvalid, type);
  assert.throws(() => new Bytes(own, 'png'), /its type is no media type, such as image\/png\.$/);
  assert.throws(() => new Bytes(own, 'a/json'), /put that, without a type\.$/);
  assert.throws(() => new Bytes([1] as never), isInvalid);
});

bytes('within another value they are refused', () =>
  withServer((server) =>
    withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, async (client) => {
      assert.instance(await rejection(client.put('a', [image])), InvalidRequestError);
    }),
  )(),
);

bytes('client and node write and read the same text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40_000 }), (array) => {
      const parts = rawParts({ bytes: Buffer.from(array), type: 'image/png' });
      assert.equal(bytesJson(new Bytes(array, 'image/png')), parts);
      assert.equal(bytesFrom(JSON.parse(parts.value), 'bytes'), new Bytes(array, 'image/png'));
      assert.ok(rawValueOf(parts) !== null);
    }),
    { numRuns: 30 },
  );
  assert.ok(isRawType(new Bytes(EVERY_BYTE).type));
});

bytes('an annotation of bytes beside another value leaves the value as it is', () => {
  for (const json of [1, null, {}, { bytes: 'AA==' }, { bytes: '!', type: 'a/b' }])
    assert.is(bytesFrom(json, 'bytes'), null);
});

const isInvalid = (error: unknown): boolean => error instanceof InvalidRequestError;

bytes.run();
