/** A node that is nearly full answers 503 before it runs out, says so, and comes back by itself. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Problem } from '../../../src/http/answer/problem.ts';
import { type Load, Shedding } from '../../../src/http/limits/shedding.ts';
import { waitFor } from '../../support/processes.ts';
import { onBothPaths, type TestServer, withServer } from '../testServer.ts';

const shedding = suite('shedding');

const LIMITS = { shedHeapPercent: 80, shedQueuePercent: 50 };

interface FakeLoad extends Load {
  heapShare: number;
  queueShare: number;
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
    garbage: 0,
    collections: 0,
    tookMs: 0,
    heap: () => load.heapShare + load.garbage,
    queue: () => load.queueShare,
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

shedding.run();

/** Each of the two servers looks at its load by a timer of its own, so one may be earlier than the other. */
async function statusIs(server: TestServer, path: string, status: number): Promise<boolean> {
  return (await server.get(path).catch(() => null))?.status === status;
}
