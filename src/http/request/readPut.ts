/** The request of a PUT of one key, by either path: a body of JSON, or raw bytes. */
import type { IncomingMessage } from 'node:http';
import type { PutRequest } from '../../words/requests.ts';
import type { BodyReader, CheckedBody } from './body.ts';
import { withCondition } from './conditions.ts';
import { rawPutHead, rawPutRequest } from './rawPut.ts';
import type { PutBody } from './schemas.ts';
import { putRequestOf } from './writes.ts';

/**
 * A function of its own, so that only the request stays in memory while it waits for the disk.
 *
 * @param readJson reads the body and checks it.
 * @throws Problem 408, 413, 415, 422, 429 or 503; OverloadedError
 */
export async function readPut(
  request: IncomingMessage,
  key: string,
  bodies: BodyReader,
  readJson: () => Promise<CheckedBody<PutBody>>,
): Promise<PutRequest> {
  const raw = rawPutHead(request);
  const put =
    raw === null
      ? putRequestOf(key, await readJson())
      : rawPutRequest(key, raw, await bodies.readBytes(request));
  return withCondition(put, request);
}
