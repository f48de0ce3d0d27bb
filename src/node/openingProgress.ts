/** Tells how far the opening of a long log has come. */
import type { Note } from '../words/note.ts';

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 5000;
/** The first rows wait for the program to load, so before this share a rate says nothing. */
const LEAST_SHARE = 0.05;

/**
 * @param steadyMs milliseconds that go on evenly.
 * @returns a function for the lsn of each page that was read, which notes the progress after a second and then
 *   every five seconds.
 */
export function openingProgress(
  note: Note,
  steadyMs: () => number = () => performance.now(),
): (lsn: number, lastLsn: number) => void {
  const startedMs = steadyMs();
  let nextMs = startedMs + FIRST_AFTER_MS;
  return (lsn, lastLsn) => {
    const nowMs = steadyMs();
    if (nowMs < nextMs || lastLsn === 0) return;
    nextMs = nowMs + EVERY_MS;
    const percent = Math.floor((100 * lsn) / lastLsn);
    const seconds = Math.floor((nowMs - startedMs) / 1000);
    note(
      'info',
      `The log is being read: ${percent} %, lsn ${lsn} of ${lastLsn}, after ${seconds} s${timeLeft(lsn, lastLsn, nowMs - startedMs)}.`,
      { event: 'opening' },
    );
  };
}

function timeLeft(lsn: number, lastLsn: number, elapsedMs: number): string {
  if (lsn >= lastLsn || lsn < LEAST_SHARE * lastLsn) return '';
  return `; some ${Math.ceil((elapsedMs * (lastLsn - lsn)) / lsn / 1000)} s are left`;
}
