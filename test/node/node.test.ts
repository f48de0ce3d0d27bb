/** The views of a node for people and machines: /_cluster, /_health, /metrics, /openapi.json. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PeerStatus } from '../../src/gossip/protocol/peerStatus.ts';
import { clusterSchema, healthSchema } from '../../src/http/openapi/answerSchemas.ts';
import { HASH_TEXT_LENGTH } from '../../src/words/hash.ts';
import { ORIGIN, START_MS, withServer } from '../http/testServer.ts';

const node = suite('node');

const PEER: PeerStatus = {
  nodeId: 'node2',
  origin: 'node2.uvwxyz',
  url: 'http://localhost:8002',
  state: 'connected',
  reason: null,
  peerLacksOps: 0,
  weLackOps: 12,
  confirmedSeq: 2,
  lastHeardAt: START_MS,
  agrees: false,
};

const NEVER_HEARD: PeerStatus = {
  nodeId: null,
  origin: null,
  url: 'http://localhost:8003',
  state: 'unreachable',
  reason: 'Nobody listens there.',
  peerLacksOps: null,
  weLackOps: null,
  confirmedSeq: null,
  lastHeardAt: null,
  agrees: null,
};

node(
  '/_cluster shows the node itself and every peer',
  withServer(
    async (server) => {
      await server.put('/cache/a', { value: 1, version: 1 });
      await server.put('/cache/b', { value: 1, version: 1 });
      const { status, headers, body } = await server.get('/_cluster');
      assert.is(status, 200);
      assert.is(headers['content-type'], 'application/json');
      const view = clusterSchema.parse(body);
      assert.is(view.map_sum.sum.length, HASH_TEXT_LENGTH);
      assert.equal(body, {
        node: 'node1',
        origin: ORIGIN,
        cluster: { name: 'test', id: null },
        vector: { [ORIGIN]: 2 },
        map_sum: { sum: view.map_sum.sum, as_of: '2026-11-24T12:01:00.000Z' },
        ring: null,
        peers: [
          {
            node: 'node2',
            origin: 'node2.uvwxyz',
            url: 'http://localhost:8002',
            state: 'connected',
            reason: null,
            peer_lacks_ops: 0,
            we_lack_ops: 12,
            last_heard_at: '2026-11-24T12:00:00.000Z',
            agrees: false,
          },
          {
            node: null,
            origin: null,
            url: 'http://localhost:8003',
            state: 'unreachable',
            reason: 'Nobody listens there.',
            peer_lacks_ops: null,
            we_lack_ops: null,
            last_heard_at: null,
            agrees: null,
          },
        ],
        members: [],
      });
    },
    { peers: [PEER, NEVER_HEARD] },
  ),
);

node(
  '/_cluster names the links of the ring that are broken',
  withServer(
    async (server) => {
      const { body } = await server.get('/_cluster');
      assert.equal(clusterSchema.parse(body).ring, {
        successor: 'node4.uvwxyz',
        broken: [
          {
            node: 'node3',
            origin: 'node3.uvwxyz',
            url: 'http://localhost:8003',
            reason: 'Nobody listens there.',
          },
        ],
      });
    },
    {
      ring: {
        successor: 'node4.uvwxyz',
        broken: [
          {
            nodeId: 'node3',
            origin: 'node3.uvwxyz',
            url: 'http://localhost:8003',
            reason: 'Nobody listens there.',
          },
        ],
      },
    },
  ),
);

node(
  'the map sum changes with the map',
  withServer(async (server) => {
    const sum = async () => clusterSchema.parse((await server.get('/_cluster')).body).map_sum.sum;
    const empty = await sum();
    await server.put('/cache/a', { value: 1, version: 1 });
    assert.is.not(await sum(), empty);
    await server.delete('/cache/a');
    assert.is(await sum(), empty);
  }),
);

node(
  '/_health of a node that is well',
  withServer(async (server) => {
    const { status, headers, body } = await server.get('/_health');
    assert.is(status, 200);
    assert.is(headers['content-type'], 'application/json');
    assert.equal(body, { node: 'node1', status: 'ok' });
  }),
);

for (const [health, httpStatus] of [
  ['degraded', 200],
  ['failing', 503],
] as const) {
  node(
    `/_health of a node that is ${health} is ${httpStatus} and says why`,
    withServer(
      async (server) => {
        const { status, body } = await server.get('/_health');
        assert.is(status, httpStatus);
        healthSchema.parse(body);
        assert.equal(body, { node: 'node1', status: health, reasons: ['A fork.'] });
      },
      { health: { status: health, reasons: ['A fork.'] } },
    ),
  );
}

node(
  '/metrics counts requests by route, method and status, and shows the queue, the map and the log',
  withServer(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    await server.put('/cache/a', { value: 1, version: 1 });
    await server.get('/cache/a');
    await server.get('/cache/b');
    await server.get('/cache/b');
    await server.delete('/cache/a');
    await server.get('/hostile/path/1');
    await server.send('PATCH', '/cache/a');
    const { status, headers, text } = await server.get('/metrics');
    assert.is(status, 200);
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    const lines = new Set(text.split('\n'));
    const requests = (route: string, method: string, answered: number, count: number): string =>
      `hearsay_http_requests_total{route="${route}",method="${method}",status="${answered}"} ${count}`;
    for (const line of [
      requests('/cache/:key', 'PUT', 200, 1),
      requests('/cache/:key', 'PUT', 409, 1),
      requests('/cache/:key', 'GET', 200, 1),
      requests('/cache/:key', 'GET', 404, 2),
      requests('/cache/:key', 'DELETE', 200, 1),
      requests('/cache/:key', 'PATCH', 405, 1),
      requests('none', 'GET', 404, 1),
      'hearsay_queued_ops 0',
      'hearsay_queued_bytes 0',
      'hearsay_map_entries 1',
      'hearsay_map_dead_entries 1',
      'hearsay_log_lsn 2',
    ])
      assert.ok(lines.has(line), `${line}\nis not in\n${text}`);
    assert.not.match(text, 'hostile');
    // A text is shown for a second; so ask until there is another.
    let again = await server.get('/metrics');
    while (again.text === text) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      again = await server.get('/metrics');
    }
    assert.match(again.text, /route="\/metrics",method="GET",status="200"\} \d+/);
    assert.match(again.text, requests('/cache/:key', 'GET', 404, 2));
  }),
);

interface DescribedOperation {
  readonly responses: Record<string, { readonly content?: object }>;
  readonly parameters?: readonly { readonly name: string }[];
}

/** The schema of a JSON body, with what it refers to, as far as these tests look into it. */
interface Described {
  readonly info: object;
  readonly paths: Record<string, Record<string, DescribedOperation>>;
  readonly components: { schemas: Record<string, { properties: object; required: string[] }> };
}

