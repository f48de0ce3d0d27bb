/** An answer whose connection has ended meanwhile. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answerJson } from '../../../src/http/answer/answer.ts';

const ended = suite('an answer on an ended connection');

ended('it goes nowhere, and the request behind it is not begun', async () => {
  let sockets = 0;
  const server = http.createServer((request, res) => {
    // A request behind another one has no socket until its turn.
    if (res.socket === null) {
      res.once('socket', () => sockets++);
      return;
    }
    setImmediate(() => {
      request.socket.destroy();
      answerJson({ res }, '{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const closed = once(socket, 'close');
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
  await closed;
  await new Promise((resolve) => server.close(resolve));
  assert.is(received, 0);
  assert.is(sockets, 0);
});

ended.run();
