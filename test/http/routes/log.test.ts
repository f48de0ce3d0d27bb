/** The log over HTTP, the past of a key, and the members: of a real node over a real file. */
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import { RemoteNode } from '../../../src/cli/remote/remoteNode.ts';
import { UrlReader } from '../../../src/cli/remote/urlReader.ts';
import { liveAt } from '../../../src/log/tools/entriesAt.ts';
import { LineSource } from '../../../src/log/tools/lineSource.ts';
import { momentNow } from '../../../src/log/tools/moment.ts';
import { parseLine, rowOf } from '../../../src/log/tools/rowLine.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import { readSettings } from '../../../src/node/settings.ts';
import { type NodeLog, type RunningNode, startNode } from '../../../src/node/startNode.ts';
import { tamper } from '../../log/tools/files.ts';
import { membership } from '../../support/ops.ts';
import { temporaryDirectory, waitFor } from '../../support/processes.ts';

const test = suite('the log over HTTP');

const TOKEN = 'the-token';
const QUIET: NodeLog = { info: () => {}, warn: () => {}, error: () => {} };

interface Served extends AsyncDisposable {
  readonly node: RunningNode;
  readonly url: string;
  put(key: string, body: object): Promise<void>;
  get(
    path: string,
    token?: string | null,
  ): Promise<{ status: number; text: string; body: Record<string, unknown> }>;
  post(
    path: string,
    body?: object,
    token?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

async function serve(more: Readonly<Record<string, string>> = {}, logger = QUIET): Promise<Served> {
  const directory = await temporaryDirectory();
  const flags = {
    dataDir: directory.path,
    port: '0',
    joinTimeoutMs: '0ms',
    internalToken: TOKEN,
    ...more,
  };
  const node = await startNode(readSettings(flags, {}), { logger });
  const { url } = node;
  const answerOf = async (response: Response) => {
    const text = await response.text();
    return {
      status: response.status,
      text,
      body: /^\{.*\}$/s.test(text) && !text.includes('}\n') ? JSON.parse(text) : {},
    };
  };
  const headersOf = (token: string | null): Record<string, string> =>
    token === null ? {} : { 'X-Internal-Token': token };
  const served: Served = {
    node,
    url,
    get: async (path, token = TOKEN) =>
      answerOf(await fetch(url + path, { headers: headersOf(token) })),
    post: async (path, body, token = TOKEN) =>
      answerOf(
        await fetch(url + path, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...headersOf(token) },
          ...(body && { body: JSON.stringify(body) }),
        }),
      ),
    put: async (key, body) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(`${url}/cache/${key}`, {
        method: 'PUT',
        headers,
        body: JSON.stringify(body),
      });
      assert.is(response.status, 200);
      await response.arrayBuffer();
    },
    [Symbol.asyncDispose]: async () => {
      await node.close();
      await directory[Symbol.asyncDispose]();
    },
  };
  await waitFor(() => node.replica.readiness.isWritable, 5000, 'the node is writable');
  return served;
}

test('on an open node, only the routes of the scope admin ask for a token', async () => {
  await using served = await serve();
  for (const path of ['/_log', '/_log/rows']) assert.is((await served.get(path, null)).status, 200);
  for (const token of ['', 'wrong', `${TOKEN}x`]) {
    const { status, body } = await served.post('/_log/compact', undefined, token);
    assert.is(status, 401);
    assert.match(String(body.detail), /X-Internal-Token is wrong/);
  }
  assert.is((await served.post('/_cluster/retire', { member: 'node1' }, 'wrong')).status, 401);
});

