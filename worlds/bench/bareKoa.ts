/** The yardstick of listings: a bare koa server that answers one text, read from the file of its argument. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';

const text = readFileSync(process.argv[2] ?? '', 'utf8');
const app = new Koa();
app.use((context) => {
  context.type = 'application/json';
  context.body = text;
});
const server = createServer(app.callback());
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
