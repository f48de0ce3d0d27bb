/** All checks of a run. */
import type { Evidence, Violation } from '../history/evidence.ts';
import { checkConvergence } from './convergence.ts';
import { checkExactKeys } from './exactKeys.ts';
import { checkLogs } from './logs.ts';
import { checkOnceKeys } from './onceKeys.ts';
import { checkRaceKeys } from './raceKeys.ts';
import { checkWatching } from './watching.ts';

export function checkAll(evidence: Evidence): Violation[] {
  return [
    checkConvergence,
    checkExactKeys,
    checkRaceKeys,
    checkOnceKeys,
    checkLogs,
    checkWatching,
  ].flatMap((check) => check(evidence));
}
