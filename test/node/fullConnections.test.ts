/** A node tells its health and its log while clients hold all connections that it takes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noteFewFiles } from '../../src/node/connectionNotes.ts';
import { guardedNode } from '../http/access/guardedNode.ts';
import { Raw } from '../http/limits/raw.ts';
import { waitFor } from '../support/processes.ts';

const full = suite('full connections');

const GET = 'GET /_health HTTP/1.1\r\nHost: localhost\r\n\r\n';
const WAIT_MS = 20_000;

full('clients that hold all connections make a node degraded, until there is room', async () => {
  await using server = await guardedNode(null, { limits: { maxConnections: 3 } });
  const port = Number(new URL(server.url).port);
  const health = async () => {
    const headers = { Connection: 'close' };
    const answer = await fetch(`${server.url}/_health`, { headers });
    const { status, reasons = [] } = Object(await answer.json());
    return [answer.status, status, ...reasons];
  };
  assert.equal(await health(), [200, 'ok']);
  {
    using clients = new DisposableStack();
    for (let index = 0; index < 3; index++) clients.use(new Raw(port, GET));
    const isTold = async (): Promise<boolean> => (await health())[1] === 'degraded';
    await waitFor(isTold, WAIT_MS, 'the health tells nothing');
    assert.equal(await health(), [
      200,
      'degraded',
      'Clients hold all 3 connections that this node takes: requests on further ones get 503.',
    ]);
    const refused = await fetch(`${server.url}/cache/a`, { headers: { Connection: 'close' } });
    assert.is(refused.status, 503);
    await refused.text();
  }
  await waitFor(async () => (await health())[1] === 'ok', WAIT_MS, 'the fault stays');
  const told = server.lines.filter((line) => /connections/.test(line));
  assert.equal(told, [
    'Clients hold all 3 connections: requests on further ones get 503.',
    'There is room for connections again; refused meanwhile: 1.',
  ]);
});

full('a limit of files that bounds the connections is told, and no other', () => {
  const lines: unknown[] = [];
  noteFewFiles((...line) => lines.push(line), 10_000, 10_000, 1_000_000);
  assert.equal(lines, []);
  noteFewFiles((...line) => lines.push(line), 12, 10_000, 140);
  assert.equal(lines, [
    [
      'warn',
      'This process may open 140 files, so the node takes 12 connections, not the 10000 of --max-connections: ' +
        'raise the limit (ulimit -n, LimitNOFILE), or lower the setting.',
      { event: 'few-files' },
    ],
  ]);
});

full.run();
