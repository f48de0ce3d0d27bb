/** Sends ops to a node, one as a request of its own and several as a batch, and gives their outcomes. */

import { InvalidRequestError, ServerError } from '../errors.ts';
import { countMember, isObject, stringMember } from '../json.ts';
import type { WireRequest } from './attempt.ts';
import type { Exchange, Failover } from './failover.ts';
import { type Answered, batchElement, singleRequest, type WireOp } from './ops.ts';
import { joinTokens, WriteTokens } from './tokens.ts';

/** The outcome of one op, and whether an earlier attempt may have carried it out already. */
export interface Settled extends Answered {
  readonly mayBeStored: boolean;
}

export interface SendOptions {
  /** Tokens whose writes the reads among the ops must see. */
  readonly after?: string | null;
  readonly signal?: AbortSignal | undefined;
  /** Whether the same ops may have been carried out in an earlier request. */
  readonly mayBeStored?: boolean;
}

export class OpSender {
  readonly failover: Failover;
  readonly tokens: WriteTokens;

  constructor(failover: Failover) {
    this.failover = failover;
    this.tokens = new WriteTokens(failover.settings.after);
  }

  /** The tokens that a read sends. */
  after(given: string | null | undefined): string | null {
    const { readYourWrites } = this.failover.settings;
    return joinTokens([given, readYourWrites ? this.tokens.all : null]);
  }

  /**
   * Carries the ops out in order and, if they are several, in one commit.
   *
   * @returns one outcome for each op. @throws the errors of `exchange`.
   */
  async send(ops: readonly WireOp[], options: SendOptions = {}): Promise<Settled[]> {
    const reads = ops.some(({ op }) => op === 'get');
    const after = reads ? this.after(options.after) : null;
    const [first] = ops;
    const single = ops.length === 1 && first !== undefined ? singleRequest(first, after) : null;
    const exchange = await this.exchange(single ?? batchRequest(ops, after), options);
    const outcomes = single === null ? readResults(exchange, ops) : [readSingle(exchange)];
    for (const { body } of outcomes) this.#remember(exchange.endpoint, stringMember(body, 'token'));
    return outcomes;
  }

  /**
   * Sends any request.
   *
   * @throws the errors of `Failover.send`, and InvalidRequestError for a token that no node can have.
   */
  async exchange(
    request: WireRequest,
    { signal, mayBeStored }: Pick<SendOptions, 'signal' | 'mayBeStored'>,
  ): Promise<Exchange> {
    const exchange = await this.failover.send(request, signal, mayBeStored);
    const body = exchange.answer.body ?? {};
    if (exchange.answer.status === 409 && body.reason === 'cluster') {
      // The writes are gone with their cluster. Waiting for them would fail every later read.
      this.tokens.forget();
      throw refused(exchange);
    }
    this.#remember(exchange.endpoint, stringMember(body, 'token'));
    return exchange;
  }

  #remember(endpoint: string, token: string | null): void {
    if (token !== null) this.tokens.remember(endpoint, token);
  }
}

function batchRequest(ops: readonly WireOp[], after: string | null): WireRequest {
  const isWrite = ops.some(({ op }) => op !== 'get');
  const body = `{"ops":[${ops.map(batchElement).join()}]}`;
  return { method: 'POST', path: '/cache', body, after, isWrite, waitMs: 0 };
}

function readSingle({ answer, mayBeStored }: Exchange): Settled {
  return { status: answer.status, body: answer.body ?? {}, etag: answer.etag, mayBeStored };
}

/** @throws InvalidRequestError, ServerError for an answer that no node gives. */
function readResults(exchange: Exchange, ops: readonly WireOp[]): Settled[] {
  const { answer, endpoint, mayBeStored } = exchange;
  const { status, body } = answer;
  if (status === 409) throw refused(exchange);
  const results: unknown = body?.results;
  // A batch is one commit, so its token stands for each of its writes.
  const token = stringMember(body ?? {}, 'token');
  const settled = Array.isArray(results)
    ? results.flatMap((result: unknown) => readResult(result, token, mayBeStored) ?? [])
    : [];
  if (status === 200 && settled.length === ops.length) return settled;
  throw new ServerError(
    `${endpoint} answered a batch without a list of results: is it a node of Hearsay?`,
    status,
    { mayBeStored: mayBeStored || status === 200 },
  );
}

function readResult(result: unknown, token: string | null, mayBeStored: boolean): Settled | null {
  const status = isObject(result) ? countMember(result, 'status') : null;
  if (!isObject(result) || status === null) return null;
  // Nobody else has the result, so it takes the token itself.
  if (token !== null && !Object.hasOwn(result, 'token')) Object.assign(result, { token });
  return { status, body: result, etag: null, mayBeStored };
}

function refused({
  answer: { status, body },
  endpoint,
  mayBeStored,
}: Exchange): InvalidRequestError {
  const reason = stringMember(body ?? {}, 'detail') ?? 'no reason given.';
  return new InvalidRequestError(`${endpoint} answered ${status}: ${reason}`, status, {
    mayBeStored,
  });
}
