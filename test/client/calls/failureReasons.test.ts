/** A client that names a node by the wrong scheme hears the right one. */
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonAt } from '../../../src/client/calls/failureReasons.ts';
import { createClient, HearsayError } from '../../../src/client/index.ts';

const schemes = suite('wrong schemes');

/** @returns the error of a write to the server by that scheme. */
async function errorAt(server: Server, scheme: 'http' | 'https'): Promise<HearsayError> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoints = [`${scheme}://127.0.0.1:${port}`];
  const client = createClient({ endpoints, maxRounds: 1, timeoutMs: 60_000 });
  try {
    await client.put('a', 1, { version: 1 });
  } catch (error) {
    if (error instanceof HearsayError) return error;
    throw error;
  } finally {
    await client.close();
    server.close();
  }
  throw new Error('The write came through.');
}

/** A port that speaks TLS hangs up on plain http so. */
const hangsUp = (): Server => createServer((socket) => socket.once('data', () => socket.destroy()));

schemes('https to a port of plain http: http is named, and nothing was stored', async () => {
  const error = await errorAt(createHttp(), 'https');
  assert.match(error.message, /can't be reached: it speaks no TLS: name it by http, or /);
  assert.is(error.mayBeStored, false);
});

schemes('a port that hangs up on http: https is named, and the write may be stored', async () => {
  const error = await errorAt(hangsUp(), 'http');
  assert.match(error.message, /can't be reached: .+ \(if it speaks TLS, name it by https\)/);
  assert.is(error.mayBeStored, true);
});

schemes('a port that hangs up on https: no scheme is named', async () => {
  const error = await errorAt(hangsUp(), 'https');
  assert.not.match(error.message, /name it by/);
});

schemes('what Node advises on an unknown authority is left out', () => {
  const cause = new Error(
    'unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
  );
  const error = new TypeError('fetch failed', { cause });
  assert.is(reasonAt('https://a', error), 'unable to verify the first certificate');
});

schemes.run();
