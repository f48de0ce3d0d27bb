/**
 * A token as its holder sees it: `hsy_<id>_<secret>_<crc>`. The secret is 256 random bits in base64url
 * (RFC 4648, section 5), so that one SHA-256 of the text is enough at rest: nobody can guess what a slow
 * hash would protect. The front and the checksum let scanners find tokens that lie about, and commands
 * tell a torn token from a wrong one.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const SECRET_BYTES = 32;

/** The rule of an id, for a sentence that begins with "An id must be". */
export const ID_RULE = '1 to 32 letters (A to Z), digits, dots or -';

const ID = /^[A-Za-z0-9.-]{1,32}$/;
/** An id has no `_`, so that the parts of a token are told apart. */
const SECRET = /^(hsy_([A-Za-z0-9.-]{1,32})_[A-Za-z0-9_-]{43})_([0-9a-f]{8})$/;

export const isTokenId = (text: string): boolean => ID.test(text);

/** @param random 32 bytes that nobody can guess. */
export function makeSecret(id: string, random: Uint8Array): string {
  const front = `hsy_${id}_${Buffer.from(random).toString('base64url')}`;
  return `${front}_${checksum(front)}`;
}

/** @returns the id; null if the text is no token, or was torn. */
export function idOfSecret(text: string): string | null {
  const [, front = '', id = '', sum] = SECRET.exec(text) ?? [];
  return sum !== undefined && sum === checksum(front) ? id : null;
}

/**
 * The SHA-256 by which a token is found. A look-up by it leaks nothing by its time: to choose the digest
 * that is compared, a caller would have to know the token.
 */
export const digestOf = (text: string): string => hash('sha256', text, 'binary');

/** The form of the digest in the file of tokens. */
export const hashText = (text: string): string => `sha256:${hash('sha256', text, 'hex')}`;

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
