/** Instants as people and clients see them. */

/** The last instant that RFC 3339, with its four digits of year, can write. */
const LAST_INSTANT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** UTC milliseconds as RFC 3339, or null, in JSON. */
export const instantText = (atMs: number | null): string =>
  atMs === null ? 'null' : `"${new Date(Math.min(atMs, LAST_INSTANT_MS)).toISOString()}"`;
