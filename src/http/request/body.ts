/**
 * Request bodies: read to a bound, decoded strictly as UTF-8, parsed once. The text is kept beside what
 * was parsed, so that values can be sliced from it exactly.
 */

import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';
import getRawBody from 'raw-body';
import { OverloadedError } from '../../words/errors.ts';
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { JSON_TYPE } from '../answer/answer.ts';
import { Problem, unprocessable } from '../answer/problem.ts';

export interface JsonBody {
  readonly text: string;
  readonly parsed: unknown;
}

/** Bodies up to this length are always read: only longer ones count against what all may take. */
const SMALL_BODY_BYTES = 16 * 1024;
/** How much of a refused body is read and dropped, so that the client comes to read the answer. */
const MAX_DROPPED_BODIES = 64;

const OTHER_JSON = /^[\w!#$&^.+-]+\/[\w!#$&^.-]+\+json$/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export class BodyReader {
  readonly #limits: Limits;
  /** Declared lengths of the long bodies that are being read: together bounded, as the queue is. */
  #longBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @throws Problem 413, 415, 422, OverloadedError */
  async readJson(request: IncomingMessage): Promise<JsonBody> {
    requireJson(request);
    const { maxBodyBytes, maxQueuedBytes } = this.#limits;
    const declared = request.headers['content-length'];
    // A chunked body may become as long as any.
    const bytes = declared === undefined ? maxBodyBytes : Number(declared);
    if (bytes > maxBodyBytes) throw this.#tooLarge();
    if (bytes <= SMALL_BODY_BYTES) return parseJson(await this.#read(request));
    if (this.#longBytes > maxQueuedBytes) throw new OverloadedError(RETRY_AFTER_MS);
    this.#longBytes += bytes;
    try {
      return parseJson(await this.#read(request));
    } finally {
      this.#longBytes -= bytes;
    }
  }

  async #read(request: IncomingMessage): Promise<Buffer> {
    try {
      return await getRawBody(request, { limit: this.#limits.maxBodyBytes });
    } catch (error) {
      if (isTooLarge(error)) throw this.#tooLarge();
      // The client went away in the middle: nobody reads this.
      throw new Problem(400, 'The body ended early.');
    }
  }

  #tooLarge(): Problem {
    return new Problem(413, `The body is longer than ${this.#limits.maxBodyBytes} bytes.`);
  }
}

/**
 * Reads and drops what is left of a body that nobody will read, so that the connection can carry the
 * next request; a body that goes on and on costs its connection.
 */
export function dropBody(request: IncomingMessage, limits: Limits): void {
  if (request.complete) return;
  let left = limits.maxBodyBytes * MAX_DROPPED_BODIES;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'entity.too.large';

/** A body without a type is taken for JSON: that is how simple clients of the old cache send it. */
function requireJson({ headers }: IncomingMessage): void {
  const type = headers['content-type'];
  if (type !== undefined && type !== JSON_TYPE) {
    const { type: mediaType, parameters } = parse(type);
    if (mediaType !== JSON_TYPE && !OTHER_JSON.test(mediaType))
      throw new Problem(415, 'The Content-Type must be application/json.', {
        headers: ['Accept', 'application/json'],
      });
    const charset = parameters.charset?.toLowerCase() ?? 'utf-8';
    if (charset !== 'utf-8' && charset !== 'utf8')
      throw new Problem(415, `The charset must be utf-8, not ${charset}.`);
  }
  const coding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (coding !== 'identity')
    throw new Problem(415, `The Content-Encoding ${coding} is not supported: send plain JSON.`, {
      headers: ['Accept-Encoding', 'identity'],
    });
}

function parseJson(bytes: Buffer): JsonBody {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw unprocessable([{ field: 'body', message: 'is not UTF-8' }]);
  }
  try {
    return { text, parsed: JSON.parse(text) };
  } catch (error) {
    const reason = error instanceof SyntaxError ? `: ${error.message}` : '';
    throw unprocessable([{ field: 'body', message: `is not JSON${reason}` }]);
  }
}
