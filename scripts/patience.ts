/**
 * The factor by which work may take longer than usual on this machine at this moment.
 *
 * Deadlines of tests are written for an idle machine and multiplied by this factor, so that a busy or a
 * slow machine fails no test. A deadline only matters if the awaited event never comes; a test that
 * passes waits no longer for it.
 */
import { availableParallelism, loadavg } from 'node:os';

/** A fixed factor for all tests, set by a person or by the runner for its children. */
const SETTING = 'HEARSAY_TEST_PATIENCE';
const MAX_PATIENCE = 40;
/** The time that `work` takes on an idle core of the machine for which the deadlines were written. */
const USUAL_WORK_MS = 12;

/** At least 1: the greater of how slow a core is and of how many processes share it. */
export function patience(): number {
  const least = Number(process.env[SETTING]) || 1;
  // A second process on a core costs more than its half: both also lose what was in the caches.
  const [processes = 0] = loadavg();
  return Math.min(MAX_PATIENCE, Math.max(1, least, (1.5 * processes) / availableParallelism()));
}

/** Measures how slow a core is, for the processes that this one starts. */
export function measurePatience(): void {
  if (process.env[SETTING] !== undefined) return;
  const times = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
  process.env[SETTING] = String(Math.max(1, Math.min(...times) / USUAL_WORK_MS));
}

function work(): number {
  let sum = 0;
  for (let round = 1; round < 3_000_000; round++) sum = (Math.imul(sum, 31) + round) | 0;
  return sum;
}
