/** Instants and lengths of time as people and clients see them. */

export const MINUTE_MS = 60_000;

/** Milliseconds in each unit that a duration may be written in, the shortest first. */
export const UNITS_MS = {
  ms: 1,
  s: 1000,
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: 24 * 60 * MINUTE_MS,
} as const;

/** The wait that a full node asks of clients before they try again, in milliseconds. */
export const RETRY_AFTER_MS = 1000;

/** The last instant that RFC 3339, with its four digits of year, can write. */
export const LAST_INSTANT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** UTC milliseconds as RFC 3339. */
export const instantOf = (atMs: number): string =>
  new Date(Math.min(atMs, LAST_INSTANT_MS)).toISOString();

/** UTC milliseconds as RFC 3339, or null, in JSON. */
export const instantText = (atMs: number | null): string =>
  atMs === null ? 'null' : `"${instantOf(atMs)}"`;
