/**
 * Request bodies: read to a bound, decoded strictly as UTF-8, parsed once. The text is kept beside the
 * parsed value, so that values can be sliced from it exactly.
 */

import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';
import getRawBody from 'raw-body';
import type { Limits } from '../../words/limits.ts';
import { JSON_TYPE, NDJSON_TYPE } from '../answer/answer.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import type { Bounds } from '../limits/bounds.ts';
import type { AddressOf } from '../limits/clientAddress.ts';
import type { Connections } from '../limits/connections.ts';
import type { LongBodies } from '../limits/longBodies.ts';
import { type BodyTaker, TakenRequest } from './takenRequest.ts';

export interface JsonBody {
  readonly text: string;
  /** The bytes of the text, if each of them is a character; else null. */
  readonly ascii: Buffer | null;
  readonly parsed: unknown;
}

/** A body that was read: its text, and the parsed value before and after the check. */
export interface CheckedBody<Checked> extends JsonBody {
  readonly checked: Checked;
}

const OTHER_JSON = /^[\w!#$&^.+-]+\/[\w!#$&^.-]+\+json$/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export class BodyReader {
  readonly #limits: Limits;
  readonly #connections: Connections;
  readonly #longBodies: LongBodies;
  readonly #addressOf: AddressOf;

  constructor(
    limits: Limits,
    {
      connections,
      longBodies,
      addressOf,
    }: Pick<Bounds, 'connections' | 'longBodies' | 'addressOf'>,
  ) {
    this.#limits = limits;
    this.#connections = connections;
    this.#longBodies = longBodies;
    this.#addressOf = addressOf;
  }

  /** @throws Problem 408, 413, 415, 422, 429 or 503; OverloadedError */
  async readJson(request: IncomingMessage): Promise<JsonBody> {
    return parseJson(await this.readJsonBytes(request));
  }

  /** The bytes of a body that says it is JSON. @throws Problem 408, 413, 415, 429 or 503; OverloadedError */
  async readJsonBytes(request: IncomingMessage): Promise<Buffer> {
    requireJson(request);
    const bytes = await this.#readWhole(request);
    // Many may have begun to send their bodies while there was room for the answer of one.
    if (request.method === 'POST') this.#connections.requireRoomForAnswer(request);
    return bytes;
  }

  /**
   * As `readJsonBytes`, for a PUT: it calls back in the place of a promise.
   *
   * @throws Problem 415 at once; all else is told to the taker.
   */
  takeJsonBytes(request: IncomingMessage, taker: BodyTaker): void {
    requireJson(request);
    const { maxBodyBytes, maxSmallBodyBytes } = this.#limits;
    const bytes = Number(request.headers['content-length']);
    // Not of an unknown length, which is no number, nor of a request that Node has taken for empty.
    if (bytes <= Math.min(maxBodyBytes, maxSmallBodyBytes) && request.readable)
      takeSmall(request, taker);
    else
      this.#readWhole(request).then(
        (whole) => taker.taken(whole),
        (error: unknown) => taker.failed(error),
      );
  }

  /** The body as it came. @throws Problem 408, 413, 415, 429 or 503; OverloadedError */
  readBytes(request: IncomingMessage): Promise<Buffer> {
    requireNoCoding(request);
    return this.#readWhole(request);
  }

  async #readWhole(request: IncomingMessage): Promise<Buffer> {
    const { maxBodyBytes, maxSmallBodyBytes } = this.#limits;
    const declared = request.headers['content-length'];
    // A chunked body may grow to the greatest length.
    const bytes = declared === undefined ? maxBodyBytes : Number(declared);
    if (bytes > maxBodyBytes) throw this.#tooLarge();
    if (bytes <= maxSmallBodyBytes) return this.#read(request);
    return this.#longBodies.read(request, this.#addressOf(request), (one) => this.#read(one));
  }

  async #read(request: IncomingMessage): Promise<Buffer> {
    try {
      return await getRawBody(request, { limit: this.#limits.maxBodyBytes });
    } catch (error) {
      if (isTooLarge(error)) throw this.#tooLarge();
      throw endedEarly();
    }
  }

  #tooLarge(): Problem {
    return new Problem(413, `The body is longer than ${this.#limits.maxBodyBytes} bytes.`);
  }
}

