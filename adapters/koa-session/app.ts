/** Two Koa servers that share their sessions over the nodes of `npm start`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { HearsayStore } from 'hearsay/koa-session';
import Koa from 'koa';
import session from 'koa-session';

const endpoints = (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(',');

function serve() {
  const store = new HearsayStore({ endpoints });
  const app = new Koa();
  app.keys = ['a secret'];
  app.use(session({ store }, app));
  app.use((ctx) => {
    const [, call, user] = ctx.path.split('/');
    if (call === 'login' && ctx.session) ctx.session.user = user;
    if (call === 'logout') ctx.session = null;
    ctx.body = ctx.session?.user ?? 'nobody';
  });
  return { server: app.listen(0, '127.0.0.1'), store };
}

const [first, second] = [serve(), serve()];
let cookie = '';
const ask = async ({ server }: typeof first, path: string): Promise<string> => {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
  const given = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
  if (given.length > 0) cookie = given.join('; ');
  return answer.text();
};

console.log(await ask(first, '/login/Ada'));
assert.equal(await ask(second, '/'), 'Ada');
const before = cookie;
console.log(await ask(second, '/logout'));
cookie = before;
assert.equal(await ask(first, '/'), 'nobody');

for (const { server, store } of [first, second]) {
  server.close();
  server.closeAllConnections();
  await store.close();
}
