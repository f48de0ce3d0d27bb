/** A node that is nearly full answers 503 before it runs out, says so, and comes back by itself. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Problem } from '../../../src/http/answer/problem.ts';
import { type Load, Shedding } from '../../../src/http/limits/shedding.ts';
import { shedNote } from '../../../src/node/shedNote.ts';
import { waitFor } from '../../support/processes.ts';
import { onBothPaths, type TestServer, withServer } from '../testServer.ts';
import { Raw } from './raw.ts';

const shedding = suite('shedding');

const LIMITS = { shedHeapPercent: 80, shedQueuePercent: 50 };

interface FakeLoad extends Load {
  heapShare: number;
  queueShare: number;
  answersShare: number;
  /** The part of the heap that is garbage. */
  garbage: number;
  collections: number;
  /** The time that each takes, in milliseconds. */
  tookMs: number;
}

function fakeLoad(): FakeLoad {
  const load: FakeLoad = {
    heapShare: 0,
    queueShare: 0,
    answersShare: 0,
    garbage: 0,
    collections: 0,
    tookMs: 0,
    heap: () => load.heapShare + load.garbage,
    queue: () => load.queueShare,
    answers: () => load.answersShare,
    collectGarbage: () => {
      load.garbage = 0;
      load.collections++;
      return load.tookMs;
    },
  };
  return load;
}

const isShed = (of: Shedding, method: string, path: string): boolean => {
  try {
    of.require(method, path);
    return false;
  } catch (error) {
    assert.instance(error, Problem);
    return true;
  }
};

shedding(
  'garbage alone sheds nothing, and its collections stop the node for a twentieth of the time',
  () => {
    const load = fakeLoad();
    const one = new Shedding(LIMITS, load);
    load.heapShare = 0.5;
    load.tookMs = 200;
    for (let atMs = 0; atMs < 40_000; atMs += 100) {
      load.garbage = 0.4;
      one.look(atMs);
      assert.is(one.reason, null, `after ${atMs} ms`);
    }
    assert.is(load.collections, 10);
  },
);

shedding('a heap that fills up to the brim sheds before there is time to collect it', () => {
  const load = fakeLoad();
  const one = new Shedding(LIMITS, load);
  load.heapShare = 0.5;
  load.garbage = 0.4;
  one.look(0);
  load.garbage = 0.46;
  one.look(100);
  assert.is(one.reason, null);
  load.garbage = 0.47;
  one.look(200);
  assert.equal([one.reason, load.collections], ['heap', 1]);
  one.look(1000);
  assert.equal([one.reason, load.collections], [null, 2]);
});

shedding(
  'a full heap refuses all but probes and metrics, and ends below nine tenths of its bound',
  () => {
    const load = fakeLoad();
    const one = new Shedding(LIMITS, load);
    load.heapShare = 0.8;
    one.look(0);
    assert.match(one.fault ?? '', /heap is nearly full/);
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])
      assert.ok(isShed(one, method, '/cache/a'), method);
    for (const path of ['/_health', '/livez', '/readyz', '/metrics'])
      assert.not(isShed(one, 'GET', path), path);
    assert.is(one.refused.heap, 5);
    load.heapShare = 0.73;
    one.look(100);
    assert.is(one.reason, 'heap');
    load.heapShare = 0.71;
    one.look(200);
    assert.equal([one.reason, one.fault], [null, null]);
    assert.not(isShed(one, 'GET', '/cache/a'));
  },
);

shedding('a queue that is full for a second refuses writes alone; a burst refuses nothing', () => {
  const load = fakeLoad();
  const one = new Shedding(LIMITS, load);
  load.queueShare = 0.5;
  for (let look = 0; look < 9; look++) one.look(look * 100);
  assert.is(one.reason, null);
  load.queueShare = 0.1;
  one.look(900);
  load.queueShare = 0.9;
  for (let look = 10; look < 20; look++) one.look(look * 100);
  assert.is(one.reason, 'queue');
  assert.ok(isShed(one, 'PUT', '/cache/a'));
  assert.ok(isShed(one, 'POST', '/cache'));
  assert.not(isShed(one, 'GET', '/cache/a'));
  assert.is(one.refused.queue, 2);
  load.queueShare = 0.44;
  one.look(2000);
  assert.is(one.reason, null);
});

shedding(
  'room for answers that is full for a second refuses reads alone, until a tenth of it is free',
  () => {
    const load = fakeLoad();
    const one = new Shedding(LIMITS, load);
    load.answersShare = 1;
    for (let look = 0; look < 9; look++) one.look(look * 100);
    assert.is(one.reason, null);
    one.look(900);
    assert.is(one.reason, 'answers');
    assert.match(one.fault ?? '', /have not read their answers/);
    assert.ok(isShed(one, 'GET', '/cache/a'));
    assert.ok(isShed(one, 'POST', '/cache'));
    for (const method of ['PUT', 'DELETE', 'HEAD']) assert.not(isShed(one, method, '/cache/a'));
    assert.not(isShed(one, 'GET', '/metrics'));
    assert.is(one.refused.answers, 2);
    load.answersShare = 0.91;
    one.look(1000);
    assert.is(one.reason, 'answers');
    load.answersShare = 0.89;
    one.look(1100);
    assert.is(one.reason, null);
  },
);

