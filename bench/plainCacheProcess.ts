/** The process of a plain cache. Its arguments are the file of its log, and the port of the cache that it follows, or 0. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { PlainLog } from './plainLog.ts';
import { PlainWatchers } from './plainWatchers.ts';

const [file = '', leader = '0'] = process.argv.slice(2);

const values = new Map<string, string>();
const log = new PlainLog(file);
const watchers = new PlainWatchers();
const followers = new Set<Socket>();

/** Keys and texts of values, in turn: commits them, then shows and tells them. */
function put(rows: readonly string[], done: () => void): void {
  if (rows.length === 0) return;
  log.append(rows, () => {
    for (let index = 0; index < rows.length; index += 2) {
      const [key = '', value = ''] = rows.slice(index, index + 2);
      values.set(key, value);
      watchers.tell(key, value);
    }
    if (followers.size > 0) for (const one of followers) one.write(`${JSON.stringify(rows)}\n`);
    done();
  });
}

const server = http.createServer({ optimizeEmptyRequests: true }, (request, response) => {
  const key = (request.url ?? '').slice('/cache/'.length);
  if (request.method === 'GET') {
    answer(response, shown(key));
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    if (request.method === 'POST') batch(body, response);
    else
      put([key, JSON.stringify(JSON.parse(body).value)], () =>
        answer(response, '{"status":"stored","node":"node1","version":1,"expires_at":null}'),
      );
  });
});

const shown = (key: string): string =>
  `{"value":${values.get(key) ?? 'null'},"version":1,"expires_at":null}`;

function batch(body: string, response: http.ServerResponse): void {
  const { ops }: { ops: { op: string; key: string; value?: unknown }[] } = JSON.parse(body);
  const rows = ops.flatMap(({ op, key, value }) =>
    op === 'put' ? [key, JSON.stringify(value)] : [],
  );
  const done = (): void => {
    const results = ops.map(({ op, key }) =>
      op === 'get'
        ? `{"status":200,"entry":${shown(key)}}`
        : '{"status":200,"version":1,"expires_at":null}',
    );
    answer(response, `{"results":[${results.join(',')}]}`);
  };
  if (rows.length === 0) done();
  else put(rows, done);
}

function answer(response: http.ServerResponse, text: string): void {
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

server.on('upgrade', (request, socket) => watchers.add(request, socket));

const toFollow = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => followers.delete(socket));
  followers.add(socket);
  socket.write('[]\n'); // tells that it follows
});

if (leader !== '0') {
  const lines = createInterface(connect(Number(leader), '127.0.0.1'));
  lines.on('line', (line) => put(JSON.parse(line), () => {}));
  await once(lines, 'line');
}

const listening = (one: http.Server | ReturnType<typeof createServer>): Promise<number> =>
  new Promise((resolve) => {
    one.listen(0, '127.0.0.1', () => resolve((one.address() as AddressInfo).port));
  });
process.send?.({ port: await listening(server), followPort: await listening(toFollow) });
process.on('disconnect', () => process.exit(0));
