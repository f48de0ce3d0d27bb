/**
 * The request target (RFC 9112, section 3.2): its path, its key and its query, each percent-decoded
 * exactly once and strictly. koa and its router decode loosely (they take `%zz` literally), so neither
 * is used.
 */
import { Problem, toldName, unprocessable } from '../answer/problem.ts';

const SLASH = 0x2f;
/** The scheme and host before the path of an absolute-form target, which proxies send. */
const SCHEME_AND_AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
/** The characters of a target: visible ASCII without `#`, which would start a fragment. */
const TARGET_CHARACTERS = /^[!"$-~]*$/;

/** The path exactly as sent. */
export function pathOf(target: string): string {
  let start = 0;
  if (target.charCodeAt(0) !== SLASH) start = SCHEME_AND_AUTHORITY.exec(target)?.[0].length ?? 0;
  const end = target.indexOf('?', start);
  return (end === -1 ? target.slice(start) : target.slice(start, end)) || '/';
}

/** @returns undefined if the text is not percent-encoded UTF-8. */
function decode(text: string): string | undefined {
  if (!TARGET_CHARACTERS.test(text)) return undefined;
  try {
    // Decoding also copies a text without escapes, so that the result does not keep the target alive.
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * @param segment the part of the path that is the key, as sent.
 * @throws Problem 400, 414
 */
export function decodeKey(segment: string, maxKeyBytes: number): string {
  const key = decode(segment);
  if (key === undefined)
    throw new Problem(400, 'The key in the path is not percent-encoded UTF-8.');
  if (isLonger(key, maxKeyBytes))
    throw new Problem(414, `The key is longer than ${maxKeyBytes} bytes.`);
  return key;
}

/** Whether the text takes more bytes of UTF-8 than the limit. */
export const isLonger = (text: string, maxBytes: number): boolean =>
  // No code unit takes more than three bytes, so most keys need not be measured.
  text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;

/**
 * The parameters in the query. A plus is a space, as in forms (URL Standard, section 5).
 *
 * @param names all known parameters: a client that misspells `version` of a DELETE must not delete
 *   without it.
 * @param others `ignore` for routes where clients of the old cache could send any parameter.
 * @throws Problem 400 for a text that does not decode, 422 for an unknown parameter or one that is
 *   given twice.
 */
export function queryOf<Name extends string>(
  target: string,
  names: readonly Name[],
  others: 'refuse' | 'ignore' = 'refuse',
): { [name in Name]?: string } {
  const found: { [name in Name]?: string } = {};
  const start = target.indexOf('?');
  if (start === -1) return found;
  for (const pair of target.slice(start + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const [name, value] = (
      equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
    ).map((text) => decode(text.replaceAll('+', ' ').replaceAll(' ', '%20')));
    if (name === undefined || value === undefined)
      throw new Problem(400, 'The query is not percent-encoded UTF-8.');
    // Libraries append `_` to keep caches from answering.
    if (name === '_') continue;
    const known = names.find((candidate) => candidate === name);
    if (known === undefined) {
      if (others === 'ignore') continue;
      throw unknownParameter(name, names);
    }
    if (found[known] !== undefined)
      throw unprocessable([{ field: known, message: 'is given more than once' }]);
    found[known] = value;
  }
  return found;
}

const TICKET = /[?&]ticket=([A-Za-z0-9_-]+)/;

/** The ticket in the query, read before the query is checked; null if there is none. */
export const ticketIn = (target: string): string | null =>
  target.includes('ticket=') ? (TICKET.exec(target)?.[1] ?? null) : null;

function unknownParameter(name: string, names: readonly string[]): Problem {
  const known = names.length === 0 ? 'there are no parameters' : `there is ${names.join(', ')}`;
  return unprocessable([{ field: toldName(name), message: `is not supported here: ${known}` }]);
}
