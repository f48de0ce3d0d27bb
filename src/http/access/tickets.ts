/**
 * Tickets for watches by `EventSource`, which can send no header: a ticket stands in the URL in the place
 * of a token, counts once, for half a minute, and for keys of one prefix.
 */
import { randomBytes } from 'node:crypto';
import { type Caller, hasExpired } from '../../access/caller.ts';
import { OverloadedError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';

/** In milliseconds. */
export const TICKET_LIFE_MS = 30_000;
const TICKET_BYTES = 24;

export interface Ticket {
  readonly text: string;
  /** UTC milliseconds. */
  readonly expiresAt: number;
}

export class Tickets {
  readonly #maxTickets: number;
  /** In the order in which they end. */
  readonly #waiting = new Map<string, { readonly caller: Caller; readonly expiresAt: number }>();

  constructor({ maxTickets }: { readonly maxTickets: number }) {
    this.#maxTickets = maxTickets;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * @param prefix within the caller's own.
   * @throws OverloadedError
   */
  issue(caller: Caller, prefix: string, nowMs: number): Ticket {
    for (const [text, { expiresAt }] of this.#waiting) {
      if (expiresAt > nowMs) break;
      this.#waiting.delete(text);
    }
    if (this.#waiting.size >= this.#maxTickets)
      throw new OverloadedError(RETRY_AFTER_MS, 'tickets');
    const text = randomBytes(TICKET_BYTES).toString('base64url');
    const expiresAt = nowMs + TICKET_LIFE_MS;
    const scopes = new Set([...caller.scopes].filter((s) => s === 'watch' || s === 'read'));
    const prefixes = prefix === '' ? caller.prefixes : [prefix];
    this.#waiting.set(text, { caller: { ...caller, scopes, prefixes }, expiresAt });
    return { text, expiresAt };
  }

  /** @returns the caller that got the ticket, for the ticket's prefix; null if it does not count. */
  use(text: string, nowMs: number): Caller | null {
    const ticket = this.#waiting.get(text);
    this.#waiting.delete(text);
    if (ticket === undefined || ticket.expiresAt <= nowMs) return null;
    return hasExpired(ticket.caller.proof, nowMs) ? null : ticket.caller;
  }
}
