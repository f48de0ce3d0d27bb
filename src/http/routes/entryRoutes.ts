/** One key: GET, PUT and DELETE /cache/{key}. */
import type { Router, RouterContext } from '@koa/router';
import type { Outcome, Request } from '../../words/requests.ts';
import { answer, answerEmpty, answerJson, JSON_TYPE, PROBLEM_TYPE } from '../answer/answer.ts';
import { EXPIRED_TEXT, entryMembers, NOT_FOUND_TEXT, OutcomeTexts } from '../answer/outcomeText.ts';
import { Tokens } from '../answer/tokens.ts';
import { etagOf, namesTag, withCondition } from '../request/conditions.ts';
import { putBodySchema } from '../request/schemas.ts';
import { decodeKey, queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import { deleteRequest, putRequest, refuseMisnamedExpiry } from '../request/writes.ts';
import { type AcksQuery, acksQuerySchema, deleteQuerySchema } from '../wait/acks.ts';
import type { Watching } from '../watch/watching.ts';
import { answerPast } from './pastEntry.ts';
import { addRoute, type RouteParts } from './route.ts';

const PATH = '/cache/:key';
const BEFORE_KEY = '/cache/'.length;
const ACKS_NAMES = ['acks', 'timeout_ms'] as const;

export function addEntryRoutes(router: Router, parts: RouteParts): void {
  const { replica, limits, bodies, past, watching } = parts;
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  const keyOf = (ctx: RouterContext): string =>
    decodeKey(ctx.path.slice(BEFORE_KEY), limits.maxKeyBytes);

  const submit = async (
    ctx: RouterContext,
    request: Request,
    query: AcksQuery | null,
  ): Promise<void> => {
    const [outcome] = await replica.submit([request]);
    if (outcome === undefined) throw new Error('The replica gave no outcome for a request.');
    const acks = query?.acks === undefined ? null : await acksOf(outcome, query, watching);
    answerOutcome(ctx, outcome, texts, acks);
  };

  addRoute(router, 'GET', PATH, (ctx) => {
    // Most requests have no query: it is not even looked at for them.
    const at = ctx.req.url?.includes('?') ? queryOf(ctx.req.url, ['at'], 'ignore').at : undefined;
    if (at !== undefined && past !== undefined) {
      replica.readiness.requireReadable();
      return answerPast(ctx, past, keyOf(ctx), at);
    }
    answerOutcome(ctx, replica.get(keyOf(ctx)), texts, null);
    return undefined;
  });

  // A function of its own, so that nothing but the request is kept while it waits for the disk.
  const readPut = async (ctx: RouterContext): Promise<Request> => {
    const key = keyOf(ctx);
    const { text, parsed } = await bodies.readJson(ctx.req);
    const body = validate(putBodySchema, parsed);
    refuseMisnamedExpiry([[parsed, '']]);
    return withCondition(putRequest(key, body, text), ctx.req);
  };

  addRoute(router, 'PUT', PATH, async (ctx) => {
    const { url } = ctx.req;
    const query = url?.includes('?')
      ? validate(acksQuerySchema, queryOf(url, ACKS_NAMES, 'ignore'))
      : null;
    return submit(ctx, await readPut(ctx), query);
  });

  addRoute(router, 'DELETE', PATH, (ctx) => {
    const names = ['version', ...ACKS_NAMES] as const;
    const query = validate(deleteQuerySchema, queryOf(ctx.req.url ?? '/', names));
    const request = withCondition(deleteRequest(keyOf(ctx), query.version), ctx.req);
    return submit(ctx, request, query);
  });
}

/** What logged nothing needs nobody's confirmation; nor does anything where nobody confirms. */
async function acksOf(
  outcome: Outcome,
  query: AcksQuery,
  watching: Watching | undefined,
): Promise<number> {
  const op = outcome.kind === 'stored' || outcome.kind === 'deleted' ? outcome.op : null;
  return op === null || watching === undefined ? 1 : watching.acks.until(op, query);
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
      const ifNoneMatch = ctx.req.headers['if-none-match'];
      if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, etag))
        answerEmpty(ctx, 304, ['ETag', etag]);
      else answer(ctx, 200, JSON_TYPE, `{${entryMembers(outcome.entry)}}`, ['ETag', etag]);
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
