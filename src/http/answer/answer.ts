/**
 * The one place that writes answers. It writes to Node's response and not through koa's setters, which
 * cost as much as the rest of a GET: each answer is one header block and one string.
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuse } from '../../net/refusal.ts';
import { type Problem, problemText } from './problem.ts';
import { type TextHeads, writeKnownHead } from './textHeads.ts';

export const JSON_TYPE = 'application/json';
export const PROBLEM_TYPE = 'application/problem+json';
/** One JSON text a line. */
export const NDJSON_TYPE = 'application/x-ndjson';
/** Any type of raw bytes, in the description. */
export const ANY_TYPE = '*/*';

/** Without this header a cache in front may store any answer, a 404 too (RFC 9111, section 4.2.2). */
const NO_STORE: readonly string[] = ['Cache-Control', 'no-store'];

/**
 * Headers of an answer that a cache may store if it asks each time whether the tag is still the
 * entry's.
 */
export const taggedHeaders = (etag: string): readonly string[] => [
  'ETag',
  etag,
  'Cache-Control',
  'no-cache',
];

const cachingOf = (headers: readonly string[]): readonly string[] =>
  headers.includes('Cache-Control') ? [] : NO_STORE;

/** A text of ASCII has the same bytes in both encodings, and Node writes Latin-1 faster. @param bytes of the text in UTF-8. */
export const encodingOf = (text: string, bytes = Buffer.byteLength(text)): 'latin1' | 'utf8' =>
  bytes === text.length ? 'latin1' : 'utf8';

/** The part of a request that its answer needs: koa's contexts have it, and so do the exchanges of the short path. */
export interface Answerable {
  readonly res: ServerResponse;
  /** By default Node writes the head of the answer. */
  readonly heads?: TextHeads;
}

/** @param extraHeaders names and values alternate; `no-store` if they name no caching. */
export function answer(
  to: Answerable,
  status: number,
  contentType: string,
  text: string,
  extraHeaders: readonly string[] = [],
): void {
  if (extraHeaders.length === 0) {
    answerKnown(to, status, contentType, text, null);
    return;
  }
  const { res } = to;
  const bytes = Buffer.byteLength(text);
  res.writeHead(status, [
    'Content-Type',
    contentType,
    'Content-Length',
    String(bytes),
    ...cachingOf(extraHeaders),
    ...extraHeaders,
  ]);
  res.end(text, encodingOf(text, bytes));
}

/** JSON that a cache may store if it asks each time whether the tag is still the entry's. */
export const answerTagged = (to: Answerable, text: string, etag: string): void =>
  answerKnown(to, 200, JSON_TYPE, text, etag);

function answerKnown(
  { res, heads }: Answerable,
  status: number,
  contentType: string,
  text: string,
  etag: string | null,
): void {
  const contentLength = Buffer.byteLength(text);
  const head = { status, contentType, contentLength, etag };
  if (heads === undefined) writeKnownHead(res, head);
  else heads.write(res, head);
  res.end(text, encodingOf(text, contentLength));
}

/** A file. @param headers names and values alternate; they name how to cache it. */
export function answerBytes(
  { res }: Answerable,
  contentType: string,
  bytes: Buffer,
  headers: readonly string[],
): void {
  res.writeHead(200, [
    'Content-Type',
    contentType,
    'Content-Length',
    String(bytes.length),
    ...headers,
  ]);
  res.end(bytes);
}

/** A text in UTF-8, in parts that are written as they are: a long one is not copied to be joined. */
export function answerParts(
  { res }: Answerable,
  contentType: string,
  parts: readonly Uint8Array[],
): void {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  res.writeHead(200, ['Content-Type', contentType, 'Content-Length', String(bytes), ...NO_STORE]);
  // One system call for all of them.
  res.cork();
  for (const part of parts) if (part.length > 0) res.write(part);
  res.end();
}

export const answerJson = (to: Answerable, text: string): void => answer(to, 200, JSON_TYPE, text);

/** An answer without a body, such as 204 and 304. */
export function answerEmpty({ res }: Answerable, status: number, headers: readonly string[]): void {
  res.writeHead(status, [...cachingOf(headers), ...headers]);
  res.end();
}

export function answerProblem(to: Answerable, problem: Problem): void {
  const { status, detail, extensions, headers, type } = problem;
  answer(to, status, PROBLEM_TYPE, problemText(status, detail, extensions, type), headers);
}

/**
 * Answers on a connection that has no response, and closes it: a refused upgrade, or bytes that Node
 * can't read as HTTP.
 *
 * @param withText false for the answer to a HEAD.
 */
export function answerRaw(
  socket: Duplex,
  { status, detail, extensions, headers, type }: Problem,
  withText = true,
): void {
  const text = problemText(status, detail, extensions, type);
  refuse(socket, {
    status,
    headers: [...headers, ...NO_STORE, 'Content-Type', PROBLEM_TYPE],
    text,
    withText,
  });
}
