/**
 * The one place that writes answers. It writes to Node's response and not through koa's setters, which
 * cost as much as all the rest of a GET: each answer is one header block and one string.
 */
import { type Duplex, Readable } from 'node:stream';
import type { ParameterizedContext } from 'koa';
import { refuse } from '../../net/refusal.ts';
import { type Problem, problemText } from './problem.ts';

export const JSON_TYPE = 'application/json';
export const PROBLEM_TYPE = 'application/problem+json';

/** Above this many characters an answer goes out piece by piece, as fast as the client takes it. */
const STREAMED_LENGTH = 4 * 1024 * 1024;

/** @param extraHeaders names and values in turn. */
export function answer(
  ctx: ParameterizedContext,
  status: number,
  contentType: string,
  text: string,
  extraHeaders: readonly string[] = [],
): void {
  ctx.respond = false;
  ctx.res.writeHead(status, [
    'Content-Type',
    contentType,
    'Content-Length',
    String(Buffer.byteLength(text)),
    ...extraHeaders,
  ]);
  ctx.res.end(text);
}

export const answerJson = (ctx: ParameterizedContext, text: string): void =>
  answer(ctx, 200, JSON_TYPE, text);

/** An answer without a body, such as 204 and 304. */
export function answerEmpty(
  ctx: ParameterizedContext,
  status: number,
  headers: readonly string[],
): void {
  ctx.respond = false;
  ctx.res.writeHead(status, [...headers]);
  ctx.res.end();
}

export function answerProblem(ctx: ParameterizedContext, problem: Problem): void {
  const { status, detail, extensions, headers } = problem;
  answer(ctx, status, PROBLEM_TYPE, problemText(status, detail, extensions), headers);
}

/**
 * Pieces of text that together are one JSON value. A thousand values of a megabyte each are longer than
 * a string may be, so what is long is never joined.
 */
export function answerPieces(ctx: ParameterizedContext, pieces: readonly string[]): void {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  if (length <= STREAMED_LENGTH) {
    answerJson(ctx, pieces.join(''));
    return;
  }
  ctx.status = 200;
  ctx.res.setHeader('Content-Type', JSON_TYPE);
  ctx.body = Readable.from(pieces);
}

/**
 * Answers on a connection that has no response, and closes it: to an upgrade that is refused, or to
 * bytes that Node can't read as HTTP.
 *
 * @param withText false for the answer to a HEAD.
 */
export function answerRaw(
  socket: Duplex,
  { status, detail, extensions, headers }: Problem,
  withText = true,
): void {
  const text = problemText(status, detail, extensions);
  refuse(socket, { status, headers: [...headers, 'Content-Type', PROBLEM_TYPE], text, withText });
}
