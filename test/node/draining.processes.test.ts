/** A node drops no request while it reads its tokens again, nor while it stops. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { writeAuthFile } from '../../src/node/authFiles.ts';
import { bearer, makeToken } from '../http/access/guardedNode.ts';
import { startCluster } from '../support/nodes.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const draining = suite('draining');

const LIMIT_MS = 30_000;
const CLIENTS = 4;
const RELOADS = 8;

draining(
  'reloads under load drop no request, and a node that stops ends those under way',
  async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'tokens.json');
    const [kept, other] = [makeToken(['read', 'write', 'watch', 'metrics']), makeToken(['read'])];
    const write = (made: readonly (typeof kept)[]): void =>
      writeAuthFile(file, {
        version: 1,
        tokens: made.map(({ row }) => row),
        // For the look at the cluster once it has started.
        anonymous: { scopes: ['metrics'] },
      });
    write([kept]);
    const environment = { AUTH_FILE: file, DRAIN_TIMEOUT: '1m', LOG_LEVEL: 'debug' };
    await using cluster = await startCluster({ nodes: 1, environment });
    const { url, pid } = cluster.node(0);
    const headers = { ...bearer(kept.token), 'Content-Type': 'application/json' };

    let isOver = false;
    let answered = 0;
    const failures: unknown[] = [];
    const load = async (): Promise<void> => {
      while (!isOver && failures.length === 0) {
        const body = '{"value":1,"version":"next"}';
        const sent = answered % 2 === 0 ? { headers } : { method: 'PUT', headers, body };
        const status = await fetch(`${url}/cache/a`, sent).then(
          async (response) => response.arrayBuffer().then(() => response.status),
          (error: unknown) => error,
        );
        if (status === 200 || status === 404) answered++;
        else failures.push(status);
      }
    };
    const clients = Array.from({ length: CLIENTS }, load);
    const reloads = async (): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      return Number(/^hearsay_auth_reloads_total (\d+)$/m.exec(text)?.[1]);
    };
    for (let count = 1; count <= RELOADS; count++) {
      write(count % 2 === 1 ? [kept, other] : [kept]);
      const before = answered;
      process.kill(pid, 'SIGHUP');
      await waitFor(() => answered > before + CLIENTS, LIMIT_MS, 'No request is answered');
      assert.equal(failures, []);
    }
    await waitFor(async () => (await reloads()) >= RELOADS, LIMIT_MS, 'It has not read them all');
    isOver = true;
    await Promise.all(clients);
    assert.equal(failures, []);

    const stream = await fetch(`${url}/watch`, { headers });
    const streamed = stream.text();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/watch`, { headers });
    const closed = new Promise<[number, string]>((resolve, reject) => {
      socket.on('close', (code, reason) => resolve([code, String(reason)]));
      socket.on('error', reject);
    });
    await new Promise((resolve) => socket.on('open', resolve));
    const status = Promise.withResolvers<number | undefined>();
    const agent = new Agent({ keepAlive: true });
    const put = request(`${url}/cache/slow`, { method: 'PUT', headers, agent }, (answer) => {
      answer.resume();
      status.resolve(answer.statusCode);
    });
    put.on('error', status.reject);
    put.write('{"value":1,');
    const metrics = async (): Promise<string> =>
      (await fetch(`${url}/metrics`, { headers })).text().catch(() => '');
    // The node has begun to read the request once it counts the connection.
    await waitFor(async () => /hearsay_watchers 2/.test(await metrics()), LIMIT_MS, 'No watchers');
    assertSecret(kept.token, {
      metrics: await metrics(),
      log: cluster.node(0).logs(),
      'command line': readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    });
    process.kill(pid, 'SIGTERM');
    const [code, reason] = await closed;
    assert.equal([code, reason], [1001, 'The node is stopping: go on from the cursor elsewhere.']);
    assert.match(
      await streamed,
      /\n: The node is stopping: go on from the cursor elsewhere\.\n\n$/,
    );
    assert.ok(cluster.node(0).isRunning);
    put.end('"version":1}');
    assert.is(await status.promise, 200);
    await waitFor(() => !cluster.node(0).isRunning, LIMIT_MS, 'The node goes on');
  },
);

/** The secret part of the token stands in none of the texts. */
function assertSecret(token: string, texts: Readonly<Record<string, string>>): void {
  const secret = token.slice(-52);
  for (const [name, text] of Object.entries(texts)) {
    assert.ok(text.length > 0, name);
    assert.not.ok(text.includes(secret), name);
  }
  assert.match(texts.log ?? '', /GET \/cache\/a is answered/);
}

draining.run();
