/** Turns validated input into requests of the replica. */
import { memberText } from '../../words/json.ts';
import type { DeleteRequest, PutRequest } from '../../words/requests.ts';
import { unprocessable } from '../answer/problem.ts';
import type { PutBody } from './schemas.ts';

/**
 * A copy that stands alone. V8 makes a slice of a string point into the whole of it, so that a value
 * of a few bytes would keep the body that it came in alive, a megabyte perhaps, for as long as itself.
 */
const standAlone = (text: string): string => Buffer.from(text).toString();

/** @param text the object that `body` was parsed from: the value and its annotations are taken from it. */
export function putRequest(key: string, body: PutBody, text: string): PutRequest {
  const value = memberText(text, 'value');
  if (value === undefined) throw unprocessable([{ field: 'value', message: 'is missing' }]);
  const meta = body.meta == null ? undefined : memberText(text, 'meta');
  return {
    kind: 'put',
    key,
    version: body.version === 'next' ? 'next' : withoutSign(body.version),
    ttlMs: body.ttl_ms ?? null,
    value: standAlone(value),
    meta: meta === undefined ? null : standAlone(meta),
  };
}

export const deleteRequest = (key: string, upToVersion: number | undefined): DeleteRequest => ({
  kind: 'delete',
  key,
  upToVersion: upToVersion === undefined ? null : withoutSign(upToVersion),
});

/** JSON has a minus zero, which is one more number than there are versions. */
const withoutSign = (version: number): number => version + 0;
