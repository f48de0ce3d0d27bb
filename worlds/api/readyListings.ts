/**
 * Listings that are ready: the text is made, and the token was verified before. Most of what an api is asked is that, and
 * half of its work was the way through the routes.
 *
 * Invariant: the answer is the one that the route gives. Whatever is not ready takes that way, refusals too.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { SeenRoutes } from '../http/jsonApp.ts';
import type { Callers } from './callers.ts';
import type { ListingTexts } from './listingTexts.ts';
import type { WorldsView } from './worldsView.ts';

export const LISTING_PATH = '/worlds';
export const LISTING_TYPE = 'application/json; charset=utf-8';

export const listingHeaders = (etag: string) => ({
  ETag: etag,
  'Cache-Control': 'private, no-cache',
});

export interface ReadyListingsOptions {
  readonly view: Pick<WorldsView, 'etag'>;
  readonly texts: Pick<ListingTexts, 'known'>;
  readonly callers: Pick<Callers, 'known'>;
  readonly seen: Pick<SeenRoutes, 'atOnce'> | undefined;
}

/** @param otherwise gets each request that is not ready. */
export function readyListings(
  { view, texts, callers, seen }: ReadyListingsOptions,
  otherwise: RequestListener,
): RequestListener {
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const startedAtMs = performance.now();
    const query = request.method === 'GET' ? queryOf(request.url ?? '') : null;
    if (query === null) return false;
    if (callers.known(request.headers.authorization ?? '', 'worlds.list') === null) return false;
    const { etag } = view;
    const body = texts.known(etag, query);
    if (body === undefined) return false;
    const isSame = request.headers['if-none-match'] === etag;
    const status = isSame ? 304 : 200;
    const { traceparent } = request.headers;
    const shown = seen?.atOnce({
      method: 'GET',
      route: LISTING_PATH,
      status,
      traceparent: typeof traceparent === 'string' ? traceparent : '',
      startedAtMs,
    });
    const headers = { ...shown, ...listingHeaders(etag) };
    const size = Buffer.byteLength(body);
    if (isSame) response.writeHead(status, headers).end();
    else {
      const ofBody = { 'Content-Type': LISTING_TYPE, 'Content-Length': size };
      response.writeHead(status, { ...headers, ...ofBody }).end(body);
    }
    return true;
  };
  return (request, response) => {
    if (!answer(request, response)) otherwise(request, response);
  };
}

/** @returns null: it is another path. A filter that needs decoding is another text, and takes the long way. */
function queryOf(url: string): string | null {
  if (url === LISTING_PATH) return '';
  return url.startsWith(`${LISTING_PATH}?`) ? url.slice(LISTING_PATH.length + 1) : null;
}
