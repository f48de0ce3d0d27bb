/**
 * One running node, asked over HTTP through the client library.
 *
 * Invariants: the token of the cluster goes only to the routes that need it; a token for `admin` that was found
 * on this machine goes only to the node that made it.
 */
import { attempt, begin, type WireAnswer, type WireRequest } from '../../client/calls/attempt.ts';
import { Failover } from '../../client/calls/failover.ts';
import { reasonAt } from '../../client/calls/failureReasons.ts';
import { HearsayError as ClientError, InvalidRequestError } from '../../client/errors.ts';
import { isObject, stringMember } from '../../client/json.ts';
import { readOptions } from '../../client/options.ts';
import { type Fields, parseLine } from '../../log/tools/rowLine.ts';
import { HearsayError } from '../../words/errors.ts';
import { noneNamed } from './address.ts';
import { isTokenRefused, withTokenAdvice } from './tokenAdvice.ts';
import { withTrustAdvice } from './trust.ts';

export interface NodeAddress {
  /** Base URL. */
  readonly url: string;
  /** The token of the cluster, for nodes and users that have no other; empty if there is none. */
  readonly token: string;
  /** The token of the caller; null if it has none. */
  readonly bearer?: string | null;
  /** Throws for a URL to which no token goes. */
  readonly refuseInClear?: (url: string) => void;
}

/** The tokens of a command for the node that it turns out to ask. */
export interface NodeTokens {
  /** That of the cluster; empty if there is none. */
  readonly ofCluster: () => string;
  readonly at: (url: string) => string | null;
  /** That for a member which a node has named to which `at` gives a token. @throws the errors of `refuseInClear` */
  readonly atMember?: (url: string) => string | null;
  /** @throws SettingError for a URL to which no token goes. */
  readonly refuseInClear?: (url: string) => void;
}

/** In milliseconds: a page of a log may take its time on a busy node. */
export const PAGE_LIMIT_MS = 60_000;
const NEEDS_TOKEN = /^\/(_log|_cluster\/retire)\b/;

export class RemoteNode {
  readonly url: string;
  readonly #token: string;
  readonly #bearer: string | null;
  readonly #failover: Failover;
  readonly #refuseInClear: (url: string) => void;

  /**
   * The first of the nodes that answers.
   *
   * @param limitMs the longest time for each answer, in milliseconds.
   * @throws HearsayError if none does.
   */
  static async firstOf(
    urls: readonly string[],
    tokens: NodeTokens,
    limitMs = PAGE_LIMIT_MS,
  ): Promise<RemoteNode> {
    const [first = '', ...others] = urls;
    const at = (url: string): RemoteNode =>
      new RemoteNode(
        {
          url,
          token: tokens.ofCluster(),
          bearer: tokens.at(url),
          ...(tokens.refuseInClear && { refuseInClear: tokens.refuseInClear }),
        },
        limitMs,
      );
    if (others.length === 0) return at(first);
    try {
      const failover = new Failover(readOptions({ endpoints: urls }));
      const { endpoint } = await failover.send({ ...request('/_health'), isText: true }, undefined);
      return at(endpoint);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      throw new HearsayError(withTrustAdvice(error.message) + noneNamed(urls), { cause: error });
    }
  }

