/**
 * Keys that many workers PUT, and that nobody deletes. What a key shows only grows: the greatest answered PUT
 * must be shown at the end, and a node that has shown a PUT takes no lower one.
 */
import { type Call, fateOf } from '../history/call.ts';
import { type Evidence, mayBeLost, type Violation } from '../history/evidence.ts';
import { RACE_PREFIX } from '../history/keys.ts';
import { byKey } from './byKey.ts';
import {
  type GenerationOf,
  generationsOf,
  greater,
  isLess,
  NOTHING,
  type Rank,
  shownBy,
} from './ranks.ts';

const text = ({ generation, version }: Rank): string =>
  generation === 0 ? `version ${version}` : `version ${version} of generation ${generation}`;

export function checkRaceKeys(evidence: Evidence): Violation[] {
  return [...byKey(evidence.calls, RACE_PREFIX)].flatMap(([key, calls]) => {
    const generationOf = generationsOf(key, evidence);
    return [
      ...checkEnd(key, calls, evidence, generationOf),
      ...checkDecisions(key, calls, generationOf),
    ];
  });
}

function checkEnd(
  key: string,
  calls: readonly Call[],
  evidence: Evidence,
  generationOf: GenerationOf,
): Violation[] {
  const puts = calls.filter(({ request }) => request.method === 'PUT');
  const answered = puts.filter(
    (call) => fateOf(call.answer) === 'done' && !mayBeLost(call, evidence.incidents),
  );
  const greatest = answered
    .flatMap((call) => shownBy(call, generationOf) ?? [])
    .reduce(greater, NOTHING);
  const wrong = (what: string): Violation[] => [{ check: 'survival', key, text: what }];
  const shown = evidence.maps[0]?.get(key);
  if (shown === undefined)
    return answered.length === 0 ? [] : wrong('it was stored, nobody deleted it, and it is absent');
  const generation = generationOf(shown.value);
  if (generation !== null && isLess({ generation, version: shown.version }, greatest))
    return wrong(`${text(greatest)} was stored, and ${shown.version} of ${generation} is shown`);
  const writer = puts.find(({ request }) => request.value === shown.value);
  const isRight =
    writer !== undefined &&
    fateOf(writer.answer) !== 'refused' &&
    (writer.answer.version === null || writer.answer.version === shown.version);
  if (isRight) return [];
  return wrong(`${shown.value} with version ${shown.version} is shown, and no PUT stored that`);
}

/** Compares each answer with what the same node had shown before the call began. */
function checkDecisions(
  key: string,
  calls: readonly Call[],
  generationOf: GenerationOf,
): Violation[] {
  const wrong: Violation[] = [];
  const tell = (what: string): void => {
    wrong.push({ check: 'decisions', key, text: what });
  };
  const versions = new Set(calls.flatMap(({ answer }) => answer.version ?? []));
  for (const call of calls) {
    const { request, answer } = call;
    if (call.crossedLives) continue;
    const { version } = request;
    const seen = seenBefore(call, calls, generationOf);
    const shown = shownBy(call, generationOf);
    const where = `${call.worker} at node${request.node + 1}`;
    if (request.method === 'PUT' && answer.status === 409) {
      const current = answer.currentVersion ?? -1;
      if (typeof version !== 'number' || current < version)
        tell(`${where}: 409 to version ${version}, with the lower current version ${current}`);
      else if (shown !== null && isLess(shown, seen))
        tell(`${where}: 409 with version ${current}, after the node had shown ${text(seen)}`);
      else if (!versions.has(current) && !calls.some((other) => mayHaveStored(other, current)))
        tell(`${where}: 409 with version ${current}, which nobody wrote`);
    }
    if (shown === null || answer.status !== 200) continue;
    if (request.method === 'PUT' && !isLess(seen, shown))
      tell(`${where}: 200 to ${text(shown)}, after the node had shown ${text(seen)}`);
    if (request.method === 'GET' && isLess(shown, seen))
      tell(`${where}: ${text(shown)} is read, after the node had shown ${text(seen)}`);
  }
  return wrong;
}

function mayHaveStored({ request, answer }: Call, version: number): boolean {
  if (request.method !== 'PUT' || fateOf(answer) !== 'unknown') return false;
  return request.version === 'next' || request.version === version;
}

/** The greatest PUT that the node had shown in this life before the call began. */
function seenBefore(call: Call, calls: readonly Call[], generationOf: GenerationOf): Rank {
  let seen = NOTHING;
  for (const other of calls) {
    const isBefore =
      other.endMs < call.startMs &&
      other.request.node === call.request.node &&
      other.life === call.life &&
      !other.crossedLives;
    if (isBefore) seen = greater(seen, shownBy(other, generationOf) ?? NOTHING);
  }
  return seen;
}
