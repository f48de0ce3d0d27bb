/** Entity tags (RFC 9110, section 8.8.3): an entry's is its op id, which no other value ever has. */
import { formatOpId, type OpId } from '../../words/op.ts';

export const etagOf = (entry: OpId): string => `"${formatOpId(entry)}"`;

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g;

/** Whether If-None-Match names the tag: weak comparison, as RFC 9110, section 13.1.2, has it. */
export function namesTag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  for (const [, tag] of ifNoneMatch.matchAll(ENTITY_TAG)) if (tag === etag) return true;
  return false;
}
