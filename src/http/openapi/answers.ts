/** Answers as the rows of routes name them, for openapi.json. */
import type { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { JSON_TYPE, PROBLEM_TYPE } from '../answer/answer.ts';
import { problemSchema } from './answerSchemas.ts';

/** Answers by status. */
export type Answers = Readonly<Record<`${number}`, ZodOpenApiResponseObject>>;

export const json = (description: string, schema: z.ZodType): ZodOpenApiResponseObject => ({
  description,
  content: { [JSON_TYPE]: { schema } },
});

export const problem = (description: string): ZodOpenApiResponseObject => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
});

export const BAD_TARGET: Answers = { '400': problem('The path or the query does not decode.') };
export const BAD_QUERY: Answers = { '422': problem('A parameter is wrong.') };
export const BAD_FIELD: Answers = {
  '422': problem('A field is missing or wrong; `errors` names it.'),
};
export const BAD_BODY: Answers = {
  '413': problem('The body is too long.'),
  '415': problem('The body is not declared as JSON in UTF-8.'),
  ...BAD_FIELD,
};
export const NOT_STORED: Answers = {
  '500': problem('Whether it is stored is unknown; the node stops.'),
  '503': problem(
    'Too much is waiting, or the node has not joined or caught up yet: see Retry-After.',
  ),
  '507': problem('The disk is full, or keys fill the memory; nothing was stored.'),
};
export const CONFLICT: Answers = {
  '409': problem(
    'Version conflict: the live version is `current_version`. The version `"next"` is always the one after it.',
  ),
};
export const PRECONDITION_FAILED: Answers = {
  '412': problem(
    'If-Match or If-None-Match does not hold; nothing was changed. `current_version` is the live one.',
  ),
};
export const LONG_KEY: Answers = { '414': problem('The key is too long.') };
export const UNKNOWN_YET: Answers = {
  '503': problem(
    'The node has not joined its cluster yet, or too many requests wait for the disk.',
  ),
};
export const NOT_HERE_YET: Answers = {
  '504': problem('What Hearsay-After names has not come here in time.'),
};
export const OTHER_CLUSTER: Answers = {
  '409': problem('A token of Hearsay-After is of another cluster.'),
};
/** Of every path (RFC 9110, section 15.5.20). */
export const MISDIRECTED: Answers = {
  '421': problem('The node does not know itself by the name in Host.'),
};
export const NOT_ALLOWED: Answers = {
  '401': problem('The token is missing, wrong, or has expired.'),
  '403': problem('The token lacks the scope, or is for keys with other prefixes.'),
  '429': problem(
    'The token may send no more requests a second, too many slow requests are under way, or too many ' +
      'wrong tokens have come from this address: see `type` and Retry-After.',
  ),
};
