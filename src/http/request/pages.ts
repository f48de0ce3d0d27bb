/**
 * The pages that may call this node from a browser (Fetch Standard, "CORS protocol"; RFC 6454). A
 * browser sends `Origin` with a page's request; other clients need not. A page of another site that is
 * not allowed may open no watch and change nothing, and its browser does not show it the answers to its
 * reads.
 *
 * A page counts as the node's own if its host is the host of the request. But any site can let its name
 * point here once its page has been loaded (DNS rebinding). So only two kinds of hosts count: those
 * known to be this node's, and those for which no name server was asked. A page's reads from its own
 * host come without `Origin`, so the node can't tell them from a person's.
 */

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { RouterContext } from '@koa/router';
import { answerEmpty } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';

const ALLOWED_METHODS = 'GET, HEAD, PUT, POST, DELETE';
const ALLOWED_HEADERS =
  'Content-Type, If-Match, If-None-Match, Hearsay-After, Hearsay-Version, Hearsay-TTL-Ms, ' +
  'Last-Event-ID, Cache-Control, ' +
  // Tracing libraries add these headers to a page's requests.
  'Authorization, Traceparent, Tracestate, Baggage';
const EXPOSED_HEADERS =
  'ETag, Link, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Hearsay-Version, ' +
  'Hearsay-Expires-At, Hearsay-TTL-Ms';
const PREFLIGHT_SECONDS = '600';
/** Methods that change nothing. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

export class AllowedPages {
  readonly #allowed: ReadonlySet<string>;
  readonly #ownNames: ReadonlySet<string>;
  readonly #nodeOrigins: () => readonly string[];

  /**
   * @param allowed origins such as `https://app.example.com`; `*` for all.
   * @param urls of this node, as others reach it.
   * @param nodeOrigins gives the web origins of the nodes of the cluster, whose page goes on at this node (ADR 34).
   */
  constructor(
    allowed: readonly string[],
    urls: readonly string[] = [],
    nodeOrigins: () => readonly string[] = () => [],
  ) {
    this.#allowed = new Set(allowed);
    this.#nodeOrigins = nodeOrigins;
    this.#ownNames = new Set(urls.map((url) => new URL(url).hostname));
  }

  /** Whether the request may also write and open watches. */
  admits({ headers }: IncomingMessage): boolean {
    const { origin, host } = headers;
    return origin === undefined || this.#isOwn(origin, host) || this.#isListed(origin);
  }

  /** A middleware for koa. */
  async guard(ctx: RouterContext, next: () => Promise<unknown>): Promise<void> {
    const { origin, host } = ctx.req.headers;
    if (origin !== undefined && !this.#isOwn(origin, host)) {
      if (this.#isListed(origin)) {
        ctx.res.setHeader('Access-Control-Allow-Origin', origin);
        ctx.res.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
        ctx.res.setHeader('Vary', 'Origin');
        if (isPreflight(ctx.req)) {
          answerEmpty(ctx, 204, PREFLIGHT_HEADERS);
          return;
        }
      } else if (!SAFE_METHODS.has(ctx.method) || isSameHost(origin, host)) throw foreign(origin);
    }
    await next();
  }

  /** @throws Problem 403 for a page that is not allowed. */
  refuseForeign(request: IncomingMessage): void {
    if (!this.admits(request)) throw foreign(request.headers.origin ?? '');
  }

  /** Whether the page came from this very node. */
  #isOwn(origin: string, host: string | undefined): boolean {
    if (!isSameHost(origin, host)) return false;
    const name = new URL(origin).hostname;
    return isUnresolved(name) || this.#ownNames.has(name);
  }

  #isListed(origin: string): boolean {
    if (this.#allowed.has(origin) || this.#allowed.has('*')) return true;
    const named = namedLocalhost(origin.toLowerCase());
    return this.#nodeOrigins().some((own) => namedLocalhost(own) === named);
  }
}

const PREFLIGHT_HEADERS = [
  'Access-Control-Allow-Methods',
  ALLOWED_METHODS,
  'Access-Control-Allow-Headers',
  ALLOWED_HEADERS,
  'Access-Control-Max-Age',
  PREFLIGHT_SECONDS,
];

const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;

const foreign = (origin: string): Problem =>
  new Problem(403, `Pages of ${origin.slice(0, 100)} may not do this; see --allowed-origins.`);

function isSameHost(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}

/** A person opens a node of this machine by whichever of its names, and the nodes name each other by one of them. */
const namedLocalhost = (origin: string): string =>
  origin.replace(/^(https?:\/\/)(?:127\.0\.0\.1|\[::1\])(?=:|$)/, '$1localhost');

/** Whether a browser asks no name server for the host: a name of this machine, or an address. */
const isUnresolved = (name: string): boolean =>
  name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
