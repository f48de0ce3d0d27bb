/**
 * Routes. One row holds all facts of a route: the node checks its caller, its query and its body by the
 * row, and makes openapi.json, the answers to OPTIONS and the refusals of wrong methods from it.
 *
 * Invariant: before a caller was found to be allowed, a request does not wait, its body is not read, and
 * the map is not touched.
 */
import type * as KoaRouter from '@koa/router';
import type { RouterContext } from '@koa/router';
import type { z } from 'zod';
import type { Audit } from '../../access/audit.ts';
import type { Caller } from '../../access/caller.ts';
import type { Callers, Identity } from '../access/callers.ts';
import { answerEmpty } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import type { AddressOf } from '../limits/clientAddress.ts';
import type { DescribedRoute } from '../openapi/openapi.ts';
import type { BodyReader, CheckedBody } from '../request/body.ts';
import { decodeKey, queryOf, ticketIn } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import { Router } from './router.ts';

/** A row. All members but `handler` are also its description. */
export interface Route<Query extends z.ZodObject, Body extends z.ZodType> extends DescribedRoute {
  readonly query?: Query;
  /**
   * The treatment of parameters that `query` does not name; by default they are refused. Without
   * `query`, none is looked at.
   */
  readonly otherParameters?: 'ignore';
  /**
   * The keys that it touches: the one in its path, those with a prefix of its query, all, or none that
   * it knows before it has read its body.
   */
  readonly touches: 'key' | 'all' | 'none' | ((query: z.output<Query>) => string);
  /** Whether each request is a line of the audit log; by default, those that need `admin` or `log`. */
  readonly isAudited?: true;
  /** Whether the query may hold a ticket in the place of a token. */
  readonly takesTicket?: true;
  readonly body?: Body;
  /** Called with the parsed body, before its parts are checked against the schema. */
  readonly beforeBodyCheck?: (parsed: unknown) => void;
  /** Whether the schema would take the body as it is, where that is cheaper to know. */
  readonly isPlain?: (parsed: unknown) => parsed is z.output<Body>;
  readonly handler: (request: RouteRequest<Query, Body>) => void | Promise<void>;
}

/** A request as its handler gets it. */
export interface RouteRequest<Query extends z.ZodType, Body extends z.ZodType> {
  readonly ctx: RouterContext;
  readonly caller: Caller;
  readonly query: z.output<Query>;
  /** The `{key}` of the path; empty if the path has none. */
  readonly key: string;
  /** @throws Problem 400, 413, 415, 422, OverloadedError */
  readonly readBody: () => Promise<CheckedBody<z.output<Body>>>;
}

export interface RoutesOptions {
  readonly bodies: BodyReader;
  readonly maxKeyBytes: number;
  readonly callers: Callers;
  readonly audit: Audit | null;
  readonly addressOf: AddressOf;
  /** Resolves once the node holds the writes that the request names; undefined if it names none. */
  readonly wait: (request: RouterContext['req']) => Promise<void> | undefined;
}

/** A path with a further slash at its end, or in another case, is another path. */
const ROUTER_OPTIONS = { strict: true, sensitive: true };

