/**
 * The past of a key: GET /cache/{key}?at=, where the point is a time, an lsn of this node's log, or a
 * cursor.
 */
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import { entryAt } from '../../log/tools/entriesAt.ts';
import { LineSource, type LineSourceParts } from '../../log/tools/lineSource.ts';
import type { LogSource } from '../../log/tools/logSource.ts';
import {
  BeforeCutError,
  type Moment,
  momentOf,
  PointNotHeldError,
} from '../../log/tools/moment.ts';
import { MalformedPointError, parsePoint } from '../../log/tools/point.ts';
import { Walk } from '../../log/tools/walk.ts';
import { answer, PROBLEM_TYPE } from '../answer/answer.ts';
import { answerEntry } from '../answer/entryAnswer.ts';
import { NOT_FOUND_TEXT } from '../answer/outcomeText.ts';
import { Problem } from '../answer/problem.ts';
import type { SlowRequests } from '../limits/slowRequests.ts';
import { type Answers, problem } from '../openapi/answers.ts';

/** The source of this node's past. */
export interface PastSource extends LineSourceParts {
  /** Each read walks the log, and one thread serves them all. */
  readonly slow: SlowRequests;
}

export const atQuerySchema = z.object({
  at: z.string().optional().meta({
    description:
      'The entry as this node held it at a time (RFC 3339, or `-10m`), an lsn (`lsn:123`) or a cursor.',
  }),
});

export const AT_ANSWERS: Answers = {
  '410': problem('`at` is before the cut: compaction has removed rows of that time.'),
  '422': problem('`at` is no point of the log of this node.'),
};

/**
 * @throws Problem 410 if the point is before the cut, 422 if it is no point of this log, 429 if too many
 *   slow requests are under way.
 */
export async function answerPast(
  ctx: RouterContext,
  past: PastSource,
  key: string,
  at: string,
): Promise<void> {
  const entry = await past.slow.answer(ctx.res, () =>
    readPast(past, at, (source, moment, walk) => entryAt(source, moment, walk, key)),
  );
  if (entry === undefined) answer(ctx, 404, PROBLEM_TYPE, NOT_FOUND_TEXT);
  else answerEntry(ctx, entry.op, null);
}

/**
 * Reads this node's log as of the point.
 *
 * @throws Problem 410, 422
 */
export async function readPast<T>(
  past: PastSource,
  at: string,
  read: (source: LogSource, moment: Moment, walk: Walk) => Promise<T>,
): Promise<T> {
  const source = new LineSource(past);
  try {
    const facts = await source.facts();
    const moment = await momentOf(source, facts, parsePoint(at, facts.nowMs));
    return await read(source, moment, new Walk(0, facts.lastLsn));
  } catch (error) {
    if (error instanceof BeforeCutError) throw new Problem(410, error.message);
    if (error instanceof MalformedPointError || error instanceof PointNotHeldError)
      throw new Problem(422, error.message, {
        extensions: { errors: [{ field: 'at', message: 'is no point of this log' }] },
      });
    throw error;
  }
}
