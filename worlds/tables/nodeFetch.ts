/**
 * `fetch` by `node:http`, for requests to the cache: Node's own takes twice the processor time for one, and these are the
 * dearest part of a world in which few play. Nodes that speak TLS are left to Node's own.
 */
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';

type Init = Parameters<typeof globalThis.fetch>[1];

const AGENT = new Agent({ keepAlive: true });
/** The client asks for less; beyond it, the answer is not one of a node. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const EVENTS = 'text/event-stream';
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Answers that have no body. */
const EMPTY = new Set([204, 205, 304]);

/**
 * Redirects are errors.
 *
 * @throws TypeError whose cause names the fault, as `fetch` does; the reason of the signal if that aborts.
 */
export const nodeFetch: typeof globalThis.fetch = (input, init) => {
  const isPlain = typeof input === 'string' && input.startsWith('http:');
  return isPlain ? exchange(input, plainHeaders(init?.headers), init) : fetch(input, init);
};

function exchange(
  url: string,
  headers: OutgoingHttpHeaders,
  { method = 'GET', body, signal }: NonNullable<Init> = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(signal?.aborted ? signal.reason : new TypeError('fetch failed', { cause }));
    if (signal?.aborted) {
      fail(null);
      return;
    }
    const options = { method, headers, agent: AGENT, ...(signal && { signal }) };
    const asked = request(url, options, (answer) => void read(answer).then(resolve, fail));
    asked.on('error', fail);
    if (typeof body === 'string' || body instanceof Uint8Array) asked.end(body);
    else asked.end();
  });
}

async function read(answer: IncomingMessage): Promise<Response> {
  const { statusCode: status = 0, rawHeaders } = answer;
  if (REDIRECTS.has(status)) {
    answer.destroy();
    throw new Error('The answer is a redirect.');
  }
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  // A watch goes on; all else is there at once, and costs less so.
  if (answer.headers['content-type']?.startsWith(EVENTS) === true)
    return new Response(Readable.toWeb(answer), { status, headers });
  const bytes = await bytesOf(answer);
  return new Response(EMPTY.has(status) ? null : bytes, { status, headers });
}

/** By its events: with an iterator a put took a twentieth more processor time. */
function bytesOf(answer: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) answer.destroy(new Error('The answer is too long.'));
    });
    answer.on('end', () => resolve(Buffer.concat(chunks)));
    answer.on('error', reject);
  });
}

function plainHeaders(headers: NonNullable<Init>['headers']): OutgoingHttpHeaders {
  if (headers instanceof Headers || Array.isArray(headers))
    return Object.fromEntries(new Headers(headers));
  return headers ?? {};
}
