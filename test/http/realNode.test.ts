/** What the wiring of a node adds to the app: where upgrades go. */
import * as http from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/answerSchemas.ts';
import { startNode } from '../../src/node.ts';
import { readSettings } from '../../src/settings.ts';
import { temporaryDirectory } from '../support/processes.ts';

const realNode = suite('a real node over HTTP');

const QUIET = { info: () => {}, warn: () => {}, error: () => {} };
const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

type Send = (method: string, path: string, headers: http.OutgoingHttpHeaders) => Promise<Answer>;

const withNode = (run: (send: Send) => Promise<void>) => async (): Promise<void> => {
  await using directory = await temporaryDirectory();
  const flags = { dataDir: directory.path, port: '0', joinTimeoutMs: '0ms' };
  const node = await startNode(readSettings(flags, {}), { logger: QUIET });
  const { port } = new URL(node.url);
  const send: Send = (method, path, headers) =>
    new Promise((resolve, reject) => {
      const request = http.request({ port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'],
            text,
          }),
        );
      });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, type: undefined, text: '' });
      });
      request.on('error', reject);
      request.end();
    });
  try {
    await run(send);
  } finally {
    await node.close();
  }
};

realNode(
  'an upgrade at a path that has no WebSocket is 404 and says where there is one',
  withNode(async (send) => {
    const { status, type, text } = await send('GET', '/cache/a', UPGRADE);
    assert.is(status, 404);
    assert.is(type, 'application/problem+json');
    assert.is(problemSchema.parse(JSON.parse(text)).detail, 'The only WebSocket is at /watch.');
  }),
);

realNode.run();
