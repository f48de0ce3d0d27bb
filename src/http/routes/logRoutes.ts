/** The log of this node for the tools: GET /_log, GET /_log/rows, POST /_log/compact. */
import type { Router, RouterContext } from '@koa/router';
import { factsJson } from '../../log/tools/factsJson.ts';
import type { LineReader } from '../../log/tools/lineReader.ts';
import type { Replica } from '../../replica/replica.ts';
import { answerJson } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import { tokenGuard } from '../request/internalToken.ts';
import { queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import { streamRows } from './logRows.ts';
import { compactQuerySchema, logRowsQuerySchema } from './logSchemas.ts';
import { addRoute } from './route.ts';

/** What these routes need; a node whose log is in memory has none of them. */
export interface LogParts {
  readonly reader: LineReader;
  readonly token: string;
  /** Aborted when the node stops, so that nobody goes on following. */
  readonly stopping: AbortSignal;
  /**
   * Compacts now.
   *
   * @param retentionMs null: as the node is set.
   * @returns how many rows went; null where a compaction is under way already.
   */
  readonly compact: (retentionMs: number | null) => Promise<number | null>;
}

const ROWS_NAMES = ['after', 'upto', 'before', 'lsns', 'key', 'limit', 'values', 'follow'] as const;

export function addLogRoutes(router: Router, replica: Replica, parts: LogParts): void {
  const guard = tokenGuard(parts.token);
  const add = (
    method: 'GET' | 'POST',
    path: string,
    handler: (ctx: RouterContext) => Promise<void>,
  ): void =>
    addRoute(router, method, path, async (ctx) => {
      guard(ctx.req);
      await handler(ctx);
    });

  add('GET', '/_log', async (ctx) => {
    const facts = factsJson(await parts.reader.facts());
    answerJson(ctx, JSON.stringify({ node: replica.nodeId, ...facts }));
  });

  add('GET', '/_log/rows', async (ctx) => {
    const query = validate(logRowsQuerySchema, queryOf(ctx.req.url ?? '', ROWS_NAMES));
    await streamRows(ctx, replica, parts, query);
  });

  add('POST', '/_log/compact', async (ctx) => {
    const query = validate(compactQuerySchema, queryOf(ctx.req.url ?? '', ['retention_ms']));
    const rows = await parts.compact(query.retention_ms ?? null);
    if (rows === null)
      throw new Problem(409, 'A compaction is under way; try again when it is done.');
    answerJson(ctx, JSON.stringify({ node: replica.nodeId, rows }));
  });
}