/** The client went away in the middle: nobody reads this answer. */
const endedEarly = (): Problem => new Problem(400, 'The body ended early.');

/** Takes a body whose length Node holds to what was declared: nearly always it comes in one chunk. */
function takeSmall(request: IncomingMessage, taker: BodyTaker): void {
  if (request instanceof TakenRequest && request.give(taker, endedEarly)) return;
  const chunks: Buffer[] = [];
  let isOver = false;
  request.on('data', (chunk: Buffer) => {
    if (!isOver) chunks.push(chunk);
  });
  request.on('end', () => {
    if (isOver) return;
    isOver = true;
    // The request outlives its body, which need not wait for the disk.
    taker.taken(Buffer.concat(chunks.splice(0)));
  });
  // Node tells here that a client has gone.
  request.on('error', () => {
    if (isOver) return;
    isOver = true;
    chunks.length = 0;
    taker.failed(endedEarly());
  });
}

/**
 * Reads and drops the rest of a refused body, so that the connection can carry the next request. A body
 * that goes on and on costs its connection.
 */
export function dropBody(
  request: IncomingMessage,
  { maxDroppedBodyBytes }: Pick<Limits, 'maxDroppedBodyBytes'>,
  connections: Connections,
): void {
  if (request.complete) return;
  let left = maxDroppedBodyBytes;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) connections.end(request.socket, 'dropped');
  });
  request.resume();
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'entity.too.large';

/** Whether the body is one JSON text a line. */
export function hasLines({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'];
  return type !== undefined && type !== JSON_TYPE && parse(type).type === NDJSON_TYPE;
}

/** Whether a body of this type is JSON. */
export function isJsonType(type: string): boolean {
  if (type === JSON_TYPE) return true;
  const { type: mediaType } = parse(type);
  return mediaType === JSON_TYPE || OTHER_JSON.test(mediaType);
}

/** A body without a type counts as JSON, because simple clients of the old cache send it so. */
function requireJson(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  if (type !== undefined && !isJsonType(type))
    throw new Problem(
      415,
      request.method === 'PUT'
        ? 'The Content-Type must be application/json; to store bytes of another type, send Hearsay-Version.'
        : 'The Content-Type must be application/json.',
      { headers: ['Accept', 'application/json'] },
    );
  requirePlainText(request);
}

/** @throws Problem 415 */
export function requirePlainText({ headers }: IncomingMessage): void {
  const type = headers['content-type'];
  if (type !== undefined && type !== JSON_TYPE) {
    const charset = parse(type).parameters.charset?.toLowerCase() ?? 'utf-8';
    if (charset !== 'utf-8' && charset !== 'utf8')
      throw new Problem(415, `The charset must be utf-8, not ${charset}.`);
  }
  requireNoCoding({ headers });
}

/** @throws Problem 415 */
function requireNoCoding({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const coding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (coding !== 'identity')
    throw new Problem(
      415,
      `The Content-Encoding ${coding} is not supported: send the body as it is.`,
      {
        headers: ['Accept-Encoding', 'identity'],
      },
    );
}

/** @throws Problem 422 */
export function parseJson(bytes: Buffer): JsonBody {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw unprocessable([{ field: 'body', message: 'is not UTF-8' }]);
  }
  try {
    // Any other character takes more bytes than units of a text, and a byte order mark none.
    const ascii = bytes.length === text.length ? bytes : null;
    return { text, ascii, parsed: JSON.parse(text) };
  } catch (error) {
    const reason = error instanceof SyntaxError ? `: ${error.message}` : '';
    throw unprocessable([{ field: 'body', message: `is not JSON${reason}` }]);
  }
}
