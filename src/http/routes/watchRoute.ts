/** A watch as Server-Sent Events: GET /watch. The cursor is the id of each event. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { WatchHub } from '../../watch/hub/hub.ts';
import type { EndReason, Sink, WatchRequest } from '../../watch/hub/watcher.ts';
import type { Callers } from '../access/callers.ts';
import { answerEmpty } from '../answer/answer.ts';
import type { AddressOf } from '../limits/clientAddress.ts';
import type { Connections } from '../limits/connections.ts';
import { BAD_QUERY, problem } from '../openapi/answers.ts';
import { type WatchAdmission, watchQuerySchema } from '../watch/admission.ts';
import { END_SENTENCES } from '../watch/ends.ts';
import { watchEventSchema } from '../watch/events.ts';
import { formatFor } from '../watch/formats.ts';
import type { Routes } from './route.ts';

export const WATCH_PATH = '/watch';

const HEADERS = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  // Proxies that collect answers would hold events back.
  'X-Accel-Buffering',
  'no',
  // A watch has no end, so no answer can come behind it.
  'Connection',
  'close',
];
/** The milliseconds that a browser waits before it connects again. */
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
  end(reason: EndReason): void {
    if (!this.#response.writableEnded) this.#response.write(`: ${END_SENTENCES[reason]}\n\n`);
    endResponse(this.#response);
  }
}

/** A response that still waits for its cursor has no status yet. */
function revoke(response: ServerResponse): void {
  if (response.headersSent) endResponse(response);
  else response.destroy();
}

function endResponse(response: ServerResponse): void {
  response.end();
  // Bytes that the client does not read would hold the connection open.
  response.socket?.setTimeout(END_TIMEOUT_MS, () => response.destroy());
}

const END_TIMEOUT_MS = 1000;

export interface WatchRouteOptions {
  readonly hub: WatchHub;
  readonly admission: WatchAdmission;
  readonly connections: Pick<Connections, 'dropBehind'>;
  readonly callers: Callers;
  readonly addressOf: AddressOf;
}

export function addWatchRoute(
  routes: Routes,
  { hub, admission, connections, callers, addressOf }: WatchRouteOptions,
): void {
  routes.add({
    method: 'GET',
    path: WATCH_PATH,
    needs: 'watch',
    touches: ({ prefix }) => prefix,
    takesTicket: true,
    summary: 'Watch keys by their prefix',
    description:
      'As Server-Sent Events, or with an upgrade as a WebSocket, each of whose messages is one ' +
      'event. A WebSocket with a wrong cursor is closed with code 1008. `values` and `initial` need the scope ' +
      '`read` too.',
    query: watchQuerySchema,
    headers: z.object({
      'Last-Event-ID': z
        .string()
        .optional()
        .meta({ description: 'A cursor that beats `cursor`: browsers send it by themselves.' }),
    }),
    answers: {
      '101': { description: 'Each message is the JSON of one event.' },
      '200': {
        description: 'The data of each event is this JSON, its id the cursor.',
        content: { 'text/event-stream': { schema: watchEventSchema } },
      },
      '400': problem('The query does not decode.'),
      '403': problem('Pages of this origin may not watch.'),
      '409': problem('The cursor is of another cluster, or not reached in time: see `reason`.'),
      ...BAD_QUERY,
      '503': problem('There are too many watchers, or the node has not joined a cluster yet.'),
    },
    handler: async ({ ctx, caller, query }) => {
      const checked = admission.checkQuery(query);
      const { cursor: named, ...watch } = checked;
      admission.requireValues(caller, checked);
      admission.refuse(ctx.req);
      if (ctx.method === 'HEAD') {
        answerEmpty(ctx, 200, HEADERS);
        return;
      }
      const closed = closeSignal(ctx.res);
      ctx.res.once(
        'close',
        callers.holdWatch(caller, () => revoke(ctx.res)),
      );
      // A browser that connects again sends the old URL and, beside it, the id of the last event.
      const admitted = await admission.admitCursor(lastEventId(ctx.req) ?? named, closed);
      if (closed.aborted || ctx.res.writableEnded) return;
      admission.requireServing();
      connections.dropBehind(ctx.req.socket);
      const client = {
        over: 'stream',
        caller: caller.proof.id,
        address: addressOf(ctx.req),
      } as const;
      const format = formatFor('stream', watch);
      start(ctx.res, hub, { ...watch, ...admitted, format, client });
    },
  });
}

function start(response: ServerResponse, hub: WatchHub, request: WatchRequest): void {
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
