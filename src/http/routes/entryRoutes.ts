/** One key: GET, PUT and DELETE /cache/{key}. */
import { z } from 'zod';
import { ANY_TYPE, JSON_TYPE } from '../answer/answer.ts';
import { type Problem, unprocessable } from '../answer/problem.ts';
import {
  deletedSchema,
  readEntrySchema,
  storedSchema,
  touchedSchema,
} from '../openapi/answerSchemas.ts';
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
import type { BodyReader } from '../request/body.ts';
import { conditionHeaders, withCondition } from '../request/conditions.ts';
import { isPlainPut } from '../request/plainWrites.ts';
import { rawPutHeaders, TTL_HEADER, VERSION_HEADER } from '../request/rawPut.ts';
import { readPut } from '../request/readPut.ts';
import { putBodySchema, touchBodySchema } from '../request/schemas.ts';
import { deleteRequest, touchRequestOf } from '../request/writes.ts';
import { acksQuerySchema, deleteQuerySchema } from '../wait/acks.ts';
import { afterHeaders } from '../wait/after.ts';
import type { EntryAnswers } from './entryAnswers.ts';
import { AT_ANSWERS, answerPast, atQuerySchema, type PastSource } from './pastEntry.ts';
import type { Routes } from './route.ts';

const PATH = '/cache/{key}';

const getQuerySchema = atQuerySchema.extend({
  fields: z
    .enum(['ttl'], 'must be ttl')
    .optional()
    .meta({ description: 'ttl: the answer also tells in `ttl_ms` the time that is left.' }),
});

const writeHeaders = z.object({ ...conditionHeaders, ...afterHeaders });

export interface EntryRouteOptions {
  readonly entries: EntryAnswers;
  readonly bodies: BodyReader;
  /** Null: the log is in memory, and the node can't read its past. */
  readonly past: PastSource | null;
  /** UTC milliseconds. */
  readonly nowMs: () => number;
}

export function addEntryRoutes(routes: Routes, options: EntryRouteOptions): void {
  const { entries } = options;
  addGetRoute(routes, options);
  addPutRoute(routes, options);
  addDeleteRoute(routes, entries);
  addTouchRoute(routes, entries);
}

function addGetRoute(routes: Routes, { entries, past, nowMs }: EntryRouteOptions): void {
  routes.add({
    method: 'GET',
    path: PATH,
    needs: 'read',
    touches: 'key',
    summary: 'Read an entry',
    query: getQuerySchema,
    otherParameters: 'ignore',
    headers: z.object({
      'If-Match': z.string().optional(),
      'If-None-Match': z.string().optional(),
      ...afterHeaders,
    }),
    answers: {
      '200': {
        description: 'The entry; or raw bytes, with the type that they were stored with.',
        content: { [JSON_TYPE]: { schema: readEntrySchema }, [ANY_TYPE]: {} },
        headers: z.object({
          ETag: z.string().meta({ description: 'The id of its op.' }),
          [VERSION_HEADER]: z
            .string()
            .optional()
            .meta({ description: 'Of raw bytes: the version.' }),
          'Hearsay-Expires-At': z
            .string()
            .optional()
            .meta({ description: 'Of raw bytes that expire: the time (RFC 3339).' }),
          [TTL_HEADER]: z.string().optional().meta({
            description: 'Of raw bytes that expire, with fields=ttl: the milliseconds left.',
          }),
        }),
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
    handler: ({ ctx, query, key }) => {
      if (query.at !== undefined && query.fields !== undefined) throw leftInThePast();
      if (query.at !== undefined && past !== null) {
        entries.requireReadable();
        return answerPast(ctx, past, key, query.at);
      }
      return entries.read(ctx, key, query.fields === undefined ? null : nowMs);
    },
  });
}

const leftInThePast = (): Problem =>
  unprocessable([{ field: 'fields', message: 'goes without at: the time left is that of now' }]);

function addPutRoute(routes: Routes, { entries, bodies }: EntryRouteOptions): void {
  routes.add({
    method: 'PUT',
    path: PATH,
    needs: 'write',
    touches: 'key',
    summary: 'Store a value under a version above the live one',
    description:
      'A body of another type than JSON is stored as it is, with its Content-Type: then the headers name the ' +
      'version and the time to live, and a GET gives the bytes back. Where such an entry is shown in JSON, its value ' +
      'is `{"bytes", "type"}`, with the bytes in base64, and its `meta` is `bytes`.',
    query: acksQuerySchema,
    otherParameters: 'ignore',
    headers: writeHeaders.extend(rawPutHeaders),
    body: putBodySchema,
    takesBytes: true,
    isPlain: isPlainPut,
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
    handler: async ({ ctx, caller, query, key, readBody }) =>
      entries.write(ctx, caller, await readPut(ctx.req, key, bodies, readBody), query),
  });
}

function addDeleteRoute(routes: Routes, entries: EntryAnswers): void {
  routes.add({
    method: 'DELETE',
    path: PATH,
    needs: 'write',
    touches: 'key',
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
    handler: ({ ctx, caller, query, key }) =>
      entries.write(ctx, caller, withCondition(deleteRequest(key, query.version), ctx.req), query),
  });
}

function addTouchRoute(routes: Routes, entries: EntryAnswers): void {
  routes.add({
    method: 'POST',
    path: `${PATH}/touch`,
    needs: 'write',
    touches: 'key',
    summary: 'Give a live entry another time to live',
    description:
      'The entry keeps its value and its version. It gets another ETag. A greater version and a DELETE beat a ' +
      'touch, wherever they were made.',
    query: acksQuerySchema,
    headers: writeHeaders,
    body: touchBodySchema,
    answers: {
      '200': json('Touched, and durable on this node.', touchedSchema),
      '404': problem('Not found, or expired.'),
      ...OTHER_CLUSTER,
      ...PRECONDITION_FAILED,
      ...BAD_TARGET,
      ...LONG_KEY,
      ...BAD_BODY,
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, caller, query, key, readBody }) => {
      const request = touchRequestOf(key, await readBody());
      return entries.write(ctx, caller, withCondition(request, ctx.req), query);
    },
  });
}
