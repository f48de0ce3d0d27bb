/**
 * Reports told as their differences from a certificate (rule 9): from one round to the next most of a report stays as it
 * was. They are told from a certificate that the receiver has named by its hash.
 *
 * Invariant: a report that was put together from differences counts only if it has the hash that came with them. So
 * a peer that takes another certificate for the base, or lies, has told nothing.
 */
import { type Hash, hashText, sameHash } from '../words/hash.ts';
import type { Vector } from '../words/vector.ts';
import {
  changedVector,
  originsInOrder,
  type VectorChanges,
  vectorChanges,
} from '../words/vectorChanges.ts';
import type { Report } from './certificate.ts';

export interface ReportChanges {
  /** The hash of the certificate from which they differ. */
  readonly base: Hash;
  /** The hash of the whole report. */
  readonly hash: Hash;
  readonly clock: number;
  /** Whether `joined` names all its members; otherwise those are the members of the base and these, without `left`. */
  readonly listsAll: boolean;
  readonly joined: ReadonlySet<string>;
  readonly left: ReadonlySet<string>;
  /** From the greatest seqs of the base. */
  readonly min: VectorChanges;
  /** From its own least seqs: most members hold the same. */
  readonly max: VectorChanges;
}

/** A report, and the hash of all that it says. */
export interface Hashed {
  readonly report: Report;
  readonly hash: Hash;
}

/** @returns the report with its hash, which is that of every report that says the same. */
export function hashed(report: Report): Hashed {
  const { min, max, clock, members } = report;
  const text = JSON.stringify([clock, [...members].sort(), listOf(min), listOf(max)]);
  return { report, hash: hashText(text) };
}

const listOf = (vector: Vector): (string | number | undefined)[] =>
  originsInOrder(vector).flatMap((origin) => [origin, vector.get(origin)]);

/** @returns the differences of a report from a certificate. */
export function reportChanges(base: Hashed, { report, hash }: Hashed): ReportChanges {
  const { members, clock, min, max } = report;
  const ofBase = base.report.members;
  const listsAll = 2 * members.size < ofBase.size;
  const isNew = (origin: string): boolean => listsAll || !ofBase.has(origin);
  const left = listsAll ? [] : [...ofBase].filter((origin) => !members.has(origin));
  return {
    base: base.hash,
    hash,
    clock,
    listsAll,
    joined: new Set([...members].filter(isNew)),
    left: new Set(left),
    min: vectorChanges(base.report.max, min),
    max: vectorChanges(min, max),
  };
}

/** @returns the report of these differences; null if it has not the hash that they name. */
export function changedReport(base: Hashed, changes: ReportChanges): Hashed | null {
  const { clock, listsAll, joined, left } = changes;
  const min = changedVector(base.report.max, changes.min);
  const max = min === null ? null : changedVector(min, changes.max);
  if (min === null || max === null) return null;
  const members = new Set([...(listsAll ? [] : base.report.members), ...joined]);
  for (const origin of left) members.delete(origin);
  const result = hashed({ min, max, clock, members });
  return sameHash(result.hash, changes.hash) ? result : null;
}
