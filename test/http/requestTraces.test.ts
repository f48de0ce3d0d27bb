/** The span of a request, and the trace of its line in the log. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RequestTraces, tracedWait } from '../../src/http/requestTraces.ts';
import type { SpanStart, Tracer } from '../../src/words/trace.ts';

const requests = suite('spans of requests');

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

interface Told {
  readonly tracer: Tracer;
  readonly begun: SpanStart[];
  readonly ended: string[];
}

/** A tracer whose spans are recorded or not. */
function telling(isRecorded = true): Told {
  const begun: SpanStart[] = [];
  const ended: string[] = [];
  const tracer: Tracer = {
    isOn: true,
    begin: (start) => {
      begun.push(start);
      const end: ReturnType<Tracer['begin']>['end'] = (facts, how) =>
        void ended.push(JSON.stringify([start.name, facts, how]));
      return { traceId: 'its trace', traceParent: isRecorded ? PARENT : null, end };
    },
  };
  return { tracer, begun, ended };
}

function requestOf(method: string, headers: IncomingMessage['headers'] = {}): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = method;
  request.headers = headers;
  return request;
}

requests('a span is for the trace of the client, if that has its form', () => {
  const { tracer, begun } = telling();
  const traces = new RequestTraces(tracer);
  for (const traceparent of [PARENT, `${PARENT}-more`])
    traces.begin(requestOf('GET', { traceparent }), '/cache/a');
  assert.equal(
    begun.map((start) => start.for),
    [[PARENT], []],
  );
});

requests('it ends with the route and the status, and is a failure from 500 on', () => {
  const { tracer, ended } = telling();
  const traces = new RequestTraces(tracer);
  const request = requestOf('PUT');
  traces.begin(request, '/cache/a');
  traces.end(request, '/cache/:key', 409);
  traces.end(request, undefined, 500);
  assert.equal(
    ended.map((text) => JSON.parse(text)),
    [
      [
        'PUT',
        { 'http.response.status_code': 409, 'http.route': '/cache/:key' },
        { name: 'PUT /cache/:key' },
      ],
      [
        'PUT',
        { 'http.response.status_code': 500 },
        { name: 'PUT', fault: 'It is answered with 500.' },
      ],
    ],
  );
});

requests(
  'the log knows the trace of a request that is not recorded, and its work is not traced',
  async () => {
    const { tracer, begun } = telling(false);
    const traces = new RequestTraces(tracer);
    const request = requestOf('GET');
    traces.begin(request, '/cache/a');
    assert.equal(traces.idsOf(request), { traceId: 'its trace' });
    assert.is(traces.of(request), null);
    assert.is(await tracedWait(traces, request, 'after', async () => 5), 5);
    assert.is(begun.length, 1);
  },
);

requests('a wait that fails ends its span, and fails as it would without', async () => {
  const { tracer, begun, ended } = telling();
  const traces = new RequestTraces(tracer);
  const request = requestOf('GET');
  traces.begin(request, '/cache/a');
  const failing = tracedWait(traces, request, 'after', async () => {
    throw new Error('The time is over.');
  });
  assert.match(String(await failing.catch(String)), 'The time is over.');
  assert.equal(begun[1]?.for, [PARENT]);
  assert.match(ended[0] ?? '', 'The time is over.');
});

requests('probes and metrics have no span', () => {
  const { tracer, begun } = telling();
  const traces = new RequestTraces(tracer);
  for (const path of ['/livez', '/readyz', '/_health', '/metrics']) {
    const request = requestOf('GET');
    traces.begin(request, path);
    traces.end(request, path, 200);
    assert.equal(traces.idsOf(request), {});
  }
  assert.equal(begun, []);
});

requests.run();
