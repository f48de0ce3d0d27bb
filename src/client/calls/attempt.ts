/** Sends one request to one node. If no answer comes, it says whether the request may have arrived. */
import { ServerError } from '../errors.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { ClientSettings } from '../options.ts';
import { rawMembers } from '../values/bytes.ts';
import { mayHaveArrived, reasonAt } from './failureReasons.ts';
import { runLimited } from './timing.ts';

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** The path after the endpoint, with its query. */
  readonly path: string;
  /** JSON text; or bytes, with their type among the headers. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Headers beside those of the client. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the answer is text of any kind: then an answer without a JSON object is complete too. */
  readonly isText?: true;
  /** Tokens for whose writes the node waits before it answers. */
  readonly after: string | null;
  /** Whether the request may change something. */
  readonly isWrite: boolean;
  /** The milliseconds that the node may take beyond the usual time, because it was asked to wait. */
  readonly waitMs: number;
}

export interface WireAnswer {
  readonly status: number;
  /** Null if the body is no JSON object; of raw bytes the members that their entry has in JSON. */
  readonly body: JsonObject | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The wait that the node asks for before another try, in milliseconds. */
  readonly retryAfterMs: number | null;
  readonly etag: string | null;
  /** The node's clock when it answered, to the second; null if the platform does not show it. */
  readonly dateMs: number | null;
}

/** No answer came, or only a part of one. */
export class AttemptError extends Error {
  /** Whether the node may have got the request and carried it out. */
  readonly mayHaveArrived: boolean;
  /** Whether the attempt was given up because it took too long. */
  readonly isTimeout: boolean;

  constructor(message: string, mayHaveArrived: boolean, isTimeout: boolean, cause?: unknown) {
    super(message, { cause });
    this.mayHaveArrived = mayHaveArrived;
    this.isTimeout = isTimeout;
  }
}

/**
 * @throws AttemptError, ServerError for an answer that is too long, and the signal's reason when it
 *   aborts.
 */
export async function attempt(
  settings: ClientSettings,
  endpoint: string,
  request: WireRequest,
  signal: AbortSignal,
): Promise<WireAnswer> {
  const timeoutMs = settings.attemptTimeoutMs + request.waitMs;
  const timeoutError = () =>
    new AttemptError(`${endpoint} did not answer within ${timeoutMs} ms`, true, true);
  return runLimited({ signals: [signal], timeoutMs, timeoutError }, (limited) =>
    exchange(settings, endpoint, request, limited),
  );
}

async function exchange(
  settings: ClientSettings,
  endpoint: string,
  request: WireRequest,
  signal: AbortSignal,
): Promise<WireAnswer> {
  const token = await settings.tokens.of(endpoint);
  const answer = await exchangeAs(token, settings, endpoint, request, signal);
  if (answer.status !== 401 || token === null) return answer;
  if (!(await settings.tokens.refused(endpoint, token))) return answer;
  return exchangeAs(await settings.tokens.of(endpoint), settings, endpoint, request, signal);
}

async function exchangeAs(
  token: string | null,
  settings: ClientSettings,
  endpoint: string,
  request: WireRequest,
  signal: AbortSignal,
): Promise<WireAnswer> {
  try {
    const response = await begin(settings, endpoint, { ...request, token }, signal);
    const bytes = await readBody(response, settings.maxAnswerBytes, request, endpoint);
    return {
      status: response.status,
      body: isRaw(response)
        ? rawMembers(bytes, response.headers)
        : readObject(new TextDecoder().decode(bytes), settings.parseJson),
      bytes,
      retryAfterMs: retryAfterMs(response.headers.get('Retry-After')),
      etag: response.headers.get('ETag'),
      dateMs: dateMs(response.headers.get('Date')),
    };
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw new AttemptError(
      `${endpoint} can't be reached: ${reasonAt(endpoint, error)}`,
      mayHaveArrived(error),
      false,
      error,
    );
  }
}

/** A request with the token that says who sends it. */
export interface ShownRequest extends WireRequest {
  readonly token: string | null;
}

/**
 * Sends the request. The body of the answer is still to be read.
 *
 * @throws TypeError as `fetch` does, and for a redirect: no node redirects. Another server must not get
 *   the request, and its answer must not be believed.
 */
export function begin(
  { fetch, headers }: ClientSettings,
  endpoint: string,
  { method, path, body, after, token, headers: own }: ShownRequest,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(endpoint + path, {
    method,
    signal,
    redirect: 'error',
    // Without this a browser would answer from its own cache.
    cache: 'no-store',
    headers: {
      ...headers,
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...own,
      ...(typeof body === 'string' ? { 'Content-Type': 'application/json' } : {}),
      ...(after === null ? {} : { 'Hearsay-After': after }),
    },
    ...(body === undefined ? {} : { body }),
  });
}

/** Whether the body of the answer is the value itself. */
const isRaw = ({ status, headers }: Response): boolean =>
  status === 200 && headers.has('Hearsay-Version');

/** @throws ServerError for an answer that is too long. */
async function readBody(
  response: Response,
  maxAnswerBytes: number,
  { isWrite }: WireRequest,
  endpoint: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (const reader = response.body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
    if (size <= maxAnswerBytes) continue;
    // Not awaited: a body that never ends may not end here either.
    void reader.cancel().catch(() => {});
    throw new ServerError(
      `${endpoint} answered with more than ${maxAnswerBytes} bytes: ask for less at once, or raise maxAnswerBytes.`,
      response.status,
      { mayBeStored: isWrite },
    );
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function readObject(text: string, parseJson: (text: string) => unknown): JsonObject | null {
  try {
    const parsed = parseJson(text);
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** Reads seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - Date.now());
}

function dateMs(header: string | null): number | null {
  const atMs = header === null ? Number.NaN : Date.parse(header);
  return Number.isNaN(atMs) ? null : atMs;
}
