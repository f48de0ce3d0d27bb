/** Responses that share one listener of their connection behave as Node's own. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OneListenerResponse } from '../../../src/http/answer/oneListenerResponse.ts';
import { waitFor } from '../../support/processes.ts';

const responses = suite('one-listener responses');

type Behaviour = 'at once' | 'later' | 'in parts' | 'never';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

interface History {
  /** The events of all responses in their order, each with the number of its response. */
  readonly events: readonly string[];
  readonly answers: string;
  /** Listeners of the end of the connection after each answer. */
  readonly listeners: readonly number[];
}

/**
 * Sends all requests in one chunk on one connection, which the client ends once a response that is never answered
 * is the next, or all are answered.
 */
async function historyOf(
  ServerResponse: typeof http.ServerResponse,
  behaviours: readonly Behaviour[],
  onConnection: (socket: Socket) => void = () => undefined,
): Promise<History> {
  const events: string[] = [];
  const listeners: number[] = [];
  let count = 0;
  let closed = 0;
  let connection: Socket | null = null;
  const server = http.createServer({ ServerResponse, keepAlive: true }, (request, response) => {
    const number = count++;
    connection = request.socket;
    if (response.socket !== null) events.push(`${number} socket`);
    for (const event of ['socket', 'finish', 'close'])
      response.on(event, () => events.push(`${number} ${event}`));
    response.on('close', () => {
      closed++;
      events.push(
        `${number} ${response.destroyed} ${response.writableFinished} ${response.socket !== null}`,
      );
      if (response.writableFinished) listeners.push(request.socket.listenerCount('close'));
    });
    response.setHeader('Date', 'now');
    behave(response, behaviours[number] ?? 'never');
  });
  // Before the server's own listener.
  server.prependListener('connection', onConnection);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let answers = '';
  client.on('data', (chunk) => {
    answers += chunk.toString('latin1');
  });
  client.write(REQUEST.repeat(behaviours.length));
  const never = behaviours.indexOf('never');
  const answered = never < 0 ? behaviours.length : never;
  await waitFor(
    () => count === behaviours.length && closed === answered,
    20_000,
    'An answer is missing',
  );
  client.destroy();
  await waitFor(() => connection?.closed ?? true, 20_000, 'The connection stays');
  // The last response is told in a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  server.close();
  return { events, answers, listeners };
}

function behave(response: http.ServerResponse, behaviour: Behaviour): void {
  switch (behaviour) {
    case 'at once':
      response.end('abc');
      break;
    case 'later':
      setImmediate(() => response.end('abc'));
      break;
    case 'in parts':
      response.write('a');
      setImmediate(() => {
        response.write('b');
        setImmediate(() => response.end('c'));
      });
      break;
    case 'never':
      break;
  }
}

const behaviour = fc.constantFrom<Behaviour[]>('at once', 'later', 'in parts', 'never');

responses('their events, and the bytes of the answers, are those of Node', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(behaviour, { minLength: 1, maxLength: 8 }), async (behaviours) => {
      const own = await historyOf(OneListenerResponse, behaviours);
      const ofNode = await historyOf(http.ServerResponse, behaviours);
      assert.equal(own.events, ofNode.events);
      assert.is(own.answers, ofNode.answers);
    }),
    { numRuns: 60 },
  );
});

responses('however many there were, a connection has one listener of them', async () => {
  const behaviours = Array.from({ length: 50 }, (): Behaviour => 'at once');
  const own = await historyOf(OneListenerResponse, behaviours);
  const ofNode = await historyOf(http.ServerResponse, behaviours);
  assert.is(own.listeners.length, 50);
  // Node's own response has taken its listener away before it is closed.
  assert.equal(new Set(own.listeners), new Set([(ofNode.listeners.at(-1) ?? 0) + 1]));
});

responses('a response under way is told once that its connection closed', async () => {
  const { events } = await historyOf(OneListenerResponse, ['at once', 'in parts', 'never']);
  assert.equal(
    events.filter((event) => event.startsWith('2')),
    ['2 socket', '2 close', '2 true false true'],
  );
});

responses('a connection with a response under way takes no second one', () => {
  const socket = new Socket();
  const request = new http.IncomingMessage(socket);
  const first = new OneListenerResponse(request);
  const second = new OneListenerResponse(request);
  first.assignSocket(socket);
  assert.throws(() => second.assignSocket(socket), /already assigned/);
  first.detachSocket(socket);
  second.assignSocket(socket);
  assert.throws(() => first.assignSocket(socket), /already assigned/);
  assert.is(second.socket, socket);
});

/** A Node that has no `_flush` would send what waits by another call: here it is there, and can't be found. */
class NoFlush<
  Request extends http.IncomingMessage = http.IncomingMessage,
> extends OneListenerResponse<Request> {}
Object.setPrototypeOf(
  NoFlush.prototype,
  new Proxy(OneListenerResponse.prototype, {
    has: (target, name) => name !== '_flush' && Reflect.has(target, name),
  }),
);

/** As on a Node that keeps the response under way elsewhere: it is kept here, and can't be found. */
function hideUnderWay(socket: Socket): void {
  const name = '_httpMessage';
  let underWay: unknown;
  const hiding = new Proxy(Object.getPrototypeOf(socket) as object, {
    has: (target, asked) => asked !== name && Reflect.has(target, asked),
    get: (target, asked, receiver): unknown =>
      asked === name ? underWay : Reflect.get(target, asked, receiver),
    set: (target, asked, value, receiver) => {
      if (asked !== name) return Reflect.set(target, asked, value, receiver);
      underWay = value;
      return true;
    },
  });
  Object.setPrototypeOf(socket, hiding);
}

const otherNodes = [
  { lacks: '_flush', Response: NoFlush, onConnection: undefined },
  { lacks: '_httpMessage', Response: OneListenerResponse, onConnection: hideUnderWay },
];

for (const { lacks, Response, onConnection } of otherNodes) {
  responses(`where Node has no ${lacks}, all is as with Node's own response`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { minLength: 1, maxLength: 8 }), async (behaviours) => {
        const own = await historyOf(Response, behaviours, onConnection);
        const ofNode = await historyOf(http.ServerResponse, behaviours);
        assert.equal(own.events, ofNode.events);
        assert.is(own.answers, ofNode.answers);
      }),
      { numRuns: 20 },
    );
  });

  responses(`where Node has no ${lacks}, each response takes its own listener away`, async () => {
    const behaviours = Array.from({ length: 50 }, (): Behaviour => 'at once');
    const own = await historyOf(Response, behaviours, onConnection);
    const ofNode = await historyOf(http.ServerResponse, behaviours);
    assert.is(own.listeners.length, 50);
    assert.equal(own.events, ofNode.events);
    assert.is(own.answers, ofNode.answers);
    assert.is(own.listeners.at(-1), ofNode.listeners.at(-1));
    // The next response may have its connection before the one before it is closed.
    const grown = Math.max(...own.listeners) - Math.min(...own.listeners);
    assert.ok(grown <= 1, `${own.listeners}`);
  });
}

responses.run();
