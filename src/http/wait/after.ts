/** `Hearsay-After`: a request is answered once this node holds the writes that its tokens name. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import { isEndedFor } from '../../rules/endedOrigins.ts';
import { type Cursor, decodeCursor, MalformedCursorError } from '../../words/cursor.ts';
import { type MutableVector, raise } from '../../words/vector.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import { missingIn, namesTooManyLogs, type VectorWaits } from './vectorWaits.ts';

export const AFTER_HEADER = 'Hearsay-After';
const AFTER_NAME = 'hearsay-after';

/** For the description only: every route is behind `waitAfter`. */
export const afterHeaders = {
  [AFTER_HEADER]: z.string().optional().meta({
    description: 'Tokens, separated by commas: answer once this node holds those writes.',
  }),
};

/** The most tokens in one header: one for each node that a client has written through. */
const MAX_TOKENS = 100;

export interface AfterOptions {
  readonly replica: Replica;
  readonly waits: VectorWaits;
  /** The longest wait, in milliseconds. */
  readonly waitTimeoutMs: number;
}

/** Whether the request names writes that it waits for. */
export const namesTokens = ({ headers }: IncomingMessage): boolean =>
  headers[AFTER_NAME] !== undefined;

/**
 * Resolves once the request may be answered.
 *
 * @throws Problem 409 for a token of another cluster or of many unknown logs, 422 for a text that is no
 *   token, 504 when the time is over, and at once if the write was lost with its node.
 */
export const waitAfter = ({ headers }: IncomingMessage, options: AfterOptions): Promise<void> =>
  waitForTokens(String(headers[AFTER_NAME]).split(','), options);

async function waitForTokens(
  texts: readonly string[],
  { replica, waits, waitTimeoutMs }: AfterOptions,
): Promise<void> {
  if (texts.length > MAX_TOKENS) throw malformed(`holds more than ${MAX_TOKENS} tokens`);
  const vector: MutableVector = new Map();
  for (const text of texts) {
    const token = decodeToken(text.trim());
    if (token.cluster !== (replica.header.clusterId ?? ''))
      throw new Problem(409, 'The token is of another cluster.', {
        extensions: { reason: 'cluster' },
      });
    for (const [origin, seq] of token.vector) raise(vector, origin, seq);
  }
  const missing = missingIn(vector, replica.vector);
  const memberOps = missing.size === 0 ? [] : replica.members.ops();
  for (const origin of missing.keys())
    if (isEndedFor(origin, memberOps, replica.header.stable))
      throw new Problem(
        504,
        `The write can't come to this node any more: ${origin} was retired before any member had it.`,
      );
  if (namesTooManyLogs(missing, replica.vector))
    throw new Problem(409, 'The tokens name more logs than this node knows: ask without them.', {
      extensions: { reason: 'ahead' },
    });
  if (await waits.until(vector, waitTimeoutMs)) return;
  throw new Problem(504, `The write has not come to this node within ${waitTimeoutMs} ms.`);
}

function decodeToken(text: string): Cursor {
  try {
    return decodeCursor(text);
  } catch (error) {
    if (error instanceof MalformedCursorError) throw malformed('is no token that a node gave');
    throw error;
  }
}

const malformed = (message: string): Problem => unprocessable([{ field: AFTER_HEADER, message }]);
