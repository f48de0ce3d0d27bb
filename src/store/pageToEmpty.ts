/**
 * Chooses the page that compaction empties next. A page that was overwritten lately will soon have more holes by itself;
 * one that was not keeps those that it has. So a page is worth more the longer ago its last record was released: the
 * benefit and the cost of cleaning in a log-structured file system (Rosenblum and Ousterhout, ACM Transactions on
 * Computer Systems 10, 1992).
 */

/** A page with a smaller part of the average share of holes would cost too much for what it brings. */
const LEAST_OF_AVERAGE = 1 / 2;

/** A page, as far as it counts here. */
export interface Emptiable {
  readonly bytes: { readonly length: number };
  /** Bytes of records that are entries. */
  readonly live: number;
  /** Bytes that had been released in all pages when a record was last released here. */
  readonly releasedAt: number;
}

/**
 * @param pages those that may be emptied.
 * @param releasedBytes bytes that were released in all pages.
 * @returns one with at least half of the average share of holes; null if none has any.
 */
export function pageToEmpty<Page extends Emptiable>(
  pages: readonly Page[],
  releasedBytes: number,
): Page | null {
  let [bytes, liveBytes] = [0, 0];
  for (const page of pages) {
    bytes += page.bytes.length;
    liveBytes += page.live;
  }
  let [chosen, most] = [null as Page | null, 0];
  const leastHoles = LEAST_OF_AVERAGE * (1 - liveBytes / bytes);
  for (const page of pages) {
    const holes = 1 - page.live / page.bytes.length;
    if (holes < leastHoles) continue;
    const worth = (holes / (2 - holes)) * (1 + releasedBytes - page.releasedAt);
    if (worth <= most) continue;
    [chosen, most] = [page, worth];
  }
  return chosen;
}
