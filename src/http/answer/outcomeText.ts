/**
 * Outcomes as JSON text: the body of a single request's answer, and a result in a batch. Both hold the
 * same members, and a result also has `status`, the status that the single request would get.
 *
 * Answers are put together as text around a value's own text, which is never parsed again. So its
 * digits, the order of its keys and its duplicates come back as they were sent.
 */

import { MemoryFullError } from '../../words/errors.ts';
import type { Put, PutHead } from '../../words/op.ts';
import type { BatchOutcome, Outcome } from '../../words/requests.ts';
import { instantText } from '../../words/time.ts';
import { problemText } from './problem.ts';
import type { Tokens } from './tokens.ts';

export const NOT_FOUND_TEXT = problemText(404, 'Not found');
export const EXPIRED_TEXT = problemText(404, 'Expired');

/** Answers to a PUT of a new key, while keys fill the memory. */
export const MEMORY_FULL_TEXT = problemText(507, new MemoryFullError().message);

type Conflict = Extract<Outcome, { kind: 'conflict' }>;

const EXHAUSTED =
  'The versions of this key are exhausted: delete it, and any version is accepted again.';

export const conflictText = ({ currentVersion, isExhausted }: Conflict, token?: string): string =>
  problemText(409, isExhausted ? EXHAUSTED : 'Version conflict', {
    current_version: currentVersion,
    token,
  });

const preconditionText = (currentVersion: number | null, token?: string): string =>
  problemText(412, 'Precondition failed', { current_version: currentVersion ?? undefined, token });

/** The members of an entry, without braces. */
export function entryMembers(entry: Put): string {
  const metaMember = entry.meta === null ? '' : `,"meta":${entry.meta}`;
  return `"value":${entry.value},${timeMembers(entry)}${metaMember}`;
}

/** Those that an entry has without its value. */
export const timeMembers = ({ version, expiresAt }: PutHead): string =>
  `"version":${version},"expires_at":${instantText(expiresAt)}`;

/** The time that the entry has left, in milliseconds; null if it never expires. */
export const leftMember = ({ expiresAt }: PutHead, nowMs: number): string =>
  `"ttl_ms":${expiresAt === null ? null : Math.max(0, expiresAt - nowMs)}`;

/** The object's text with more members at its end, each after a comma. */
export const withMore = (object: string, more: string): string =>
  more === '' ? object : `${object.slice(0, -1)}${more}}`;

/** Texts that name this node. */
export class OutcomeTexts {
  readonly #node: string;
  readonly #tokens: Tokens;

  constructor(nodeId: string, tokens: Tokens) {
    this.#node = `"node":${JSON.stringify(nodeId)}`;
    this.#tokens = tokens;
  }

  /** The body of a single PUT's or DELETE's answer. @param holders null if the request asked for no acks. */
  written(
    outcome: Extract<Outcome, { kind: 'stored' | 'deleted' }>,
    holders: { readonly acks: number; readonly members: number | null } | null,
  ): string {
    const members =
      outcome.kind === 'stored' ? this.#storedMembers(outcome.op) : this.#deletedMembers(outcome);
    const acksMember = holders === null ? '' : `,"acks":${holders.acks}`;
    const all = holders?.members == null ? '' : `,"members":${holders.members}`;
    const token = this.#tokens.ofOutcome(outcome);
    const status = outcome.kind === 'stored' && outcome.isTouch ? 'touched' : outcome.kind;
    return `{"status":"${status}",${members},"token":"${token}"${acksMember}${all}}`;
  }

  /** The body of a single request's answer 409. */
  conflict(conflict: Conflict): string {
    return conflictText(conflict, this.#tokens.whole());
  }

  /** The body of a single request's answer 412. */
  preconditionFailed({ currentVersion }: Extract<Outcome, { kind: 'preconditionFailed' }>): string {
    return preconditionText(currentVersion, this.#tokens.whole());
  }

  deletedMany(count: number): string {
    return `{"status":"deleted",${this.#node},"count":${count},"token":"${this.#tokens.whole()}"}`;
  }

  /** The token of all that this node holds. */
  wholeToken(): string {
    return this.#tokens.whole();
  }

  /** The token of a batch's answer. */
  tokenOf(outcomes: readonly BatchOutcome[]): string {
    return this.#tokens.ofOutcomes(outcomes);
  }

  #storedMembers({ version, expiresAt }: Put): string {
    return `${this.#node},"version":${version},"expires_at":${instantText(expiresAt)}`;
  }

  #deletedMembers({ existed }: Extract<Outcome, { kind: 'deleted' }>): string {
    return `${this.#node},"existed":${existed}`;
  }

  /** One result of a batch. @param more members at its end, each after a comma. */
  result(outcome: Outcome, more = ''): string {
    switch (outcome.kind) {
      case 'stored':
        return `{"status":200,${this.#storedMembers(outcome.op)}${more}}`;
      case 'deleted':
        return `{"status":200,${this.#deletedMembers(outcome)}${more}}`;
      case 'found':
        return `{"status":200,${entryMembers(outcome.entry)}${more}}`;
      default:
        return withMore(this.#refusal(outcome), more);
    }
  }

  #refusal(outcome: Exclude<Outcome, { kind: 'stored' | 'deleted' | 'found' }>): string {
    switch (outcome.kind) {
      case 'conflict':
        return conflictText(outcome);
      case 'preconditionFailed':
        return preconditionText(outcome.currentVersion);
      case 'memoryFull':
        return MEMORY_FULL_TEXT;
      case 'absent':
        return outcome.expired ? EXPIRED_TEXT : NOT_FOUND_TEXT;
    }
  }
}
