/** The yardstick: a bare `node:http` server that answers the bytes of a node's answers from a Map. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { KEYS, VALUE } from './load.ts';

const values = new Map<string, string>();
for (let index = 1; index <= KEYS; index++) values.set(`key${index}`, JSON.stringify(VALUE));

const server = http.createServer((request, response) => {
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

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
