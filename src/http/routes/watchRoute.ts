/** A watch as Server-Sent Events: GET /watch. The cursor is the id of each event. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Router, RouterContext } from '@koa/router';
import type { EndReason, Sink, WatchRequest } from '../../watch/hub/watcher.ts';
import { answerEmpty } from '../answer/answer.ts';
import { formatFor } from '../watch/formats.ts';
import { admitCursor, refuseForNow, type WatchParts, watchQuery } from '../watch/request.ts';
import { addRoute } from './route.ts';

export const WATCH_PATH = '/watch';

const HEADERS = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Proxies that collect answers would hold events back.
  'X-Accel-Buffering',
  'no',
];
/** How long a browser waits before it connects again. */
const RETRY = 'retry: 1000\n\n';

class StreamSink implements Sink {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  get drainsAboveBytes(): number {
    return this.#response.writableHighWaterMark;
  }

  write(bytes: Buffer): void {
    if (!this.#response.writableEnded) this.#response.write(bytes);
  }

  cork(): void {
    this.#response.cork();
  }

  uncork(): void {
    this.#response.uncork();
  }

  /** The client connects again by itself, here or elsewhere, with the last id. */
  end(_reason: EndReason): void {
    this.#response.end();
    // What it does not read would hold the connection open.
    this.#response.socket?.setTimeout(END_TIMEOUT_MS, () => this.#response.destroy());
  }
}

const END_TIMEOUT_MS = 1000;

export function addWatchRoute(router: Router, options: WatchParts): void {
  addRoute(router, 'GET', WATCH_PATH, async (ctx) => {
    options.origins.refuseForeign(ctx.req);
    const { cursor: named, ...query } = watchQuery(ctx.req, options.limits.maxKeyBytes);
    refuseForNow(options);
    if (ctx.method === 'HEAD') {
      answerEmpty(ctx, 200, HEADERS);
      return;
    }
    const closed = closeSignal(ctx.res);
    // A browser that connects again sends the URL as it was and, beside it, where it has come to.
    const cursor = await admitCursor(lastEventId(ctx.req) ?? named, options, closed);
    if (closed.aborted) {
      ctx.respond = false;
      return;
    }
    start(ctx, options, { ...query, cursor, format: formatFor('stream', query.withValues) });
  });
}

function start(ctx: RouterContext, { hub }: WatchParts, request: WatchRequest): void {
  ctx.respond = false;
  const { res: response } = ctx;
  response.writeHead(200, HEADERS);
  response.write(RETRY);
  const watcher = hub.open(request, new StreamSink(response));
  response.on('drain', () => hub.drained(watcher));
  response.on('error', () => hub.remove(watcher));
  response.on('close', () => hub.remove(watcher));
}

function lastEventId({ headers }: IncomingMessage): string | null {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : null;
}

function closeSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
