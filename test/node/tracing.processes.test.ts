/**
 * Traces of nodes, by the SDK of OpenTelemetry. A tracer provider is of a whole process, so this file has one
 * of its own.
 */
import { join } from 'node:path';
import { context, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningNode, startNode } from '../../src/index.ts';
import { openTracer } from '../../src/node/tracing.ts';
import { at } from '../../src/words/invariant.ts';
import { NO_TRACER } from '../../src/words/trace.ts';
import { freePorts } from '../support/ports.ts';
import { CommandProcess, temporaryDirectory, waitFor } from '../support/processes.ts';
import { linkedFrom, Spans, traceParentOf } from './tracing/spans.ts';

const LIMIT_MS = 20_000;
const REGISTRATION = join(import.meta.dirname, 'tracing', 'register.mjs');

const tracing = suite('traces');

tracing(
  'a write is in one trace from the program to its peer, and links show shared commits',
  async () => {
    await withPair(async ({ first, second, spans }) => {
      const own = trace.getTracer('program').startSpan('checkout');
      await context.with(trace.setSpan(context.active(), own), () => first.put('a', 1));
      own.end();
      const { traceId, spanId } = own.spanContext();
      const apply = await one(spans, 'hearsay.apply', traceId);
      const put = await one(spans, 'hearsay.put', traceId);
      const commit = await one(spans, 'hearsay.commit', traceId);
      const push = await one(spans, 'hearsay.push', traceId);
      const putId = put.spanContext().spanId;
      assert.is(put.parentSpanContext?.spanId, spanId);
      for (const span of [commit, push, apply]) {
        assert.is(span.parentSpanContext?.spanId, putId, span.name);
        assert.equal(linkedFrom(span), [putId], span.name);
      }
      assert.is(apply.attributes['hearsay.peer.origin'], first.origin);
      assert.is(apply.attributes['hearsay.outcome'], 'applied');
      assert.is(apply.links[0]?.context.isRemote, true);
      assert.is(push.attributes['hearsay.peers'], 1);
      assert.is(second.get('a')?.value, 1);
      // Writes that share a commit share its span, which links to each.
      spans.forget();
      await Promise.all(['b', 'c', 'd'].map((key) => first.put(key, 1)));
      await waitFor(() => spans.named('hearsay.apply').length > 0, LIMIT_MS, 'an apply');
      const puts = spans.named('hearsay.put').map((span) => span.spanContext().spanId);
      assert.is(puts.length, 3);
      for (const name of ['hearsay.commit', 'hearsay.push', 'hearsay.apply']) {
        const links = spans.named(name).flatMap(linkedFrom);
        assert.equal(links.sort(), puts.sort(), name);
      }
    });
  },
);

tracing(
  'requests are children of their clients, waits of requests, and pulls are traces of their own',
  async () => {
    await withPair(async ({ first, second, spans, withoutSecond }) => {
      const client = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
      const traceparent = traceParentOf({ ...client, traceFlags: 1 });
      const written = await fetch(`${first.url}/cache/secret?acks=2`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json', traceparent },
        body: '{"value":1,"version":"next"}',
      });
      const { token, acks } = Object(await written.json());
      assert.is(acks, 2);
      const request = await one(spans, 'PUT /cache/:key', client.traceId);
      assert.is(request.parentSpanContext?.spanId, client.spanId);
      assert.is(request.attributes['http.response.status_code'], 200);
      assert.not.match(JSON.stringify([request.name, request.attributes]), 'secret');
      const wait = await one(spans, 'hearsay.wait', client.traceId);
      assert.is(wait.parentSpanContext?.spanId, request.spanContext().spanId);
      assert.is(wait.attributes['hearsay.wait'], 'acks');
      spans.forget();
      await fetch(`${second.url}/cache/secret`, { headers: { 'Hearsay-After': token } });
      const after = await one(spans, 'hearsay.wait');
      assert.is(after.attributes['hearsay.wait'], 'after');
      const read = await one(spans, 'GET /cache/:key');
      assert.is(after.parentSpanContext?.spanId, read.spanContext().spanId);
      // Plain GETs take the short path.
      await fetch(`${second.url}/cache/secret`);
      await waitFor(() => spans.named('GET /cache/:key').length === 2, LIMIT_MS, 'a plain GET');
      // Only pulls that bring ops are told, from their digest on.
      spans.forget();
      await withoutSecond(() => first.put('while it was away', 1));
      const pull = await one(spans, 'hearsay.pull');
      assert.is(pull.attributes['hearsay.peer.origin'], first.origin);
      assert.ok(Number(pull.attributes['hearsay.ops']) >= 1);
      assert.is(pull.parentSpanContext, undefined);
      const [seconds, nanoseconds] = pull.duration;
      assert.ok(seconds > 0 || nanoseconds > 0);
      const beganAtMs = pull.startTime[0] * 1000;
      assert.ok(Math.abs(Date.now() - beganAtMs) < 10 * 60_000, String(beganAtMs));
    });
  },
);

