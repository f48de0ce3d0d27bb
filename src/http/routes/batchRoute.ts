/** Many ops in one request and one commit: POST /cache. */
import type { Router, RouterContext } from '@koa/router';
import { elementTexts, memberText } from '../../words/json.ts';
import type { Limits } from '../../words/limits.ts';
import type { Outcome, Request } from '../../words/requests.ts';
import { answerPieces } from '../answer/answer.ts';
import { OutcomeTexts } from '../answer/outcomeText.ts';
import { unprocessable } from '../answer/problem.ts';
import { Tokens } from '../answer/tokens.ts';
import type { JsonBody } from '../request/body.ts';
import { refuseConditions } from '../request/conditions.ts';
import type { BatchOp, Schemas } from '../request/schemas.ts';
import { queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import { deleteRequest, putRequest, refuseMisnamedExpiry } from '../request/writes.ts';
import { addRoute, type RouteParts } from './route.ts';

const PATH = '/cache';

export function addBatchRoute(
  router: Router,
  { replica, limits, bodies, schemas }: RouteParts,
): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  const outcomes = (requests: readonly Request[]): Outcome[] | Promise<Outcome[]> => {
    const keys: string[] = [];
    for (const request of requests) {
      if (request.kind !== 'get') return replica.submit(requests);
      keys.push(request.key);
    }
    // A batch that only reads needs no commit, and so no place in the queue.
    return keys.map((key) => replica.get(key));
  };

  // A function of its own, so that nothing but the requests is kept while they wait for the disk.
  const readBatch = async (ctx: RouterContext): Promise<Request[]> =>
    batchRequests(await bodies.readJson(ctx.req), schemas, limits);

  addRoute(router, 'POST', PATH, async (ctx) => {
    refuseConditions(ctx.req);
    queryOf(ctx.req.url ?? PATH, []);
    const requests = await readBatch(ctx);
    answerPieces(ctx, resultPieces(await outcomes(requests), texts));
  });
}

/** @throws Problem 422 where one of the ops is malformed: then none is carried out. */
function batchRequests({ text, parsed }: JsonBody, schemas: Schemas, limits: Limits): Request[] {
  const sent = sentOps(parsed);
  refuseTooMany(sent, limits.maxBatchOps);
  const { ops } = validate(schemas.batchBody, parsed);
  refuseMisnamedExpiry(
    ops.flatMap(({ op }, index) => (op === 'put' ? [[sent[index], `ops.${index}.`] as const] : [])),
  );
  const opTexts = elementTexts(memberText(text, 'ops') ?? '');
  return ops.map((op, index) => toRequest(op, opTexts[index] ?? ''));
}

/** The ops as they came, with all their fields; none where the body is malformed. */
function sentOps(parsed: unknown): readonly unknown[] {
  if (typeof parsed !== 'object' || parsed === null || !('ops' in parsed)) return [];
  return Array.isArray(parsed.ops) ? parsed.ops : [];
}

/** Before each of them is looked at: a body has room for a hundred thousand. */
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

function resultPieces(outcomes: readonly Outcome[], texts: OutcomeTexts): string[] {
  const pieces = ['{"results":['];
  let separator = '';
  for (const outcome of outcomes) {
    pieces.push(separator + texts.result(outcome));
    separator = ',';
  }
  pieces.push(`],"token":"${texts.tokenOf(outcomes)}"}`);
  return pieces;
}
