/** Sessions of express-session and koa-session, by the libraries themselves, over two nodes: races and partitions. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import session from 'express-session';
import fc from 'fast-check';
import Koa from 'koa';
import koaSession from 'koa-session';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HearsayStore } from '../../src/adapters/express-session/index.ts';
import { HearsayStore as KoaHearsayStore } from '../../src/adapters/koa-session/index.ts';
import { mergedFields } from '../../src/adapters/sessions.ts';
import { InvalidRequestError } from '../../src/client/index.ts';
import { type TwoNodes, withTwoNodes } from '../client/twoNodes.ts';
import { waitFor } from '../support/processes.ts';

const LIMIT_MS = 20_000;
/** A slow machine must not make a node seem gone. */
const PATIENT = { attemptTimeoutMs: 60_000, timeoutMs: 120_000 };

const sessions = suite('sessions');

const fieldsArbitrary = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.jsonValue());

sessions('a save changes the fields that it changed, and no other', () => {
  fc.assert(
    fc.property(fieldsArbitrary, fieldsArbitrary, fieldsArbitrary, (known, next, present) => {
      const text = (fields: object, name: string) =>
        Object.hasOwn(fields, name) ? JSON.stringify(Reflect.get(fields, name)) : undefined;
      const merged = mergedFields(known, next, present);
      for (const name of ['a', 'b', 'c']) {
        const isChanged = text(known, name) !== text(next, name);
        assert.is(text(merged, name), text(isChanged ? next : present, name));
      }
      // Saves without a common field come out the same in either order.
      const other = mergedFields(known, present, known);
      assert.equal(mergedFields(known, known, other), other);
    }),
  );
});

/** The steps of one request: it may wait between its read of the session and its end. */
interface Gates {
  /** Called once the session is read. */
  reached: (path: string) => void;
  wait: (path: string) => Promise<void>;
}

/** A web server with sessions: `/set?name=value`, `/unset?name`, `/get`, `/destroy`. */
interface Web extends AsyncDisposable {
  readonly gates: Gates;
  /** @returns the session's fields, or null if there is none; and remembers the cookie. */
  ask(path: string): Promise<Record<string, unknown> | null>;
  cookie: string;
}

type Change = (fields: Record<string, unknown>) => void;

function changeOf(path: string): Change {
  const [name = '', value] = decodeURIComponent(path.split('?')[1] ?? '').split('=');
  if (path.startsWith('/set'))
    return (fields) => {
      fields[name] = value;
    };
  if (path.startsWith('/unset'))
    return (fields) => {
      delete fields[name];
    };
  return () => {};
}

async function webOf(listener: http.RequestListener, gates: Gates): Promise<Web> {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const web: Web = {
    gates,
    cookie: '',
    async ask(path) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { cookie: web.cookie },
      });
      const given = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
      if (given.length > 0) web.cookie = given.join('; ');
      if (answer.status !== 200) throw new Error(await answer.text());
      return (await answer.json()) as Record<string, unknown> | null;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return web;
}

const openGates = (): Gates => ({ reached: () => {}, wait: async () => {} });

/** A web server by express-session. */
function expressWeb(store: HearsayStore): Promise<Web> {
  const gates = openGates();
  const middleware = session({
    store,
    secret: 'of the test',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 600_000 },
  });
  return webOf((request, response) => {
    const path = request.url ?? '';
    const asExpress = request as http.IncomingMessage & { session: session.Session };
    const end = (body: unknown) => response.end(JSON.stringify(body));
    const handle = async (): Promise<void> => {
      const present = asExpress.session;
      gates.reached(path);
      await gates.wait(path);
      if (path === '/destroy') {
        present.destroy((error) =>
          end(error === null || error === undefined ? null : String(error)),
        );
        return;
      }
      changeOf(path)(present as unknown as Record<string, unknown>);
      const { cookie: _, ...fields } = JSON.parse(JSON.stringify(present));
      end(Object.keys(fields).length === 0 ? null : fields);
    };
    const next = (error?: unknown) => {
      if (error !== undefined && response.headersSent) response.destroy(error as Error);
      else if (error !== undefined) response.writeHead(500).end(String(error));
      else handle().catch((reason: unknown) => response.writeHead(500).end(String(reason)));
    };
    middleware(request as never, response as never, next as never);
  }, gates);
}

