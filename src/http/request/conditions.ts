/**
 * Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13). The tag of an entry is its op
 * id, which no other value ever has.
 */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Condition, Entries } from '../../words/condition.ts';
import { formatOpId, type OpId } from '../../words/op.ts';
import type { WriteRequest } from '../../words/requests.ts';
import { type FieldError, unprocessable } from '../answer/problem.ts';

/** For the description only: `withCondition` reads these headers. */
export const conditionHeaders = {
  'If-Match': z.string().optional().meta({
    description:
      'ETags: carried out only if the live entry has one of them; *: only if there is a live entry.',
  }),
  'If-None-Match': z.string().optional().meta({
    description:
      'ETags: carried out only where the live entry has none of them; *: only where none is live.',
  }),
};

export const etagOf = (entry: OpId): string => `"${formatOpId(entry)}"`;

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g;

/** Whether the header names the tag, weak or strong: an op id names one entry either way. */
export function namesTag(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  for (const [, tag] of header.matchAll(ENTITY_TAG)) if (tag === etag) return true;
  return false;
}

/** One entity tag of a list, with the separator before the next one. */
const LISTED_TAG = /[ \t,]*(?:W\/)?"([^"]*)"[ \t]*(?=,|$)/y;
const NOTHING_MORE = /^[ \t,]*$/;

/** @throws Problem 422 for a malformed header. */
export function withCondition<Request extends WriteRequest>(
  request: Request,
  { headers }: IncomingMessage,
): Request {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch === undefined && ifNoneMatch === undefined) return request;
  const condition: Condition = {
    // Proxies that compress weaken a tag. An op id names one entry all the same, so a weak tag counts
    // as well.
    isOneOf: ifMatch === undefined ? null : entriesOf('If-Match', ifMatch),
    isNoneOf: ifNoneMatch === undefined ? null : entriesOf('If-None-Match', ifNoneMatch),
  };
  return { ...request, condition };
}

/**
 * Refuses conditions on writes to many keys, because no tag stands for several entries. A node that
 * ignored such a condition would overwrite entries that the client wanted to spare.
 *
 * @throws Problem 422
 */
export function refuseConditions({ headers }: IncomingMessage): void {
  const errors: FieldError[] = [];
  for (const field of ['If-Match', 'If-None-Match'])
    if (headers[field.toLowerCase()] !== undefined)
      errors.push({
        field,
        message: 'is not supported here: it is for GET, PUT, DELETE and touch of one key',
      });
  if (errors.length > 0) throw unprocessable(errors);
}

function entriesOf(field: string, header: string): Entries {
  if (header.trim() === '*') return 'any';
  const opIds: string[] = [];
  let end = 0;
  for (;;) {
    LISTED_TAG.lastIndex = end;
    const found = LISTED_TAG.exec(header);
    if (found === null) break;
    end = LISTED_TAG.lastIndex;
    const [, opId = ''] = found;
    opIds.push(opId);
  }
  if (end === 0 || !NOTHING_MORE.test(header.slice(end)))
    throw unprocessable([{ field, message: 'must be *, or ETags with their double quotes' }]);
  return opIds;
}
