/** Settings of a cluster that notices silence soon, and forgets soon. */
import { patientDuration, stretch } from '../support/processes.ts';

/** Silence is noticed soon, and nodes speak often enough that none is silent by chance. */
export const MEMBER_TIMEOUT_MS = Math.round(2000 * stretch());
export const IMPATIENT = {
  MEMBER_TIMEOUT: `${MEMBER_TIMEOUT_MS}ms`,
  PULL_INTERVAL: patientDuration(200),
  // Ten of them after a retirement, compaction goes on (ADR 13).
  JOIN_TIMEOUT: patientDuration(1000),
  RETENTION: patientDuration(6000),
  MAX_CLOCK_SKEW: '1s',
};
