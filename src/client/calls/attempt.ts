/** One request to one node, and what is known of it where no answer came. */
import { isObject, type JsonObject } from '../json.ts';
import type { ClientSettings } from '../options.ts';
import { runLimited } from './timing.ts';

export interface WireRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** What follows the endpoint, with its query. */
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
  /** Tokens that the node has to hold before it answers. */
  readonly after: string | null;
  /** Whether carrying it out may change something. */
  readonly isWrite: boolean;
  /** For how much longer than usual the node may take, in milliseconds, because it was asked to wait. */
  readonly waitMs: number;
}

export interface WireAnswer {
  readonly status: number;
  /** Null where the body is no JSON object. */
  readonly body: JsonObject | null;
  /** What the node says of when to try again, in milliseconds. */
  readonly retryAfterMs: number | null;
}

/** No answer, or half of one. */
export class AttemptError extends Error {
  /** Whether the node may have got the request and carried it out. */
  readonly mayHaveArrived: boolean;
  /** Whether it was given up because it took too long. */
  readonly isTimeout: boolean;

  constructor(message: string, mayHaveArrived: boolean, isTimeout: boolean, cause?: unknown) {
    super(message, { cause });
    this.mayHaveArrived = mayHaveArrived;
    this.isTimeout = isTimeout;
  }
}

/** How Node says that there never was a connection. Browsers don't say, so there all may have arrived. */
const NEVER_CONNECTED = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * @throws AttemptError, and the signal's reason where it aborts.
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
  { fetch, headers, parseJson }: ClientSettings,
  endpoint: string,
  { method, path, body, after }: WireRequest,
  signal: AbortSignal,
): Promise<WireAnswer> {
  try {
    const response = await fetch(endpoint + path, {
      method,
      signal,
      // A browser would otherwise answer from its own cache.
      cache: 'no-store',
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(after === null ? {} : { 'Hearsay-After': after }),
      },
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: response.status,
      body: readObject(await response.text(), parseJson),
      retryAfterMs: retryAfterMs(response.headers.get('Retry-After')),
    };
  } catch (error) {
    const code = codeOf(error);
    const arrived = code === null || !NEVER_CONNECTED.has(code);
    throw new AttemptError(
      `${endpoint} can't be reached: ${reasonOf(error)}`,
      arrived,
      false,
      error,
    );
  }
}

function readObject(text: string, parseJson: (text: string) => unknown): JsonObject | null {
  try {
    const parsed = parseJson(text);
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - Date.now());
}

/** Node's fetch hides what went wrong in the cause. */
function codeOf(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  return isObject(cause) && typeof cause.code === 'string' ? cause.code : null;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // An AggregateError of a name with several addresses has an empty message.
  if (cause instanceof Error) return cause.message || (codeOf(error) ?? error.message);
  return error.message;
}
