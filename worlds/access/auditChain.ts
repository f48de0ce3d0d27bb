/**
 * The lines of an audit log as a chain: each has its number, the hash of the line before it, and its own
 * hash. A line that was changed, removed or inserted breaks the chain at its place.
 *
 * The lines are linked as in Haber and Stornetta, "How to time-stamp a digital document" (1991). A person
 * who may write both the lines and the head can forge the chain whole: a last hash that is kept elsewhere
 * shows that too.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Action, Role } from '../rules/grants.ts';

/** Actions that are no request of the table of grants. */
export type AuditedAction =
  | Action
  | 'identity.guest'
  | 'identity.login'
  | 'identity.reuse'
  | 'identity.logout';

export interface AuditRecord {
  /** A player, a session, an operator or a process. */
  readonly who: string;
  /** Null: the caller has shown none. */
  readonly role: Role | null;
  readonly action: AuditedAction;
  /** The thing that it was done to, such as `eu/meadow`. */
  readonly target: string;
  readonly result: 'done' | 'refused' | 'failed';
  /** Of a refusal or a failure, in a word or a few. */
  readonly reason?: string;
}

/** The end of a chain: its last line. */
export interface ChainEnd {
  /** Of the last line; 0: there is none yet. */
  readonly seq: number;
  readonly hash: string;
}

export const NO_LINES: ChainEnd = { seq: 0, hash: '' };

const MAX_TEXT = 200;
const HASHED_LINE = /^(\{.*),"hash":"([\w-]{43})"\}$/;

const lineSchema = z.looseObject({
  seq: z.int().min(1),
  at: z.iso.datetime(),
  who: z.string(),
  role: z.string().nullable(),
  action: z.string(),
  target: z.string(),
  result: z.string(),
  reason: z.string().optional(),
  previous: z.string(),
  hash: z.string(),
});

export type AuditLine = z.output<typeof lineSchema>;

/**
 * @param atMs UTC milliseconds.
 * @returns the next line, without its line break, and the end that it makes.
 */
export function chainLine(
  last: ChainEnd,
  { who, role, action, target, result, reason }: AuditRecord,
  atMs: number,
): { readonly line: string; readonly end: ChainEnd } {
  const seq = last.seq + 1;
  const body = JSON.stringify({
    seq,
    at: new Date(atMs).toISOString(),
    who: shortened(who),
    role,
    action,
    target: shortened(target),
    result,
    ...(reason !== undefined && { reason }),
    previous: last.hash,
  });
  const hash = hashOfBody(body);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, end: { seq, hash } };
}

/** @returns null if it is no line of a chain, or was changed. */
export function readLine(text: string): AuditLine | null {
  const [, body, hash] = HASHED_LINE.exec(text) ?? [];
  if (body === undefined || hashOfBody(`${body}}`) !== hash) return null;
  return lineSchema.safeParse(JSON.parse(text)).data ?? null;
}

export interface ChainFault {
  /** Of the line in the text, from 1. */
  readonly line: number;
  readonly fault: string;
}

export interface Head extends ChainEnd {
  /** Number of the first line that is kept. */
  readonly oldest: number;
}

/**
 * @param lines of all files of the chain, the oldest first.
 * @param head as it is kept beside the lines; null for none.
 * @returns what is wrong; nothing if the chain is whole.
 */
export function verifyChain(lines: readonly string[], head: Head | null): ChainFault[] {
  const faults: ChainFault[] = [];
  let last: ChainEnd | null = null;
  let isAfterFault = false;
  for (const [at, text] of lines.entries()) {
    const line = at + 1;
    const read = readLine(text);
    if (read === null) {
      faults.push({ line, fault: 'was changed' });
      isAfterFault = true;
      continue;
    }
    const fault = isAfterFault ? null : faultOf(read, last, head);
    if (fault !== null) faults.push({ line, fault });
    isAfterFault = false;
    last = { seq: read.seq, hash: read.hash };
  }
  if (!isAfterFault) faults.push(...faultsAtEnd(last ?? NO_LINES, head, lines.length));
  return faults;
}

function faultOf(
  { seq, previous }: AuditLine,
  last: ChainEnd | null,
  head: Head | null,
): string | null {
  const due = last === null ? (head?.oldest ?? 1) : last.seq + 1;
  if (seq > due) return `follows a gap: lines ${due} to ${seq - 1} were removed`;
  if (seq < due) return `has the number ${seq} in the place of ${due}: it was inserted or moved`;
  if (last !== null && previous !== last.hash)
    return 'does not continue the line before it: one of the two was inserted or exchanged';
  return null;
}

/** The process may have ended between the line and the head. */
function faultsAtEnd(last: ChainEnd, head: Head | null, lines: number): ChainFault[] {
  if (head === null) return lines === 0 ? [] : [{ line: lines, fault: 'has no head beside it' }];
  if (last.seq < head.seq)
    return [{ line: lines, fault: `is the last, and lines up to ${head.seq} were removed` }];
  const isHead = last.seq === head.seq && last.hash === head.hash;
  const isOneAhead = last.seq === head.seq + 1;
  if (isHead || isOneAhead) return [];
  return [{ line: lines, fault: 'is not the line that the head names: it was inserted' }];
}

const hashOfBody = (body: string): string => createHash('sha256').update(body).digest('base64url');

const shortened = (text: string): string => text.slice(0, MAX_TEXT);
