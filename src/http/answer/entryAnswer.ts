/** The answer to a read of one key: JSON, or raw bytes with the facts of the entry in headers (ADR 35). */
import type { Put } from '../../words/op.ts';
import { rawValueOf } from '../../words/rawValue.ts';
import { instantOf } from '../../words/time.ts';
import { etagOf } from '../request/conditions.ts';
import { type Answerable, answerBytes, answerTagged, taggedHeaders } from './answer.ts';
import { entryMembers, leftMember } from './outcomeText.ts';

/**
 * Bytes may be a page or a script of somebody who may only write. So a browser that opens them runs nothing, takes
 * them for nothing but their type, and shows them in no page of another origin.
 */
const HARMLESS: readonly string[] = [
  'Content-Security-Policy',
  "default-src 'none'; sandbox",
  'X-Content-Type-Options',
  'nosniff',
  'Cross-Origin-Resource-Policy',
  'same-origin',
];

/** @param nowMs the clock for the time that is left, UTC milliseconds; null: it is not asked for. */
export function answerEntry(to: Answerable, entry: Put, nowMs: (() => number) | null): void {
  const etag = etagOf(entry);
  const raw = rawValueOf(entry);
  if (raw === null) {
    const left = nowMs === null ? '' : `,${leftMember(entry, nowMs())}`;
    answerTagged(to, `{${entryMembers(entry)}${left}}`, etag);
    return;
  }
  const facts = ['Hearsay-Version', String(entry.version)];
  if (entry.expiresAt !== null) {
    facts.push('Hearsay-Expires-At', instantOf(entry.expiresAt));
    if (nowMs !== null)
      facts.push('Hearsay-TTL-Ms', String(Math.max(0, entry.expiresAt - nowMs())));
  }
  answerBytes(to, raw.type, raw.bytes, [...taggedHeaders(etag), ...facts, ...HARMLESS]);
}