test('rows in pages, by key, by lsn, backwards, with and without values', async () => {
  await using served = await serve();
  for (let version = 1; version <= 5; version++)
    await served.put('a', { value: { version }, version });
  await served.put('b', { value: 'two\nlines', version: 1 });
  const lines = async (query: string) => {
    const { status, text } = await served.get(`/_log/rows?${query}`);
    assert.is(status, 200, text);
    return text.trimEnd().split('\n').map(parseLine);
  };
  const lsns = async (query: string) => (await lines(query)).flatMap(({ lsn }) => lsn ?? []);
  assert.equal(await lsns(''), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal((await lines('')).at(-1), { next: null, fault: null });
  assert.equal(await lsns('after=2&upto=5'), [3, 4, 5]);
  const page = await lines('after=1&limit=3');
  assert.equal([page.map(({ lsn }) => lsn), page.at(-1)?.next], [[2, 3, 4, undefined], 4]);
  assert.equal(await lsns('before=4&limit=2'), [3, 2]);
  assert.equal(await lsns('lsns=7,2,99'), [7, 2]);
  assert.equal(await lsns('key=b'), [7]);
  const [head] = await lines('after=6&values=false');
  assert.equal([head?.value, head?.text_bytes], [undefined, 'b'.length + '"two\\nlines"'.length]);
  const whole = (await lines('after=6'))[0];
  assert.is(whole && rowOf(whole).op.value, '"two\\nlines"');
  for (const query of ['after=x', 'limit=-1', 'values=maybe', 'lsns=1,,2', 'after=1&after=2'])
    assert.is((await served.get(`/_log/rows?${query}`)).status, 422, query);
});

test('the tools read a node as they read its file', async () => {
  await using served = await serve();
  for (let index = 0; index < 40; index++)
    await served.put(`key${index % 7}`, { value: index, version: 'next' });
  const reader = new UrlReader(new RemoteNode({ url: served.url, token: TOKEN }));
  const source = new LineSource({ place: served.url, reader });
  const facts = await source.facts();
  assert.is(facts.header.origin, served.node.origin);
  assert.equal((await verify(source, { aheadMs: 60_000 })).findings, []);
  assert.is((await liveAt(source, momentNow(facts), new Walk(0, facts.lastLsn))).size, 7);
  assert.equal(
    (await source.rowsOn('key3', 0, facts.lastLsn)).items.map(({ op }) => op.value),
    ['3', '10', '17', '24', '31', '38'],
  );
  assert.equal(
    (await source.rowsAt([2, 41])).map(({ lsn }) => lsn),
    [2, 41],
  );
});

test('following tells every row as it comes, and ends with the reader or the node', async () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', onWarning);
  await using served = await serve();
  const reader = new UrlReader(new RemoteNode({ url: served.url, token: TOKEN }));
  const stop = new AbortController();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const lines of reader.follow(1, stop.signal)) {
      for (const line of lines) seen.push(rowOf(parseLine(line)).lsn);
      if (seen.length === 60) stop.abort();
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  for (let index = 0; index < 60; index++) await served.put('a', { value: index, version: index });
  await reading;
  assert.equal(
    seen,
    Array.from({ length: 60 }, (_unused, index) => index + 2),
  );

  // One that only waits must not hold up a node that stops.
  const waiting = reader.follow(0, AbortSignal.timeout(Math.round(20_000 * patience())));
  assert.match((await waiting.next()).value?.[0], /"lsn":1,/);
  const rest = (async () => {
    for await (const _line of waiting);
  })().catch(() => {});
  const startedAt = performance.now();
  await served.node.close();
  await rest;
  assert.ok(performance.now() - startedAt < 5000 * patience());
  process.off('warning', onWarning);
  assert.equal(
    warnings,
    [],
    'a warning of the platform would stand among the messages of the node',
  );
});

test('a page has the rows that are asked for, up to 8192 of them and four mebibytes', async () => {
  await using served = await serve();
  const batch = async (count: number, value: string): Promise<void> => {
    const ops = Array.from({ length: count }, (_one, index) => ({
      op: 'put',
      key: `key${index}`,
      value,
      version: 'next',
    }));
    assert.is((await served.post('/cache', { ops })).status, 200);
  };
  for (let sent = 0; sent < 9000; sent += 1000) await batch(1000, 'short');
  const linesOf = async (query: string): Promise<ReturnType<typeof parseLine>[]> =>
    (await served.get(`/_log/rows?${query}`)).text.trimEnd().split('\n').map(parseLine);
  for (const [asked, rows] of [
    [1, 1],
    [300, 300],
    [5000, 5000],
    [100_000, 8192],
  ] as const)
    for (const values of [true, false]) {
      const lines = await linesOf(`after=2&limit=${asked}&values=${values}`);
      assert.equal(lines.pop(), { next: 2 + rows, fault: null });
      assert.equal(
        lines.map(({ lsn }) => lsn),
        Array.from({ length: rows }, (_one, index) => index + 3),
      );
    }
  for (let sent = 0; sent < 60; sent += 6) await batch(6, 'x'.repeat(100_000));
  const long = await linesOf('after=9001&limit=100');
  assert.is(long.length, 43);
  assert.equal(long.at(-1), { next: 9043, fault: null });
});

