/**
 * The order of the PUTs of one key that nobody deletes.
 *
 * Nodes that did not reach each other may both have put the key first, in different generations, if one had
 * collected more (rule 2). Then a greater generation wins whatever the versions, and the logs tell the
 * generation of a PUT by its value. An answer without a value, as a 409, says nothing of the generation.
 */
import type { Call } from '../history/call.ts';
import type { Evidence } from '../history/evidence.ts';

export interface Rank {
  readonly generation: number;
  readonly version: number;
}

/** @returns the generation of the PUT of that value; null if nobody can tell it. */
export type GenerationOf = (value: string | null) => number | null;

/** No generation is lower. */
const FIRST_GENERATION = 0;

export const NOTHING: Rank = { generation: -1, version: -1 };

export const isLess = (a: Rank, b: Rank): boolean =>
  a.generation === b.generation ? a.version < b.version : a.generation < b.generation;

export const greater = (a: Rank, b: Rank): Rank => (isLess(a, b) ? b : a);

export function generationsOf(
  key: string,
  { logs, isCompacted, incidents }: Pick<Evidence, 'logs' | 'isCompacted' | 'incidents'>,
): GenerationOf {
  const byValue = new Map<string | null, Set<number>>();
  const all = new Set<number>();
  for (const op of logs.flatMap(({ ops }) => ops)) {
    if (op.key !== key) continue;
    byValue.set(op.value, (byValue.get(op.value) ?? new Set()).add(op.generation));
    all.add(op.generation);
  }
  // Compaction keeps the greatest generation, and may have removed every op of a lower one. So may a snapshot have left
  // them out, which a log begins with that takes the place of a lost or retired one.
  const isWhole = !isCompacted && incidents.length === 0;
  const isOnly = all.size <= 1 && (isWhole || all.has(FIRST_GENERATION));
  if (isOnly) return () => 0;
  return (value) => {
    const [generation, ...others] = value === null ? [] : (byValue.get(value) ?? []);
    return generation === undefined || others.length > 0 ? null : generation;
  };
}

/** The PUT that the node shows, as the call says. Null: none, or nobody can tell the generation. */
export function shownBy({ request, answer }: Call, generationOf: GenerationOf): Rank | null {
  const version = answer.version ?? answer.currentVersion;
  const isPut = request.method === 'PUT' && answer.status === 200;
  const generation = generationOf(isPut ? request.value : answer.value);
  return version === null || generation === null ? null : { generation, version };
}
