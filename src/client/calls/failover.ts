/**
 * Sends a request until a node answers it, within bounds.
 *
 * Invariants: a request is sent again only if another node, or the same node a little later, may give
 * another answer. `mayBeStored` of an exchange or an error is true as soon as any attempt may have been
 * carried out without an answer that says so. No attempt is left running.
 */

import {
  ClosedError,
  type HearsayError,
  InvalidRequestError,
  ServerError,
  TimeoutError,
  UnavailableError,
} from '../errors.ts';
import { stringMember } from '../json.ts';
import type { ClientSettings } from '../options.ts';
import { AttemptError, attempt, type WireAnswer, type WireRequest } from './attempt.ts';
import { Endpoints } from './endpoints.ts';
import { backoffDelayMs, runLimited, sleep } from './timing.ts';

/** An answer, and whether an earlier attempt may have been carried out. */
export interface Exchange {
  readonly answer: WireAnswer;
  readonly endpoint: string;
  /** Whether an earlier attempt may have been carried out. */
  readonly mayBeStored: boolean;
}

/** The state of a call while it goes on. */
interface CallState {
  readonly request: WireRequest;
  readonly endsAtMs: number;
  mayBeStored: boolean;
  /** The endpoint that is being asked. */
  asking: string | null;
  lastError: HearsayError | null;
}

/** Answers that another attempt may change; of these, 429, 503 and 507 prove that nothing was stored. */
const RETRIED = new Set([408, 425, 429, 500, 502, 503, 504, 507]);
const NOTHING_STORED = new Set([425, 429, 503, 507]);
/** The clock in an answer is cut to a second, and may be a second old when it arrives. */
const CLOCK_NOISE_MS = 3000;
/** Statuses that concern a key or an op, and not the request as a whole. */
const OUTCOMES = new Set([200, 404, 409, 412]);

export class Failover {
  readonly settings: ClientSettings;
  readonly #endpoints: Endpoints;
  readonly #closing = new AbortController();
  #clockAheadMs = 0;

  constructor(settings: ClientSettings) {
    this.settings = settings;
    this.#endpoints = new Endpoints(settings.endpoints);
  }

  /** Aborts once the client is closed, with a ClosedError. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * The time by the clock of the node that answered last; by this machine's if the two differ little.
   */
  nodeNowMs(): number {
    return Date.now() - this.#clockAheadMs;
  }

  close(): void {
    this.#closing.abort(new ClosedError());
  }

  /**
   * @param mayBeStored whether the same ops may have been carried out in an earlier request.
   * @throws InvalidRequestError, UnavailableError, TimeoutError, ServerError, ClosedError, and the
   *   signal's reason when it aborts.
   */
  async send(
    request: WireRequest,
    signal: AbortSignal | undefined,
    mayBeStored = false,
  ): Promise<Exchange> {
    const timeoutMs = this.settings.timeoutMs + request.waitMs;
    const call: CallState = {
      request,
      endsAtMs: performance.now() + timeoutMs,
      mayBeStored,
      asking: null,
      lastError: null,
    };
    const timeoutError = () => overdue(call, timeoutMs);
    return runLimited({ signals: [signal, this.closing], timeoutMs, timeoutError }, (limited) =>
      this.#rounds(call, limited),
    ).catch((error: unknown) => {
      if (!(error instanceof ClosedError)) throw error;
      throw new ClosedError({ mayBeStored: mayBe(call) });
    });
  }