/** Routes that are tried together. */
export class Routes {
  readonly rows: DescribedRoute[] = [];
  readonly #router = new Router(ROUTER_OPTIONS);
  readonly #options: RoutesOptions;

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  add<Query extends z.ZodObject, Body extends z.ZodType>(row: Route<Query, Body>): void {
    const { bodies, maxKeyBytes, callers, wait, audit, addressOf } = this.#options;
    const { method, path, needs, touches, handler, body: schema } = row;
    const keyStart = path.indexOf('{key}');
    const afterKey = keyStart < 0 ? 0 : path.length - keyStart - '{key}'.length;
    const keySegment = (target: string) => target.slice(keyStart, target.length - afterKey);
    const readQuery = queryReader(row);
    const readBody = async (ctx: RouterContext): Promise<CheckedBody<z.output<Body>>> => {
      if (schema === undefined) throw new Error(`${method} ${path} has no body.`);
      const { text, ascii, parsed } = await bodies.readJson(ctx.req);
      row.beforeBodyCheck?.(parsed);
      const checked = row.isPlain?.(parsed) ? parsed : validate(schema, parsed);
      return { text, ascii, parsed, checked };
    };
    const isAudited = row.isAudited ?? (needs === 'admin' || needs === 'log');
    const handleAs = (identity: Identity, ctx: RouterContext): void | Promise<void> => {
      if (isAudited && audit !== null)
        auditAtEnd(audit, ctx, addressOf(ctx.req), identity.caller.proof.id);
      const caller = callers.require(identity, needs);
      // Probes come at their own pace.
      if (needs !== 'nothing') callers.requirePace(caller, ctx.res);
      const query = readQuery(ctx.req.url ?? path);
      // Taken from the path as sent: the decoding of the router is too lenient.
      const key = keyStart < 0 ? '' : decodeKey(keySegment(ctx.path), maxKeyBytes);
      if (touches === 'key') callers.requireWithin(caller, key);
      else if (touches === 'all') callers.requireAllKeys(caller);
      else if (touches !== 'none') callers.requireWithin(caller, touches(query));
      const go = () => handler({ ctx, caller, query, key, readBody: () => readBody(ctx) });
      const waiting = wait(ctx.req);
      return waiting === undefined ? go() : waiting.then(go);
    };
    const handle = (ctx: RouterContext): void | Promise<void> => {
      const ticket = row.takesTicket ? ticketIn(ctx.req.url ?? '') : null;
      const identity = callers.identify(ctx.req, ticket);
      return identity instanceof Promise
        ? identity.then((one) => handleAs(one, ctx))
        : handleAs(identity, ctx);
    };
    this.rows.push(row);
    const pattern = path.replace('{key}', ':key');
    this.#router.register(pattern, [method], handle, { ...ROUTER_OPTIONS, ignoreCaptures: true });
  }

  middleware(): ReturnType<KoaRouter.Router['routes']> {
    return this.#router.routes();
  }
}

/** Refused requests too. Neither headers nor bodies are told. */
function auditAtEnd(
  audit: Audit,
  { req, res }: RouterContext,
  address: string,
  caller: string,
): void {
  const { method: action = '', url: target = '' } = req;
  res.once('close', () => audit({ caller, address, action, target, status: res.statusCode }));
}

/** Most requests have no query: then nothing is parsed. */
function queryReader<Query extends z.ZodObject, Body extends z.ZodType>({
  query: schema,
  otherParameters,
}: Route<Query, Body>): (target: string) => z.output<Query> {
  // The type holds because only handlers of rows with a schema are given a query.
  const none = {} as z.output<Query>;
  if (schema === undefined) return () => none;
  const names = Object.keys(schema.shape);
  const empty = schema.safeParse({});
  return (target) =>
    empty.success && !target.includes('?')
      ? empty.data
      : validate(schema, queryOf(target, names, otherParameters ?? 'refuse'));
}

const ALL_METHODS = 'DELETE, GET, HEAD, OPTIONS, POST, PUT';

/**
 * The last middleware, which runs if no router has answered: OPTIONS, methods that a path does not know
 * (RFC 9110, section 15.5.6), unknown paths.
 *
 * @throws Problem 404, 405
 */
export function answerNoRoute(ctx: RouterContext): void {
  if (ctx.path === '*' && ctx.method === 'OPTIONS') {
    answerEmpty(ctx, 204, ['Allow', ALL_METHODS]);
    return;
  }
  const methods = new Set((ctx.matched ?? []).flatMap((layer) => layer.methods));
  // The page at the root is for browsers, which only get it: for all others there is nothing.
  if (methods.size === 0 || ctx.path === '/') throw nothingAt(ctx.path);
  const allow = [...methods.add('OPTIONS')].sort().join(', ');
  if (ctx.method === 'OPTIONS') answerEmpty(ctx, 204, ['Allow', allow]);
  else
    throw new Problem(405, `The path does not know ${ctx.method}; it knows ${allow}.`, {
      headers: ['Allow', allow],
    });
}

export const nothingAt = (path: string): Problem =>
  new Problem(
    404,
    /^\/cache\/.+\/./.test(path)
      ? 'There is nothing at this path: a slash in a key is written %2F, or the key is sent in a batch.'
      : 'There is nothing at this path.',
    { extensions: { reason: 'path' } },
  );
