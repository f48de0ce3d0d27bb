/** `fetch` by `node:http` beside Node's own: the same answers and the same faults, of real servers. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFetch } from '../../tables/nodeFetch.ts';

const fetches = suite('fetch by node:http');

const BOTH = [fetch, nodeFetch];

async function serve(handler: RequestListener) {
  const server = createServer(handler);
  let sockets = 0;
  server.on('connection', () => {
    sockets += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    sockets: () => sockets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const causeOf = async (answer: Promise<unknown>): Promise<unknown> => {
  const error = await answer.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, TypeError);
  return (error as TypeError).cause;
};

fetches(
  'a request arrives whole, and so does its answer, over a connection that stays',
  async () => {
    await using server = await serve((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      request.on('end', () => {
        const { method, url, headers } = request;
        response.writeHead(409, { 'Content-Type': 'application/json', ETag: '"7"' });
        response.end(JSON.stringify({ method, url, own: headers['hearsay-after'], body }));
      });
    });
    for (const ask of BOTH) {
      const before = server.sockets();
      for (const body of ['{"value":"ä"}', new TextEncoder().encode('{"value":"ä"}')]) {
        const answer = await ask(`${server.url}/cache/a%2Fb?x=1`, {
          method: 'PUT',
          headers: { 'Hearsay-After': 't' },
          body,
          redirect: 'error',
        });
        assert.is(answer.status, 409);
        assert.is(answer.headers.get('ETag'), '"7"');
        assert.equal(await answer.json(), {
          method: 'PUT',
          url: '/cache/a%2Fb?x=1',
          own: 't',
          body: '{"value":"ä"}',
        });
      }
      if (ask === nodeFetch) assert.is(server.sockets() - before, 1);
    }
  },
);

fetches('an answer without a body has none, and a redirect is an error', async () => {
  await using server = await serve((request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, status === 302 ? { Location: '/204' } : {}).end();
  });
  for (const ask of BOTH) {
    for (const status of [204, 304]) {
      const answer = await ask(`${server.url}/${status}`);
      assert.is(answer.status, status);
      assert.is(answer.body, null);
    }
    assert.ok(await causeOf(ask(`${server.url}/302`, { redirect: 'error' })));
  }
});

fetches('events come one by one, until the signal ends them', async () => {
  const ended: Promise<unknown>[] = [];
  await using server = await serve((_request, response) => {
    ended.push(once(response, 'close'));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  for (const ask of BOTH) {
    const controller = new AbortController();
    const answer = await ask(server.url, { signal: controller.signal });
    const reader = answer.body?.getReader();
    assert.is(new TextDecoder().decode((await reader?.read())?.value), 'data: 1\n\n');
    controller.abort(new Error('enough'));
    await reader?.read().then(
      () => assert.unreachable(),
      (error: unknown) => assert.ok(error),
    );
  }
  await Promise.all(ended);
});

fetches('a signal that aborts gives its reason, before the request and after it', async () => {
  await using server = await serve(() => {});
  for (const ask of BOTH) {
    const reason = new Error('enough');
    const reasonOf = (signal: AbortSignal): Promise<unknown> =>
      ask(server.url, { signal }).then(
        () => null,
        (error: unknown) => error,
      );
    assert.is(await reasonOf(AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const aborted = reasonOf(controller.signal);
    setTimeout(() => controller.abort(reason), 20);
    assert.is(await aborted, reason);
  }
});

fetches('a fault is named by the code of the cause', async () => {
  const { url } = await (async () => {
    await using server = await serve(() => {});
    return server;
  })();
  await using breaking = await serve((_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half', () => response.destroy());
  });
  for (const ask of BOTH) {
    const refused = (await causeOf(ask(url))) as { readonly code?: string };
    assert.is(refused.code, 'ECONNREFUSED');
    const broken = async (): Promise<unknown> => (await ask(breaking.url)).text();
    assert.ok(await causeOf(broken()));
  }
});

fetches.run();
