/**
 * Finds the lsn after which reading goes on behind rows that can't be read. The steps double until a
 * row can be read, then halve: a damaged page holds some hundred rows, a damaged inner page some ten
 * thousand.
 */

/**
 * The least lsn from `from` on after which rows can be read; null if there is none up to `upTo`.
 *
 * @param canRead whether the next row after the lsn can be read, or there is none.
 */
export function readableAfter(
  from: number,
  upTo: number,
  canRead: (after: number) => boolean,
): number | null {
  let step = 1;
  let bad = from - 1;
  let good = from;
  while (!canRead(good)) {
    if (good >= upTo) return null;
    bad = good;
    good = Math.min(upTo, good + step);
    step *= 2;
  }
  const found = nearest(bad, good, canRead);
  return found >= upTo ? null : found;
}

/** The greatest lsn down from `from` before which rows can be read; null if there is none. */
export function readableBefore(from: number, canRead: (before: number) => boolean): number | null {
  let step = 1;
  let bad = from + 1;
  let good = from;
  while (!canRead(good)) {
    if (good <= 1) return null;
    bad = good;
    good = Math.max(1, good - step);
    step *= 2;
  }
  return nearest(bad, good, canRead);
}

/** The good lsn nearest to the bad one, on either side of it. */
function nearest(bad: number, good: number, isGood: (lsn: number) => boolean): number {
  let [worse, better] = [bad, good];
  while (Math.abs(better - worse) > 1) {
    // Not by halving their sum, which may exceed the integers that a double holds exactly.
    const middle = worse + Math.trunc((better - worse) / 2);
    if (isGood(middle)) better = middle;
    else worse = middle;
  }
  return better;
}
