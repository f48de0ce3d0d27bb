/**
 * When a checkpoint is believed (rule 6).
 *
 * Invariant: the state from a believed checkpoint and the rows after it is the state from all rows: the
 * map with its sums, the members and the closed origins, the expiries of collected entries, the recent rows,
 * the HLC and the horizon. The records and the header are the log's own in both cases.
 *
 * It holds because
 * - the log holds, of every origin, the very ops that the checkpoint stands for (its sums) and the rows after
 *   them (the sums again), so the fold of both is the fold of all;
 * - no row after the checkpoint was compacted away: the tombstone of an entry of the checkpoint may have
 *   been. Compaction leaves holes between lsns, so rows without holes are all rows;
 * - entries that had been collected by then would be dropped by a replay as well: the log's stable pairs have
 *   only gone on since. The horizon is the greater of the log's and the checkpoint's.
 *
 * The HLC and the horizon may be greater than a replay's, as they were on the node; that does no harm.
 */
import { sameHash, ZERO } from '../words/hash.ts';
import type { LogHeader, OriginRecord } from '../words/row.ts';
import { includes } from '../words/vector.ts';
import type { CheckpointFacts } from './checkpointFacts.ts';
import { storedStable } from './stability.ts';

/** A log as it is when it is opened. */
export interface OpenedLog {
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  readonly lastLsn: number;
}

/** @returns the reason against the checkpoint, which completes "because …"; null if only its tail can still speak against it. */
export function whyNotBelieved(
  facts: CheckpointFacts,
  { header, origins, lastLsn }: OpenedLog,
): string | null {
  if (facts.origin !== header.origin || facts.clusterName !== header.clusterName)
    return `it is of another log, whose origin is ${facts.origin}`;
  if (facts.lsn > lastLsn)
    return `it is of lsn ${facts.lsn}, and the log ends at lsn ${lastLsn}: an older log was put here`;
  const records = new Map(origins.map((record) => [record.origin, record]));
  for (const { origin, seq, sum } of facts.records) {
    const record = records.get(origin);
    if (record === undefined || record.seq < seq)
      return `it holds ${origin}/${seq}, which the log lacks`;
    if (record.seq === seq && !sameHash(record.sum, sum))
      return `it holds other ops of ${origin} than the log`;
  }
  if (!hasGoneOn(facts, header)) return 'it had collected more than the log says';
  return null;
}

function hasGoneOn(facts: CheckpointFacts, header: LogHeader): boolean {
  const { reached, ...now } = storedStable(header);
  return [now, ...reached].some(
    ({ vector, clock }) => clock >= facts.stableClock && includes(vector, facts.stable),
  );
}

/**
 * The records that the rows after the checkpoint must meet: those of the log, where the ops up to the
 * checkpoint count like compacted ones.
 */
export function recordsOfTail(facts: CheckpointFacts, { origins }: OpenedLog): OriginRecord[] {
  const held = new Map(facts.records.map((record) => [record.origin, record]));
  return origins.map(({ origin, seq, sum }) => {
    const { seq: reach, sum: compactedSum } = held.get(origin) ?? { seq: 0, sum: ZERO };
    return { origin, seq, sum, reach, compactedSum };
  });
}
