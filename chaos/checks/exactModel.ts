/**
 * A key that one worker alone writes, at one node, one call after another. The model predicts the
 * answer of each call, and the key's state after it.
 *
 * If an answer is missing, or a TTL ends during a call, several states are possible. The model keeps
 * them all, and an answer is wrong only if it fits none.
 */
import type { Call } from '../history/call.ts';
import { fateOf } from '../history/call.ts';
import type { Shown } from '../history/evidence.ts';

/** null: the key is absent. */
export type KeyState = Shown | null;

/** How long before and after its expiry an entry may read either way; clock steps are a millisecond. */
export const EXPIRY_MARGIN_MS = 250;

interface Outcome {
  readonly status: number;
  readonly currentVersion: number | null;
  /** The state that follows; of a PUT without its expiry, which the answer tells. */
  readonly next: KeyState;
}

/** @returns the states that are possible within the time given, expiries considered. */
export function statesWithin(states: readonly KeyState[], startMs: number, endMs: number) {
  const possible = new Set<KeyState>();
  for (const state of states) {
    if (state === null || state.expiresAt === null) {
      possible.add(state);
      continue;
    }
    if (startMs - EXPIRY_MARGIN_MS < state.expiresAt) possible.add(state);
    if (endMs + EXPIRY_MARGIN_MS >= state.expiresAt) possible.add(null);
  }
  return [...possible];
}

/**
 * @param states before the call.
 * @returns the states that fit the answer; none: the answer is wrong.
 */
export function statesAfter(states: readonly KeyState[], call: Call): readonly KeyState[] {
  const before = statesWithin(states, call.startMs, call.endMs);
  const { method } = call.request;
  if (method === 'GET') return before.filter((state) => readsAs(state, call));
  const fate = fateOf(call.answer);
  if (fate === 'unknown') {
    const carriedOut = before.map((state) => outcomeOf(state, call).next);
    return [...before, ...carriedOut];
  }
  const { status, currentVersion } = call.answer;
  // Refused for a reason that is not the key's, such as a full disk.
  if (fate === 'refused' && status !== 409 && status !== 412) return before;
  return before
    .map((state) => outcomeOf(state, call))
    .filter(
      (outcome) =>
        outcome.status === status &&
        (status === 200 || outcome.currentVersion === currentVersion) &&
        (call.answer.version === null || outcome.next?.version === call.answer.version),
    )
    .map(({ next }) => (next === null || status !== 200 ? next : { ...next, ...expiryOf(call) }));
}

/** The values that an answered GET may show. */
export function readsAs(state: KeyState, { answer }: Call): boolean {
  if (answer.status === 200)
    return state !== null && state.value === answer.value && state.version === answer.version;
  if (answer.status === 404) return state === null;
  return true;
}

const expiryOf = ({ request, answer }: Call) =>
  request.method === 'PUT' ? { expiresAt: answer.expiresAt } : {};

function outcomeOf(state: KeyState, { request, startMs }: Call): Outcome {
  const current = state?.version ?? null;
  const refused = (status: number): Outcome => ({ status, currentVersion: current, next: state });
  const isRefusedByCondition =
    (request.condition === 'absent' && state !== null) ||
    (request.condition === 'live' && state === null);
  if (isRefusedByCondition) return refused(412);
  if (request.method === 'DELETE') {
    const limit = typeof request.version === 'number' ? request.version : Number.POSITIVE_INFINITY;
    return current !== null && current > limit
      ? refused(409)
      : { status: 200, currentVersion: null, next: null };
  }
  const version = typeof request.version === 'number' ? request.version : (current ?? 0) + 1;
  if (current !== null && version <= current) return refused(409);
  // Where no answer tells the expiry, its earliest will do: later states are judged with a margin.
  const expiresAt = request.ttlMs === null ? null : startMs + request.ttlMs;
  const next = { value: request.value ?? '', version, expiresAt };
  return { status: 200, currentVersion: null, next };
}
