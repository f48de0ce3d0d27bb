/**
 * A PUT of raw bytes (ADR 35): its body is the value, and its headers say the rest.
 *
 * Invariant: without `Hearsay-Version` and `Hearsay-TTL-Ms` a PUT means what it always meant, whatever its type:
 * its body is JSON, or it is refused.
 */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../words/op.ts';
import { isRawType, MAX_MEDIA_TYPE_LENGTH, type RawValue, rawParts } from '../../words/rawValue.ts';
import type { PutRequest } from '../../words/requests.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import { isJsonType } from './body.ts';

export const VERSION_HEADER = 'Hearsay-Version';
export const TTL_HEADER = 'Hearsay-TTL-Ms';

/** For the description only: `rawPutHead` reads these headers. */
export const rawPutHeaders = {
  [VERSION_HEADER]: z
    .string()
    .optional()
    .meta({
      description: `With a body that is no JSON: its version, an integer from 0 to ${MAX_PUT_VERSION}, or \`next\`.`,
    }),
  [TTL_HEADER]: z
    .string()
    .optional()
    .meta({
      description: `With Hearsay-Version: the time to live in milliseconds, from 1 to ${MAX_TTL_MS}.`,
    }),
};

/** The facts of a put that stand in its headers. */
export interface RawPutHead extends Pick<PutRequest, 'version' | 'ttlMs'>, Pick<RawValue, 'type'> {}

/**
 * @returns null if the body is to be read as JSON.
 * @throws Problem 415 for a type that no media type is, 422 for a wrong header.
 */
export function rawPutHead({ headers }: Pick<IncomingMessage, 'headers'>): RawPutHead | null {
  const version = headers['hearsay-version'];
  const ttlMs = headers['hearsay-ttl-ms'];
  if (version === undefined && ttlMs === undefined) return null;
  const type = headers['content-type'];
  if (type === undefined || isJsonType(type)) {
    const field = version === undefined ? TTL_HEADER : VERSION_HEADER;
    const message =
      type === undefined
        ? 'is for bytes, whose Content-Type is missing'
        : 'is for bytes of another type: a body of JSON names its version and ttl_ms itself';
    throw unprocessable([{ field, message }]);
  }
  if (!isRawType(type))
    throw new Problem(
      415,
      `The Content-Type of bytes must be a media type of at most ${MAX_MEDIA_TYPE_LENGTH} characters, such as image/png.`,
    );
  refuseMisnamedExpiry(headers);
  return { type, version: versionOf(version), ttlMs: ttlOf(ttlMs) };
}

const SOUNDS_LIKE_EXPIRY = /^hearsay-(?:ttl|expir)/;

/** As in a body of JSON: without this check the entry would silently live for ever. @throws Problem 422 */
function refuseMisnamedExpiry(headers: IncomingMessage['headers']): void {
  const errors = Object.keys(headers)
    .filter((name) => SOUNDS_LIKE_EXPIRY.test(name) && name !== TTL_HEADER.toLowerCase())
    .map((field) => ({
      field,
      message: `is no header of a PUT: the time to live is ${TTL_HEADER}, in milliseconds`,
    }));
  if (errors.length > 0) throw unprocessable(errors);
}

export const rawPutRequest = (
  key: string,
  { type, version, ttlMs }: RawPutHead,
  bytes: Buffer,
): PutRequest => ({ kind: 'put', key, version, ttlMs, ...rawParts({ bytes, type }) });

/** Node joins the values of a header that is given twice, so such a header is refused. */
type Header = string | readonly string[] | undefined;

function versionOf(header: Header): number | 'next' {
  if (header === 'next') return header;
  return wholeOf(
    VERSION_HEADER,
    header,
    [0, MAX_PUT_VERSION],
    `an integer from 0 to ${MAX_PUT_VERSION}, or next`,
  );
}

const ttlOf = (header: Header): number | null =>
  header === undefined
    ? null
    : wholeOf(TTL_HEADER, header, [1, MAX_TTL_MS], `an integer from 1 to ${MAX_TTL_MS}`);

const DIGITS = /^\d{1,16}$/;

function wholeOf(
  field: string,
  header: Header,
  [least, most]: readonly [number, number],
  form: string,
): number {
  const number = typeof header === 'string' && DIGITS.test(header) ? Number(header) : Number.NaN;
  if (number >= least && number <= most) return number;
  const message = header === undefined ? `is missing: it must be ${form}` : `must be ${form}`;
  throw unprocessable([{ field, message }]);
}