  /** One round asks each node once, without a wait between; then comes a wait, and the next round. */
  async #rounds(call: CallState, signal: AbortSignal): Promise<Exchange> {
    for (let round = 1; ; round++) {
      const tried = new Set<string>();
      let endpoint = this.#endpoints.next(tried);
      while (endpoint !== undefined) {
        const exchange = await this.#ask(endpoint, call, signal);
        if (exchange !== null) return exchange;
        tried.add(endpoint);
        endpoint = this.#endpoints.next(tried);
      }
      if (round >= this.settings.maxRounds) throw call.lastError;
      await this.#waitAfter(round, call, signal);
    }
  }

  /** @returns null if the attempt failed and may be repeated. */
  async #ask(endpoint: string, call: CallState, signal: AbortSignal): Promise<Exchange | null> {
    call.asking = endpoint;
    try {
      const answer = await attempt(this.settings, endpoint, call.request, signal);
      if (answer.dateMs !== null) this.#noteClock(answer.dateMs);
      if (!isWorthRepeating(answer, call.request)) {
        this.#endpoints.succeeded(endpoint);
        refuseFinal(answer, endpoint, call);
        return { answer, endpoint, mayBeStored: call.mayBeStored };
      }
      if (!NOTHING_STORED.has(answer.status)) noteUnknown(call);
      call.lastError = refusal(answer, endpoint, call);
      this.#endpoints.failed(endpoint, answer.retryAfterMs);
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      if (error.mayHaveArrived) noteUnknown(call);
      call.lastError = unreachable(error, call);
      this.#endpoints.failed(endpoint, null);
    }
    // If the call was ended from outside, this stays: the outcome of the attempt is unknown.
    call.asking = null;
    return null;
  }

  #noteClock(dateMs: number): void {
    const aheadMs = Date.now() - dateMs;
    this.#clockAheadMs = Math.abs(aheadMs) < CLOCK_NOISE_MS ? 0 : aheadMs;
  }

  async #waitAfter(round: number, call: CallState, signal: AbortSignal): Promise<void> {
    const { backoffMs, maxBackoffMs } = this.settings;
    const { lastError, endsAtMs } = call;
    const asked = lastError instanceof UnavailableError ? (lastError.retryAfterMs ?? 0) : 0;
    // With several nodes, another may be ready sooner than the one that asked for the wait.
    const least = this.#endpoints.count === 1 ? Math.min(asked, maxBackoffMs) : 0;
    const delayMs = Math.max(least, backoffDelayMs(round, backoffMs, maxBackoffMs));
    // An error with the reason at once is better than a time-out later.
    if (performance.now() + delayMs >= endsAtMs && lastError !== null) throw lastError;
    await sleep(delayMs, signal);
  }
}

/** A node's outcome without its body is half an answer, or comes from another server. */
const isWorthRepeating = ({ status, body }: WireAnswer, { isText }: WireRequest): boolean =>
  RETRIED.has(status) || (OUTCOMES.has(status) && body === null && isText !== true);

function noteUnknown(call: CallState): void {
  if (call.request.isWrite) call.mayBeStored = true;
}

/** Whether the call's change may have been made by now, also by an attempt that is under way. */
const mayBe = ({ mayBeStored, asking, request }: CallState): boolean =>
  mayBeStored || (asking !== null && request.isWrite);

function overdue(call: CallState, timeoutMs: number): TimeoutError {
  const { asking, lastError } = call;
  const last = lastError === null ? '' : ` The last that went wrong: ${lastError.message}`;
  const where = asking === null ? '' : ` ${asking} was being asked.`;
  return new TimeoutError(`There was no answer within ${timeoutMs} ms.${where}${last}`, {
    mayBeStored: mayBe(call),
    cause: lastError ?? undefined,
  });
}

function unreachable(error: AttemptError, { mayBeStored }: CallState): HearsayError {
  const facts = { mayBeStored, cause: error };
  return error.isTimeout
    ? new TimeoutError(`${error.message}.`, facts)
    : new UnavailableError(`${error.message}.`, facts);
}

/** The error to throw if no other answer follows. */
function refusal(answer: WireAnswer, endpoint: string, { mayBeStored }: CallState): HearsayError {
  const { status, retryAfterMs } = answer;
  const message = sentenceOn(answer, endpoint);
  if (status === 504 || status === 408) return new TimeoutError(message, { mayBeStored });
  if (NOTHING_STORED.has(status))
    return new UnavailableError(message, { mayBeStored }, retryAfterMs);
  return new ServerError(message, status, { mayBeStored });
}

/** @throws HearsayError for an answer that no other attempt would change. */
function refuseFinal(answer: WireAnswer, endpoint: string, { mayBeStored }: CallState): void {
  const { status } = answer;
  if (OUTCOMES.has(status)) return;
  const message = sentenceOn(answer, endpoint);
  if (status >= 400 && status < 500)
    throw new InvalidRequestError(message, status, { mayBeStored });
  throw new ServerError(message, status, { mayBeStored });
}

function sentenceOn({ status, body }: WireAnswer, endpoint: string): string {
  if (body === null) return `${endpoint} answered ${status} without JSON: is it a node of Hearsay?`;
  return `${endpoint} answered ${status}: ${stringMember(body, 'detail') ?? 'no reason given.'}`;
}
