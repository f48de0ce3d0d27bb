/**
 * A small JSON server: listed routes and methods, bounded bodies, and problem+json for each refusal.
 *
 * Invariant: a client's mistake is never a 500.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import Router from '@koa/router';
import Koa from 'koa';
import rawBody from 'raw-body';
import type { z } from 'zod';
import { PROBLEM_TYPE, Problem, problemText } from './problem.ts';

export const MAX_BODY_BYTES = 16 * 1024;

/** A request as routes see it. */
export interface JsonRequest {
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  header(name: string): string;
  /** @throws Problem if the body is too large, no JSON, or does not parse. */
  body<T>(schema: z.ZodType<T>): Promise<T>;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body?: object;
  /** In the place of a body of JSON. */
  readonly text?: { readonly type: string; readonly body: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes the response over after the status and the headers: it goes on until one side ends it. */
  readonly stream?: (response: ServerResponse) => void;
}

export interface JsonRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** In the form of @koa/router, such as `/slots/:world/:slot`. */
  readonly path: string;
  readonly answer: (request: JsonRequest) => Promise<JsonAnswer> | JsonAnswer;
}

/** Goes around each request, for its trace and its count. */
export type Around = (
  request: {
    readonly method: string;
    /** The header; empty for none. */
    readonly traceparent: string;
    readonly setHeader: (name: string, value: string) => void;
  },
  answer: () => Promise<{
    /** The path of the route; `none` where none matched, so that hostile paths make no new labels. */
    readonly route: string;
    readonly status: number;
  }>,
) => Promise<void>;

/** Routes by which a process is seen, and that which goes around all of its requests. */
export interface SeenRoutes {
  readonly routes: readonly JsonRoute[];
  readonly around: Around;
  /** In the place of `around`, for an answer that is ready. @returns headers of the answer. */
  readonly atOnce: (request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    /** The header; empty for none. */
    readonly traceparent: string;
    /** By `performance.now()`. */
    readonly startedAtMs: number;
  }) => Readonly<Record<string, string>>;
}

export const plainly: Around = async (_request, answer) => {
  await answer();
};

/** @param onFault gets errors that are no client's: the client gets 500 or, of `toProblem`, another. */
export function jsonApp(
  routes: readonly JsonRoute[],
  onFault: (error: unknown) => void,
  toProblem: (error: unknown) => Problem | null = () => null,
  around: Around = plainly,
): Koa {
  const app = new Koa();
  app.silent = true;
  app.use((context, next) => {
    const { method } = context;
    const setHeader = (name: string, value: string): void =>
      void context.res.setHeader(name, value);
    return around({ method, traceparent: context.get('traceparent'), setHeader }, async () => {
      await next();
      const { route = 'none' }: { route?: string } = context.state;
      return { route, status: context.status };
    });
  });
  app.use(async (context, next) => {
    try {
      await next();
      if (context.status === 404 && context.body === undefined)
        throw new Problem(404, 'route', 'There is nothing at this path.');
    } catch (error) {
      const problem = error instanceof Problem ? error : (clientFault(error) ?? toProblem(error));
      if (problem === null) onFault(error);
      write(context, problem ?? new Problem(500, 'failed', 'The server failed: try again later.'));
    }
  });
  const router = new Router({ strict: true, sensitive: true });
  for (const { method, path, answer } of routes)
    router.register(path, [method], async (context) => {
      context.state.route = path;
      const { status, body, text, headers = {}, stream } = await answer(requestOf(context));
      if (stream !== undefined) {
        context.respond = false;
        context.res.writeHead(status, { 'Cache-Control': 'no-store', ...headers });
        stream(context.res);
        return;
      }
      context.res.setHeader('Cache-Control', 'no-store');
      for (const name in headers) context.res.setHeader(name, headers[name] ?? '');
      // koa guesses the type of a body that comes without one.
      if (text !== undefined) context.res.setHeader('Content-Type', text.type);
      context.body = text?.body ?? body ?? null;
      // An empty body has set 204 by itself.
      context.status = status;
    });
  app.use(router.routes());
  app.use(router.allowedMethods({ throw: true, methodNotAllowed: notAllowed }));
  return app;
}

const notAllowed = (): Problem =>
  new Problem(405, 'method', 'This path does not take this method.');

function requestOf(
  context: Koa.Context & { readonly params: Record<string, string> },
): JsonRequest {
  return {
    parameters: context.params,
    get query() {
      return new URLSearchParams(context.querystring);
    },
    header: (name) => context.get(name),
    body: async (schema) => {
      const text = await rawBody(context.req, {
        length: context.req.headers['content-length'] ?? null,
        limit: MAX_BODY_BYTES,
        encoding: 'utf8',
      });
      return parsed(schema, text);
    },
  };
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    throw new Problem(422, 'body', 'The body must be JSON.');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') || 'body';
  throw new Problem(422, 'body', `${place}: ${issue?.message ?? 'is malformed'}.`);
}

/** Errors of koa and of raw-body that say a status of the client's. */
function clientFault(error: unknown): Problem | null {
  if (!(error instanceof Error) || !('status' in error)) return null;
  const { status } = error;
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  if (status === 413)
    return new Problem(413, 'too large', `A body may have ${MAX_BODY_BYTES} bytes.`);
  return new Problem(status, 'request', 'The request could not be read.');
}

function write(context: Koa.Context, problem: Problem): void {
  const { status, headers } = problem;
  context.status = status;
  context.set({ 'Cache-Control': 'no-store', ...headers });
  context.body = problemText(problem);
  context.type = PROBLEM_TYPE;
}

export interface Listener extends AsyncDisposable {
  readonly server: Server;
  readonly url: string;
}

/** @param port 0: any that is free. */
export async function listen(
  handler: Parameters<typeof createServer>[1],
  host: string,
  port: number,
): Promise<Listener> {
  const server = createServer(handler);
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    server,
    url: `http://${host}:${bound}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