node(
  '/openapi.json describes the routes that there are, from the schemas that validate',
  withServer(async (server) => {
    const { status, headers, body } = await server.get('/openapi.json');
    assert.is(status, 200);
    assert.is(headers['content-type'], 'application/json');
    const { info, paths, components } = body as Described;
    const license = { name: 'MIT', identifier: 'MIT' };
    assert.equal(info, { title: 'Hearsay', version: '1.2.3', license });
    const routes = Object.entries(paths).map(([path, ops]) => [path, Object.keys(ops).sort()]);
    assert.equal(Object.fromEntries(routes), {
      '/cache/{key}': ['delete', 'get', 'put'],
      '/cache': ['delete', 'get', 'post'],
      '/cache/{key}/touch': ['post'],
      '/cache/get': ['post'],
      '/_cluster': ['get'],
      '/_health': ['get'],
      '/metrics': ['get'],
      '/livez': ['get'],
      '/readyz': ['get'],
    });
    assert.equal(Object.keys(paths['/cache/{key}']?.put?.responses ?? {}), [
      '200',
      '400',
      '401',
      '403',
      '409',
      '412',
      '413',
      '414',
      '415',
      '421',
      '422',
      '429',
      '500',
      '503',
      '504',
      '507',
    ]);
    const put = components.schemas.Put;
    assert.equal(put?.required, ['value', 'version']);
    assert.equal(put?.properties, {
      value: { description: 'Any JSON. It comes back exactly as it was sent.' },
      version: {
        description: '"next" takes the version after the current one, or 1.',
        anyOf: [
          { type: 'integer', minimum: 0, maximum: 9007199254740990 },
          { type: 'string', const: 'next' },
        ],
      },
      ttl_ms: {
        description: 'Time to live in milliseconds; null or none: the entry never expires.',
        anyOf: [{ type: 'integer', minimum: 1, maximum: 10000000000000 }, { type: 'null' }],
      },
      meta: {
        description:
          'Annotations of types (superjson), opaque to the node; or `bytes`: the value is `{"bytes", "type"}`, raw bytes in base64 with their media type.',
        anyOf: [{ type: ['object', 'null'] }, { const: 'bytes' }],
      },
    });
    assert.match(JSON.stringify(paths['/cache']?.get), '"maximum":1000');
  }),
);

node(
  'each request to /cache is described with Hearsay-After, what comes of it, and a node that starts',
  withServer(async (server) => {
    const { paths } = (await server.get('/openapi.json')).body as Described;
    for (const [path, ops] of Object.entries(paths)) {
      if (!path.startsWith('/cache')) continue;
      for (const [method, { responses, parameters = [] }] of Object.entries(ops)) {
        const names = parameters.map(({ name }) => name);
        assert.ok(names.includes('Hearsay-After'), `${method} ${path} takes Hearsay-After`);
        for (const status of ['409', '503', '504'])
          assert.ok(Object.hasOwn(responses, status), `${method} ${path} may answer ${status}`);
      }
    }
  }),
);

node(
  'a batch is described with the type in which it was sent',
  withServer(async (server) => {
    const { paths } = (await server.get('/openapi.json')).body as Described;
    const { content } = paths['/cache']?.post?.responses['200'] ?? {};
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const line = await server.send('POST', '/cache', { headers, body: '{"op":"get","key":"a"}' });
    assert.ok(Object.hasOwn(content ?? {}, line.headers['content-type'] ?? ''));
  }),
);

node.run();
