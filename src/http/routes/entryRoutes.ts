/** One key: GET, PUT and DELETE /cache/{key}. */
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import { at } from '../../words/invariant.ts';
import type { Outcome, Request } from '../../words/requests.ts';
import {
  answer,
  answerEmpty,
  answerJson,
  JSON_TYPE,
  PROBLEM_TYPE,
  taggedHeaders,
} from '../answer/answer.ts';
import { EXPIRED_TEXT, entryMembers, NOT_FOUND_TEXT, OutcomeTexts } from '../answer/outcomeText.ts';
import { Tokens } from '../answer/tokens.ts';
import { deletedSchema, entrySchema, storedSchema } from '../openapi/answerSchemas.ts';
import {
  BAD_BODY,
  BAD_QUERY,
  BAD_TARGET,
  CONFLICT,
  json,
  LONG_KEY,
  NOT_HERE_YET,
  NOT_STORED,
  OTHER_CLUSTER,
  PRECONDITION_FAILED,
  problem,
  UNKNOWN_YET,
} from '../openapi/answers.ts';
import { conditionHeaders, etagOf, namesTag, withCondition } from '../request/conditions.ts';
import { type PutBody, putBodySchema } from '../request/schemas.ts';
import { deleteRequest, putRequest, refuseMisnamedExpiry } from '../request/writes.ts';
import { type AcksQuery, type AckWaits, acksQuerySchema, deleteQuerySchema } from '../wait/acks.ts';
import { afterHeaders } from '../wait/after.ts';
import { AT_ANSWERS, answerPast, atQuerySchema, type PastSource } from './pastEntry.ts';
import type { CheckedBody, Routes } from './route.ts';

const PATH = '/cache/{key}';

const writeHeaders = z.object({ ...conditionHeaders, ...afterHeaders });

export interface EntryRouteOptions {
  readonly replica: Replica;
  /** Null: the log is in memory, and the node can't read its past. */
  readonly past: PastSource | null;
  /** Null: no write waits for other nodes. */
  readonly acks: AckWaits | null;
}

export function addEntryRoutes(routes: Routes, { replica, past, acks }: EntryRouteOptions): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));
  addGetRoute(routes, replica, past, texts);
  const submit: Submit = async (ctx, request, query) => {
    const outcome = at(await replica.submit([request]), 0);
    const count = query.acks === undefined ? null : await acksOf(outcome, query, acks);
    answerOutcome(ctx, outcome, texts, count);
  };
  addPutRoute(routes, submit);
  addDeleteRoute(routes, submit);
}

/** Decides and answers a write. */
type Submit = (ctx: RouterContext, request: Request, query: AcksQuery) => Promise<void>;

function addGetRoute(
  routes: Routes,
  replica: Replica,
  past: PastSource | null,
  texts: OutcomeTexts,
): void {
  routes.add({
    method: 'GET',
    path: PATH,
    scope: 'client',
    summary: 'Read an entry',
    query: atQuerySchema,
    otherParameters: 'ignore',
    headers: z.object({
      'If-Match': z.string().optional(),
      'If-None-Match': z.string().optional(),
      ...afterHeaders,
    }),
    answers: {
      '200': {
        ...json('The entry.', entrySchema),
        headers: z.object({ ETag: z.string().meta({ description: 'The id of its op.' }) }),
      },
      '304': { description: 'The entry is the one that If-None-Match names.' },
      '404': problem('Not found, or expired.'),
      '412': problem('If-Match does not name the entry.'),
      ...UNKNOWN_YET,
      ...AT_ANSWERS,
      ...OTHER_CLUSTER,
      ...BAD_TARGET,
      ...LONG_KEY,
      ...NOT_HERE_YET,
    },
    handler: ({ ctx, query, readKey }) => {
      if (query.at !== undefined && past !== null) {
        replica.readiness.requireReadable();
        return answerPast(ctx, past, readKey(), query.at);
      }
      answerOutcome(ctx, replica.get(readKey()), texts, null);
      return undefined;
    },
  });
}

function addPutRoute(routes: Routes, submit: Submit): void {
  routes.add({
    method: 'PUT',
    path: PATH,
    scope: 'client',
    summary: 'Store a value under a version above the live one',
    query: acksQuerySchema,
    otherParameters: 'ignore',
    headers: writeHeaders,
    body: putBodySchema,
    answers: {
      '200': json('Stored, and durable on this node.', storedSchema),
      ...CONFLICT,
      ...PRECONDITION_FAILED,
      ...BAD_TARGET,
      ...LONG_KEY,
      ...BAD_BODY,
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, query, readKey, readBody }) =>
      submit(ctx, await readPut(ctx, readKey(), readBody), query),
  });
}

function addDeleteRoute(routes: Routes, submit: Submit): void {
  routes.add({
    method: 'DELETE',
    path: PATH,
    scope: 'client',
    summary: 'Delete an entry',
    query: deleteQuerySchema,
    headers: writeHeaders,
    answers: {
      '200': json('Deleted, whether it was there or not.', deletedSchema),
      ...CONFLICT,
      ...PRECONDITION_FAILED,
      ...BAD_TARGET,
      ...LONG_KEY,
      ...BAD_QUERY,
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: ({ ctx, query, readKey }) =>
      submit(ctx, withCondition(deleteRequest(readKey(), query.version), ctx.req), query),
  });
}

/** A function of its own, so that only the request stays in memory while it waits for the disk. */
async function readPut(
  ctx: RouterContext,
  key: string,
  readBody: () => Promise<CheckedBody<PutBody>>,
): Promise<Request> {
  const { text, parsed, checked } = await readBody();
  refuseMisnamedExpiry([[parsed, '']]);
  return withCondition(putRequest(key, checked, text), ctx.req);
}

/**
 * A request that logged nothing needs no confirmation, and neither does any request on a node without
 * peers.
 */
async function acksOf(outcome: Outcome, query: AcksQuery, acks: AckWaits | null): Promise<number> {
  const op = outcome.kind === 'stored' || outcome.kind === 'deleted' ? outcome.op : null;
  return op === null || acks === null ? 1 : acks.until(op, query);
}

function answerOutcome(
  ctx: RouterContext,
  outcome: Outcome,
  texts: OutcomeTexts,
  acks: number | null,
): void {
  switch (outcome.kind) {
    case 'found': {
      const etag = etagOf(outcome.entry);
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = ctx.req.headers;
      if (ifMatch !== undefined && !namesTag(ifMatch, etag)) {
        const { version: currentVersion } = outcome.entry;
        const failed = { kind: 'preconditionFailed', currentVersion } as const;
        answer(ctx, 412, PROBLEM_TYPE, texts.preconditionFailed(failed));
      } else if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, etag))
        answerEmpty(ctx, 304, taggedHeaders(etag));
      else answer(ctx, 200, JSON_TYPE, `{${entryMembers(outcome.entry)}}`, taggedHeaders(etag));
      return;
    }
    case 'absent':
      answer(ctx, 404, PROBLEM_TYPE, outcome.expired ? EXPIRED_TEXT : NOT_FOUND_TEXT);
      return;
    case 'stored':
    case 'deleted':
      answerJson(ctx, texts.written(outcome, acks));
      return;
    case 'conflict':
      answer(ctx, 409, PROBLEM_TYPE, texts.conflict(outcome));
      return;
    case 'preconditionFailed':
      answer(ctx, 412, PROBLEM_TYPE, texts.preconditionFailed(outcome));
      return;
  }
}
