/**
 * A request and its response, and the frame around each: room is asked for before it is looked at,
 * errors become answers, and the answer is counted. Both paths to a handler share it.
 */
import type { IncomingMessage } from 'node:http';
import { DamagedLogError } from '../words/errors.ts';
import type { Limits } from '../words/limits.ts';
import { type Answerable, answerProblem } from './answer/answer.ts';
import { Problem, plannedProblem } from './answer/problem.ts';
import type { Bounds } from './limits/bounds.ts';
import type { RequestCounts } from './metrics.ts';
import { dropBody } from './request/body.ts';
import { idsOf } from './request/requestIds.ts';
import { pathOf } from './request/target.ts';
import type { RequestDurations } from './requestDurations.ts';
import type { RequestTraces } from './requestTraces.ts';

/** Koa's contexts are exchanges, too. */
export interface Exchange extends Answerable {
  readonly req: IncomingMessage;
}

/** Reports errors that nobody planned to people; pino's loggers fit. */
export interface HttpLog {
  error(details: object, message: string): void;
}

/** Gets a line for each request once its answer has ended. */
export type RequestLog = (facts: object, message: string) => void;

/** A longer path is cut in the log of requests. */
const MOST_PATH_CHARACTERS = 200;

export interface FrameOptions {
  readonly bounds: Bounds;
  readonly requests: RequestCounts;
  readonly durations: RequestDurations;
  readonly limits: Limits;
  readonly log: HttpLog;
  readonly requestLog?: RequestLog | undefined;
  /** Null: nothing is traced. */
  readonly traces: RequestTraces | null;
}

export class Frame {
  readonly #options: FrameOptions;

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  /** @param path of the request. @throws Problem 429, 503 */
  begin({ req, res }: Exchange, path: string): void {
    const { requestLog, traces } = this.#options;
    traces?.begin(req, path);
    if (requestLog !== undefined) logAtEnd(requestLog, { req, res }, path, traces);
    this.#options.bounds.requireRoom(req, path);
  }

  /** Answers a problem, and reads the rest of the body so that the client gets to read the answer. */
  fail(exchange: Exchange, error: unknown): void {
    const { req, res } = exchange;
    const { limits, log, bounds } = this.#options;
    const planned = plannedProblem(error);
    if (planned === undefined)
      log.error({ err: error, ...askedBy(req) }, 'A request failed in a way that nobody planned.');
    else if (error instanceof DamagedLogError) log.error(askedBy(req), error.message);
    const problem = planned ?? new Problem(500, 'The node could not answer; its log says why.');
    if (res.headersSent) req.destroy();
    else answerProblem(exchange, problem);
    dropBody(req, limits, bounds.connections);
  }

  /**
   * @param route its pattern; undefined where none matched.
   * @param beganAtMs `performance.now()` at the begin.
   */
  end({ req, res }: Exchange, route: string | undefined, beganAtMs: number): void {
    const { bounds, requests, durations, traces } = this.#options;
    const { method = '' } = req;
    requests.count(route, method, res.statusCode);
    durations.count(route, method, performance.now() - beganAtMs);
    traces?.end(req, route, res.statusCode);
    bounds.connections.sending(res);
  }
}

const askedBy = ({ method, url = '/' }: IncomingMessage): object => ({ method, path: pathOf(url) });

/** Neither values nor headers are logged, for they may be secret. */
function logAtEnd(
  log: RequestLog,
  { req, res }: Exchange,
  path: string,
  traces: RequestTraces | null,
): void {
  const startedMs = performance.now();
  res.once('close', () => {
    const { method = '' } = req;
    const shown = path.slice(0, MOST_PATH_CHARACTERS);
    const ms = Math.round(performance.now() - startedMs);
    const how = res.writableFinished ? `is answered with ${res.statusCode}` : 'is cut off';
    const status = res.statusCode;
    const ids = { ...idsOf(req.headers), ...traces?.idsOf(req) };
    const facts = { event: 'request', method, path: shown, status, ms, ...ids };
    log(facts, `${method} ${shown} ${how}.`);
  });
}