  /** @param limitMs the longest time for each answer, in milliseconds. */
  constructor(
    { url, token, bearer = null, refuseInClear = () => {} }: NodeAddress,
    limitMs = PAGE_LIMIT_MS,
  ) {
    this.#refuseInClear = refuseInClear;
    this.url = url;
    this.#token = token;
    this.#bearer = bearer;
    const limits = { timeoutMs: limitMs, attemptTimeoutMs: limitMs };
    this.#failover = new Failover(
      readOptions({ endpoints: [url], ...limits, ...(bearer !== null && { token: bearer }) }),
    );
  }

  /**
   * One attempt, and the answer whatever its status is, but for a token that is refused.
   *
   * @throws HearsayError if no answer comes, or if it refuses the token.
   */
  async once(path: string): Promise<Pick<WireAnswer, 'status' | 'body' | 'bytes' | 'dateMs'>> {
    const asked = this.#withToken({ ...request(path), isText: true });
    try {
      const answer = await attempt(this.#failover.settings, this.url, asked, NEVER);
      if (!isTokenRefused(answer.status)) return answer;
      const detail = answer.body === null ? null : stringMember(answer.body, 'detail');
      throw new HearsayError(this.#refusal(path, answer.status, detail));
    } catch (error) {
      if (error instanceof HearsayError) throw error;
      const { message } = error instanceof Error ? error : new Error(String(error));
      throw new HearsayError(withTrustAdvice(message.replace(/\.?$/, '.')), { cause: error });
    }
  }

  /** The JSON of an answer. @throws HearsayError with the reason if there is none. */
  async get(path: string): Promise<Fields> {
    return parseLine(textOf(await this.#ask({ ...request(path), isText: true })));
  }

  /** The bytes of an answer. @throws the errors of `get`. */
  async bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#ask({ ...request(path), isText: true })).bytes;
  }

  /** @param body sent as JSON; absent for a request without one. @throws the errors of `get`. */
  async post(path: string, body?: object): Promise<Fields> {
    const text = body && JSON.stringify(body);
    const answer = await this.#ask({
      ...request(path),
      method: 'POST',
      isWrite: true,
      isText: true,
      ...(text !== undefined && { body: text }),
    });
    return parseLine(textOf(answer));
  }

  /**
   * An answer as it comes, until the signal aborts; the request is sent once. @throws the errors of
   * `get`.
   */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const { settings } = this.#failover;
    let response: Response;
    try {
      const shown = { ...this.#withToken(request(path)), token: this.#bearer };
      response = await begin(settings, this.url, shown, signal);
    } catch (error) {
      const reason = reasonAt(this.url, error);
      throw new HearsayError(`${this.url} can't be reached: ${reason}.`, { cause: error });
    }
    if (!response.ok)
      throw new HearsayError(this.#refusal(path, response.status, await detailOf(response)));
    if (response.body !== null) yield* response.body.pipeThrough(new TextDecoderStream());
  }

  async #ask(asked: WireRequest): Promise<WireAnswer> {
    const { path } = asked;
    try {
      const { answer } = await this.#failover.send(this.#withToken(asked), undefined);
      if (answer.status === 200) return answer;
      const detail = answer.body === null ? null : stringMember(answer.body, 'detail');
      throw new HearsayError(this.#refusal(path, answer.status, detail));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const isRefused = error instanceof InvalidRequestError && isTokenRefused(error.status);
      const advised = isRefused ? withTokenAdvice(error.message) : withTrustAdvice(error.message);
      throw new HearsayError(advised, { cause: error });
    }
  }

  #withToken(asked: WireRequest): WireRequest {
    const isOfCluster = this.#bearer === null && this.#token !== '';
    if (this.#bearer === null && !(isOfCluster && NEEDS_TOKEN.test(asked.path))) return asked;
    if (!isOfCluster) return asked;
    this.#refuseInClear(this.url);
    return { ...asked, headers: { 'X-Internal-Token': this.#token } };
  }

  #refusal(path: string, status: number, detail: string | null): string {
    const [route] = path.split('?');
    if (isTokenRefused(status))
      return withTokenAdvice(
        `${this.url} answered ${status}: ${detail ?? 'it asks for a token, and gets none or a wrong one.'}`,
      );
    if (status === 404 && (detail === null || detail.startsWith('There is nothing')))
      return `${this.url} does not know ${route}: it is no node of Hearsay, or an older one.`;
    return detail ?? `${this.url} answered ${status} to ${route}.`;
  }
}

/** Nothing but the time limit ends an attempt. */
const NEVER = new AbortController().signal;

const request = (path: string): WireRequest => ({
  method: 'GET',
  path,
  after: null,
  isWrite: false,
  waitMs: 0,
});

const MAX_DETAIL_BYTES = 64 * 1024;

/** @returns null if the answer tells none, or is longer than a refusal of a node. */
async function detailOf(response: Response): Promise<string | null> {
  const bytes = Number(response.headers.get('Content-Length') ?? Number.NaN);
  if (!(bytes <= MAX_DETAIL_BYTES)) {
    await response.body?.cancel().catch(() => {});
    return null;
  }
  try {
    const body: unknown = await response.json();
    return isObject(body) ? stringMember(body, 'detail') : null;
  } catch {
    return null;
  }
}

const textOf = ({ bytes }: WireAnswer): string => new TextDecoder().decode(bytes);