/** A web server by koa-session. */
function koaWeb(store: KoaHearsayStore, isRolling = false): Promise<Web> {
  const gates = openGates();
  const app = new Koa();
  app.silent = true;
  app.keys = ['of the test'];
  app.use(
    koaSession(
      { store: store as never, maxAge: 600_000, rolling: isRolling },
      app as never,
    ) as never,
  );
  app.use(async (ctx) => {
    const withSession = ctx as unknown as { session: Record<string, unknown> | null };
    const present = withSession.session ?? {};
    gates.reached(ctx.url);
    await gates.wait(ctx.url);
    if (ctx.url === '/destroy') withSession.session = null;
    else changeOf(ctx.url)(present);
    const fields = JSON.parse(JSON.stringify(withSession.session)) as object | null;
    ctx.body = JSON.stringify(fields === null || Object.keys(fields).length === 0 ? null : fields);
    ctx.type = 'json';
  });
  return webOf(app.callback(), gates);
}

/** Holds requests of the path after their read. @returns when one is there, and the end of the wait. */
function held(web: Web, path: string): { there: Promise<void>; go: () => void } {
  const there = Promise.withResolvers<void>();
  const wait = Promise.withResolvers<void>();
  const before = { ...web.gates };
  web.gates.reached = (asked) => (asked === path ? there.resolve() : before.reached(asked));
  web.gates.wait = (asked) => (asked === path ? wait.promise : before.wait(asked));
  return { there: there.promise, go: () => wait.resolve() };
}

type Library = (parts: TwoNodes, index: number) => Promise<Web>;

const LIBRARIES: readonly [name: string, prefix: string, web: Library][] = [
  [
    'express-session',
    'sess:',
    ({ urls }, index) =>
      expressWeb(new HearsayStore({ endpoints: [urls[index] ?? ''], ...PATIENT })),
  ],
  [
    'koa-session',
    'koa:',
    ({ urls }, index) =>
      koaWeb(new KoaHearsayStore({ endpoints: [urls[index] ?? ''], ...PATIENT, prefix: 'koa:' })),
  ],
];

sessions('by both libraries, over two nodes', () =>
  withTwoNodes(async (parts) => {
    for (const [name, prefix, webAt] of LIBRARIES) {
      const entriesAt = (index: 0 | 1) => [...parts.nodes[index].list({ prefix })];
      await using left = await webAt(parts, 0);
      await using right = await webAt(parts, 1);
      // A session of one instance is that of the other.
      assert.equal(await left.ask('/set?user=Ada'), { user: 'Ada' }, name);
      right.cookie = left.cookie;
      await waitFor(() => entriesAt(1).length === 1, LIMIT_MS, 'the session at the other node');
      assert.equal(await right.ask('/get'), { user: 'Ada' }, name);

      // Two requests at once lose no field, and a field that one deletes is gone.
      const slow = held(left, '/set?slow=1');
      const saving = left.ask('/set?slow=1');
      await slow.there;
      await left.ask('/set?quick=2');
      await left.ask('/unset?user');
      slow.go();
      await saving;
      assert.equal(await left.ask('/get'), { quick: '2', slow: '1' }, name);
      await Promise.all(Array.from({ length: 10 }, (_, index) => left.ask(`/set?f${index}=1`)));
      assert.is(Object.keys((await left.ask('/get')) ?? {}).length, 12, name);

      // A request under way does not bring back a session that was destroyed.
      const late = held(left, '/set?late=1');
      const lateSave = left.ask('/set?late=1');
      await late.there;
      const { cookie } = left;
      assert.is(await left.ask('/destroy'), null);
      late.go();
      await lateSave;
      assert.equal(entriesAt(0), [], name);
      left.cookie = cookie;
      assert.is(await left.ask('/get'), null, name);
      await waitFor(() => entriesAt(1).length === 0, LIMIT_MS, 'the session is gone at both');

      // Nor at another node, which has not heard of it.
      left.cookie = '';
      await left.ask('/set?user=Eve');
      right.cookie = left.cookie;
      await waitFor(() => entriesAt(1).length === 1, LIMIT_MS, 'the session at the other node');
      parts.divide();
      await left.ask('/destroy');
      assert.equal(await right.ask('/set?late=1'), { user: 'Eve', late: '1' }, name);
      parts.heal();
      await waitFor(
        () => entriesAt(0).length === 0 && entriesAt(1).length === 0,
        LIMIT_MS,
        'the session is gone at both, though one had saved it',
      );
    }
    await touches(parts);
    await koaTouches(parts);
    await wholeStore(parts);
  }),
);