shedding('each reason is told when it begins and when it ends, with its figures', () => {
  const load = fakeLoad();
  const one = new Shedding(LIMITS, load);
  assert.equal(one.look(0), []);
  load.heapShare = 0.85;
  const heap = { reason: 'heap', hasBegun: true, share: 0.85, lastedMs: 0, refused: 0 };
  assert.equal(one.look(1000), [heap]);
  load.queueShare = 0.6;
  const told = Array.from({ length: 10 }, (_, look) => one.look(2000 + look * 100)).flat();
  const queue = { reason: 'queue', hasBegun: true, share: 0.6, lastedMs: 0, refused: 0 };
  assert.equal(told, [queue]);
  assert.ok(isShed(one, 'PUT', '/cache/a'));
  load.heapShare = 0.5;
  assert.equal(one.look(4000), [
    { reason: 'heap', hasBegun: false, share: 0.5, lastedMs: 3000, refused: 1 },
  ]);
  assert.ok(isShed(one, 'PUT', '/cache/a'));
  assert.ok(isShed(one, 'PUT', '/cache/b'));
  load.queueShare = 0;
  assert.equal(one.look(5000), [
    { reason: 'queue', hasBegun: false, share: 0, lastedMs: 2100, refused: 2 },
  ]);
  assert.equal(one.look(5100), []);
});

shedding('the log has a warning when requests are shed, and a line when they are served', () => {
  const lines: unknown[] = [];
  const tell = shedNote((...line) => lines.push(line));
  tell({ reason: 'heap', hasBegun: true, share: 0.851, lastedMs: 0, refused: 0 });
  tell({ reason: 'answers', hasBegun: false, share: 0.5, lastedMs: 3210, refused: 17 });
  assert.equal(lines, [
    ['warn', 'Requests get 503: the heap is 85 % full.', { event: 'shedding', reason: 'heap' }],
    [
      'info',
      'Requests are served again: the room for unread answers is 50 % full; 17 were refused in 3.2 s.',
      { event: 'shedding-ended', reason: 'answers' },
    ],
  ]);
});

/** The replica of this server is in no cluster. */
const READY = '/readyz?exclude=joined';
const load = fakeLoad();
const settings = { limits: LIMITS, load };

shedding(
  'requests get the same 503 on both paths, and readyz says so until there is room',
  onBothPaths(async (server) => {
    load.heapShare = 0.9;
    await waitFor(() => statusIs(server, READY, 503), 10_000, 'It is still ready');
    assert.match((await server.get(READY)).text, /\[-] roomy: /);
    assert.is((await server.get('/livez')).status, 200);
    const refused = await server.get('/cache/a');
    assert.is(refused.status, 503);
    assert.is(refused.headers['retry-after'], '1');
    assert.match(refused.text, /#temporary-reduced-capacity/);
    assert.is((await server.put('/cache/a', { value: 1, version: 1 })).status, 503);
    load.heapShare = 0.1;
    await waitFor(() => statusIs(server, READY, 200), 10_000, 'It does not come back');
    assert.is((await server.get('/cache/a')).status, 404);
  }, settings),
);

shedding(
  'metrics tell that requests are shed, and how many were',
  withServer(async (server) => {
    load.heapShare = 0.9;
    await waitFor(() => statusIs(server, '/cache/a', 503), 10_000, 'It sheds nothing');
    const { text } = await server.get('/metrics');
    assert.match(text, /^hearsay_shedding\{reason="heap"} 1$/m);
    assert.match(text, /^hearsay_shed_requests_total\{reason="heap"} 1$/m);
  }, settings),
);

const changes: string[] = [];

shedding(
  'unread answers that fill their room are told by readyz, metrics and the log, until they are read',
  withServer(
    async (server) => {
      const value = 'x'.repeat(900_000);
      for (let key = 0; key < 12; key++) await server.put(`/cache/k${key}`, { value, version: 1 });
      const list = 'GET /cache?prefix=k HTTP/1.1\r\nHost: x\r\n\r\n';
      using stuck = new Raw(server.port, list.repeat(6), '127.0.0.2');
      stuck.socket.pause();
      await waitFor(() => statusIs(server, READY, 503), 20_000, 'It is still ready');
      assert.match((await server.get(READY)).text, /because of its answers\nnot ready/);
      assert.match((await server.get('/metrics')).text, /^hearsay_shedding\{reason="answers"} 1$/m);
      assert.is((await server.get('/cache/a')).status, 503);
      assert.is((await server.put('/cache/a', { value: 1, version: 1 })).status, 200);
      stuck.socket.destroy();
      await waitFor(() => statusIs(server, READY, 200), 20_000, 'It does not come back');
      assert.is((await server.get('/cache/a')).status, 200);
      assert.equal(changes, ['answers true', 'answers false']);
    },
    {
      limits: { maxAnswerBytes: 100_000 },
      shedChanged: ({ reason, hasBegun }) => changes.push(`${reason} ${hasBegun}`),
    },
  ),
);

shedding.run();

/** Each of the two servers looks at its load by a timer of its own, so one may be earlier than the other. */
async function statusIs(server: TestServer, path: string, status: number): Promise<boolean> {
  return (await server.get(path).catch(() => null))?.status === status;
}
