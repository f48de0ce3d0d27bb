/** How long the rows of the log pause after a page, so that clients come first. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SlowRequests } from '../../../src/http/limits/slowRequests.ts';
import { streamRows } from '../../../src/http/routes/logRows.ts';
import { logRowsQuerySchema } from '../../../src/http/routes/logSchemas.ts';
import type { LinePage, LineReader } from '../../../src/log/tools/lineReader.ts';

const test = suite('rows of the log, with pauses');

interface Asked {
  /** How many rows each page has. */
  readonly pages: readonly number[];
  /** Whether a write is committed whenever somebody looks. */
  readonly isWritten: boolean;
  readonly query?: { readonly limit?: string; readonly follow?: string };
}

/** @returns the pauses until all pages were read, and the answer. */
async function pausesOf({ pages, isWritten, query = {} }: Asked) {
  const pausesMs: number[] = [];
  const stopping = new AbortController();
  let lsn = 1_000_000;
  const replica = {
    get lastLsn(): number {
      return isWritten ? ++lsn : lsn;
    },
    onCommit: () => () => undefined,
  };
  const isFollowed = query.follow !== undefined;
  let count = 0;
  const reader: LineReader = {
    facts: () => Promise.reject(new Error('nobody asks for facts')),
    lines: async (): Promise<LinePage> => {
      const rows = pages[count++] ?? 0;
      // A follower would wait for more.
      if (count > pages.length) stopping.abort();
      const lines = new Uint8Array(Buffer.from(`{"lsn":${count}}\n`));
      const isLast = isFollowed || count >= pages.length;
      return { lines, rows, next: isLast ? null : count, fault: null };
    },
    close: async () => undefined,
  };
  const router = new Router();
  const slow = new SlowRequests({ maxSlowRequests: 4 }, () => '127.0.0.1');
  router.get('/', (ctx) => {
    // As the node's own routes do: answers are written past Koa.
    ctx.respond = false;
    return streamRows(ctx, {
      replica,
      reader,
      stopping: stopping.signal,
      query: logRowsQuerySchema.parse(query),
      slow,
      pause: async (ms) => {
        pausesMs.push(ms);
      },
    });
  });
  const server = createServer(new Koa().use(router.routes()).callback());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const text = await answer.text();
  server.closeAllConnections();
  server.close();
  return { pausesMs, text };
}

test('while the node is written, each page is followed by a pause that grows with its rows, of 10 to 160 ms', async () => {
  const { pausesMs, text } = await pausesOf({ pages: [8192, 4096, 512, 1, 1], isWritten: true });
  // The first page is paused for once more, before the answer begins.
  assert.equal(pausesMs, [160, 160, 80, 10, 10]);
  assert.is(text.split('\n').length, 7, 'five pages, the end, and nothing behind it');
});

test('a page alone is answered after that pause too', async () => {
  const { pausesMs } = await pausesOf({ pages: [4096], isWritten: true, query: { limit: '9' } });
  assert.equal(pausesMs, [80]);
});

test('while nobody writes, there is no pause', async () => {
  const { pausesMs } = await pausesOf({ pages: [8192, 4096, 1], isWritten: false });
  assert.equal(pausesMs, []);
});

test('a follower pauses for longer where there are many rows, of 50 to 250 ms', async () => {
  const query = { follow: 'true' };
  const { pausesMs } = await pausesOf({ pages: [1, 2048, 5120, 8192], isWritten: false, query });
  assert.equal(pausesMs, [50, 100, 250, 250]);
});

test.run();
