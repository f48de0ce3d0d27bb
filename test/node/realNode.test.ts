/** The wiring of a node around the app: where upgrades go, and which pages are its own. */
import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import * as http from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { describeSettings } from '../../src/node/settingKinds.ts';
import { limitShape, readSettings } from '../../src/node/settings.ts';
import { type NodeLog, startNode } from '../../src/node/startNode.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

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

const metricOf = async (send: Send, name: string): Promise<number> => {
  const { text } = await send('GET', '/metrics', {});
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
};

const withNode =
  (
    run: (send: Send, port: number, dataDir: string) => Promise<void>,
    more: object = {},
    logger: NodeLog = QUIET,
  ) =>
  async (): Promise<void> => {
    await using directory = await temporaryDirectory();
    const flags = {
      dataDir: directory.path,
      port: '0',
      joinTimeoutMs: '0ms',
      internalToken: 'for-tests',
      ...more,
    };
    const node = await startNode(readSettings(flags, {}), { logger });
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
      await waitFor(() => node.replica.readiness.isWritable, 10_000, 'The node takes no writes');
      await run(send, Number(port), directory.path);
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

realNode(
  'the description of the interface has the version of the package',
  withNode(async (send) => {
    const { text } = await send('GET', '/openapi.json', {});
    const file = new URL('../../package.json', import.meta.url);
    const { version }: { version: string } = JSON.parse(await readFile(file, 'utf8'));
    assert.is(JSON.parse(text).info.version, version);
  }),
);

realNode(
  'the description names every route, and the scopes of which a caller needs one',
  withNode(async (send) => {
    const { text } = await send('GET', '/openapi.json', {});
    const { paths } = JSON.parse(text) as {
      paths: Record<
        string,
        Record<
          string,
          { responses: object; operationId: string; security: Record<string, string[]>[] }
        >
      >;
    };
    const operations = Object.values(paths).flatMap((one) => Object.values(one));
    assert.is(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const { responses, security } of operations)
      assert.is(Object.hasOwn(responses, '401'), security.length > 0);
    const routes = Object.entries(paths).map(([path, ops]) => [path, Object.keys(ops).sort()]);
    assert.equal(Object.fromEntries(routes), {
      '/cache/{key}': ['delete', 'get', 'put'],
      '/cache': ['delete', 'get', 'post'],
      '/cache/{key}/touch': ['post'],
      '/cache/get': ['post'],
      '/_watchers': ['get'],
      '/_figures': ['get'],
      '/watch': ['get'],
      '/_ticket': ['post'],
      '/_cluster': ['get'],
      '/_cluster/retire': ['post'],
      '/_log': ['get'],
      '/_log/rows': ['get'],
      '/_log/compact': ['post'],
      '/_health': ['get'],
      '/livez': ['get'],
      '/metrics': ['get'],
      '/readyz': ['get'],
    });
    for (const [path, ops] of Object.entries(paths))
      for (const [method, { security }] of Object.entries(ops)) {
        // A watch that is let in never ends.
        const sent = path === '/watch' ? 'HEAD' : method.toUpperCase();
        const { status } = await send(sent, path.replace('{key}', 'a'), {});
        // The node is open but for one scope.
        const isAdmin = security.some((one) => one.token?.includes('admin'));
        assert.is(status === 401, isAdmin, `${method} ${path}`);
      }
  }),
);

const SETTINGS = {
  nodes: 'http://Node2.internal:8000',
  url: 'https://cache.internal',
  allowedOrigins: 'http://app.example',
  allowedHosts: '*',
};

for (const [host, isAdmitted] of [
  ['localhost', true],
  ['sub.localhost:8000', true],
  ['127.0.0.1:8000', true],
  ['10.0.0.7', true],
  ['[::1]:8000', true],
  ['cache.internal:9000', true],
  ['node2.internal', true],
  ['app.example', true],
  ['evil.example', false],
  ['evil.example:8000', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
] as const) {
  realNode(
    `a page of ${host} that reaches the node by that name ${isAdmitted ? 'may' : 'may not'} use it`,
    withNode(async (send) => {
      const headers = { Host: host, Origin: `http://${host}` };
      const bulk = '/cache?prefix=a';
      assert.is((await send('DELETE', bulk, headers)).status, isAdmitted ? 200 : 403);
      const read = await send('GET', '/cache', headers);
      assert.is(read.status, isAdmitted ? 200 : 403);
      if (!isAdmitted)
        assert.match(problemSchema.parse(JSON.parse(read.text)).detail, /see --allowed-origins/);
      const watch = await send('GET', '/watch', { ...headers, ...UPGRADE });
      assert.is(watch.status, isAdmitted ? 101 : 403);
    }, SETTINGS),
  );
}

realNode(
  'a refused upgrade leaves no connection, also where its client keeps its half open',
  withNode(async (send, port) => {
    using clients = new DisposableStack();
    const head = Object.entries({ Host: 'localhost', ...UPGRADE }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    let refused = 0;
    for (let index = 0; index < 40; index++) {
      const path = index % 2 === 0 ? '/gossip' : '/nothing';
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      clients.defer(() => socket.destroy());
      socket.on('error', () => {});
      socket.once('data', () => refused++);
      socket.write(`GET ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
    }
    await waitFor(() => refused === 40, 20_000, 'Some are not answered');
    const left = async () => (await metricOf(send, 'hearsay_connections')) === 1;
    await waitFor(left, 20_000, 'Connections are left');
  }),
);

realNode(
  'slow requests are 429 beyond their bound, and are counted',
  withNode(
    async (send) => {
      const many = Array.from({ length: 30 }, () => send('GET', '/cache/a?at=-1ms', {}));
      const answers = await Promise.all(many);
      const statuses = new Set(answers.map(({ status }) => status));
      assert.equal([...statuses].sort(), [404, 429]);
      const { text = '' } = answers.find(({ status }) => status === 429) ?? {};
      const { type, detail } = problemSchema.parse(JSON.parse(text));
      assert.match(type, /#temporary-reduced-capacity$/);
      assert.match(detail, /Too many slow requests are under way: try again/);
      assert.is((await send('GET', '/cache/a?at=-1ms', {})).status, 404);
      assert.is(await metricOf(send, 'hearsay_slow_requests'), 0);
      assert.ok((await metricOf(send, 'hearsay_slow_requests_refused_total')) > 0);
    },
    { maxSlowRequests: '1' },
  ),
);

const warnings: string[] = [];

realNode(
  'a node whose heap is nearly full sheds requests, and its health and its log say so',
  withNode(
    async (send) => {
      // Two percent of the heap, in words of 8 bytes.
      const ballast = new Array<number>(Math.ceil(getHeapStatistics().heap_size_limit / 400)).fill(
        0,
      );
      const sheds = async (): Promise<boolean> =>
        (await send('GET', '/cache/a', {})).status === 503;
      await waitFor(sheds, 20_000, 'It sheds nothing');
      assert.ok(ballast.length > 0);
      assert.match((await send('GET', '/_health', {})).text, /"failing".*The heap is nearly full/);
      assert.match((await send('GET', '/readyz', {})).text, /\[-] roomy/);
      assert.is((await send('GET', '/livez', {})).status, 200);
      assert.ok(warnings.some((text) => /^Requests get 503: the heap is \d+ % full\.$/.test(text)));
    },
    { shedHeapPercent: '1' },
    { ...QUIET, warn: (text) => warnings.push(text) },
  ),
);

realNode(
  'a database that was removed under a running node is told, and no read of the past is an error of ours',
  withNode(async (send, _port, dataDir) => {
    const health = async (): Promise<string> => (await send('GET', '/_health', {})).text;
    assert.is(JSON.parse(await health()).status, 'ok');
    for (const file of ['hearsay.db', 'hearsay.db-wal', 'hearsay.db-shm'])
      await rm(join(dataDir, file));
    await waitFor(
      async () => /removed or replaced while it runs/.test(await health()),
      10_000,
      'Health does not tell',
    );
    const removal = await send('DELETE', '/cache/k', {});
    assert.is(removal.status, 503, removal.text);
    assert.match(await health(), /"failing"/);
    const { status, text } = await send('GET', `/cache/k?at=${new Date().toISOString()}`, {});
    assert.is(status, 503, text);
  }),
);

realNode(
  'a metric of this project ends with _total if and only if it is a counter',
  withNode(async (send) => {
    const { text } = await send('GET', '/metrics', {});
    const kinds = [...text.matchAll(/^# TYPE (hearsay_\w+) (\w+)$/gm)];
    assert.ok(kinds.length > 10);
    for (const [, name = '', kind] of kinds)
      assert.is(name.endsWith('_total'), kind === 'counter', `${name} is a ${kind}`);
  }),
);

realNode(
  'promtool has nothing to say against the metrics',
  withNode(async (send) => {
    if (spawnSync('promtool', ['--version']).error !== undefined) {
      console.log('skipped a part: promtool is not installed: apt-get install prometheus');
      return;
    }
    const { text } = await send('GET', '/metrics', {});
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
    assert.is(String(stderr), '');
    assert.is(status, 0);
  }),
);

realNode(
  'two nodes tell how far each is behind, and how soon it sees the writes of the other',
  async () => {
    await using directory = await temporaryDirectory();
    const firstPort = await freePorts(2);
    const ports = [firstPort, firstPort + 1];
    const nodes = ports.map((port) => `http://127.0.0.1:${port}`).join(',');
    const open = (index: number) =>
      startNode(
        readSettings(
          {
            nodeId: `node${index + 1}`,
            dataDir: join(directory.path, String(index)),
            port: String(ports[index]),
            nodes,
            internalToken: 'for-tests',
          },
          {},
        ),
        { logger: QUIET },
      );
    await using stack = new AsyncDisposableStack();
    const [first, second] = await Promise.all([open(0), open(1)]);
    for (const node of [first, second]) stack.defer(() => node.close());
    await waitFor(() => first.replica.readiness.isWritable, 20_000, 'the first takes writes');
    await fetch(`${first.url}/cache/a`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: '{"value":1,"version":1}',
    });
    const told = async (): Promise<string> => (await fetch(`${second.url}/metrics`)).text();
    // The text is kept for a second.
    await waitFor(
      async () => /^hearsay_visibility_seconds_count [1-9]/m.test(await told()),
      20_000,
      'the second sees the write',
    );
    await waitFor(
      async () => {
        const text = await told();
        return [
          /^hearsay_pull_duration_seconds_count [1-9]/m,
          /^hearsay_commit_duration_seconds_count [1-9]/m,
          /^hearsay_fsync_duration_seconds_sum (?!0$)/m,
          /^hearsay_peer_lag_ops{peer="node1"} 0$/m,
          /^hearsay_peer_lag_seconds{peer="node1"} 0$/m,
          /^hearsay_lag_ops{peer="node1"} 0$/m,
          /^hearsay_peer_silence_seconds{peer="node1"} \d/m,
          /^hearsay_build_info{version="\d+\.\d+\.\d+",node_version="v\d+[^"]*",protocol="\d+"} 1$/m,
        ].every((line) => line.test(text));
      },
      20_000,
      'the second tells of the first',
    );
  },
);

realNode(
  'each limit has a metric, which the node shows',
  withNode(
    async (send) => {
      const { text } = await send('GET', '/metrics', {});
      for (const { name, metric = '' } of describeSettings(limitShape)) {
        const [family = '', reason] = metric.split(/(?=\{reason)/);
        assert.match(text, new RegExp(`^# TYPE ${family.replace(/\{.*/, '')} `, 'm'), name);
        if (reason !== undefined) assert.ok(text.includes(`\n${metric} `), `${name}: ${metric}`);
      }
    },
    { auditLog: '/dev/null' },
  ),
);

realNode.run();
