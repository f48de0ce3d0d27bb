/** GET /openapi.json: the description of this surface, made from the schemas that validate. */
import type { Router } from '@koa/router';
import { z } from 'zod';
import { createDocument, type ZodOpenApiResponseObject } from 'zod-openapi';
import { answerJson, JSON_TYPE, PROBLEM_TYPE } from '../answer/answer.ts';
import { bulkDeleteQuerySchema, putBodySchema, type Schemas } from '../request/schemas.ts';
import { addRoute } from '../routes/route.ts';
import { acksQuerySchema, deleteQuerySchema } from '../wait/acks.ts';
import { AFTER_HEADER } from '../wait/after.ts';
import { describeWatch } from '../watch/watchDescription.ts';
import {
  batchResultsSchema,
  clusterSchema,
  deletedManySchema,
  deletedSchema,
  entrySchema,
  healthSchema,
  listSchema,
  problemSchema,
  storedSchema,
} from './answerSchemas.ts';
import { AT_ANSWERS, atQuerySchema, describeLog } from './logDescription.ts';

export function addOpenApiRoute(router: Router, schemas: Schemas, version: string): void {
  const text = JSON.stringify(describeApi(schemas, version));
  addRoute(router, 'GET', '/openapi.json', (ctx) => answerJson(ctx, text));
}

const ok = (description: string, schema: z.ZodType): ZodOpenApiResponseObject => ({
  description,
  content: { [JSON_TYPE]: { schema } },
});

const problem = (description: string): ZodOpenApiResponseObject => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
});

const json = (schema: z.ZodType) => ({
  required: true,
  content: { [JSON_TYPE]: { schema } },
});

const BAD_TARGET = { '400': problem('The path or the query does not decode.') };
const BAD_BODY = {
  '413': problem('The body is too long.'),
  '415': problem('The body is not declared as JSON in UTF-8.'),
  '422': problem('A field is missing or wrong; `errors` names it.'),
};
const NOT_STORED = {
  '500': problem('Whether it is stored is unknown; the node stops.'),
  '503': problem(
    'Too much is waiting, or the node has not joined or caught up yet: see Retry-After.',
  ),
  '507': problem('The disk is full; nothing was stored.'),
};
const CONFLICT = { '409': problem('Version conflict: the live version is `current_version`.') };
const CONDITIONS = {
  'If-Match': z.string().optional().meta({
    description:
      'ETags: carried out only where the live entry has one of them; *: only where one is live.',
  }),
  'If-None-Match': z.string().optional().meta({
    description:
      'ETags: carried out only where the live entry has none of them; *: only where none is live.',
  }),
};
const PRECONDITION_FAILED = {
  '412': problem(
    'If-Match or If-None-Match does not hold; nothing was changed. `current_version` is the live one.',
  ),
};
const LONG_KEY = { '414': problem('The key is too long.') };
const AFTER = {
  [AFTER_HEADER]: z.string().optional().meta({
    description: 'Tokens, separated by commas: answer once this node holds those writes.',
  }),
};
const afterHeader = z.object(AFTER);
const UNKNOWN_YET = { '503': problem('The node has not joined its cluster yet.') };
const writeHeaders = z.object({ ...CONDITIONS, ...AFTER });
const NOT_HERE_YET = { '504': problem('What Hearsay-After names has not come here in time.') };
const OTHER_CLUSTER = { '409': problem('A token of Hearsay-After is of another cluster.') };

function describeApi(schemas: Schemas, version: string): object {
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Hearsay', version },
    paths: {
      '/cache/{key}': describeEntry(schemas),
      '/cache': describeCache(schemas),
      '/watch': describeWatch(),
      '/_cluster': {
        get: {
          summary: 'What this node knows of itself and its peers',
          responses: { '200': ok('The cluster as seen from here.', clusterSchema) },
        },
      },
      ...describeLog(),
      '/_health': {
        get: {
          summary: 'Whether the node serves',
          responses: {
            '200': ok('It does.', healthSchema),
            '503': ok('It does not.', healthSchema),
          },
        },
      },
      '/metrics': {
        get: {
          summary: 'Metrics for Prometheus',
          responses: { '200': { description: 'Text.', content: { 'text/plain': {} } } },
        },
      },
    },
  });
}

function describeEntry({ key }: Schemas) {
  const path = z.object({ key });
  return {
    get: {
      summary: 'Read an entry',
      requestParams: {
        path,
        query: atQuerySchema,
        header: z.object({ 'If-None-Match': z.string().optional(), ...AFTER }),
      },
      responses: {
        '200': {
          ...ok('The entry.', entrySchema),
          headers: z.object({ ETag: z.string().meta({ description: 'The id of its op.' }) }),
        },
        '304': { description: 'The entry is the one that If-None-Match names.' },
        '404': problem('Not found, or expired.'),
        ...UNKNOWN_YET,
        ...AT_ANSWERS,
        ...OTHER_CLUSTER,
        ...BAD_TARGET,
        ...LONG_KEY,
        ...NOT_HERE_YET,
      },
    },
    put: {
      summary: 'Store a value under a version above the live one',
      requestParams: { path, query: acksQuerySchema, header: writeHeaders },
      requestBody: json(putBodySchema),
      responses: {
        '200': ok('Stored, and durable on this node.', storedSchema),
        ...CONFLICT,
        ...PRECONDITION_FAILED,
        ...BAD_TARGET,
        ...LONG_KEY,
        ...BAD_BODY,
        ...NOT_STORED,
        ...NOT_HERE_YET,
      },
    },
    delete: {
      summary: 'Delete an entry',
      requestParams: { path, query: deleteQuerySchema, header: writeHeaders },
      responses: {
        '200': ok('Deleted, whether it was there or not.', deletedSchema),
        ...CONFLICT,
        ...PRECONDITION_FAILED,
        ...BAD_TARGET,
        ...LONG_KEY,
        '422': problem('A parameter is wrong.'),
        ...NOT_STORED,
        ...NOT_HERE_YET,
      },
    },
  };
}

function describeCache({ batchBody, listQuery }: Schemas) {
  return {
    get: {
      summary: 'List entries by the prefix of their keys',
      requestParams: { query: listQuery, header: afterHeader },
      responses: {
        '200': {
          ...ok('In order of the UTF-16 code units of the keys.', listSchema),
          headers: z.object({
            Link: z.string().optional().meta({ description: 'The next page (RFC 8288).' }),
          }),
        },
        ...BAD_TARGET,
        ...OTHER_CLUSTER,
        '422': problem('A parameter is wrong.'),
        ...NOT_HERE_YET,
      },
    },
    post: {
      summary: 'Carry out many ops in order, in one commit',
      requestParams: { header: afterHeader },
      requestBody: json(batchBody),
      responses: {
        '200': ok(
          'One result an op, each with the status of the single request.',
          batchResultsSchema,
        ),
        ...OTHER_CLUSTER,
        ...BAD_BODY,
        ...NOT_STORED,
        ...NOT_HERE_YET,
      },
    },
    delete: {
      summary: 'Delete the entries whose keys have a prefix',
      requestParams: { query: bulkDeleteQuerySchema },
      responses: {
        '200': ok('How many there were.', deletedManySchema),
        ...BAD_TARGET,
        '422': problem('The prefix is empty, and all=true is missing.'),
        ...NOT_STORED,
      },
    },
  };
}