test('a reader that takes nothing costs the node nothing, and is forgotten when it goes', async () => {
  await using served = await serve();
  const value = 'x'.repeat(100_000);
  for (let index = 0; index < 60; index++) await served.put('a', { value, version: index });
  const { port } = new URL(served.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(`GET /_log/rows HTTP/1.1\r\nHost: x\r\nX-Internal-Token: ${TOKEN}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  await served.put('b', { value: 1, version: 1 });
  assert.is((await served.get('/cache/b')).status, 200);
  socket.destroy();
  await served.put('b', { value: 1, version: 2 });
});

test('a key as it was, by time, lsn and token', async () => {
  await using served = await serve();
  const write = async (body: object): Promise<string> => {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(`${served.url}/cache/a`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(body),
    });
    const { token }: { token: string } = (await response.json()) as { token: string };
    return token;
  };
  const token = await write({ value: 'first', version: 1 });
  await write({ value: 'second', version: 2 });
  await (await fetch(`${served.url}/cache/a`, { method: 'DELETE' })).arrayBuffer();
  const at = async (point: string) => {
    const { status, body } = await served.get(`/cache/a?at=${encodeURIComponent(point)}`, null);
    return status === 200 ? body.value : status;
  };
  assert.equal(
    [await at('lsn:1'), await at('lsn:2'), await at('lsn:3'), await at('lsn:4')],
    [404, 'first', 'second', 404],
  );
  assert.is(await at(token), 'first');
  assert.is(await at('-1h'), 404);
  assert.is(await at('now'), 404);
  for (const [point, detail] of [
    ['nonsense', /is no point in a log/],
    ['', /is no point in a log/],
    ['lsn:99', /^The log of this node ends at lsn 4, before 99\.$/],
    ['2100-01-01T00:00:00Z', /^The time 2100-01-01T00:00:00.000Z is in the future: /],
  ] as const) {
    const refused = await served.get(`/cache/a?at=${encodeURIComponent(point)}`, null);
    assert.is(refused.status, 422, point);
    assert.match(String(refused.body.detail), detail);
  }
  const { body, status } = await served.get('/cache/a?at=lsn:2', null);
  assert.equal([status, body.version, body.expires_at], [200, 1, null]);
  assert.is((await served.get('/cache/a?other=1', null)).status, 404);
  const together = async (point: string) => {
    const headers = { 'Content-Type': 'application/json' };
    const sent = { method: 'POST', headers, body: JSON.stringify({ keys: ['b', 'a'], at: point }) };
    const response = await fetch(`${served.url}/cache/get`, sent);
    const answer = (await response.json()) as { entries?: ({ value: unknown } | null)[] };
    return answer.entries?.map((entry) => entry?.value) ?? response.status;
  };
  assert.equal(await together('lsn:3'), [undefined, 'second']);
  assert.equal(await together('lsn:4'), [undefined, undefined]);
  assert.is(await together('lsn:99'), 422);
});

test('many values of the past that are too long together are refused as a whole', async () => {
  await using served = await serve({ maxBatchAnswerBytes: '1MiB' });
  const long = 'x'.repeat(700_000);
  for (const key of ['a', 'b']) await served.put(key, { value: long, version: 1 });
  await served.put('b', { value: 'short', version: 2 });
  const statusOf = async (keys: readonly string[], at: string) =>
    (await served.post('/cache/get', { keys, at })).status;
  assert.is(await statusOf(['a', 'b'], 'lsn:3'), 413);
  assert.is(await statusOf(['a', 'a'], 'lsn:2'), 413);
  assert.is(await statusOf(['a', 'b'], 'lsn:4'), 200);
});

test('bytes as they were, with their type, and the expiry of before a touch', async () => {
  await using served = await serve();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const put = async (type: string, body: Buffer) => {
    const headers = {
      'Content-Type': type,
      'Hearsay-Version': 'next',
      'Hearsay-TTL-Ms': '3600000',
    };
    const answer = await fetch(`${served.url}/cache/a`, { method: 'PUT', headers, body });
    assert.is(answer.status, 200, await answer.text());
  };
  const at = (point: string) => fetch(`${served.url}/cache/a?at=${point}`);
  await put('image/png', bytes);
  const touched = await fetch(`${served.url}/cache/a/touch`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"ttl_ms":null}',
  });
  assert.is(touched.status, 200, await touched.text());
  await put('text/plain', Buffer.from('now'));
  const expiries: (string | null)[] = [];
  for (const point of ['lsn:2', 'lsn:3']) {
    const { status, headers, ...answer } = await at(point).then(async (was) => ({
      status: was.status,
      headers: was.headers,
      bytes: Buffer.from(await was.arrayBuffer()),
    }));
    assert.equal([status, headers.get('content-type')], [200, 'image/png'], point);
    assert.equal(answer.bytes, bytes, point);
    assert.is(headers.get('hearsay-version'), '1', point);
    expiries.push(headers.get('hearsay-expires-at'));
  }
  assert.match(expiries[0] ?? '', /^20\d\d-/);
  assert.is(expiries[1], null);
  const now = await at('lsn:4');
  assert.equal([now.headers.get('content-type'), await now.text()], ['text/plain', 'now']);
  const { body } = await served.post('/cache/get', { keys: ['a'], at: 'lsn:2' });
  assert.equal((body.entries as { value: unknown; meta: unknown }[])[0]?.meta, 'bytes');
});

test('compaction when asked; a point before the cut is gone, by name', async () => {
  await using served = await serve();
  for (let version = 1; version <= 20; version++)
    await served.put('a', { value: version, version });
  // The stable vector moves on soon where something is dead.
  await (await fetch(`${served.url}/cache/b`, { method: 'DELETE' })).arrayBuffer();
  await served.put('c', { value: 1, version: 1 });
  const { status, body } = await served.post('/_log/compact?retention_ms=0');
  assert.is(status, 200);
  let rows = Number(body.rows);
  const isCompacted = async (): Promise<boolean> => {
    if (rows === 0) rows = Number((await served.post('/_log/compact?retention_ms=0')).body.rows);
    return rows > 0;
  };
  // Without anything dead, it moves every 10 s.
  await waitFor(isCompacted, 20_000, 'something is compacted');
  const before = await served.get('/cache/a?at=lsn:3', null);
  assert.is(before.status, 410);
  assert.match(String(before.body.detail), /was compacted up to .*name a later point/);
  assert.is((await served.post('/_log/compact?retention_ms=x')).status, 422);
});

test('members are shown, and retired by name', async () => {
  await using served = await serve();
  const { replica } = served.node;
  await replica.membership.admit(
    'node2.aaaaaa',
    JSON.stringify({ nodeId: 'node2', url: 'http://two' }),
  );
  await replica.membership.admit('node2.bbbbbb', JSON.stringify({ nodeId: 'node2', url: null }));
  const members = async () =>
    (await served.get('/_cluster')).body.members as {
      origin: string;
      url: string | null;
      behind_ops: number | null;
      holds_back: boolean;
    }[];
  const shown = await members();
  assert.equal(
    shown.map(({ origin }) => origin),
    [served.node.origin, 'node2.aaaaaa', 'node2.bbbbbb'],
  );
  assert.equal(
    shown.map(({ behind_ops }) => behind_ops),
    [0, null, null],
  );
  assert.equal(
    shown.map(({ holds_back }) => holds_back),
    [false, true, true],
  );
  const retire = async (member: unknown) => served.post('/_cluster/retire', { member });
  assert.is((await retire('node3')).status, 404);
  const ambiguous = await retire('node2');
  assert.is(ambiguous.status, 409);
  assert.match(
    String(ambiguous.body.detail),
    /several members: name one of node2\.aaaaaa, node2\.bbbbbb/,
  );
  assert.match(String((await retire('node1')).body.detail), /is this node itself/);
  assert.is((await retire(7)).status, 422);
  assert.equal((await retire('node2.aaaaaa')).body, {
    status: 'retired',
    node: 'node1',
    origin: 'node2.aaaaaa',
  });
  assert.is((await retire('node2')).status, 200);
  assert.equal(
    (await members()).map(({ origin }) => origin),
    [served.node.origin],
  );
});

test('a member is retired by a name or a URL of before, unless another member bears it now', async () => {
  await using served = await serve();
  let hlc = 0;
  // A later join of another node, as gossip brings it.
  const join = (key: string, nodeId: string, url: string) =>
    served.node.replica.members.fold(
      membership({ key, seq: ++hlc, hlc, value: JSON.stringify({ nodeId, url }) }),
    );
  join('moved.aaaaaa', 'before', 'http://old:1');
  join('moved.aaaaaa', 'after', 'http://new:1');
  join('heir.bbbbbb', 'heir', 'http://old:1');
  const retire = async (member: string) => served.post('/_cluster/retire', { member });
  const first = await retire('http://old:1');
  assert.is(first.body.origin, 'heir.bbbbbb');
  const second = await retire('before');
  assert.equal([second.status, second.body.origin], [200, 'moved.aaaaaa']);
  assert.is((await retire('http://old:1')).status, 404);
  join('moved.cccccc', 'some', 'http://old:2');
  join('moved.cccccc', 'other', 'http://new:2');
  assert.is((await retire('http://old:2/')).body.origin, 'moved.cccccc');
});

test('a log that is damaged while its node runs is told as such to who asks, and to the log', async () => {
  const errors: string[] = [];
  const error = (_details: object, message: string): void => void errors.push(message);
  await using served = await serve({}, { ...QUIET, error });
  await served.put('k', { value: 1, version: 1 });
  const { place } = served.node.replica;
  tamper(place, 'DROP TABLE meta');
  for (const path of ['/_log', '/_log/rows?limit=1', '/cache/k?at=-1ms']) {
    const { status, body } = await served.get(path, TOKEN);
    assert.is(status, 500, path);
    assert.match(
      String(body.detail),
      /^The log of this node is damaged: its table meta is missing\. Move /,
    );
    assert.not(String(body.detail).includes(place));
  }
  assert.is(
    errors.filter((message) => message.startsWith(`The log ${place} is damaged: `)).length,
    3,
  );
});

test.run();
