/** Many keys by their prefix: GET and DELETE /cache. */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import type { ListPage } from '../../store/entryStore.ts';
import type { LevelPage } from '../../store/level.ts';
import type { Limits } from '../../words/limits.ts';
import type { PutHead } from '../../words/op.ts';
import { KIB, MIB } from '../../words/size.ts';
import type { Callers } from '../access/callers.ts';
import type { WriteAudit } from '../access/writeAudit.ts';
import { answer, answerJson, JSON_TYPE } from '../answer/answer.ts';
import { entryMembers, OutcomeTexts, timeMembers } from '../answer/outcomeText.ts';
import { type Problem, unprocessable } from '../answer/problem.ts';
import { Tokens } from '../answer/tokens.ts';
import { QUICK_LIST_ENTRIES, type SlowRequests } from '../limits/slowRequests.ts';
import { deletedManySchema, listSchema } from '../openapi/answerSchemas.ts';
import {
  BAD_QUERY,
  BAD_TARGET,
  json,
  NOT_HERE_YET,
  NOT_STORED,
  OTHER_CLUSTER,
  problem,
  UNKNOWN_YET,
} from '../openapi/answers.ts';
import { refuseConditions } from '../request/conditions.ts';
import { bulkDeleteQuerySchema, type Schemas } from '../request/schemas.ts';
import type { RequestTraces } from '../requestTraces.ts';
import { afterHeaders } from '../wait/after.ts';
import type { Routes } from './route.ts';

const PATH = '/cache';
/**
 * A page ends with the entry that brings its keys, values and metas to this many bytes, even below its
 * limit of entries.
 */
const PAGE_BYTES = 4 * MIB;
/** Of a list that is not in the slow class: it must not cost much more than a GET, however long its values are. */
const QUICK_PAGE_BYTES = 256 * KIB;

export interface ListRouteOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
  readonly callers: Callers;
  readonly slow: SlowRequests;
  readonly audit: WriteAudit | null;
  readonly traces: RequestTraces | null;
}

export function addListRoutes(
  routes: Routes,
  { replica, limits, schemas, callers, slow, audit, traces }: ListRouteOptions,
): void {
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));

  routes.add({
    method: 'GET',
    path: PATH,
    needs: 'read',
    touches: ({ prefix }) => prefix,
    summary: 'List entries by the prefix of their keys',
    query: schemas.listQuery,
    headers: z.object(afterHeaders),
    answers: {
      '200': {
        ...json('In the order of the Unicode code points of the keys.', listSchema),
        headers: z.object({
          Link: z.string().optional().meta({ description: 'The next page (RFC 8288).' }),
        }),
      },
      ...BAD_TARGET,
      ...OTHER_CLUSTER,
      ...BAD_QUERY,
      ...UNKNOWN_YET,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, query }) => {
      const { prefix, after = null, limit = limits.maxListEntries, values, delimiter } = query;
      if (delimiter !== undefined && values === 'true') throw delimiterWithValues();
      const isQuick = limit <= QUICK_LIST_ENTRIES;
      const bytes = isQuick ? QUICK_PAGE_BYTES : PAGE_BYTES;
      const read = async (): Promise<TextPage> => {
        if (delimiter !== undefined)
          return levelPage(replica.reads.listLevel({ prefix, delimiter, after }, limit));
        if (values === 'false')
          return textPage(replica.listHeads(prefix, after, limit), timeMembers);
        const page = await replica.reads.list(prefix, after, { entries: limit, bytes });
        return textPage(page, entryMembers);
      };
      const page = await (isQuick ? read() : slow.answer(ctx.res, read));
      const text = `{${page.members},"next":${JSON.stringify(page.next)}}`;
      const headers = page.next === null ? [] : ['Link', nextLink({ ...query, limit }, page.next)];
      answer(ctx, 200, JSON_TYPE, text, headers);
    },
  });

  routes.add({
    method: 'DELETE',
    path: PATH,
    needs: 'write',
    touches: ({ prefix }) => prefix,
    isAudited: true,
    summary: 'Delete the entries whose keys have a prefix',
    description: 'An empty prefix needs the scope `admin` too.',
    query: bulkDeleteQuerySchema,
    headers: z.object(afterHeaders),
    answers: {
      '200': json('How many there were.', deletedManySchema),
      ...BAD_TARGET,
      ...OTHER_CLUSTER,
      '422': problem('The prefix is empty, and all=true is missing.'),
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, caller, query: { prefix, all } }) => {
      refuseConditions(ctx.req);
      if (prefix === '' && all !== 'true')
        throw unprocessable([
          { field: 'prefix', message: 'is empty: say all=true to delete every key' },
        ]);
      const told = audit === null ? undefined : audit.bind(null, ctx.req, caller);
      if (prefix === '') callers.require({ caller, refusal: null }, 'admin');
      const trace = traces?.of(ctx.req) ?? null;
      const gone = new AbortController();
      ctx.res.on('close', () => gone.abort());
      const count = await replica.writes.deletePrefix(prefix, told, trace, gone.signal);
      answerJson(ctx, texts.deletedMany(count));
    },
  });
}

interface TextPage {
  /** The members of the answer beside `next`. */
  readonly members: string;
  readonly next: string | null;
}

/** @param membersOf the members of an entry beside its key. */
function textPage<E extends PutHead>(
  { entries, next }: ListPage<E>,
  membersOf: (entry: E) => string,
): TextPage {
  const texts = entries.map((entry) => `{"key":${JSON.stringify(entry.key)},${membersOf(entry)}}`);
  return { members: `"entries":[${texts.join()}]`, next };
}

function levelPage({ entries, prefixes, next }: LevelPage): TextPage {
  const { members } = textPage({ entries, next }, timeMembers);
  return { members: `${members},"prefixes":${JSON.stringify(prefixes)}`, next };
}

const delimiterWithValues = (): Problem =>
  unprocessable([
    { field: 'delimiter', message: 'needs values=false: a level is listed without values' },
  ]);

interface ListQuery {
  readonly prefix: string;
  readonly limit: number;
  readonly values: string;
  readonly delimiter?: string | undefined;
}

function nextLink({ prefix, limit, values, delimiter }: ListQuery, after: string): string {
  const query = `prefix=${encodeURIComponent(prefix)}&after=${encodeURIComponent(after)}`;
  const bare = values === 'true' ? '' : '&values=false';
  const level = delimiter === undefined ? '' : `&delimiter=${encodeURIComponent(delimiter)}`;
  return `<${PATH}?${query}&limit=${limit}${bare}${level}>; rel="next"`;
}
