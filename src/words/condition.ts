/**
 * The condition that a live entry must meet before a request changes anything (RFC 9110, section 13).
 * It is decided with the request itself: a client that read first and then wrote would race every other
 * writer.
 */
import { formatOpId, type OpId } from './op.ts';

/** `any` stands for every entry; otherwise the op ids of entries, in the form of `formatOpId`. */
export type Entries = 'any' | readonly string[];

/** A null side sets no condition. */
export interface Condition {
  /** The key must be live, and its entry one of these. */
  readonly isOneOf: Entries | null;
  /** The key must be dead or absent, or its entry none of these. */
  readonly isNoneOf: Entries | null;
}

const isAmong = (live: OpId | undefined, entries: Entries): boolean =>
  live !== undefined && (entries === 'any' || entries.includes(formatOpId(live)));

/** @param live the live entry of the key. */
export const holds = ({ isOneOf, isNoneOf }: Condition, live: OpId | undefined): boolean =>
  (isOneOf === null || isAmong(live, isOneOf)) && (isNoneOf === null || !isAmong(live, isNoneOf));
