/**
 * The address of the client, for limits and for the audit log. Behind a proxy it stands in a header of the
 * request, which counts only as far as trusted proxies wrote it: a client may send the header too.
 *
 * Each proxy adds the address that it was asked from (X-Forwarded-For; Forwarded, RFC 7239). So the list is
 * read from its end, and the first address that is no trusted proxy's is the client's.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { type Networks, plainAddress } from '../../net/networks.ts';

export type AddressOf = (request: IncomingMessage) => string;

/** The address of the other end of the connection. */
export const socketAddress: AddressOf = ({ socket }) => socket.remoteAddress ?? '';

/** @param proxies whose headers count. */
export function clientAddress(proxies: Networks): AddressOf {
  if (proxies.isEmpty) return socketAddress;
  return (request) => {
    const nearest = socketAddress(request);
    if (!proxies.has(nearest)) return nearest;
    let found = nearest;
    for (const address of forwardedFor(request.headers).toReversed()) {
      // A name that hides the address, or nonsense: what stands before it is no better.
      if (isIP(address) === 0) break;
      found = address;
      if (!proxies.has(address)) break;
    }
    return found;
  };
}

/**
 * The addresses from the client to the last proxy but one. A proxy that writes one of the two headers may
 * pass on the other as its client sent it: if they differ, neither is believed.
 */
function forwardedFor({
  'x-forwarded-for': plain,
  forwarded,
}: IncomingHttpHeaders): readonly string[] {
  const byPlain = plain === undefined ? null : String(plain).split(',').map(addressIn);
  const byForwarded = forwarded === undefined ? null : forwarded.split(',').map(forIn);
  if (byPlain === null) return byForwarded ?? [];
  if (byForwarded === null) return byPlain;
  return byPlain.join() === byForwarded.join() ? byPlain : [];
}

/** The `for` of one element of Forwarded; empty if it has none. */
const forIn = (element: string): string => {
  const pair = element.split(';').find((one) => /^\s*for=/i.test(one)) ?? '';
  return addressIn(pair.slice(pair.indexOf('=') + 1));
};

/** Without quotes, brackets and a port. */
function addressIn(text: string): string {
  const plain = text.trim().replace(/^"(.*)"$/, '$1');
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(plain) ?? [];
  if (bracketed !== undefined) return bracketed;
  return plainAddress(/^\d+(\.\d+){3}:\d+$/.test(plain) ? plain.replace(/:\d+$/, '') : plain);
}
