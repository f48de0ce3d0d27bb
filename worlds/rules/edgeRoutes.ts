/** The edge lets these routes and methods through, and nothing else. */

export type EdgeMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface EdgeRoute {
  readonly method: EdgeMethod;
  /** A part that begins with a colon stands for any name. */
  readonly path: string;
  readonly upstream: 'identity' | 'api';
  /** A limit beside that of all requests of an address. */
  readonly limit: 'guests' | 'joins' | null;
  /** Whether it may be sent again though it may have been carried out: then it has the same effect. */
  readonly isRepeatable: boolean;
  /** Its answer goes on until one side ends it. */
  readonly isStream: boolean;
}

const route = (
  method: EdgeMethod,
  path: string,
  upstream: EdgeRoute['upstream'],
  more: Partial<EdgeRoute> = {},
): EdgeRoute => ({
  method,
  path,
  upstream,
  limit: null,
  isStream: false,
  // A PUT or DELETE with a condition that was carried out and is sent again would be told that it failed.
  isRepeatable: method === 'GET',
  ...more,
});

/** By its Idempotency-Key a join that is sent to two apis takes one seat. */
const JOIN: Partial<EdgeRoute> = { limit: 'joins', isRepeatable: true };
const WORLD = '/admin/worlds/:region/:world';

export const EDGE_ROUTES: readonly EdgeRoute[] = [
  route('POST', '/identity/guests', 'identity', { limit: 'guests' }),
  route('POST', '/identity/tokens', 'identity'),
  route('DELETE', '/identity/session', 'identity'),
  route('GET', '/identity/me', 'identity'),
  route('DELETE', '/identity/me', 'identity'),
  route('GET', '/.well-known/jwks.json', 'identity'),
  route('GET', '/worlds', 'api'),
  route('GET', '/worlds/watch', 'api', { isStream: true }),
  route('POST', '/worlds/:region/:world/join', 'api', JOIN),
  route('POST', '/join', 'api', JOIN),
  route('GET', '/players/me', 'api'),
  route('GET', WORLD, 'api'),
  route('PUT', WORLD, 'api'),
  route('DELETE', WORLD, 'api'),
  route('POST', `${WORLD}/drain`, 'api', { isRepeatable: true }),
  route('POST', '/admin/players/:player/revoke', 'api', { isRepeatable: true }),
];

/**
 * The region that a request is about: its api is asked first, so a page that lists a region measures the way to it.
 *
 * @param path with the query. @returns null for none.
 */
export function regionOf(path: string): string | null {
  const [plain = '', query = ''] = path.split('?', 2);
  const [, first, second, third, fourth] = plain.split('/');
  if (first === 'admin' && second === 'worlds') return third ?? null;
  if (first === 'worlds' && fourth === 'join') return second ?? null;
  return new URLSearchParams(query).get('region');
}

export type RouteVerdict =
  | { readonly type: 'route'; readonly route: EdgeRoute }
  | { readonly type: 'other methods'; readonly methods: readonly EdgeMethod[] }
  | { readonly type: 'unknown' };

const NAME = /^[\w-]{1,80}$/;

/** @param path without the query. */
export function findRoute(method: string, path: string): RouteVerdict {
  const parts = path.split('/');
  const there = EDGE_ROUTES.filter((one) => matches(one.path.split('/'), parts));
  const found = there.find((one) => one.method === method);
  if (found !== undefined) return { type: 'route', route: found };
  const methods = there.map((one) => one.method);
  return methods.length === 0 ? { type: 'unknown' } : { type: 'other methods', methods };
}

const matches = (pattern: readonly string[], parts: readonly string[]): boolean =>
  pattern.length === parts.length &&
  pattern.every((word, at) =>
    word.startsWith(':') ? NAME.test(parts[at] ?? '') : word === parts[at],
  );
