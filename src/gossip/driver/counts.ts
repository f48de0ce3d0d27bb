/** Totals since the start of a driver, for metrics. */
import type { Parts } from './parts.ts';

/** Those that the driver counts itself. */
export interface Counted {
  pulls: number;
  disagreements: number;
  joinsPostponed: number;
}

export const countsOf = (parts: Parts, counted: Readonly<Counted>) => ({
  ...counted,
  pushesSent: parts.pushes.sent,
  pushesShed: parts.pushes.shed,
  answersShed: parts.outbox.shed + parts.turns.shed + parts.compares.shed,
  opsReceived: parts.commits.opsReceived,
  rejoins: parts.lives.rejoins,
  collected: parts.commits.collected,
  snapshotsSent: parts.snapshots.begun,
  repaired: parts.repairs.repaired,
});
