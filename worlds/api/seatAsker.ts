/**
 * Asks the private listener of an instance for a seat. An instance that answers too late counts as out of reach, and the
 * player asks another; a seat that it still gives is given back, or nobody else would get it for the time that a reservation holds.
 */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { ServiceSigner } from '../access/serviceTokens.ts';
import type { RegionFetch } from '../http/regionFetch.ts';
import { traceHeaders } from '../process/spans.ts';
import type { Candidate } from '../rules/instanceChoice.ts';
import { SEAT_TIMES } from '../rules/seat.ts';
import type { SeatAnswer, SeatRequest } from './joins.ts';

export interface SeatAskerOptions {
  /** The longest wait for an answer, in milliseconds; default 2,000. */
  readonly limitMs?: number;
  /** Answers at most that come too late and are waited for; default 1,000. Seats of all others end by themselves. */
  readonly mostLate?: number;
  /** A seat was given back. */
  readonly onWithdrawn?: () => void;
}

/** By then a reservation that was made upon the request is over. */
const LATE_LIMIT_MS = 2 * SEAT_TIMES.reservedMs;
const WITHDRAW_LIMIT_MS = 2000;

const grantSchema = z.object({
  instance: z.string(),
  playUrl: z.string(),
  seatToken: z.string(),
  expiresAt: z.string(),
});
const refusalSchema = z.object({ reason: z.enum(['full', 'draining']) });

const UNREACHABLE: SeatAnswer = { type: 'refused', reason: 'unreachable' };

export function seatAsker(
  signer: ServiceSigner,
  ask: RegionFetch,
  { limitMs = 2000, mostLate = 1000, onWithdrawn = () => {} }: SeatAskerOptions = {},
): (at: Candidate, request: SeatRequest) => Promise<SeatAnswer> {
  let late = 0;
  const post = async (
    { region, instance, controlUrl }: Candidate,
    path: string,
    body: object,
    signal: AbortSignal,
  ) =>
    ask(region, controlUrl + path, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${await signer.tokenFor(instance)}`,
        'Content-Type': 'application/json',
        ...traceHeaders(),
      },
      body: JSON.stringify(body),
      signal,
    });
  const asked = async (
    at: Candidate,
    request: SeatRequest,
    signal: AbortSignal,
  ): Promise<SeatAnswer> => {
    try {
      const answer = await post(at, '/seats', request, signal);
      const body: unknown = await answer.json();
      if (answer.ok)
        return { type: 'seat', isNew: answer.status === 201, grant: grantSchema.parse(body) };
      const refusal = refusalSchema.safeParse(body);
      return { type: 'refused', reason: refusal.data?.reason ?? 'unreachable' };
    } catch {
      return UNREACHABLE;
    }
  };
  /** It may be in vain: then the reservation ends by itself. */
  const withdraw = async (at: Candidate, answer: SeatAnswer): Promise<void> => {
    if (answer.type !== 'seat') return;
    const { seatToken } = answer.grant;
    const signal = AbortSignal.timeout(WITHDRAW_LIMIT_MS);
    const { ok } = await post(at, '/seats/withdraw', { seatToken }, signal);
    if (ok) onWithdrawn();
  };
  return async (at, request) => {
    const abandoned = new AbortController();
    const answering = asked(at, request, abandoned.signal);
    const answer = await inTime(answering, limitMs);
    if (answer !== null) return answer;
    if (late >= mostLate) abandoned.abort();
    else {
      late += 1;
      const tooLate = setTimeout(() => abandoned.abort(), LATE_LIMIT_MS);
      void answering
        .then((lateAnswer) => withdraw(at, lateAnswer))
        .catch(() => {})
        .finally(() => {
          clearTimeout(tooLate);
          late -= 1;
        });
    }
    return UNREACHABLE;
  };
}

/** @returns null if there is no answer in time. One that has come while this process was busy is there in time. */
async function inTime(answering: Promise<SeatAnswer>, limitMs: number): Promise<SeatAnswer | null> {
  const end = new AbortController();
  const over = async (): Promise<null> => {
    await wait(limitMs, undefined, { signal: end.signal });
    // Timers go before that which has come from the network.
    await nextTurn();
    return null;
  };
  try {
    return await Promise.race([answering, over().catch(() => null)]);
  } finally {
    end.abort();
  }
}
