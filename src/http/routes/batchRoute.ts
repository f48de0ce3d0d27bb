/** Many ops in one request and one commit: POST /cache. */
import { z } from 'zod';
import { JSON_TYPE, NDJSON_TYPE } from '../answer/answer.ts';
import { batchResultsSchema } from '../openapi/answerSchemas.ts';
import { BAD_BODY, NOT_HERE_YET, NOT_STORED, OTHER_CLUSTER } from '../openapi/answers.ts';
import { hasLines } from '../request/body.ts';
import { refuseConditions } from '../request/conditions.ts';
import type { Schemas } from '../request/schemas.ts';
import { afterHeaders } from '../wait/after.ts';
import type { BatchAnswers } from './batchAnswers.ts';
import type { BulkStreams } from './bulkStream.ts';
import type { Routes } from './route.ts';

export interface BatchRouteOptions {
  readonly schemas: Schemas;
  readonly batches: BatchAnswers;
  readonly streams: BulkStreams;
}

export function addBatchRoute(
  routes: Routes,
  { schemas, batches, streams }: BatchRouteOptions,
): void {
  routes.add({
    method: 'POST',
    path: '/cache',
    needs: ['read', 'write'],
    touches: 'none',
    summary: 'Carry out many ops in order, in one commit',
    query: z.object({}),
    headers: z.object(afterHeaders),
    description:
      'Each op needs the scope of its single request, and a key within the prefixes of the token. With the type application/x-ndjson each line of the body is an op. Each gets a line of answer, which has the number of its `line`, while the body ' +
      'still comes, so a client must read while it sends; the last line has the count of ops and the token.',
    body: schemas.batchBody,
    lines: schemas.batchOp,
    answers: {
      '200': {
        description: 'One result an op, each with the status of the single request.',
        content: {
          [JSON_TYPE]: { schema: batchResultsSchema },
          [NDJSON_TYPE]: { schema: z.string() },
        },
      },
      ...OTHER_CLUSTER,
      ...BAD_BODY,
      ...NOT_STORED,
      ...NOT_HERE_YET,
    },
    handler: ({ ctx, caller }) => {
      if (!hasLines(ctx.req)) return batches.answer(ctx, caller);
      refuseConditions(ctx.req);
      return streams.answer(ctx, caller);
    },
  });
}
