/** Reads and writes of one key, and their answers, whichever path the request came by. */

import type { Caller } from '../../access/caller.ts';
import type { Replica } from '../../replica/replica.ts';
import type { PutCaller } from '../../replica/writes.ts';
import { at } from '../../words/invariant.ts';
import type { Outcome, PutRequest, Request } from '../../words/requests.ts';
import type { WriteAudit } from '../access/writeAudit.ts';
import { answer, answerEmpty, answerJson, PROBLEM_TYPE, taggedHeaders } from '../answer/answer.ts';
import { answerEntry } from '../answer/entryAnswer.ts';
import {
  EXPIRED_TEXT,
  MEMORY_FULL_TEXT,
  NOT_FOUND_TEXT,
  OutcomeTexts,
} from '../answer/outcomeText.ts';
import { Tokens } from '../answer/tokens.ts';
import type { Exchange } from '../exchange.ts';
import { etagOf, namesTag } from '../request/conditions.ts';
import { type RequestTraces, tracedWait } from '../requestTraces.ts';
import type { AcksQuery, AckWaits, Holders } from '../wait/acks.ts';

export class EntryAnswers {
  readonly #replica: Replica;
  readonly #acks: AckWaits | null;
  readonly #texts: OutcomeTexts;
  readonly #audit: WriteAudit | null;
  readonly #traces: RequestTraces | null;

  /**
   * @param acks null: no write waits for other nodes. @param audit null: nobody is told of writes.
   * @param traces null: nothing is traced.
   */
  constructor(
    replica: Replica,
    acks: AckWaits | null,
    audit: WriteAudit | null = null,
    traces: RequestTraces | null = null,
  ) {
    this.#audit = audit;
    this.#traces = traces;
    this.#replica = replica;
    this.#acks = acks;
    this.#texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));
  }

  /** @throws NotReadableError */
  requireReadable(): void {
    this.#replica.readiness.requireReadable();
  }

  /**
   * @param nowMs the clock for the time that is left, UTC milliseconds; null: it is not asked for.
   * @returns undefined if it has answered; else a promise that settles once it has, with the value from
   *   the log. @throws the errors of `Reads.get`; the promise rejects with them too.
   */
  read(
    exchange: Exchange,
    key: string,
    nowMs: (() => number) | null = null,
  ): Promise<void> | undefined {
    const outcome = this.#replica.reads.get(key);
    if (outcome instanceof Promise)
      return outcome.then((whole) => this.#answer(exchange, whole, null, nowMs));
    this.#answer(exchange, outcome, null, nowMs);
    return undefined;
  }

  /** Decides a write and answers it. @throws the errors of `Replica.submit`. */
  async write(
    exchange: Exchange,
    caller: Caller,
    request: Request,
    query: AcksQuery,
  ): Promise<void> {
    const trace = this.#traces?.of(exchange.req) ?? null;
    const outcome = at(await this.#replica.submit([request], trace), 0);
    this.#audit?.(exchange.req, caller, [outcome]);
    const holders =
      query.acks === undefined ? null : await this.#holdersOf(exchange, outcome, query);
    this.#answer(exchange, outcome, holders);
  }

  /** Decides a put, and tells its caller, who then calls `answerPut`. */
  put({ req }: Exchange, request: PutRequest, caller: PutCaller): void {
    this.#replica.writes.put(request, this.#traces?.of(req) ?? null, caller);
  }

  /** Answers a put that asked for no acks. */
  answerPut(exchange: Exchange, caller: Caller, outcome: Outcome): void {
    this.#audit?.(exchange.req, caller, [outcome]);
    this.#answer(exchange, outcome, null);
  }

  /**
   * A request that logged nothing needs no confirmation, and neither does any request on a node without
   * peers.
   */
  async #holdersOf({ req }: Exchange, outcome: Outcome, query: AcksQuery): Promise<Holders> {
    const op = outcome.kind === 'stored' || outcome.kind === 'deleted' ? outcome.op : null;
    const acks = this.#acks;
    if (op === null) return { acks: 1, members: null };
    if (acks === null) return { acks: 1, members: query.acks === 'all' ? 1 : null };
    return tracedWait(this.#traces, req, 'acks', () => acks.until(op, query));
  }

  #answer(
    to: Exchange,
    outcome: Outcome,
    holders: Holders | null,
    nowMs: (() => number) | null = null,
  ): void {
    const texts = this.#texts;
    switch (outcome.kind) {
      case 'found': {
        const etag = etagOf(outcome.entry);
        const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = to.req.headers;
        if (ifMatch !== undefined && !namesTag(ifMatch, etag)) {
          const { version: currentVersion } = outcome.entry;
          const failed = { kind: 'preconditionFailed', currentVersion } as const;
          answer(to, 412, PROBLEM_TYPE, texts.preconditionFailed(failed));
        } else if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, etag))
          answerEmpty(to, 304, taggedHeaders(etag));
        else answerEntry(to, outcome.entry, nowMs);
        return;
      }
      case 'absent':
        answer(to, 404, PROBLEM_TYPE, outcome.expired ? EXPIRED_TEXT : NOT_FOUND_TEXT);
        return;
      case 'stored':
      case 'deleted':
        answerJson(to, texts.written(outcome, holders));
        return;
      case 'conflict':
        answer(to, 409, PROBLEM_TYPE, texts.conflict(outcome));
        return;
      case 'memoryFull':
        answer(to, 507, PROBLEM_TYPE, MEMORY_FULL_TEXT);
        return;
      case 'preconditionFailed':
        answer(to, 412, PROBLEM_TYPE, texts.preconditionFailed(outcome));
        return;
    }
  }
}
