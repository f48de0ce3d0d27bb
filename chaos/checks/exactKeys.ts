/**
 * Keys that one worker alone writes: each answer (409, 412, 200, a read) is compared with the model,
 * and the last state with the cluster's at the end.
 */
import type { Call } from '../history/call.ts';
import type { CheckName, Evidence, ShownMap, Violation } from '../history/evidence.ts';
import { EXACT_PREFIX } from '../history/keys.ts';
import { byKey } from './byKey.ts';
import { type KeyState, statesAfter, statesWithin } from './exactModel.ts';

export function checkExactKeys(evidence: Evidence): Violation[] {
  return [...byKey(evidence.calls, EXACT_PREFIX)].flatMap(([key, calls]) =>
    checkKey(key, calls, evidence),
  );
}

function checkKey(key: string, calls: readonly Call[], evidence: Evidence): Violation[] {
  let states: readonly KeyState[] = [null];
  for (const call of calls) {
    if (isReadOfBeginner(call, evidence)) continue;
    const after = call.crossedLives ? withoutAnswer(states, call) : statesAfter(states, call);
    if (after.length === 0) return [wrongAnswer(key, states, call)];
    states = after;
  }
  const first = calls[0];
  const isLost =
    first !== undefined &&
    evidence.incidents.some(
      ({ kind, node, life }) =>
        kind === 'lost' && node === first.request.node && life >= first.life,
    );
  // Of a log that was lost, what its last writes were is another check's matter.
  if (isLost) return [];
  return evidence.maps.slice(0, 1).flatMap((map) => checkEnd(key, states, map, evidence.readAt));
}

/** A node that begins anew may be read before it has offered what it had set aside; it takes no writes before. */
function isReadOfBeginner({ request, nodeWasWell, life }: Call, { incidents }: Evidence): boolean {
  if (request.method !== 'GET' || nodeWasWell) return false;
  return incidents.some(
    (incident) =>
      incident.kind === 'retired' && incident.node === request.node && incident.life === life,
  );
}

/** A call that the log's life ended under may have been carried out or not. */
function withoutAnswer(states: readonly KeyState[], call: Call): readonly KeyState[] {
  return statesAfter(states, {
    ...call,
    request: call.request,
    answer: { ...call.answer, status: null },
  });
}

function wrongAnswer(key: string, states: readonly KeyState[], call: Call): Violation {
  const possible = statesWithin(states, call.startMs, call.endMs);
  const { method } = call.request;
  const { status, value, currentVersion } = call.answer;
  const said = [status, value, currentVersion === null ? null : `current ${currentVersion}`];
  const text = `${call.worker} was answered ${said.filter((part) => part !== null).join(' ')} to ${method}, and the key was ${statesText(possible)}`;
  return { check: checkOf(possible, call), key, text };
}

function checkOf(possible: readonly KeyState[], { request, answer }: Call): CheckName {
  if (request.method !== 'GET') return 'decisions';
  return possible.every((state) => state === null) && answer.status === 200
    ? 'resurrection'
    : 'survival';
}

function checkEnd(
  key: string,
  states: readonly KeyState[],
  map: ShownMap,
  readAt: number,
): Violation[] {
  const shown = map.get(key) ?? null;
  const possible = statesWithin(states, readAt, readAt);
  if (possible.some((state) => isSame(state, shown))) return [];
  const check = possible.every((state) => state === null) ? 'resurrection' : 'survival';
  const text = `at the end the key is ${statesText([shown])}, and must be ${statesText(possible)}`;
  return [{ check, key, text }];
}

const isSame = (a: KeyState, b: KeyState): boolean =>
  a === null || b === null ? a === b : a.value === b.value && a.version === b.version;

export function statesText(states: readonly KeyState[]): string {
  const texts = states.map((state) =>
    state === null ? 'absent' : `${state.value} (version ${state.version})`,
  );
  return [...new Set(texts)].join(' or ');
}
