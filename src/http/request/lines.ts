/** The lines of a request body that comes and goes on for as long as its sender likes (NDJSON). */
import type { IncomingMessage } from 'node:http';
import { Problem } from '../answer/problem.ts';

const LINE_FEED = 0x0a;

export interface LineBounds {
  /** The longest line, in bytes. */
  readonly maxLineBytes: number;
  /** The longest time without a byte, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** A line of a body. */
export interface NumberedLine {
  /** Bytes as they were sent, the line's among them: a part of its own for each line would cost more than to read it. */
  readonly bytes: Buffer;
  /** The indexes of its first byte, and of the one after its last. */
  readonly start: number;
  readonly end: number;
  /** Its place among all lines of the body, empty ones included, from 1. */
  readonly number: number;
}

/**
 * The complete lines of each chunk, as the sender's bytes without their line feeds. The next chunk is read once the
 * consumer asks for it, so a slow consumer slows the sender down; at most one chunk and one line are held. Lines of
 * nothing but a carriage return or nothing at all are left out; the last line needs no line feed.
 *
 * @throws Problem 408 where no byte comes in time, 413 for a longer line, 400 where the body ends early.
 */
export async function* linesOf(
  request: IncomingMessage,
  { maxLineBytes, idleTimeoutMs }: LineBounds,
): AsyncGenerator<NumberedLine[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let ended = 0;
  const requireShort = (length: number): void => {
    if (length > maxLineBytes)
      throw new Problem(413, `A line is longer than ${maxLineBytes} bytes.`);
  };
  const take = (piece: Buffer): void => {
    begun.push(piece);
    begunBytes += piece.length;
    requireShort(begunBytes);
  };
  /** Ends the line that was begun in earlier chunks. */
  const close = (): NumberedLine => {
    const bytes = begun.length === 1 && begun[0] !== undefined ? begun[0] : Buffer.concat(begun);
    begun = [];
    begunBytes = 0;
    return { bytes, start: 0, end: bytes.length, number: ++ended };
  };
  const lineOf = (chunk: Buffer, start: number, end: number): NumberedLine => {
    if (begun.length > 0) {
      take(chunk.subarray(start, end));
      return close();
    }
    requireShort(end - start);
    return { bytes: chunk, start, end, number: ++ended };
  };
  for await (const chunk of chunksOf(request, idleTimeoutMs)) {
    const lines: NumberedLine[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) break;
      const line = lineOf(chunk, start, end);
      if (!isBlank(line)) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  const last = close();
  if (!isBlank(last)) yield [last];
}

const CARRIAGE_RETURN = 0x0d;

const isBlank = ({ bytes, start, end }: NumberedLine): boolean =>
  start === end || (end - start === 1 && bytes[start] === CARRIAGE_RETURN);

async function* chunksOf(request: IncomingMessage, idleTimeoutMs: number): AsyncGenerator<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await inTime(chunks.next(), idleTimeoutMs);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(400, 'The body ended early.');
  }
}

/** @throws Problem 408 */
async function inTime<T>(coming: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Problem(408, `No line came for ${timeoutMs} ms: send the rest in a new request.`));
  }, timeoutMs);
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}