tracing(
  'a trace that is not recorded costs no span elsewhere, and its id is known to the log',
  async () => {
    using spans = new Spans(new AlwaysOffSampler());
    const tracer = await openTracer(() => {});
    const span = tracer.begin({ name: 'x', kind: 'server' });
    span.end();
    assert.is(span.traceParent, null);
    assert.match(String(span.traceId), /^[0-9a-f]{32}$/);
    assert.equal(spans.named('x'), []);
  },
);

tracing('without a provider nothing is traced, and one of another version is told of', async () => {
  const told: string[] = [];
  const note = (_level: string, text: string): void => void told.push(text);
  assert.is(await openTracer(note), NO_TRACER);
  const name = Symbol.for('opentelemetry.js.api.1');
  const before: unknown = Reflect.get(globalThis, name);
  try {
    Reflect.set(globalThis, name, { version: '1.0.0', trace: {} });
    assert.is(await openTracer(note), NO_TRACER);
  } finally {
    Reflect.set(globalThis, name, before);
  }
  assert.is(told.length, 1);
  assert.match(told[0] ?? '', /Nothing is traced: .* Install one version for both\./);
});

tracing(
  '`hearsay serve` is traced by a file that NODE_OPTIONS imports, up to its stop',
  async () => {
    await using directory = await temporaryDirectory();
    const port = await freePorts(1);
    await using node = new CommandProcess(['serve'], {
      PORT: String(port),
      DATA_DIR: directory.path,
      NODE_OPTIONS: `--import ${REGISTRATION}`,
    });
    const url = `http://127.0.0.1:${port}`;
    const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;
    await waitFor(isReady, LIMIT_MS, 'a ready node');
    const put = () =>
      fetch(`${url}/cache/a`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: '{"value":1,"version":"next"}',
      });
    await waitFor(async () => (await put()).ok, LIMIT_MS, 'a write');
    // The spans wait for a batch: a node that stops leaves the process time to send them.
    node.signal('SIGTERM');
    assert.is(await node.ended(), 0);
    for (const name of ['PUT /cache/:key', 'hearsay.commit'])
      assert.ok(node.stdout.includes(`name: '${name}'`), name);
  },
);

tracing.run();

interface Pair {
  readonly first: RunningNode;
  readonly second: RunningNode;
  readonly spans: Spans;
  /** Stops the second node, does the work, and starts it again. */
  readonly withoutSecond: (work: () => Promise<unknown>) => Promise<void>;
}

/** Two nodes of this process that hold one another for members. */
async function withPair(run: (pair: Pair) => Promise<void>): Promise<void> {
  using spans = new Spans();
  await using undo = new AsyncDisposableStack();
  const port = await freePorts(2);
  const ports = [port, port + 1];
  const nodes = ports.map((one) => `http://127.0.0.1:${one}`);
  const directories = [undo.use(await temporaryDirectory()), undo.use(await temporaryDirectory())];
  const start = async (index: number): Promise<RunningNode> => {
    const dataDir = at(directories, index).path;
    const node = await startNode({
      nodeId: `node${index + 1}`,
      port: at(ports, index),
      url: at(nodes, index),
      nodes,
      dataDir,
      pullIntervalMs: 100,
    });
    undo.defer(() => node.close());
    return node;
  };
  const first = await start(0);
  const second = await start(1);
  await Promise.all([first.ready, second.ready]);
  await waitFor(() => areConnected(nodes), LIMIT_MS, 'the nodes see one another');
  const withoutSecond = async (work: () => Promise<unknown>): Promise<void> => {
    await second.close();
    await work();
    const again = await start(1);
    await again.ready;
  };
  await run({ first, second, spans, withoutSecond });
}

async function areConnected(nodes: readonly string[]): Promise<boolean> {
  for (const url of nodes) {
    const view = await (await fetch(`${url}/_cluster`)).json();
    if (!JSON.stringify(view).includes('"state":"connected"')) return false;
  }
  return true;
}

/** The only span of that name in that trace, once it has ended. */
async function one(spans: Spans, name: string, traceId?: string): Promise<ReadableSpan> {
  await waitFor(() => spans.named(name, traceId).length > 0, LIMIT_MS, name);
  const all = spans.named(name, traceId);
  assert.is(all.length, 1, name);
  return at(all, 0);
}
