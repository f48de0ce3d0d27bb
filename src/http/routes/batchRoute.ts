/** Many ops in one request and one commit: POST /cache. */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import { at } from '../../words/invariant.ts';
import { elementTexts, memberText } from '../../words/json.ts';
import type { Limits } from '../../words/limits.ts';
import type { Outcome, Request } from '../../words/requests.ts';
import { answerJson } from '../answer/answer.ts';
import { OutcomeTexts } from '../answer/outcomeText.ts';
import { problemText, unprocessable } from '../answer/problem.ts';
import { Tokens } from '../answer/tokens.ts';
import { batchResultsSchema } from '../openapi/answerSchemas.ts';
import { BAD_BODY, json, NOT_HERE_YET, NOT_STORED, OTHER_CLUSTER } from '../openapi/answers.ts';
import type { CheckedBody } from '../request/body.ts';
import { refuseConditions } from '../request/conditions.ts';
import type { Batch, BatchOp, Schemas } from '../request/schemas.ts';
import { deleteRequest, putRequest, refuseMisnamedExpiry } from '../request/writes.ts';
import { afterHeaders } from '../wait/after.ts';
import type { Routes } from './route.ts';

export interface BatchRouteOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
}

export function addBatchRoute(
  routes: Routes,
  { replica, limits, schemas }: BatchRouteOptions,
): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  const outcomes = (requests: readonly Request[]): Outcome[] | Promise<Outcome[]> => {
    const keys: string[] = [];
    for (const request of requests) {
      if (request.kind !== 'get') return replica.submit(requests);
      keys.push(request.key);
    }
    // A batch of reads alone needs no commit, and so no place in the queue.
    return keys.map((key) => replica.get(key));
  };

  routes.add({
    method: 'POST',
    path: '/cache',
    scope: 'client',
    summary: 'Carry out many ops in order, in one commit',
    query: z.object({}),
    headers: z.object(afterHeaders),
    body: schemas.batchBody,
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
    handler: async ({ ctx, readBody }) => {
      refuseConditions(ctx.req);
      const requests = await readBatch(readBody);
      const all = await outcomes(requests);
      answerJson(ctx, resultsText(all, texts, limits.maxBatchAnswerBytes));
    },
  });
}

/**
 * A function of its own, so that only the requests stay in memory while they wait for the disk.
 *
 * @throws Problem 422 if an op is malformed: then none is carried out.
 */
async function readBatch(readBody: () => Promise<CheckedBody<Batch>>): Promise<Request[]> {
  const { text, parsed, checked } = await readBody();
  const sent = sentOps(parsed);
  const { ops } = checked;
  refuseMisnamedExpiry(
    ops.flatMap(({ op }, index) => (op === 'put' ? [[sent[index], `ops.${index}.`] as const] : [])),
  );
  const opTexts = elementTexts(memberText(text, 'ops') ?? '');
  return ops.map((op, index) => toRequest(op, at(opTexts, index)));
}

/** The ops as they came, with all their fields; none if the body is malformed. */
function sentOps(parsed: unknown): readonly unknown[] {
  if (typeof parsed !== 'object' || parsed === null || !('ops' in parsed)) return [];
  return Array.isArray(parsed.ops) ? parsed.ops : [];
}

/** Checked before each op, because a body has room for a hundred thousand ops. */
function refuseTooMany(sent: readonly unknown[], maxBatchOps: number): void {
  if (sent.length > maxBatchOps)
    throw unprocessable([{ field: 'ops', message: `must not hold more than ${maxBatchOps} ops` }]);
}

function toRequest(op: BatchOp, text: string): Request {
  switch (op.op) {
    case 'put':
      return putRequest(op.key, op, text);
    case 'delete':
      return deleteRequest(op.key, op.version);
    case 'get':
      return { kind: 'get', key: op.key };
  }
}

/**
 * Leaves out results of gets beyond the bound, each with a problem that says so. Results of writes
 * always stay, because the writes have been carried out.
 */
function resultsText(outcomes: readonly Outcome[], texts: OutcomeTexts, maxBytes: number): string {
  const results: string[] = [];
  let bytes = 0;
  for (const outcome of outcomes) {
    let text = texts.result(outcome);
    const isTooMuch = bytes > 0 && bytes + text.length > maxBytes;
    if (outcome.kind === 'found' && isTooMuch) text = tooMuchText(maxBytes);
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
