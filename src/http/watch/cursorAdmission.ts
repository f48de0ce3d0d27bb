/** Decides whether a watch may go on from a cursor at this node. */
import type { Replica } from '../../replica/replica.ts';
import { type Cursor, decodeCursor, MalformedCursorError } from '../../words/cursor.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import { missingIn, namesTooManyLogs, type VectorWaits } from '../wait/vectorWaits.ts';

export interface CursorPlace {
  readonly replica: Replica;
  readonly waits: VectorWaits;
  /** The longest wait for a cursor that is ahead of this node, in milliseconds. */
  readonly waitTimeoutMs: number;
}

export interface AdmittedCursor {
  readonly cursor: Cursor | null;
  /** Whether the client's copy can't be mended, so that it gets a reset. */
  readonly startsAnew: boolean;
}

/**
 * Waits, if necessary, until this node can go on from the cursor.
 *
 * @throws Problem 409 for a cursor of another cluster or one that is not reached in time, 422 for a
 *   text that is no cursor.
 */
export async function admitCursor(
  text: string | null,
  { replica, waits, waitTimeoutMs }: CursorPlace,
  signal: AbortSignal,
): Promise<AdmittedCursor> {
  if (text === null) return { cursor: null, startsAnew: false };
  const cursor = decode(text);
  if (cursor.cluster !== (replica.header.clusterId ?? ''))
    throw conflict('cluster', 'The cursor is of another cluster: start without one.');
  const needed = new Map([...cursor.vector, ...(cursor.relies ?? [])]);
  const missing = missingIn(needed, replica.vector);
  // Ops that only a retired log had told are nowhere any more, and will never come.
  const isLost = ([origin]: readonly [string, number]): boolean =>
    replica.members.isRetired(origin);
  const hasLost = [...missing].some(isLost);
  const waited = new Map([...missing].filter((one) => !isLost(one)));
  if (namesTooManyLogs(waited, replica.vector))
    throw conflict('ahead', 'The cursor names more logs than this node knows: start without one.');
  if (await waits.until(waited, waitTimeoutMs, signal)) return { cursor, startsAnew: hasLost };
  // Nothing that was told is missing here, but perhaps what was not told is not to be told either.
  const isOnlyRelied = [...missingIn(cursor.vector, replica.vector)].every(isLost);
  if (isOnlyRelied && !signal.aborted) return { cursor, startsAnew: true };
  const seconds = waitTimeoutMs / 1000;
  throw conflict('ahead', `This node has not come to the cursor within ${seconds} s.`);
}

function decode(text: string): Cursor {
  try {
    return decodeCursor(text);
  } catch (error) {
    if (!(error instanceof MalformedCursorError)) throw error;
    throw unprocessable([{ field: 'cursor', message: 'is no cursor that a node gave' }]);
  }
}

const conflict = (reason: 'cluster' | 'ahead', detail: string): Problem =>
  new Problem(409, detail, { extensions: { reason } });
