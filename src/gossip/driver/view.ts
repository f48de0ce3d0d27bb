/** The replica as the core reads it. */

import type { Replica } from '../../replica/replica.ts';
import { type Hash, subtract } from '../../words/hash.ts';
import type { View } from '../protocol/inputOutput.ts';

export function viewOf(replica: Replica): View {
  return {
    get vector() {
      return replica.vector;
    },
    get closings() {
      return replica.closings;
    },
    get retiredSum() {
      return replica.retiredSum;
    },
    wholeVector: () => replica.wholeVector(),
    get members() {
      return replica.members;
    },
    get horizon() {
      return replica.header.horizon;
    },
    get origin() {
      return replica.origin;
    },
    get clusterId() {
      return replica.header.clusterId;
    },
    get formedAt() {
      return replica.header.facts.formedAtMs ?? 0;
    },
    get joined() {
      return replica.header.facts.joined;
    },
    get admittedBy() {
      return replica.header.facts.admittedBy;
    },
    get lastLsn() {
      return replica.lastLsn;
    },
    get deadEntries() {
      return replica.map.deadSize;
    },
    get stable() {
      return { vector: replica.header.stable, clock: replica.header.stableClock };
    },
    get bornHere() {
      return replica.bornHere;
    },
    sumOf: (origin) => replica.record(origin).sum,
    mapSum: (asOf) => replica.mapSum(asOf),
    ownSumAt: (seq) => ownSumAt(replica, seq),
    reach: () => replica.reach(),
  };
}

/** From the sum of all back over the latest ops, which are in memory. */
function ownSumAt(replica: Replica, seq: number): Hash | undefined {
  const { origin, recent } = replica;
  const { seq: last, sum } = replica.record(origin);
  if (seq === last) return sum;
  const sumOfLatest = recent.sumAfter(origin, seq);
  return sumOfLatest && subtract(sum, sumOfLatest);
}
