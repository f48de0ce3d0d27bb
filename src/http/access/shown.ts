/** The things that a request shows to say who sends it. */
import type { IncomingHttpHeaders } from 'node:http';

/** The subprotocol of a watch (RFC 6455, section 1.9), and the front of one that carries a token. */
export const WATCH_PROTOCOL = 'hearsay.v1';
const BEARER_PROTOCOL = 'hearsay.bearer.';

const BEARER = /^bearer +(\S+) *$/i;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * The token of a request (RFC 6750, section 2.1), or of an upgrade by a page, which can send no header
 * but its subprotocols.
 */
export function bearerIn(headers: IncomingHttpHeaders): string | null {
  const { authorization } = headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1] ?? null;
  const protocols = headers['sec-websocket-protocol'];
  if (protocols === undefined) return null;
  const carrier = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(BEARER_PROTOCOL));
  return carrier?.slice(BEARER_PROTOCOL.length) ?? null;
}

/** The token of the cluster, which counts on REST for one more release. */
export function clusterTokenIn(headers: IncomingHttpHeaders): string | null {
  const shown = headers['x-internal-token'];
  return typeof shown === 'string' ? shown : null;
}

export const looksLikeJwt = (text: string): boolean => JWT.test(text);
