/**
 * Many ops in one request that is answered while it comes: POST /cache with `application/x-ndjson`. Each line is an op
 * of a batch, and gets one line of answer, in order. The lines that came in one chunk are one commit.
 *
 * Nothing but one chunk and one line is held: the next chunk is read once the ops of this one are durable and the
 * client has taken their answers. So the client must read while it sends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Caller } from '../../access/caller.ts';
import type { Replica } from '../../replica/replica.ts';
import { OverloadedError } from '../../words/errors.ts';
import { at } from '../../words/invariant.ts';
import type { Limits } from '../../words/limits.ts';
import type { Outcome, Request } from '../../words/requests.ts';
import { MIB } from '../../words/size.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { Callers } from '../access/callers.ts';
import type { WriteAudit } from '../access/writeAudit.ts';
import { encodingOf, NDJSON_TYPE } from '../answer/answer.ts';
import { type OutcomeTexts, withMore } from '../answer/outcomeText.ts';
import { Problem, plannedProblem, problemText } from '../answer/problem.ts';
import type { Exchange } from '../exchange.ts';
import type { Connections } from '../limits/connections.ts';
import { dropBody, parseJson, requirePlainText } from '../request/body.ts';
import { linesOf, type NumberedLine } from '../request/lines.ts';
import type { PlainOps } from '../request/plainOps.ts';
import { isPlainOp } from '../request/plainWrites.ts';
import type { Schemas } from '../request/schemas.ts';
import { validate } from '../request/validate.ts';
import { lineRequest } from '../request/writes.ts';
import type { RequestTraces } from '../requestTraces.ts';

export interface BulkStreamOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
  readonly plainOps: PlainOps;
  readonly texts: OutcomeTexts;
  readonly connections: Connections;
  readonly callers: Callers;
  readonly audit: WriteAudit | null;
  readonly traces: RequestTraces | null;
}

const HEADERS = ['Content-Type', NDJSON_TYPE, 'Cache-Control', 'no-store'];

/** Values may be long: so many characters of answers, and one value, are put together at a time. */
const PIECE_LENGTH = 64 * 1024;
/** The values that the lines of one commit take: lines after them wait for the next one. */
const MAX_VALUE_BYTES = MIB;

export class BulkStreams {
  /** Requests under way. */
  underWay = 0;
  readonly #options: BulkStreamOptions;

  constructor(options: BulkStreamOptions) {
    this.#options = options;
  }

  /** @throws OverloadedError, and before the first answer the errors of the body. */
  async answer(exchange: Exchange, caller: Caller): Promise<void> {
    const { limits, connections, callers } = this.#options;
    if (this.underWay >= limits.maxBulkRequests)
      throw new OverloadedError(RETRY_AFTER_MS, 'requests of many lines under way');
    requirePlainText(exchange.req);
    this.underWay++;
    const end = connections.streams(exchange.req.socket);
    const release = callers.hold(caller, () => exchange.req.destroy());
    try {
      await this.#answerLines(exchange, caller);
    } finally {
      release();
      end();
      this.underWay--;
    }
  }

