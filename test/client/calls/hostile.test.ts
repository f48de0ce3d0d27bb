/** Servers that are no nodes, and mean harm. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ClientOptions,
  type HearsayClient,
  InvalidRequestError,
  ServerError,
  UnavailableError,
} from '../../../src/client/index.ts';
import { rejectedWith, withClient } from '../support.ts';

const hostile = suite('hostile servers');

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Runs with a client of a server that answers so. */
async function against(
  listener: RequestListener,
  run: (client: HearsayClient, url: string) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  const server = createServer(listener);
  const url = await listening(server);
  try {
    await withClient({ endpoints: [url], maxRounds: 2, ...options }, (client) => run(client, url));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const status of [301, 302, 303, 307, 308])
  hostile(
    `a ${status} leads nothing of a request elsewhere, and nobody else is believed`,
    async () => {
      const stolen: IncomingMessage[] = [];
      const thief = createServer((request, response) => {
        stolen.push(request);
        response.writeHead(200, JSON_TYPE).end('{"status":"stored","version":1}');
      });
      const elsewhere = await listening(thief);
      try {
        await against(
          ({ url }, response) => {
            response.writeHead(status, { Location: `${elsewhere}${url}` }).end();
          },
          async (client) => {
            await rejectedWith(UnavailableError, client.put('k', { secret: 1 }, { version: 1 }));
            await rejectedWith(UnavailableError, client.get('k'));
          },
          { headers: { 'X-Api-Key': 'SECRET' } },
        );
        assert.is(stolen.length, 0);
      } finally {
        thief.closeAllConnections();
        await new Promise((resolve) => thief.close(resolve));
      }
    },
  );

hostile('an answer without end is given up at its bound, at once', async () => {
  let sent = 0;
  await against(
    (_request, response) => {
      response.writeHead(200, JSON_TYPE);
      const page = 'x'.repeat(64 * 1024);
      const send = (): void => {
        while (!response.destroyed && response.write(page)) sent += page.length;
        if (!response.destroyed) response.once('drain', send);
      };
      send();
    },
    async (client) => {
      const error = await rejectedWith(ServerError, client.get('k'));
      assert.match(error.message, /answered with more than 1000000 bytes: ask for less at once/);
      assert.is(error.mayBeStored, false);
      const put = await rejectedWith(ServerError, client.put('k', 1));
      assert.is(put.mayBeStored, true);
    },
    { maxAnswerBytes: 1_000_000 },
  );
  // Beyond the bound, no more comes than the buffers on the way take: and it is no matter of time.
  assert.ok(sent < 100_000_000, `${sent}`);
});

hostile('an answer that is just within the bound is read', async () => {
  const body = `{"value":"${'x'.repeat(1000)}","version":1,"expires_at":null}`;
  const listener: RequestListener = (_request, response) => {
    response.writeHead(200, JSON_TYPE).end(body);
  };
  await against(listener, async (client) => assert.is((await client.get('k'))?.version, 1), {
    maxAnswerBytes: body.length,
  });
  await against(
    listener,
    async (client) => void (await rejectedWith(ServerError, client.get('k'))),
    {
      maxAnswerBytes: body.length - 1,
    },
  );
});

for (const [what, nexts] of [
  ['stays where it is', ['a', 'a']],
  ['goes back', ['b', 'a']],
  [
    'goes round in a circle of the two orders of text',
    ['\u{1f600}', '\uff5e', '\u{1f600}', '\uff5e'],
  ],
] as const)
  hostile(`a list whose next page ${what} does not go on for ever`, async () => {
    let asked = 0;
    await against(
      (_request, response) => {
        const next = nexts[asked++ % nexts.length];
        const entry = { key: next, value: 1, version: 1, expires_at: null };
        response.writeHead(200, JSON_TYPE).end(JSON.stringify({ entries: [entry], next }));
      },
      async (client) => {
        const all = async (): Promise<void> => {
          for await (const _entry of client.list()) if (asked > 50) return;
        };
        const error = await rejectedWith(ServerError, all());
        assert.match(error.message, /The list makes no progress/);
        assert.ok(asked <= nexts.length, `${asked}`);
      },
    );
  });

hostile('lists in either order of text go on to their end', async () => {
  for (const keys of [
    ['a', '\u{1f600}', '\uff5e'],
    ['a', '\uff5e', '\u{1f600}'],
  ]) {
    let asked = 0;
    await against(
      (_request, response) => {
        const key = keys[asked++];
        const entry = { key, value: 1, version: 1, expires_at: null };
        const next = asked < keys.length ? key : null;
        response.writeHead(200, JSON_TYPE).end(JSON.stringify({ entries: [entry], next }));
      },
      async (client) => {
        const found: string[] = [];
        for await (const { key } of client.list()) found.push(key);
        assert.equal(found, keys);
      },
    );
  }
});

hostile(
  'a name that is no option is refused before anything is sent, with the right one',
  async () => {
    let asked = 0;
    await against(
      (_request, response) => {
        asked++;
        response.end();
      },
      async (client) => {
        // Plain JavaScript passes anything.
        const given = (options: object) => options as never;
        const wrong: readonly [RegExp, () => Promise<unknown>][] = [
          [/^ttl is no option of put: it is ttlMs\.$/, () => client.put('k', 1, given({ ttl: 5 }))],
          [/^ttlSeconds is .* ttlMs/, () => client.put('k', 1, given({ ttlSeconds: 5 }))],
          [/^verison is .* version/, () => client.put('k', 1, given({ verison: 5 }))],
          [/^ifVersion is no option of delete/, () => client.delete('k', given({ ifVersion: 5 }))],
          [
            /^fresh is no option of get: it knows after, etag, signal/,
            () => client.get('k', given({ fresh: 1 })),
          ],
          [
            /^retries is no option of update/,
            () => client.update('k', () => 1, given({ retries: 1 })),
          ],
          [
            /^ttl is no option of put/,
            () => client.batch([given({ op: 'put', key: 'k', value: 1, ttl: 5 })]),
          ],
          [/op of a batch must be/, () => client.batch([given({ op: 'incr', key: 'k' })])],
          [/^atomic is no option of batch/, () => client.batch([], given({ atomic: true }))],
          [/^start is .* startAfter/, () => client.list(given({ start: 'a' })).next()],
          [/^al is .* all/, () => client.deletePrefix('', given({ al: true }))],
          [/^initail is .* initial/, async () => client.watch(given({ initail: true }))],
          [
            /^prefix is no option of mirror/,
            async () => client.mirror('a', given({ prefix: 'a' })),
          ],
          [/must be an object/, () => client.put('k', 1, given(5 as never))],
        ];
        for (const [reason, call] of wrong) {
          const error = await rejectedWith(InvalidRequestError, (async () => call())());
          assert.match(error.message, reason);
        }
      },
    );
    assert.is(asked, 0);
  },
);

hostile.run();
