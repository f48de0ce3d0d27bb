/** Requests whose bodies are taken past the stream: they come whole, and to Node they are read to their end. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TakenRequest } from '../../../src/http/request/takenRequest.ts';

const requests = suite('taken requests');

/** Does with a request what a server does; it tells of its body the text, or an error. */
type Handle = (
  request: TakenRequest,
  taken: (body: string | unknown) => void,
  response: http.ServerResponse,
) => void;

interface Running extends AsyncDisposable {
  readonly socket: Socket;
  /** In the order in which they came. */
  readonly bodies: unknown[];
  readonly server: http.Server;
}

const ENDED = new Error('it ended early');

const give: Handle = (request, taken) => {
  const isTaken = request.give(
    { taken: (bytes) => taken(bytes.toString()), failed: taken },
    () => ENDED,
  );
  assert.ok(isTaken);
};

/** A server with one connection, on which a test writes. */
async function serving(handle: Handle): Promise<Running> {
  const bodies: unknown[] = [];
  const server = http.createServer({ IncomingMessage: TakenRequest }, (request, response) => {
    const taken = (body: unknown): void => {
      bodies.push(body);
      response.end(`${bodies.length}`);
    };
    handle(request, taken, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.setNoDelay(true).on('error', () => {});
  await once(socket, 'connect');
  const close = async (): Promise<void> => {
    socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { socket, bodies, server, [Symbol.asyncDispose]: close };
}

const head = (length: number): string =>
  `PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

/** Writes the parts, each a packet of its own, and resolves once the server has sent something that ends so. */
async function answered(socket: Socket, parts: readonly string[], end: string): Promise<void> {
  let text = '';
  const { promise, resolve } = Promise.withResolvers<void>();
  const collect = (chunk: Buffer): void => {
    text += chunk;
    if (text.endsWith(end)) resolve();
  };
  socket.on('data', collect);
  for (const part of parts) {
    socket.write(part);
    await new Promise((written) => setTimeout(written, 5));
  }
  await promise;
  socket.off('data', collect);
}

requests('a body comes whole: with its head, behind it, and in parts', async () => {
  await using running = await serving(give);
  const { socket, bodies } = running;
  await answered(socket, [`${head(3)}one`], '\r\n1');
  await answered(socket, [head(4), 't', 'wo', '!'], '\r\n2');
  await answered(socket, [head(0)], '\r\n3');
  assert.equal(bodies, ['one', 'two!', '']);
});

requests('a request has ended once its body is taken, and only then', async () => {
  const ended: boolean[] = [];
  await using running = await serving((request, taken, response) => {
    ended.push(request.readableEnded);
    give(
      request,
      (body) => {
        ended.push(request.readableEnded);
        // Node does so with a body that nobody has read, and would wait for it.
        assert.is(request.resume(), request);
        assert.not(request.readableFlowing);
        taken(body);
      },
      response,
    );
    ended.push(request.readableEnded);
  });
  await answered(running.socket, [`${head(3)}one`], '\r\n1');
  assert.equal(ended, [false, false, true]);
});

requests('a client that goes away in the middle is told once, with the error for it', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let told = 0;
  await using running = await serving((request) => {
    const failed = (error: unknown): void => {
      told++;
      resolve(error);
    };
    request.give({ taken: () => assert.unreachable('it has not come'), failed }, () => ENDED);
    running.socket.destroy();
  });
  running.socket.write(`${head(3)}on`);
  assert.is(await promise, ENDED);
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(told, 1);
});

requests('a request that is destroyed takes no more of its body', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using running = await serving((request) => {
    request.give(
      { taken: () => assert.unreachable('it was destroyed'), failed: resolve },
      () => ENDED,
    );
    request.destroy();
    request.push(Buffer.from('one'));
    request.push(null);
  });
  running.socket.write(`${head(3)}one`);
  assert.is(await promise, ENDED);
});

requests('a client that goes away once its body is taken fails nothing', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const failures: unknown[] = [];
  await using running = await serving((request) => {
    request.on('close', resolve);
    request.give(
      { taken: () => running.socket.destroy(), failed: (e) => failures.push(e) },
      () => ENDED,
    );
  });
  running.socket.write(`${head(3)}one`);
  await promise;
  assert.equal(failures, []);
});

requests('a body of which a part has come is left to be read as a stream', async () => {
  await using running = await serving((request, taken) => {
    setImmediate(() => {
      const never = (): void => assert.unreachable('it was not given');
      assert.not(request.give({ taken: never, failed: never }, () => ENDED));
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => taken(text));
    });
  });
  await answered(running.socket, [`${head(3)}one`], '\r\n1');
  await answered(running.socket, [`${head(4)}tw`, 'o!'], '\r\n2');
  await answered(running.socket, [head(0)], '\r\n3');
  assert.equal(running.bodies, ['one', 'two!', '']);
});

requests.run();
