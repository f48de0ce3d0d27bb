/**
 * Fields of a body that nobody knows are ignored, as they always were, but for one that can only mean
 * a time to live under another name: without it the entry would silently live for ever.
 */
import { type FieldError, toldName, unprocessable } from '../answer/problem.ts';

const SOUNDS_LIKE_EXPIRY = /^(ttl|expir)/i;
const OUR_NAME = 'ttl_ms';

/** An answer of a GET may come back as it is: its `expires_at` of null asks for nothing. */
function misnamed(body: unknown, path: string): FieldError[] {
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body)
    .filter(([name, value]) => SOUNDS_LIKE_EXPIRY.test(name) && name !== OUR_NAME && value !== null)
    .map(([name]) => ({
      field: path + toldName(name),
      message: `is no field of a PUT: the time to live is ${OUR_NAME}, in milliseconds`,
    }));
}

/**
 * @param bodies of PUTs, each with the path to it, as in `ops.3.`.
 * @throws Problem 422
 */
export function refuseMisnamedExpiry(
  bodies: Iterable<readonly [body: unknown, path: string]>,
): void {
  for (const [body, path] of bodies) {
    const errors = misnamed(body, path);
    if (errors.length > 0) throw unprocessable(errors);
  }
}
