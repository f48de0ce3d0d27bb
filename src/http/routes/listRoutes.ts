/** Many keys by their prefix: GET and DELETE /cache. */
import type { Router } from '@koa/router';
import type { ListPage } from '../../rules/map.ts';
import type { Put } from '../../words/op.ts';
import { answer, answerJson, JSON_TYPE } from '../answer/answer.ts';
import { entryMembers, OutcomeTexts } from '../answer/outcomeText.ts';
import { unprocessable } from '../answer/problem.ts';
import { Tokens } from '../answer/tokens.ts';
import { refuseConditions } from '../request/conditions.ts';
import { bulkDeleteQuerySchema } from '../request/schemas.ts';
import { queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import { addRoute, type RouteParts } from './route.ts';

const PATH = '/cache';
/** A page ends at the entry that brings it over this many characters, however many more were asked for. */
const PAGE_LENGTH = 4 * 1024 * 1024;

export function addListRoutes(router: Router, { replica, limits, schemas }: RouteParts): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  addRoute(router, 'GET', PATH, (ctx) => {
    const query = validate(
      schemas.listQuery,
      queryOf(ctx.req.url ?? PATH, ['prefix', 'after', 'limit']),
    );
    const limit = query.limit ?? limits.maxListEntries;
    const page = bounded(replica.list(query.prefix, query.after ?? null, limit));
    const text = `{"entries":[${page.texts.join()}],"next":${JSON.stringify(page.next)}}`;
    const headers = page.next === null ? [] : ['Link', nextLink(query.prefix, page.next, limit)];
    answer(ctx, 200, JSON_TYPE, text, headers);
  });

  addRoute(router, 'DELETE', PATH, async (ctx) => {
    refuseConditions(ctx.req);
    const query = validate(bulkDeleteQuerySchema, queryOf(ctx.req.url ?? PATH, ['prefix', 'all']));
    if (query.prefix === '' && query.all !== 'true')
      throw unprocessable([
        { field: 'prefix', message: 'is empty: say all=true to delete every key' },
      ]);
    answerJson(ctx, texts.deletedMany(await replica.deletePrefix(query.prefix)));
  });
}

const entryText = (entry: Put): string =>
  `{"key":${JSON.stringify(entry.key)},${entryMembers(entry)}}`;

/** The page as texts, cut where it grows too long. */
function bounded({ entries, next }: ListPage): { texts: string[]; next: string | null } {
  const texts: string[] = [];
  let length = 0;
  for (const entry of entries) {
    const text = entryText(entry);
    texts.push(text);
    length += text.length;
    if (length > PAGE_LENGTH)
      return { texts, next: texts.length < entries.length ? entry.key : next };
  }
  return { texts, next };
}

function nextLink(prefix: string, after: string, limit: number): string {
  const query = `prefix=${encodeURIComponent(prefix)}&after=${encodeURIComponent(after)}`;
  return `<${PATH}?${query}&limit=${limit}>; rel="next"`;
}
