/** The options of a client: every limit by name, with its default and its range. */
import { AccessTokens, type TokenSource } from './calls/accessTokens.ts';
import { InvalidRequestError } from './errors.ts';
import { checkNames } from './knownNames.ts';
import { refuseOldNode } from './platform.ts';

export interface ClientOptions {
  /**
   * Base URLs of nodes, http or https, at least one. The client asks the first until it fails, then the
   * next, and so on round: it stays with the node that works.
   */
  readonly endpoints: readonly string[];
  /**
   * The longest time of a whole call, with its retries, in milliseconds: 1 to 2^31 − 1, default 10,000.
   */
  readonly timeoutMs?: number;
  /**
   * The longest time of one attempt, after which another node is asked, in milliseconds: 1 to 2^31 − 1,
   * default 3,000.
   */
  readonly attemptTimeoutMs?: number;
  /** The most times that a call asks every node: 1 to 100, default 7, which takes two to three seconds. */
  readonly maxRounds?: number;
  /**
   * The shortest wait once every node has failed a call, in milliseconds; it doubles from round to
   * round. Default 50.
   */
  readonly backoffMs?: number;
  /**
   * The longest wait, between attempts and between two connections of a watch, in milliseconds. Default
   * 5,000.
   */
  readonly maxBackoffMs?: number;
  /** Whether calls made in one turn share a request. Default true. */
  readonly autoBatch?: boolean;
  /** The most ops in one request: 1 to 1,000,000, default 1,000, which is also the nodes' default. */
  readonly maxBatchOps?: number;
  /**
   * The most bytes of one answer: 1 to 2^31 − 1, default 64 Mi. A longer answer ends in a ServerError.
   */
  readonly maxAnswerBytes?: number;
  /** Whether every read waits until its node holds every write of this client. Default false. */
  readonly readYourWrites?: boolean;
  /**
   * Says who this client is: a token of the nodes' file of tokens or a JWT, or a function that gives
   * one. The function gets the endpoint that is asked; it is asked once for each, and once more when the
   * node answers 401. The token goes to `endpoints` only, as `Authorization: Bearer`, and with a watch
   * as a subprotocol. Undefined, as an environment variable may be: none.
   */
  readonly token?: string | TokenSource | undefined;
  /** Another client's `token`: reads see the writes for which it stands too. Implies `readYourWrites`. */
  readonly after?: string;
  /** The prefix of the entries that hold invalidations of tags; the same for all clients. Default `tags/`. */
  readonly tagPrefix?: string;
  /** The prefix of the entries that say which process loads a key (`lock`). Default "leases/". */
  readonly leasePrefix?: string;
  /**
   * Headers of every request, such as those for a proxy before the nodes. They are not sent with a
   * watch.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: the global `WebSocket`. */
  readonly WebSocket?: typeof globalThis.WebSocket;
  /** Reads JSON text; pass your own to keep digits that a double can't hold. Default `JSON.parse`. */
  readonly parseJson?: (text: string) => unknown;
}

/** The options with their defaults, checked. */
export interface ClientSettings {
  /** Without a slash at the end. */
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly maxRounds: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly autoBatch: boolean;
  readonly maxBatchOps: number;
  readonly maxAnswerBytes: number;
  readonly readYourWrites: boolean;
  readonly tokens: AccessTokens;
  readonly after: string | null;
  readonly tagPrefix: string;
  readonly leasePrefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
  /** Undefined if this platform has none: then there is no watch. */
  readonly WebSocket: typeof globalThis.WebSocket | undefined;
  readonly parseJson: (text: string) => unknown;
}

const NAMES: ReadonlySet<string> = new Set<keyof ClientOptions>([
  'endpoints',
  'timeoutMs',
  'attemptTimeoutMs',
  'maxRounds',
  'backoffMs',
  'maxBackoffMs',
  'autoBatch',
  'maxBatchOps',
  'maxAnswerBytes',
  'readYourWrites',
  'token',
  'after',
  'tagPrefix',
  'leasePrefix',
  'headers',
  'fetch',
  'WebSocket',
  'parseJson',
]);

/** The longest time that timers can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws InvalidRequestError that names the option, or the Node that is too old. */
export function readOptions(options: ClientOptions): ClientSettings {
  refuseOldNode();
  checkNames('createClient', options, NAMES);
  const { fetch: ownFetch, after } = options;
  return {
    endpoints: readEndpoints(options.endpoints),
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? 10_000, 1, MAX_TIMER_MS),
    attemptTimeoutMs: whole('attemptTimeoutMs', options.attemptTimeoutMs ?? 3000, 1, MAX_TIMER_MS),
    maxRounds: whole('maxRounds', options.maxRounds ?? 7, 1, 100),
    backoffMs: whole('backoffMs', options.backoffMs ?? 50, 1, MAX_TIMER_MS),
    maxBackoffMs: whole('maxBackoffMs', options.maxBackoffMs ?? 5000, 1, MAX_TIMER_MS),
    autoBatch: options.autoBatch ?? true,
    maxBatchOps: whole('maxBatchOps', options.maxBatchOps ?? 1000, 1, 1_000_000),
    maxAnswerBytes: whole(
      'maxAnswerBytes',
      options.maxAnswerBytes ?? 64 * 1024 * 1024,
      1,
      2 ** 31 - 1,
    ),
    readYourWrites: options.readYourWrites ?? after !== undefined,
    tokens: new AccessTokens(options.token),
    after: after ?? null,
    tagPrefix: prefix('tagPrefix', options.tagPrefix ?? 'tags/'),
    leasePrefix: prefix('leasePrefix', options.leasePrefix ?? 'leases/'),
    headers: options.headers ?? {},
    // Called unbound: browsers refuse to run it as a method of any object but the global one.
    fetch: ownFetch ?? ((...words) => globalThis.fetch(...words)),
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    parseJson: options.parseJson ?? JSON.parse,
  };
}

/** @param others what else it may be, such as `, or null`. @throws InvalidRequestError */
export function whole(
  name: string,
  value: number,
  least: number,
  most: number,
  others = '',
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new InvalidRequestError(`${name} must be an integer from ${least} to ${most}${others}.`);
}

/** @throws InvalidRequestError */
function prefix(name: string, text: string): string {
  if (typeof text === 'string' && text !== '' && text.isWellFormed()) return text;
  throw new InvalidRequestError(`${name} must be a text that is not empty.`);
}

function readEndpoints(endpoints: readonly string[]): string[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0)
    throw new InvalidRequestError('endpoints must hold the base URL of at least one node.');
  return [...new Set(endpoints.map(readEndpoint))];
}

function readEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isBase =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  if (isBase) return url.href.replace(/\/+$/, '');
  throw new InvalidRequestError(
    `An endpoint must be a URL such as http://localhost:8000, without a query or a user, not ${JSON.stringify(endpoint)}.`,
  );
}
