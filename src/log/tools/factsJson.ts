/** The facts of a whole log, as JSON, for the answer of a node and the end of an export. */

import { formatHash, type Hash, parseHash } from '../../words/hash.ts';
import { isCounter, isOrigin } from '../../words/opRules.ts';
import type { LogHeader, OriginRecord } from '../../words/row.ts';
import { isCount, isText } from '../../words/shape.ts';
import { allFactTexts, parseFacts } from '../factsText.ts';
import type { LogFacts } from './logSource.ts';
import { type Fields, MalformedLineError } from './rowLine.ts';

export const headerJson = (header: LogHeader): object => ({
  cluster: { name: header.clusterName, id: header.clusterId },
  origin: header.origin,
  horizon: header.horizon,
  // As pairs, because an object's members could not bear every name.
  stable: [...header.stable],
  stable_clock: header.stableClock,
  facts: allFactTexts(header.facts),
});

export const recordJson = ({ origin, seq, sum, reach, compactedSum }: OriginRecord): object => ({
  origin,
  seq,
  sum: formatHash(sum),
  reach,
  compacted_sum: formatHash(compactedSum),
});

export const factsJson = (facts: LogFacts): object => ({
  ...headerJson(facts.header),
  records: facts.records.map(recordJson),
  first_lsn: facts.firstLsn,
  last_lsn: facts.lastLsn,
  size_bytes: facts.sizeBytes,
  now_ms: facts.nowMs,
});

/** @throws MalformedLineError if they are malformed. */
export function headerOf(fields: Fields): LogHeader {
  const { cluster, origin, horizon, stable, stable_clock: stableClock, facts } = fields;
  if (
    typeof cluster !== 'object' ||
    cluster === null ||
    !('name' in cluster && typeof cluster.name === 'string') ||
    !('id' in cluster && (cluster.id === null || typeof cluster.id === 'string')) ||
    !isOrigin(origin) ||
    !isCount(horizon) ||
    !isCounter(horizon) ||
    !Number.isSafeInteger(stableClock)
  )
    throw new MalformedLineError('its header is malformed');
  return {
    clusterName: cluster.name,
    clusterId: cluster.id,
    origin,
    horizon,
    stable: new Map(pairsOf(stable, isCount)),
    stableClock: Number(stableClock),
    facts: parseFacts(
      pairsOf(facts, isText),
      (name) => new MalformedLineError(`the fact ${name} of its header is malformed`),
    ),
  };
}

/** @throws MalformedLineError if one of them is malformed. */
export function recordOf(value: unknown): OriginRecord {
  const fields: Fields = typeof value === 'object' && value !== null ? { ...value } : {};
  const { origin, seq, reach } = fields;
  if (!isOrigin(origin) || !isCount(seq) || !isCount(reach))
    throw new MalformedLineError('a record of an origin is malformed');
  return {
    origin,
    seq,
    sum: hashOf(fields.sum),
    reach,
    compactedSum: hashOf(fields.compacted_sum),
  };
}

/** @throws MalformedLineError if they are malformed. */
export function factsOf(fields: Fields): LogFacts {
  const {
    records,
    first_lsn: firstLsn,
    last_lsn: lastLsn,
    size_bytes: sizeBytes,
    now_ms: nowMs,
  } = fields;
  if (
    !Array.isArray(records) ||
    !isCount(firstLsn) ||
    !isCount(lastLsn) ||
    !isCount(sizeBytes) ||
    !isCount(nowMs)
  )
    throw new MalformedLineError('it does not hold the facts of a log');
  return {
    header: headerOf(fields),
    records: records.map(recordOf),
    firstLsn,
    lastLsn,
    sizeBytes,
    nowMs,
  };
}

function hashOf(value: unknown): Hash {
  const hash = typeof value === 'string' ? parseHash(value) : undefined;
  if (hash === undefined) throw new MalformedLineError('a sum is malformed');
  return hash;
}

function pairsOf<T>(list: unknown, isValue: (value: unknown) => value is T): [string, T][] {
  if (!Array.isArray(list)) throw new MalformedLineError('a list of pairs is malformed');
  return list.map((pair: unknown) => {
    const [name, value]: unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof name !== 'string' || !isValue(value))
      throw new MalformedLineError('a pair is malformed');
    return [name, value];
  });
}
