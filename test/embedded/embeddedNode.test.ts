/** A node in the program's own process, through the library's own face. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient, JsonText } from '../../src/client/index.ts';
import {
  Bytes,
  ConflictError,
  type GivenSettings,
  HearsayError,
  InvalidRequestError,
  NotReadableError,
  NotWritableError,
  type RunningNode,
  readSettings,
  SettingError,
  StoppedError,
  startNode,
  UndecodableValueError,
} from '../../src/index.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const LIMIT_MS = 20_000;

const embedded = suite('embedded node');

embedded('with no settings but a port and a directory it is ready, reads and writes', async () => {
  await withNode({}, async (node) => {
    assert.match(node.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.is(node.get('a'), undefined);
    const since = new Date(0);
    const stored = await node.put('a', { since, tags: new Set(['x']) }, { ttlMs: 60_000 });
    assert.is(stored.version, 1);
    assert.ok((stored.expiresAt?.getTime() ?? 0) > Date.now());
    const entry = node.get<{ since: Date; tags: Set<string> }>('a');
    assert.equal(entry?.value, { since, tags: new Set(['x']) });
    assert.is(entry?.version, 1);
    assert.equal(entry?.expiresAt, stored.expiresAt);
    assert.is((await node.touch('a', null))?.expiresAt, null);
    assert.is(node.get('a')?.version, 1);
    assert.is(await node.touch('none', 5), undefined);
    assert.is((await node.delete('a')).existed, true);
    assert.is((await node.delete('a')).existed, false);
    assert.is(node.get('a'), undefined);
  });
});

embedded('bytes of a type are stored as they are', async () => {
  await withNode({ limits: { maxBodyBytes: 1024 } }, async (node) => {
    const image = new Bytes(Uint8Array.from([0, 255]), 'image/png');
    await node.put('a', image);
    assert.equal(node.get('a')?.value, image);
    const answer = await fetch(`${node.url}/cache/a`);
    assert.is(answer.headers.get('content-type'), 'image/png');
    assert.equal(await answer.bytes(), image.bytes);
    await node.put('b', new Bytes(new Uint8Array(1024)));
    for (const wrong of [
      new Bytes(new Uint8Array(1025)),
      new JsonText('1', '"bytes"'),
      new JsonText('1', '"other"'),
    ]) {
      const refused = await node.put('c', wrong).then(String, (error: unknown) => error);
      assert.instance(refused, InvalidRequestError);
    }
  });
});

embedded('a client of its REST interface and the program see the same entries', async () => {
  await withNode({}, async (node) => {
    await using client = createClient({ endpoints: [node.url] });
    await client.put('from client', { at: new Date(5), plain: [1, 'two', null] });
    assert.equal(node.get('from client')?.value, { at: new Date(5), plain: [1, 'two', null] });
    const { token } = await node.put('from program', new Map([[1, 2n]]));
    const read = await client.get('from program', { after: token });
    assert.equal(read?.value, new Map([[1, 2n]]));
    assert.is(read?.expiresAt, null);
  });
});

embedded('what a read gives may be changed: the next one is untouched', async () => {
  await withNode({}, async (node) => {
    await node.put('list', [1]);
    node.get<number[]>('list')?.value.push(2);
    assert.equal(node.get('list')?.value, [1]);
  });
});

embedded('a list is in the order of keys, by prefix, from a key on, at most so many', async () => {
  await withNode({}, async (node) => {
    const keys = Array.from({ length: 600 }, (_, index) => `k/${String(index).padStart(3, '0')}`);
    await Promise.all([...keys, 'other'].map((key, index) => node.put(key, index)));
    const listed = (options: Parameters<RunningNode['list']>[0]) =>
      [...node.list(options)].map(({ key }) => key);
    assert.equal(listed({}), [...keys, 'other']);
    assert.equal(listed({ prefix: 'k/' }), keys);
    assert.equal(listed({ prefix: 'k/', startAfter: 'k/009', limit: 300 }), keys.slice(10, 310));
    assert.equal(listed({ prefix: 'none' }), []);
    assert.is([...node.list<number>({ prefix: 'o' })][0]?.value, 600);
  });
});

embedded('versions are held to as over HTTP, and a conflict says what is there', async () => {
  await withNode({}, async (node) => {
    await node.put('a', 1, { version: 5 });
    const conflict = await errorOf(node.put('a', 2, { version: 5 }));
    assert.instance(conflict, ConflictError);
    assert.instance(conflict, HearsayError);
    assert.is(conflict instanceof ConflictError && conflict.currentVersion, 5);
    assert.instance(await errorOf(node.delete('a', { upToVersion: 4 })), ConflictError);
    assert.is((await node.put('a', 3)).version, 6);
    await node.delete('a', { upToVersion: 6 });
    assert.is(node.get('a'), undefined);
  });
});

embedded('what a client could not send can not be stored, and is told in a sentence', async () => {
  await withNode({ limits: { maxKeyBytes: 8, maxBodyBytes: 64 } }, async (node) => {
    // As programs in plain JavaScript call it.
    const loose: { put(...words: unknown[]): Promise<unknown> } = node;
    const wrong: readonly [words: unknown[], message: RegExp][] = [
      [['', 1], /empty/],
      [[5, 1], /key must be a string/],
      [['\ud800', 1], /surrogate/],
      [['ééééé', 1], /8 bytes/],
      [['a', () => 1], /function/],
      [['a', 'x'.repeat(70)], /64 bytes.*72/],
      [['a', 1, { ttl: 5 }], /no option ttl: it has version, ttlMs/],
      [['a', 1, { ttlMs: 1.5 }], /ttlMs must be an integer/],
      [['a', 1, { version: -1 }], /version must be an integer/],
    ];
    for (const [words, message] of wrong) {
      const error = await errorOf(loose.put(...words));
      assert.instance(error, InvalidRequestError, String(words));
      assert.match(error.message, message);
    }
    assert.throws(() => node.get(''), isInvalid);
    assert.throws(() => node.list({ limit: 0 }), isInvalid);
    assert.equal([...node.list()], []);
  });
});

embedded('an entry that can not be decoded hides no other', async () => {
  await withNode({}, async (node) => {
    const response = await fetch(`${node.url}/cache/bad`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ value: 1, version: 1, meta: { values: ['no such type'], v: 1 } }),
    });
    assert.is(response.status, 200);
    await node.put('good', 2);
    const [bad, good] = [...node.list()];
    assert.throws(
      () => bad?.value,
      (error: unknown) => error instanceof UndecodableValueError,
    );
    assert.is(bad?.version, 1);
    assert.is(good?.value, 2);
  });
});

embedded('several nodes in one process form a cluster by plain settings', async () => {
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const first = await freePorts(2);
  const nodes = [first, first + 1].map((port) => `http://127.0.0.1:${port}`);
  const start = async (index: number) =>
    stack.use(
      await startNode({
        nodeId: `node${index}`,
        nodes,
        port: first + index,
        dataDir: join(directory.path, String(index)),
      }),
    );
  const [left, right] = await Promise.all([start(0), start(1)]);
  await Promise.all([left.ready, right.ready]);
  await left.put('a', { n: 1 });
  await waitFor(async () => right.get('a') !== undefined, LIMIT_MS, 'the write at the other node');
  assert.equal(right.get('a'), left.get('a'));
});

embedded('before it has joined it refuses by type, and ready waits', async () => {
  const port = await freePorts(2);
  const nodes = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`];
  let ready: Promise<void> | null = null;
  await withStarted({ port, nodes, joinTimeoutMs: 86_400_000 }, async (node) => {
    ({ ready } = node);
    assert.is(node.isReady, false);
    assert.throws(() => node.get('a'), isNotReadable);
    assert.throws(() => node.list(), isNotReadable);
    assert.instance(await errorOf(node.put('a', 1)), NotWritableError);
  });
  const end = await errorOf(ready ?? Promise.resolve());
  assert.instance(end, StoppedError);
  assert.match(end.message, /^This node was closed in this process: /);
});

embedded(
  'a closed node refuses, gives its port and directory back, and keeps what was put',
  async () => {
    await using directory = await temporaryDirectory();
    const settings = { port: await freePorts(1), dataDir: directory.path };
    const node = await startNode(settings);
    await node.ready;
    await node.put('a', 1);
    await Promise.all([node.close(), node.close()]);
    assert.throws(() => node.get('a'), isStopped);
    assert.throws(() => node.list(), isStopped);
    const refusal = await errorOf(node.put('a', 2));
    assert.instance(refusal, StoppedError);
    assert.match(refusal.message, /^This node was closed in this process: /);
    assert.is(node.isReady, false);
    await using again = await startNode(settings);
    await again.ready;
    assert.is(again.get('a')?.value, 1);
  },
);

embedded('wrong settings are refused before anything is written', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  // As programs in plain JavaScript call it.
  const loose: (settings: unknown, options?: unknown) => Promise<RunningNode> = startNode as never;
  const wrong: readonly [settings: unknown, message: string][] = [
    [{ dataDir, port: '8000' }, 'port must be a whole number from 0 to 65535, not "8000".'],
    [{ dataDir, port: 65_536 }, 'port must be a whole number from 0 to 65535, not 65536.'],
    [
      { dataDir, joinTimeoutMs: -1 },
      'joinTimeoutMs must be a whole number of milliseconds from 0 to 86400000, not -1.',
    ],
    [
      { dataDir, joinTimeoutMs: '10s' },
      'joinTimeoutMs must be a whole number of milliseconds from 0 to 86400000, not "10s".',
    ],
    [
      { dataDir, nodes: 'http://a:1' },
      'nodes must be an array of http or https base URLs, such as http://10.0.0.2:8000, not "http://a:1".',
    ],
    [
      { dataDir, nodes: ['http://a:1,http://b:1'] },
      'nodes must be an array of http or https base URLs, such as http://10.0.0.2:8000, not ["http://a:1,http://b:1"].',
    ],
    [{ dataDir, prot: 8000 }, 'There is no setting prot: the nearest is port.'],
    [{ dataDir, joinTimeout: 5 }, 'There is no setting joinTimeout: the nearest is joinTimeoutMs.'],
    [{ dataDir, zebra: 5 }, 'There is no setting zebra: docs/settings.md has them all.'],
    [
      { dataDir, limits: { maxKeyByte: 5 } },
      'There is no setting limits.maxKeyByte: the nearest is limits.maxKeyBytes.',
    ],
    [
      { dataDir, limits: { maxKeyBytes: 0 } },
      'limits.maxKeyBytes must be a whole number of bytes from 1 to 65536, not 0.',
    ],
    [
      { dataDir, url: 'localhost' },
      'url must be an http or https base URL, such as http://10.0.0.1:8000, or null, not "localhost".',
    ],
    [
      { dataDir, internalToken: 'with a space' },
      'internalToken must be 1 to 256 printable ASCII characters without spaces, or null.',
    ],
    [
      { dataDir, host: '0.0.0.0' },
      'A node that listens on 0.0.0.0 needs a token that its cluster shares: name its file by internalTokenFile, give it by internalToken, or listen on 127.0.0.1 by host.',
    ],
    [null, 'The settings must be an object with settings by name.'],
    [{ dataDir, limits: 5 }, 'limits must be an object with settings by name.'],
  ];
  for (const [settings, message] of wrong) {
    const error = await errorOf(loose(settings));
    assert.instance(error, SettingError, message);
    assert.is(error.message, message);
    assert.is(existsSync(dataDir), false, message);
  }
  const noWarn = await errorOf(loose({ dataDir }, { logger: { info() {} } }));
  assert.is(noWarn.message, 'logger must have the methods info, warn and error, and has no warn.');
  assert.is(existsSync(dataDir), false);
});

embedded('the settings of the environment are settings of an embedded node', async () => {
  const port = String(await freePorts(1));
  await withNode(readSettings({ nodeId: 'e' }, { PORT: port }), async (node) => {
    assert.is(node.url, `http://127.0.0.1:${port}`);
    assert.is(node.nodeId, 'e');
  });
});

embedded('a port that is taken is told in one sentence', async () => {
  await withNode({}, async (node) => {
    const port = Number(new URL(node.url).port);
    const error = await errorOf(withStarted({ port }, async () => {}));
    assert.instance(error, HearsayError);
    assert.match(error.message, new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is in use`));
  });
});

embedded('a logger is told, in sentences', async () => {
  const lines: string[] = [];
  const tell = (message: string): void => void lines.push(message);
  const port = await freePorts(2);
  const nodes = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`];
  const logger = { info: tell, warn: tell, error: (_: object, message: string) => tell(message) };
  await using directory = await temporaryDirectory();
  const settings = { port, nodes, joinTimeoutMs: 1, dataDir: directory.path };
  await using node = await startNode(settings, { logger });
  await node.ready;
  await waitFor(async () => lines.length > 0, LIMIT_MS, 'a line');
});

embedded.run();

/** Runs with a node that is ready. */
async function withNode(
  settings: GivenSettings,
  run: (node: RunningNode) => Promise<void>,
): Promise<void> {
  await withStarted(settings, async (node) => {
    await node.ready;
    assert.is(node.isReady, true);
    await run(node);
  });
}

async function withStarted(
  settings: GivenSettings,
  run: (node: RunningNode) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ port: 0, ...settings, dataDir: directory.path });
  await run(node);
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It was not refused.');
}

const isInvalid = (error: unknown): boolean => error instanceof InvalidRequestError;
const isNotReadable = (error: unknown): boolean => error instanceof NotReadableError;
const isStopped = (error: unknown): boolean => error instanceof StoppedError;
