/** Many ops in one request and one commit: POST /cache. */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import type { Limits } from '../../words/limits.ts';
import type { Outcome, Request } from '../../words/requests.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { Callers } from '../access/callers.ts';
import type { WriteAudit } from '../access/writeAudit.ts';
import { answerJson } from '../answer/answer.ts';
import type { OutcomeTexts } from '../answer/outcomeText.ts';
import { problemText, unprocessable } from '../answer/problem.ts';
import type { BatchCounts } from '../metrics.ts';
import { batchResultsSchema } from '../openapi/answerSchemas.ts';
import { BAD_BODY, json, NOT_HERE_YET, NOT_STORED, OTHER_CLUSTER } from '../openapi/answers.ts';
import { type CheckedBody, hasLines } from '../request/body.ts';
import { refuseConditions } from '../request/conditions.ts';
import { isPlainBatch } from '../request/plainWrites.ts';
import type { Batch, Schemas } from '../request/schemas.ts';
import { batchRequests, sentOps } from '../request/writes.ts';
import type { RequestTraces } from '../requestTraces.ts';
import { afterHeaders } from '../wait/after.ts';
import type { BulkStreams } from './bulkStream.ts';
import type { Routes } from './route.ts';

export interface BatchRouteOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
  readonly texts: OutcomeTexts;
  readonly streams: BulkStreams;
  readonly counts: BatchCounts;
  readonly callers: Callers;
  readonly audit: WriteAudit | null;
  readonly traces: RequestTraces | null;
}

export function addBatchRoute(
  routes: Routes,
  { replica, limits, schemas, texts, streams, counts, callers, audit, traces }: BatchRouteOptions,
): void {
  const outcomes = (
    requests: readonly Request[],
    trace: TraceParent | null,
  ): readonly Outcome[] | Promise<readonly Outcome[]> => {
    const keys: string[] = [];
    for (const request of requests) {
      if (request.kind !== 'get') return replica.submit(requests, trace);
      keys.push(request.key);
    }
    // A batch of reads alone needs no commit, and so no place in the queue.
    return replica.reads.getMany(keys);
  };

  routes.add({
    method: 'POST',
    path: '/cache',
    needs: ['read', 'write'],
    touches: 'none',
    summary: 'Carry out many ops in order, in one commit',
    query: z.object({}),
    headers: z.object(afterHeaders),
    description:
      'Each op needs the scope of its single request, and a key within the prefixes of the token. With the type application/x-ndjson each line of the body is an op. Each gets a line of answer, which has the number of its `line`, while the body ' +
      'still comes, so a client must read while it sends; the last line has the count of ops and the token.',
    body: schemas.batchBody,
    lines: schemas.batchOp,
    isPlain: (parsed) => isPlainBatch(parsed, limits.maxKeyBytes),
    beforeBodyCheck: (parsed) => refuseTooMany(sentOps(parsed), limits.maxBatchOps),
    answers: {
      '200': json(
        'One result an op, each with the status of the single request.',
        batchResultsSchema,
      ),
      ...OTHER_CLUSTER,
      ...BAD_BODY,
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, caller, readBody }) => {
      refuseConditions(ctx.req);
      if (hasLines(ctx.req)) return streams.answer(ctx, caller);
      const requests = await readBatch(readBody);
      for (const [index, request] of requests.entries())
        callers.requireOp(caller, request, `ops.${index}`);
      const all = await outcomes(requests, traces?.of(ctx.req) ?? null);
      audit?.(ctx.req, caller, all);
      answerJson(ctx, resultsText(all, { texts, counts, maxBytes: limits.maxBatchAnswerBytes }));
    },
  });
}

/**
 * A function of its own, so that only the requests stay in memory while they wait for the disk.
 *
 * @throws Problem 422 if an op is malformed: then none is carried out.
 */
const readBatch = async (readBody: () => Promise<CheckedBody<Batch>>): Promise<Request[]> =>
  batchRequests(await readBody());

/** Checked before each op, because a body has room for a hundred thousand ops. */
function refuseTooMany(sent: readonly unknown[], maxBatchOps: number): void {
  if (sent.length > maxBatchOps)
    throw unprocessable([{ field: 'ops', message: `must not hold more than ${maxBatchOps} ops` }]);
}

/**
 * Leaves out results of gets beyond the bound, each with a problem that says so. Results of writes
 * always stay, because the writes have been carried out.
 */
function resultsText(
  outcomes: readonly Outcome[],
  {
    texts,
    counts,
    maxBytes,
  }: Pick<BatchRouteOptions, 'texts' | 'counts'> & { readonly maxBytes: number },
): string {
  const results: string[] = [];
  let bytes = 0;
  for (const outcome of outcomes) {
    let text = texts.result(outcome);
    const isTooMuch = bytes > 0 && bytes + text.length > maxBytes;
    if (outcome.kind === 'found' && isTooMuch) {
      counts.leftOut++;
      text = tooMuchText(maxBytes);
    }
    bytes += Buffer.byteLength(text);
    results.push(text);
  }
  return `{"results":[${results.join()}],"token":"${texts.tokenOf(outcomes)}"}`;
}

const tooMuchText = (maxBytes: number): string =>
  problemText(
    413,
    `The results of the batch are longer than ${maxBytes} bytes: get this key in another request.`,
  );
