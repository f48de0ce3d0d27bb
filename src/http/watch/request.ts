/** What a watch asks for, and whether it can be had here. */

import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import type { WatchHub } from '../../watch/hub/hub.ts';
import { type Cursor, decodeCursor, MalformedCursorError } from '../../words/cursor.ts';
import { OverloadedError, StoppedError } from '../../words/errors.ts';
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import type { AllowedOrigins } from '../request/pages.ts';
import { isLonger, queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import type { VectorWaits } from '../wait/waiting.ts';

const flag = (byDefault: 'true' | 'false', description: string) =>
  z.enum(['true', 'false'], 'must be true or false').default(byDefault).meta({ description });

export const watchQuerySchema = z.object({
  prefix: z.string().default('').meta({ description: 'Watch the keys that start so.' }),
  cursor: z
    .string()
    .optional()
    .meta({ description: 'Go on from here: the cursor of an event, from any node.' }),
  initial: flag('false', 'Without a cursor: tell the present entries first.'),
  values: flag('true', 'Whether puts carry the value.'),
});

export interface WatchQuery {
  readonly prefix: string;
  readonly cursor: string | null;
  readonly withState: boolean;
  readonly withValues: boolean;
}

/** What is needed to serve a watch, however it is served. */
export interface WatchParts {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly origins: AllowedOrigins;
  readonly hub: WatchHub;
  readonly waits: VectorWaits;
  /** How long a cursor that is ahead of this node is waited for, milliseconds. */
  readonly waitTimeoutMs: number;
}

/** @throws Problem 400 for what does not decode, 422 for what is malformed. */
export function watchQuery(request: IncomingMessage, maxKeyBytes: number): WatchQuery {
  const names = ['prefix', 'cursor', 'initial', 'values'] as const;
  const query = validate(watchQuerySchema, queryOf(request.url ?? '/', names));
  if (isLonger(query.prefix, maxKeyBytes))
    throw unprocessable([{ field: 'prefix', message: `must not be longer than a key may be` }]);
  return {
    prefix: query.prefix,
    cursor: query.cursor || null,
    withState: query.initial === 'true',
    withValues: query.values === 'true',
  };
}

/** @throws StoppedError, NotReadableError, OverloadedError: 503 for now. */
export function refuseForNow({ replica, hub }: WatchParts): void {
  if (hub.isStopped) throw new StoppedError();
  replica.readiness.requireReadable();
  if (hub.isFull) throw new OverloadedError(RETRY_AFTER_MS);
}

/**
 * Waits, where it must, until this node can go on from the cursor.
 *
 * @throws Problem 409 for a cursor of another cluster or one that is not reached in time, 422 for none.
 */
export async function admitCursor(
  text: string | null,
  options: WatchParts,
  signal: AbortSignal,
): Promise<Cursor | null> {
  if (text === null) return null;
  const { replica, waits, waitTimeoutMs } = options;
  const cursor = decode(text);
  if (cursor.cluster !== (replica.header.clusterId ?? ''))
    throw conflict('cluster', 'The cursor is of another cluster: start without one.');
  if (await waits.until(cursor.vector, waitTimeoutMs, signal)) return cursor;
  const seconds = waitTimeoutMs / 1000;
  throw conflict('ahead', `This node has not come to the cursor within ${seconds} s.`);
}

function decode(text: string): Cursor {
  try {
    return decodeCursor(text);
  } catch (error) {
    if (!(error instanceof MalformedCursorError)) throw error;
    throw unprocessable([{ field: 'cursor', message: 'is none that a node gave' }]);
  }
}

const conflict = (reason: 'cluster' | 'ahead', detail: string): Problem =>
  new Problem(409, detail, { extensions: { reason } });
