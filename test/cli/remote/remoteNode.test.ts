/** One way to a node: which one, and what it is shown. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { urlsNamed, urlsOf } from '../../../src/cli/remote/address.ts';
import { RemoteNode } from '../../../src/cli/remote/remoteNode.ts';
import { HearsayError, SettingError } from '../../../src/words/errors.ts';

const remote = suite('remote node');

const TOKEN = 'TOPSECRET';
const TOKENS = { ofCluster: () => TOKEN, at: () => null };
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:2';

async function withServer(
  listener: RequestListener,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function failure(promise: Promise<unknown>): Promise<HearsayError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HearsayError) return error;
    throw error;
  }
  throw new Error('It was expected to fail.');
}

function withUrls(value: string | undefined, run: () => void): void {
  const before = process.env.HEARSAY_URL;
  if (value === undefined) delete process.env.HEARSAY_URL;
  else process.env.HEARSAY_URL = value;
  try {
    run();
  } finally {
    if (before === undefined) delete process.env.HEARSAY_URL;
    else process.env.HEARSAY_URL = before;
  }
}

remote('the token goes to the routes that need it, and to no others', async () => {
  const seen: IncomingMessage[] = [];
  await withServer(
    (request, response) => {
      seen.push(request);
      response.end('{}');
    },
    async (url) => {
      const node = new RemoteNode({ url, token: TOKEN });
      for (const path of ['/_cluster', '/_health', '/cache?prefix=_log', '/metrics', '/_logs'])
        await node.get(path);
      for (const path of ['/_log', '/_log/rows?after=1']) await node.get(path);
      await node.post('/_log/compact?retention_ms=1');
      await node.post('/_cluster/retire', { member: 'node3' });
    },
  );
  assert.equal(
    seen.map(({ url, headers }) => [url, headers['x-internal-token']]),
    [
      ['/_cluster', undefined],
      ['/_health', undefined],
      ['/cache?prefix=_log', undefined],
      ['/metrics', undefined],
      ['/_logs', undefined],
      ['/_log', TOKEN],
      ['/_log/rows?after=1', TOKEN],
      ['/_log/compact?retention_ms=1', TOKEN],
      ['/_cluster/retire', TOKEN],
    ],
  );
});

remote('a redirect leads the token nowhere', async () => {
  const stolen: IncomingMessage[] = [];
  const thief: RequestListener = (request, response) => {
    stolen.push(request);
    response.end('{}');
  };
  await withServer(thief, (elsewhere) =>
    withServer(
      ({ url }, response) => void response.writeHead(307, { Location: elsewhere + url }).end(),
      async (url) => {
        const node = new RemoteNode({ url, token: TOKEN });
        await failure(node.get('/_log'));
        await failure(node.post('/_cluster/retire', { member: 'a' }));
        const stream = node.stream('/_log/rows?follow=true', new AbortController().signal);
        await failure(stream.next());
      },
    ),
  );
  assert.is(stolen.length, 0);
});

remote('of several nodes, the first that answers is the one that is read', async () => {
  await withServer(
    (_request, response) => void response.end('{}'),
    async (url) => {
      assert.is((await RemoteNode.firstOf([NOWHERE, url], TOKENS)).url, url);
    },
  );
  const error = await failure(RemoteNode.firstOf([NOWHERE, `${NOWHERE}1`], TOKENS));
  assert.match(error.message, /can't be reached/);
});

remote('one rule says where the nodes are: flag, then HEARSAY_URL, then the usual ports', () => {
  withUrls('http://a, http://b,', () => {
    assert.equal(urlsOf(['http://c']), ['http://c']);
    assert.equal(urlsOf(undefined), ['http://a', 'http://b']);
    assert.equal(urlsNamed(undefined, '--to'), ['http://a', 'http://b']);
  });
  for (const none of [undefined, '', ' , '])
    withUrls(none, () => {
      assert.equal(urlsOf(undefined), ['http://localhost:8000', 'http://localhost:8001']);
      assert.throws(
        () => urlsNamed(undefined, '--to'),
        (error: unknown) =>
          error instanceof SettingError && /by --to, or in HEARSAY_URL/.test(error.message),
      );
    });
});

remote.run();
