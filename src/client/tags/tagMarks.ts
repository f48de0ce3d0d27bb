/**
 * Tags as sets of marks. Pure.
 *
 * An invalidation of a tag is a mark with an id of its own, which is never written again. A mark says which
 * marks it replaces: those that its writer saw. The state of a tag is the set of its marks that no other
 * one replaces. An entry remembers the state of each of its tags from before its value was loaded.
 *
 * Invariant: once a hard mark is known, no entry is used that remembers a state from before it. This holds
 * in whatever order marks arrive: the mark, or one that replaces it, or replaces that one, is in
 * every later state, and in no earlier one. So two invalidations that did not know of each other both count.
 */

export interface TagMark {
  /** Entries of these states may be used while a new value is loaded; none for a hard mark. */
  readonly staleStates: readonly string[];
  /** From then on those entries are gone too; null: never. */
  readonly staleUntilMs: number | null;
  /** The ids of the marks that this one replaces. */
  readonly replaces: readonly string[];
}

/** The marks of one tag, by id. */
export type TagMarks = ReadonlyMap<string, TagMark>;

/** `stale`: may be shown until there is a newer value. `gone`: must not be shown. */
export type Verdict = 'fresh' | 'stale' | 'gone';

/** A mark of more soft invalidations forgets the oldest states, whose entries are then gone. */
const MOST_STALE_STATES = 16;

/** The ids of the marks that count, in the order of their texts. */
export function stateOf(marks: TagMarks): readonly string[] {
  const replaced = new Set<string>();
  for (const [id, mark] of marks)
    for (const other of mark.replaces) if (other !== id) replaced.add(other);
  return [...marks.keys()].filter((id) => !replaced.has(id)).sort();
}

/** @param remembered the state that the entry remembers. */
export function verdictOn(remembered: readonly string[], marks: TagMarks, nowMs: number): Verdict {
  const state = stateOf(marks);
  const from = textOf(remembered);
  if (from === textOf(state)) return 'fresh';
  const news = state.filter((id) => !remembered.includes(id));
  // Where nothing is new, a mark has expired, or has not come here yet: then nobody can tell.
  const isStale =
    news.length > 0 && news.every((id) => staleStatesOf(marks.get(id), nowMs).includes(from));
  return isStale ? 'stale' : 'gone';
}

/**
 * The mark of an invalidation that sees these marks.
 *
 * @param softness null for a hard one.
 */
export function nextMark(
  marks: TagMarks,
  softness: { readonly staleUntilMs: number | null } | null,
  nowMs: number,
): TagMark {
  const state = stateOf(marks);
  const replaces = [...marks.keys()].sort();
  if (softness === null) return { staleStates: [], staleUntilMs: null, replaces };
  // Stale entries stay stale, and gone ones do not come back.
  const [first = [], ...others] = state.map((id) => staleStatesOf(marks.get(id), nowMs));
  const stale = first.filter((one) => others.every((states) => states.includes(one)));
  const staleStates = [textOf(state), ...stale].slice(0, MOST_STALE_STATES);
  return { staleStates, staleUntilMs: softness.staleUntilMs, replaces };
}

function staleStatesOf(mark: TagMark | undefined, nowMs: number): readonly string[] {
  if (mark === undefined) return [];
  return mark.staleUntilMs === null || nowMs < mark.staleUntilMs ? mark.staleStates : [];
}

/** The worst of several verdicts; fresh if there is none. */
export function worstOf(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict = 'fresh';
  for (const verdict of verdicts) {
    if (verdict === 'gone') return 'gone';
    if (verdict === 'stale') worst = 'stale';
  }
  return worst;
}

const textOf = (state: readonly string[]): string => [...state].sort().join();
