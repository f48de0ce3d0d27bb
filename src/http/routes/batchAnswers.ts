/** Many ops in one request and one commit, and their answers, whichever path the request came by. */
import type { Caller } from '../../access/caller.ts';
import type { Replica } from '../../replica/replica.ts';
import { at } from '../../words/invariant.ts';
import type { Limits } from '../../words/limits.ts';
import type { BatchOutcome, Request } from '../../words/requests.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { Callers } from '../access/callers.ts';
import type { WriteAudit } from '../access/writeAudit.ts';
import { answerJson } from '../answer/answer.ts';
import type { OutcomeTexts } from '../answer/outcomeText.ts';
import { problemText, unprocessable } from '../answer/problem.ts';
import type { Exchange } from '../exchange.ts';
import type { BatchCounts } from '../metrics.ts';
import { type BodyReader, parseJson } from '../request/body.ts';
import { refuseConditions } from '../request/conditions.ts';
import type { PlainOps } from '../request/plainOps.ts';
import { isPlainBatch } from '../request/plainWrites.ts';
import type { Schemas } from '../request/schemas.ts';
import { validate } from '../request/validate.ts';
import { batchRequests, sentOps } from '../request/writes.ts';
import type { RequestTraces } from '../requestTraces.ts';

/** In UTF-8, of a unit of a text. */
const MAX_BYTES_A_UNIT = 3;

export interface BatchAnswersOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
  readonly bodies: BodyReader;
  readonly plainOps: PlainOps;
  readonly texts: OutcomeTexts;
  readonly counts: BatchCounts;
  readonly callers: Callers;
  readonly audit: WriteAudit | null;
  readonly traces: RequestTraces | null;
}

export class BatchAnswers {
  readonly #options: BatchAnswersOptions;

  constructor(options: BatchAnswersOptions) {
    this.#options = options;
  }

  /** Carries the ops out and answers them. @throws the errors of the body, of `Callers.requireOps` and of `Replica.submit`. */
  async answer(exchange: Exchange, caller: Caller): Promise<void> {
    const { callers, audit, traces } = this.#options;
    const { req } = exchange;
    refuseConditions(req);
    const requests = await this.#read(exchange);
    callers.requireOps(caller, requests);
    const outcomes = await this.#outcomes(requests, traces?.of(req) ?? null);
    audit?.(req, caller, outcomes);
    answerJson(exchange, this.#text(outcomes));
  }

  /**
   * A function of its own, so that only the requests stay in memory while they wait for the disk.
   *
   * @throws Problem 422 if an op is malformed: then none is carried out.
   */
  async #read({ req }: Exchange): Promise<readonly Request[]> {
    const { bodies, plainOps } = this.#options;
    const bytes = await bodies.readJsonBytes(req);
    return plainOps.batch(bytes) ?? this.#parsed(bytes);
  }

  #parsed(bytes: Buffer): readonly Request[] {
    const { schemas, limits } = this.#options;
    const { text, ascii, parsed } = parseJson(bytes);
    refuseTooMany(sentOps(parsed), limits.maxBatchOps);
    const isPlain = isPlainBatch(parsed, limits.maxKeyBytes);
    const checked = isPlain ? parsed : validate(schemas.batchBody, parsed);
    return batchRequests({ text, ascii, parsed, checked });
  }

  #outcomes(
    requests: readonly Request[],
    trace: TraceParent | null,
  ): readonly BatchOutcome[] | Promise<readonly BatchOutcome[]> {
    const { replica, limits } = this.#options;
    const maxBytes = limits.maxBatchAnswerBytes;
    const keys: string[] = [];
    for (const request of requests) {
      if (request.kind !== 'get') return replica.writes.submitBatch(requests, maxBytes, trace);
      keys.push(request.key);
    }
    // A batch of reads alone needs no commit, and so no place in the queue.
    return replica.reads.getMany(keys, maxBytes);
  }

  #text(outcomes: readonly BatchOutcome[]): string {
    const { texts, limits } = this.#options;
    const results = outcomes.map((outcome) =>
      outcome.kind === 'leftOut' ? this.#leftOut() : texts.result(outcome),
    );
    let length = 0;
    for (const { length: one } of results) length += one;
    // Counting the bytes of each result would cost a tenth of a batch of gets.
    if (length * MAX_BYTES_A_UNIT > limits.maxBatchAnswerBytes) this.#leaveOut(results, outcomes);
    return `{"results":[${results.join()}],"token":"${texts.tokenOf(outcomes)}"}`;
  }

  /**
   * Leaves out results of gets beyond the bound, each with a problem that says so. Results of writes
   * always stay, because the writes have been carried out.
   */
  #leaveOut(results: string[], outcomes: readonly BatchOutcome[]): void {
    const maxBytes = this.#options.limits.maxBatchAnswerBytes;
    let bytes = 0;
    for (const [index, outcome] of outcomes.entries()) {
      const isTooMuch = bytes > 0 && bytes + at(results, index).length > maxBytes;
      if (outcome.kind === 'found' && isTooMuch) results[index] = this.#leftOut();
      bytes += Buffer.byteLength(at(results, index));
    }
  }

  #leftOut(): string {
    const { counts, limits } = this.#options;
    counts.leftOut++;
    return tooMuchText(limits.maxBatchAnswerBytes);
  }
}

/** Checked before each op, because a body has room for a hundred thousand ops. */
function refuseTooMany(sent: readonly unknown[], maxBatchOps: number): void {
  if (sent.length > maxBatchOps)
    throw unprocessable([{ field: 'ops', message: `must not hold more than ${maxBatchOps} ops` }]);
}

const tooMuchText = (maxBytes: number): string =>
  problemText(
    413,
    `The results of the batch are longer than ${maxBytes} bytes: get this key in another request.`,
  );