  async #answerLines({ req, res }: Exchange, caller: Caller): Promise<void> {
    const { limits, connections, texts } = this.#options;
    const bounds = { maxLineBytes: limits.maxBodyBytes, idleTimeoutMs: connections.sendTimeoutMs };
    let count = 0;
    try {
      for await (const lines of linesOf(req, bounds)) {
        for (let start = 0; start < lines.length; start += limits.maxBatchOps) {
          const results = this.#results(
            lines.slice(start, start + limits.maxBatchOps),
            req,
            caller,
          );
          for await (const text of results) {
            if (!res.headersSent) res.writeHead(200, HEADERS);
            if (!res.write(text, encodingOf(text))) await drained(res);
            if (res.closed) return;
          }
        }
        count += lines.length;
      }
    } catch (error) {
      const problem = plannedProblem(error);
      if (problem === undefined || !res.headersSent) throw error;
      // The last line tells that the answer is whole, so it is left out here.
      res.end(`${lineOf(problem)}\n`);
      dropBody(req, limits, connections);
      return;
    }
    if (!res.headersSent) res.writeHead(200, HEADERS);
    res.end(`{"count":${count},"token":"${texts.wholeToken()}"}\n`);
  }

  /**
   * Carries out the lines in one commit, or in several if they ask for long values, and gives their answers in pieces:
   * what is left is decided once those before have been taken.
   */
  async *#results(
    lines: readonly NumberedLine[],
    req: IncomingMessage,
    caller: Caller,
  ): AsyncGenerator<string> {
    const { texts, audit, traces } = this.#options;
    const requests: Request[] = [];
    /** By the number of its line: why the line asks for no op. */
    const problems = new Map<number, Problem>();
    for (const line of lines) {
      const read = this.#readLine(line, caller);
      if (read instanceof Problem) problems.set(line.number, read);
      else requests.push(read);
    }
    let outcomes: Outcomes = { decided: [] };
    /** Of the requests: those before it are answered, or have outcomes. */
    let asked = 0;
    let next = 0;
    let text = '';
    for (const { number } of lines) {
      // Empty lines have no result, so counting the results would mislead.
      const line = `,"line":${number}`;
      const problem = problems.size === 0 ? undefined : problems.get(number);
      if (problem === undefined && 'decided' in outcomes && next === outcomes.decided.length) {
        outcomes = await this.#outcomes(requests.slice(asked), traces?.of(req) ?? null);
        next = 0;
        if ('decided' in outcomes) {
          asked += outcomes.decided.length;
          audit?.(req, caller, outcomes.decided);
        }
      }
      if (problem !== undefined) text += withMore(lineOf(problem), line);
      else if ('problem' in outcomes) text += withMore(lineOf(outcomes.problem), line);
      else text += texts.result(at(outcomes.decided, next++), line);
      text += '\n';
      if (text.length < PIECE_LENGTH) continue;
      yield text;
      text = '';
    }
    if (text !== '') yield text;
  }

  /** @returns the op that the line asks for, or why it asks for none. */
  #readLine({ bytes, start, end }: NumberedLine, caller: Caller): Request | Problem {
    const { plainOps, callers } = this.#options;
    try {
      const request =
        plainOps.single(bytes, start, end) ?? this.#parsed(bytes.subarray(start, end));
      callers.requireOp(caller, request);
      return request;
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  }

  /** @throws Problem 422 */
  #parsed(bytes: Buffer): Request {
    const { schemas, limits } = this.#options;
    const { text, ascii, parsed } = parseJson(bytes);
    const isPlain = isPlainOp(parsed, limits.maxKeyBytes);
    const checked = isPlain ? parsed : validate(schemas.batchOp, parsed);
    return lineRequest({ text, ascii, parsed, checked });
  }

  /** Waits for room in the queue, as a sender that read the answer 503 would. */
  async #outcomes(requests: readonly Request[], trace: TraceParent | null): Promise<Outcomes> {
    const { replica, connections } = this.#options;
    let leftMs = connections.sendTimeoutMs;
    for (;;) {
      try {
        return { decided: await replica.writes.submitFirst(requests, MAX_VALUE_BYTES, trace) };
      } catch (error) {
        if (error instanceof OverloadedError && leftMs > 0) {
          leftMs -= error.retryAfterMs;
          await pause(error.retryAfterMs);
          continue;
        }
        const problem = plannedProblem(error);
        if (problem === undefined) throw error;
        return { problem };
      }
    }
  }
}

/** Of the first of some requests, or why none has one. */
type Outcomes = { readonly decided: readonly Outcome[] } | { readonly problem: Problem };

const lineOf = ({ status, detail, extensions }: Problem): string =>
  problemText(status, detail, extensions);

/** Resolves once the client has taken what waits for it, or has gone. */
function drained(response: ServerResponse): Promise<void> {
  if (response.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.on('drain', settle);
    response.on('close', settle);
  });
}
