/** The process of the bare server; its argument is the number of keys. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { keyOf, VALUE_TEXT } from './keys.ts';

const values = new Map<string, string>();
for (let index = 0; index < Number(process.argv[2]); index++) values.set(keyOf(index), VALUE_TEXT);

const server = http.createServer({ optimizeEmptyRequests: true }, (request, response) => {
  const key = (request.url ?? '').slice('/cache/'.length);
  if (request.method === 'GET') {
    const value = values.get(key) ?? 'null';
    answer(response, `{"value":${value},"version":1,"expires_at":null}`);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    values.set(key, JSON.stringify(JSON.parse(body).value));
    answer(response, '{"status":"stored","node":"node1","version":1,"expires_at":null}');
  });
});

function answer(response: http.ServerResponse, text: string): void {
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
