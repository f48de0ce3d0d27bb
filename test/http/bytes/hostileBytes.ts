/** Sends bytes to a real node, and looks at all that comes back and at the node behind it. */
import { connect } from 'node:net';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import { FileSource } from '../../../src/log/files/fileSource.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { readSettings } from '../../../src/node/settings.ts';
import { startNode } from '../../../src/node/startNode.ts';
import { temporaryDirectory, waitFor } from '../../support/processes.ts';
import { type Stream, stream } from './corpus.ts';

const CLOSING_LIMIT_MS = 20_000;
const AT_ONCE = 8;
const PLANNED = new Set([
  100, 101, 200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 414, 415, 417, 421,
  429, 422, 431, 503, 504,
]);

/** Runs against a node of its own, which must have planned for everything, and whose log must be whole after it. */
export async function withHostileClients(run: (port: number) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const flags = {
    dataDir: directory.path,
    port: '0',
    joinTimeoutMs: '0ms',
    internalToken: 'for-tests',
  };
  const failures: unknown[] = [];
  const logger = {
    info: () => {},
    warn: () => {},
    error: (failure: unknown) => failures.push(failure),
  };
  const node = await startNode(readSettings(flags, { WAIT_TIMEOUT: '20ms' }), { logger });
  try {
    await waitFor(() => node.replica.readiness.isWritable, 20_000, 'The node takes no writes');
    const headers = { 'Content-Type': 'application/json' };
    const kept = { method: 'PUT', headers, body: '{"value":"as it was","version":7}' };
    assert.is((await fetch(`${node.url}/cache/kept`, kept)).status, 200);
    await run(Number(new URL(node.url).port));
    const { status, value } = await (await fetch(`${node.url}/cache/kept`)).json().then(asAnswer);
    assert.ok(status === undefined && value === 'as it was', 'A client has lost its entry');
    assert.is((await fetch(`${node.url}/_health`)).status, 200);
  } finally {
    await node.close();
  }
  assert.equal(failures, []);
  const source = FileSource.open(directory.path, Date.now);
  try {
    assert.equal((await verify(source, { aheadMs: 60_000 })).findings, []);
  } finally {
    await source.close();
  }
}

const asAnswer = (body: unknown): { status?: unknown; value?: unknown } =>
  typeof body === 'object' && body !== null ? body : {};

/** @returns all that comes until the node has closed the connection, whose client has ended its half. */
export function answersTo(port: number, { bytes, cut }: Stream, isEnded = true): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => {
      socket.setNoDelay(true);
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => {
        socket.write(bytes.subarray(cut));
        if (isEnded) socket.end();
      });
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.setTimeout(CLOSING_LIMIT_MS * patience(), () =>
      socket.destroy(new Error('The node has forgotten a connection.')),
    );
    // The node may close while more is being sent to it.
    socket.on('error', (error) => (isReset(error) ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

const isReset = (error: Error): boolean =>
  'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/** Sends so many streams of changed requests. A failing run prints the bytes and the seed that makes them again. */
export async function sendChanged(port: number, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(
    fc.array(stream, { minLength: 1, maxLength: AT_ONCE }),
    async (streams) => {
      const all = await Promise.all(streams.map((one) => answersTo(port, one)));
      for (const answers of all) lookAt(answers.toString('latin1'));
    },
  );
  await fc.assert(property, { numRuns });
}

/** Every status is one that was planned, and nothing stands between two answers. */
function lookAt(answers: string): void {
  let left = answers;
  while (left !== '') {
    const [head = '', status = ''] = /^HTTP\/1\.1 (\d{3}) [\s\S]*?\r\n\r\n/.exec(left) ?? [];
    assert.ok(
      PLANNED.has(Number(status)),
      `An answer begins with ${JSON.stringify(left.slice(0, 80))}`,
    );
    left = left.slice(head.length);
    // Behind these come the frames of a WebSocket, or chunks until the connection is closed.
    if (status === '101' || /^Transfer-Encoding: chunked/im.test(head)) return;
    if (status === '100' || status === '304' || status === '204') continue;
    const length = Number(/^Content-Length: (\d+)\r$/im.exec(head)?.[1]);
    assert.ok(Number.isSafeInteger(length), `An answer without a length: ${head}`);
    // An answer to a HEAD tells of a body that does not come.
    if (!left.startsWith('HTTP/1.1 ')) left = left.slice(length);
  }
}
