/**
 * Refresh tokens that rotate. The tokens of one login are a family, and only its newest is valid. Reuse of
 * the one before within the grace is an honest accident, such as two tabs or a lost answer, and gives
 * a successor; any other reuse says that somebody has stolen a token, and ends the family.
 * (RFC 9700, 4.14.2.)
 */
export interface RefreshTimes {
  readonly graceMs: number;
  readonly lifeMs: number;
}

export const REFRESH_TIMES: RefreshTimes = { graceMs: 10_000, lifeMs: 30 * 24 * 3_600_000 };

/** A refresh token as it is kept. */
export interface RefreshToken {
  readonly issuedAtMs: number;
  /** When it was first used; null: it is the newest, or the successor of a reuse within the grace. */
  readonly usedAtMs: number | null;
  readonly familyEnded: boolean;
}

export type RefreshVerdict = 'rotate' | 'end family' | 'refuse';

/** @param token null: nobody knows it. */
export function decideRefresh(
  token: RefreshToken | null,
  nowMs: number,
  { graceMs, lifeMs }: RefreshTimes = REFRESH_TIMES,
): RefreshVerdict {
  if (token === null || token.familyEnded) return 'refuse';
  if (token.usedAtMs !== null && nowMs - token.usedAtMs >= graceMs) return 'end family';
  return nowMs - token.issuedAtMs < lifeMs ? 'rotate' : 'refuse';
}
