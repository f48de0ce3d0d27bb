/**
 * The past of a key: GET /cache/{key}?at=, where the point is a time, an lsn of this node's log, or a
 * cursor.
 */
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import { entryAt, type LiveEntry } from '../../log/tools/entriesAt.ts';
import { LineSource, type LineSourceParts } from '../../log/tools/lineSource.ts';
import { BeforeCutError, momentOf, PointNotHeldError } from '../../log/tools/moment.ts';
import { MalformedPointError, parsePoint } from '../../log/tools/point.ts';
import { Walk } from '../../log/tools/walk.ts';
import { OverloadedError } from '../../words/errors.ts';
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { answer, JSON_TYPE, PROBLEM_TYPE, taggedHeaders } from '../answer/answer.ts';
import { entryMembers, NOT_FOUND_TEXT } from '../answer/outcomeText.ts';
import { Problem } from '../answer/problem.ts';
import { type Answers, problem } from '../openapi/answers.ts';
import { etagOf } from '../request/conditions.ts';

/** The source of this node's past. */
export interface PastSource extends LineSourceParts {
  /** Counts the reads that wait or are under way. */
  readonly reads: PastReads;
}

/** Bounds the reads of the past: each walks the log, and one thread serves them all. */
export class PastReads {
  underWay = 0;
  readonly #maxReads: number;

  constructor({ maxPastReads }: Pick<Limits, 'maxPastReads'>) {
    this.#maxReads = maxPastReads;
  }

  /** @throws OverloadedError if too many reads wait already. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.underWay >= this.#maxReads)
      throw new OverloadedError(RETRY_AFTER_MS, 'reads of the past under way');
    this.underWay++;
    try {
      return await read();
    } finally {
      this.underWay--;
    }
  }
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
 * @throws Problem 410 if the point is before the cut, 422 if it is no point of this log;
 *   OverloadedError.
 */
export async function answerPast(
  ctx: RouterContext,
  past: PastSource,
  key: string,
  at: string,
): Promise<void> {
  const entry = await past.reads.run(() => find(new LineSource(past), key, at));
  if (entry === undefined) answer(ctx, 404, PROBLEM_TYPE, NOT_FOUND_TEXT);
  else answer(ctx, 200, JSON_TYPE, `{${entryMembers(entry.op)}}`, taggedHeaders(etagOf(entry.op)));
}

async function find(source: LineSource, key: string, at: string): Promise<LiveEntry | undefined> {
  try {
    const facts = await source.facts();
    const moment = await momentOf(source, facts, parsePoint(at, facts.nowMs));
    return await entryAt(source, moment, new Walk(0, facts.lastLsn), key);
  } catch (error) {
    if (error instanceof BeforeCutError) throw new Problem(410, error.message);
    if (error instanceof MalformedPointError || error instanceof PointNotHeldError)
      throw new Problem(422, error.message, {
        extensions: { errors: [{ field: 'at', message: 'is no point of this log' }] },
      });
    throw error;
  }
}
