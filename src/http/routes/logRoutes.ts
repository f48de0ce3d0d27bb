/** The log of this node for the tools: GET /_log, GET /_log/rows, POST /_log/compact. */
import { z } from 'zod';
import { factsJson } from '../../log/tools/factsJson.ts';
import type { LineReader } from '../../log/tools/lineReader.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Callers } from '../access/callers.ts';
import { answerJson, NDJSON_TYPE } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import type { SlowRequests } from '../limits/slowRequests.ts';
import { BAD_QUERY, json, problem } from '../openapi/answers.ts';
import { streamRows } from './logRows.ts';
import { compactQuerySchema, logRowsQuerySchema } from './logSchemas.ts';
import type { Routes } from './route.ts';

export interface LogRouteOptions {
  readonly replica: Replica;
  readonly reader: LineReader;
  /** Aborted when the node stops, so that no reader goes on following. */
  readonly stopping: AbortSignal;
  /**
   * Compacts now.
   *
   * @param retentionMs null: the node's own setting.
   * @returns the number of compacted rows; null if a compaction is under way already.
   */
  readonly compact: (retentionMs: number | null) => Promise<number | null>;
}

export function addLogRoutes(
  routes: Routes,
  {
    replica,
    reader,
    stopping,
    compact,
    callers,
    slow,
  }: LogRouteOptions & { readonly callers: Callers; readonly slow: SlowRequests },
): void {
  routes.add({
    method: 'GET',
    path: '/_log',
    needs: 'log',
    touches: 'all',
    summary: 'What is known of the log of this node as a whole',
    answers: {
      '200': json(
        'Its header, and the record of each origin.',
        z.looseObject({
          node: z.string(),
          first_lsn: z.int(),
          last_lsn: z.int(),
          size_bytes: z.int(),
        }),
      ),
    },
    handler: async ({ ctx }) => {
      const facts = factsJson(await slow.answer(ctx.res, () => reader.facts()));
      answerJson(ctx, JSON.stringify({ node: replica.nodeId, ...facts }));
    },
  });

  routes.add({
    method: 'GET',
    path: '/_log/rows',
    needs: 'log',
    touches: 'all',
    summary: 'The rows of the log of this node',
    query: logRowsQuerySchema,
    answers: {
      '200': {
        description:
          'One line of JSON a row; at the end one with `next`, after which lsn the next page starts.',
        content: { [NDJSON_TYPE]: { schema: z.string() } },
      },
      ...BAD_QUERY,
    },
    handler: ({ ctx, caller, query }) => {
      ctx.res.once(
        'close',
        callers.hold(caller, () => ctx.res.destroy()),
      );
      return streamRows(ctx, { replica, reader, stopping, query, slow });
    },
  });

  routes.add({
    method: 'POST',
    path: '/_log/compact',
    needs: 'admin',
    touches: 'none',
    summary: 'Compact the log of this node now',
    query: compactQuerySchema,
    answers: {
      '200': json('How many rows went.', z.object({ node: z.string(), rows: z.int() })),
      '409': problem('A compaction is under way.'),
      ...BAD_QUERY,
    },
    handler: async ({ ctx, query }) => {
      const rows = await compact(query.retention_ms ?? null);
      if (rows === null)
        throw new Problem(409, 'A compaction is under way; try again when it is done.');
      answerJson(ctx, JSON.stringify({ node: replica.nodeId, rows }));
    },
  });
}
