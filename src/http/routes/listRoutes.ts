/** Many keys by their prefix: GET and DELETE /cache. */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import type { ListPage } from '../../rules/map.ts';
import type { Limits } from '../../words/limits.ts';
import type { Put } from '../../words/op.ts';
import { answer, answerJson, JSON_TYPE } from '../answer/answer.ts';
import { entryMembers, OutcomeTexts, timeMembers } from '../answer/outcomeText.ts';
import { unprocessable } from '../answer/problem.ts';
import { Tokens } from '../answer/tokens.ts';
import { deletedManySchema, listSchema } from '../openapi/answerSchemas.ts';
import {
  BAD_QUERY,
  BAD_TARGET,
  json,
  NOT_HERE_YET,
  NOT_STORED,
  OTHER_CLUSTER,
  problem,
} from '../openapi/answers.ts';
import { refuseConditions } from '../request/conditions.ts';
import { bulkDeleteQuerySchema, type Schemas } from '../request/schemas.ts';
import { afterHeaders } from '../wait/after.ts';
import type { Routes } from './route.ts';

const PATH = '/cache';
/**
 * A page ends at the entry that brings it over this many characters, even below its limit of entries.
 */
const PAGE_LENGTH = 4 * 1024 * 1024;

export interface ListRouteOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
}

export function addListRoutes(
  routes: Routes,
  { replica, limits, schemas }: ListRouteOptions,
): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  routes.add({
    method: 'GET',
    path: PATH,
    scope: 'client',
    summary: 'List entries by the prefix of their keys',
    query: schemas.listQuery,
    headers: z.object(afterHeaders),
    answers: {
      '200': {
        ...json('In order of the UTF-16 code units of the keys.', listSchema),
        headers: z.object({
          Link: z.string().optional().meta({ description: 'The next page (RFC 8288).' }),
        }),
      },
      ...BAD_TARGET,
      ...OTHER_CLUSTER,
      ...BAD_QUERY,
      ...NOT_HERE_YET,
    },
    handler: ({ ctx, query: { prefix, after = null, limit = limits.maxListEntries, values } }) => {
      const page = bounded(replica.list(prefix, after, limit), values === 'true');
      const text = `{"entries":[${page.texts.join()}],"next":${JSON.stringify(page.next)}}`;
      const headers =
        page.next === null ? [] : ['Link', nextLink(prefix, page.next, limit, values)];
      answer(ctx, 200, JSON_TYPE, text, headers);
    },
  });

  routes.add({
    method: 'DELETE',
    path: PATH,
    scope: 'client',
    summary: 'Delete the entries whose keys have a prefix',
    query: bulkDeleteQuerySchema,
    answers: {
      '200': json('How many there were.', deletedManySchema),
      ...BAD_TARGET,
      '422': problem('The prefix is empty, and all=true is missing.'),
      ...NOT_STORED,
    },
    handler: async ({ ctx, query: { prefix, all } }) => {
      refuseConditions(ctx.req);
      if (prefix === '' && all !== 'true')
        throw unprocessable([
          { field: 'prefix', message: 'is empty: say all=true to delete every key' },
        ]);
      answerJson(ctx, texts.deletedMany(await replica.deletePrefix(prefix)));
    },
  });
}

const entryText = (entry: Put, withValue: boolean): string =>
  `{"key":${JSON.stringify(entry.key)},${withValue ? entryMembers(entry) : timeMembers(entry)}}`;

/** The page as texts, cut where it grows too long. */
function bounded(
  { entries, next }: ListPage,
  withValues: boolean,
): { texts: string[]; next: string | null } {
  const texts: string[] = [];
  let length = 0;
  for (const entry of entries) {
    const text = entryText(entry, withValues);
    texts.push(text);
    length += text.length;
    if (length > PAGE_LENGTH)
      return { texts, next: texts.length < entries.length ? entry.key : next };
  }
  return { texts, next };
}

function nextLink(prefix: string, after: string, limit: number, values: string): string {
  const query = `prefix=${encodeURIComponent(prefix)}&after=${encodeURIComponent(after)}`;
  const bare = values === 'true' ? '' : '&values=false';
  return `<${PATH}?${query}&limit=${limit}${bare}>; rel="next"`;
}
