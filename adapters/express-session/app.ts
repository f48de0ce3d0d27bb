/** Two Express servers that share their sessions over the nodes of `npm start`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import session from 'express-session';
import { HearsayStore } from 'hearsay/express-session';

declare module 'express-session' {
  interface SessionData {
    user: string;
  }
}

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');

function serve() {
  const store = new HearsayStore({ endpoints });
  const app = express();
  app.use(session({ store, secret: 'a secret', resave: false, saveUninitialized: false }));
  app.get('/login/:user', ({ session: present, params }, response) => {
    present.user = params.user;
    response.send(`welcome, ${params.user}`);
  });
  app.get('/logout', ({ session: present }, response, next) => {
    present.destroy((error) => (error ? next(error) : response.send('good bye')));
  });
  app.get('/', ({ session: present }, response) => {
    response.send(present.user ?? 'nobody');
  });
  const server = app.listen(0, '127.0.0.1');
  return { server, store };
}

const [first, second] = [serve(), serve()];
let cookie = '';
const ask = async ({ server }: typeof first, path: string): Promise<string> => {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
  cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
  return answer.text();
};

console.log(await ask(first, '/login/Ada'));
assert.equal(await ask(second, '/'), 'Ada');
console.log(await ask(second, '/logout'));
assert.equal(await ask(first, '/'), 'nobody');

for (const { server, store } of [first, second]) {
  server.close();
  server.closeAllConnections();
  await store.close();
}
