/**
 * Rows of the log as lines of JSON, as fast as the client reads them: a page is read only when the page
 * before it has gone out. While the node is being written, each page is followed by a pause, the longer the more
 * rows it has, so that clients come first.
 *
 * Three lines are no rows: `{"fault": …}` if rows can't be read, `{"next": …}` at the end, with the
 * start of the next page, and an empty line, which only shows that the connection lives.
 */

import { pipeline, Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { RouterContext } from '@koa/router';
import type { PageLimit } from '../../log/log.ts';
import type { LinePage, LineReader, LineRequest } from '../../log/tools/lineReader.ts';
import { MAX_NODE_PAGE_ROWS, PAGE_ROWS } from '../../log/tools/logSource.ts';
import type { Replica } from '../../replica/replica.ts';
import { answerParts, NDJSON_TYPE } from '../answer/answer.ts';
import type { SlowRequests } from '../limits/slowRequests.ts';
import type { LogRowsQuery } from './logSchemas.ts';

/** The shortest pause after a page while the node is being written. */
const BUSY_PAUSE_MS = 10;
/** For each row more: 160 ms for the longest page, whose rows take the thread that reads some 15 ms. */
const BUSY_PAUSE_ROW_MS = 160 / MAX_NODE_PAGE_ROWS;
/** Rows are collected for at least this long before a page is read, */
const FOLLOW_PAUSE_MS = 50;
/** for longer where there are many, */
const FOLLOW_PAUSE_ROW_MS = FOLLOW_PAUSE_MS / 1024;
/** and for this long at most. */
const MAX_FOLLOW_PAUSE_MS = 250;

/** Until the next page is read, after one of so many rows. */
const busyPauseMs = (rows: number): number => Math.max(BUSY_PAUSE_MS, rows * BUSY_PAUSE_ROW_MS);
const followPauseMs = (rows: number): number =>
  Math.min(MAX_FOLLOW_PAUSE_MS, Math.max(FOLLOW_PAUSE_MS, rows * FOLLOW_PAUSE_ROW_MS));

/** `pipeline` alone takes six, and no answer takes more the longer it lasts. */
const MAX_LISTENERS = 20;
/** After this time without a row, an empty line shows whether the reader is still there. */
const SIGN_OF_LIFE_MS = 15_000;

type Pause = (ms: number) => Promise<unknown>;

interface RowsRequest {
  readonly replica: Pick<Replica, 'lastLsn' | 'onCommit'>;
  readonly reader: LineReader;
  /** Aborted when the node stops. */
  readonly stopping: AbortSignal;
  readonly query: LogRowsQuery;
  /** Of a stream only the first page counts: those behind it are read at the pace of the client, and with pauses. */
  readonly slow: SlowRequests;
  /** By default a timer; a test's own shows the pauses without taking them. */
  readonly pause?: Pause;
}

export async function streamRows(
  ctx: RouterContext,
  { replica, reader, stopping, query, slow, pause = wait }: RowsRequest,
): Promise<void> {
  const seenLsn = replica.lastLsn;
  const isPage =
    query.limit !== undefined || query.before !== undefined || query.lsns !== undefined;
  const read = () => reader.lines(requestOf(query, query.after));
  const first = await (isPage ? slow.answer(ctx.res, read) : slow.run(read));
  if (replica.lastLsn > seenLsn) await pause(busyPauseMs(first.rows));
  if (isPage) {
    const { lines, fault, next } = first;
    const end = Buffer.from(`${JSON.stringify({ next, fault })}\n`);
    answerParts(ctx, NDJSON_TYPE, [lines, end]);
    return;
  }
  // The client has left while the first rows were read.
  if (ctx.res.destroyed) return;
  const gone = new AbortController();
  ctx.res.on('close', () => gone.abort());
  ctx.res.writeHead(200, ['Content-Type', NDJSON_TYPE, 'Cache-Control', 'no-store']);
  if (ctx.method === 'HEAD') {
    ctx.res.end();
    return;
  }
  const either = AbortSignal.any([gone.signal, stopping]);
  const pages = new Pages({ replica, reader, query, pause }, either);
  const lines = Readable.from(pages.from(first), { objectMode: false, highWaterMark: 1 });
  ctx.res.setMaxListeners(MAX_LISTENERS);
  pipeline(lines, ctx.res, (error) => {
    if (error) ctx.app.emit('error', error, ctx);
  });
}

function requestOf(query: LogRowsQuery, after: number): LineRequest {
  const { key, before, lsns, limit, values, upto = Number.MAX_SAFE_INTEGER } = query;
  const limitOf = (most: number): PageLimit => ({
    ...PAGE_ROWS,
    maxRows: Math.max(1, Math.min(limit ?? most, most)),
  });
  if (lsns !== undefined) return { type: 'at', lsns };
  if (before !== undefined)
    return { type: 'before', lsn: before, limit: limitOf(PAGE_ROWS.maxRows) };
  if (key !== undefined) return { type: 'on', key, after, upTo: upto };
  const pageLimit = limitOf(MAX_NODE_PAGE_ROWS);
  return { type: 'rows', after, upTo: upto, withValues: values, limit: pageLimit };
}

type PagesRequest = Required<Pick<RowsRequest, 'replica' | 'reader' | 'query' | 'pause'>>;

class Pages {
  readonly #replica: RowsRequest['replica'];
  readonly #reader: LineReader;
  readonly #query: LogRowsQuery;
  readonly #pause: Pause;
  readonly #gone: AbortSignal;

  constructor({ replica, reader, query, pause }: PagesRequest, gone: AbortSignal) {
    this.#replica = replica;
    this.#reader = reader;
    this.#query = query;
    this.#pause = pause;
    this.#gone = gone;
  }

  async *from(first: LinePage): AsyncGenerator<Uint8Array | string> {
    let page = first;
    let after = this.#query.after;
    for (;;) {
      const seenLsn = this.#replica.lastLsn;
      if (page.rows > 0) yield page.lines;
      if (page.fault !== null) yield `${JSON.stringify({ fault: page.fault })}\n`;
      after = page.next ?? lastLsnIn(page) ?? after;
      if (page.next === null) {
        if (!this.#query.follow) break;
        if (page.rows === 0) yield* this.#wait(after);
        else await this.#pause(followPauseMs(page.rows));
      } else if (this.#replica.lastLsn > seenLsn) await this.#pause(busyPauseMs(page.rows));
      if (this.#gone.aborted) return;
      page = await this.#reader.lines(requestOf(this.#query, after));
    }
    yield `${JSON.stringify({ next: null, fault: null })}\n`;
  }

  /** Waits until there are more rows than were read, or the reader has gone. */
  async *#wait(after: number): AsyncGenerator<string> {
    while (this.#replica.lastLsn <= after && !this.#gone.aborted) {
      if (await this.#committed()) await this.#pause(FOLLOW_PAUSE_MS);
      else yield '\n';
    }
  }

  /** @returns false if no row came for a while. */
  #committed(): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (came: boolean): void => {
        clearTimeout(timer);
        end();
        this.#gone.removeEventListener('abort', onGone);
        resolve(came);
      };
      const onGone = (): void => settle(false);
      const end = this.#replica.onCommit(() => settle(true));
      const timer = setTimeout(() => settle(false), SIGN_OF_LIFE_MS);
      this.#gone.addEventListener('abort', onGone);
    });
  }
}

/** The lsn of the last row of a page, from which a following reader goes on. */
function lastLsnIn({ lines }: LinePage): number | null {
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  const lastLine = text.subarray(text.lastIndexOf('\n', -2) + 1);
  const [, lsn] = /^\{"lsn":(\d+)/.exec(lastLine.subarray(0, 40).toString()) ?? [];
  return lsn === undefined ? null : Number(lsn);
}