/** A request that changes nothing renews the time to live and writes no value, unless that is switched off. */
async function touches({ urls, nodes }: TwoNodes): Promise<void> {
  for (const disableTouch of [false, true]) {
    const store = new HearsayStore({
      endpoints: [urls[0]],
      ...PATIENT,
      prefix: 'touched:',
      disableTouch,
    });
    await using web = await expressWeb(store);
    await web.ask('/set?user=Ada');
    const [before] = [...nodes[0].list({ prefix: 'touched:' })];
    const expiryOf = () => [...nodes[0].list({ prefix: 'touched:' })][0]?.expiresAt?.getTime() ?? 0;
    const beforeMs = before?.expiresAt?.getTime() ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await web.ask('/get');
    if (disableTouch) assert.is(expiryOf(), beforeMs);
    else assert.ok(expiryOf() > beforeMs);
    assert.is([...nodes[0].list({ prefix: 'touched:' })][0]?.version, before?.version);
    await web.ask('/destroy');
    await store.close();
  }
}

async function koaTouches({ urls, nodes }: TwoNodes): Promise<void> {
  const store = new KoaHearsayStore({ endpoints: [urls[0]], ...PATIENT, prefix: 'rolled:' });
  await using web = await koaWeb(store, true);
  await web.ask('/set?user=Ada');
  const [before] = [...nodes[0].list<{ _expire: number }>({ prefix: 'rolled:' })];
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await web.ask('/get'), { user: 'Ada' });
  const [after] = [...nodes[0].list({ prefix: 'rolled:' })];
  assert.is(after?.version, before?.version);
  assert.ok((after?.expiresAt?.getTime() ?? 0) > (before?.expiresAt?.getTime() ?? 0));
  // koa-session looks at the time in the session, which is that of the renewed entry.
  const id = after?.key.slice('rolled:'.length) ?? '';
  const { _expire: expire } = (await store.get(id)) as { _expire: number };
  assert.ok(expire > (before?.value._expire ?? 0));
  await store.destroy(id);
  await store.close();
}

async function wholeStore({ urls }: TwoNodes): Promise<void> {
  const store = new HearsayStore({ endpoints: [urls[0]], ...PATIENT, prefix: 'whole:', ttl: 60 });
  const done = (call: (callback: (error?: unknown) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      call((error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  const data = (user: string) => ({ cookie: { originalMaxAge: null }, user }) as never;
  await done((callback) => store.set('1', data('Ada'), callback));
  await done((callback) => store.set('2', data('Bob'), callback));
  const length = await new Promise((resolve) => {
    store.length((_error, count) => resolve(count));
  });
  assert.is(length, 2);
  await done((callback) => store.clear(callback));
  const none = await new Promise((resolve) => {
    store.get('1', (_error, found) => resolve(found));
  });
  assert.is(none, null);
  await store.close();
  const refused = await new Promise((resolve) => {
    store.get('1', (error) => resolve(error));
  });
  assert.is((refused as Error).name, 'ClosedError');
  assert.throws(
    () => new HearsayStore({ endpoint: 'x' } as never),
    (error: unknown) => error instanceof InvalidRequestError,
  );
}

sessions.run();
