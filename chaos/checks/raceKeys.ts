/**
 * Keys that many workers PUT, and that nobody deletes. Versions only grow: the greatest answered
 * version must be shown at the end, and a node that has shown a version takes no lower one.
 *
 * There is an exception. Nodes that did not reach each other may both have put the key first, in different
 * generations, if one had collected more (rule 2). Then the greater generation wins whatever the
 * versions, and the check of the logs compares the ops by rule 1.
 */
import { type Call, fateOf } from '../history/call.ts';
import { type Evidence, mayBeLost, type Violation } from '../history/evidence.ts';
import { RACE_PREFIX } from '../history/keys.ts';
import { byKey } from './byKey.ts';

export function checkRaceKeys(evidence: Evidence): Violation[] {
  return [...byKey(evidence.calls, RACE_PREFIX)].flatMap(([key, calls]) => {
    const hasOneGeneration = generationsOf(key, evidence.logs) <= 1;
    return [
      ...checkEnd(key, calls, evidence, hasOneGeneration),
      ...checkDecisions(key, calls, hasOneGeneration),
    ];
  });
}

function generationsOf(key: string, logs: Evidence['logs']): number {
  const ofKey = logs.flatMap(({ ops }) => ops.filter((op) => op.key === key));
  return new Set(ofKey.map(({ generation }) => generation)).size;
}

function checkEnd(
  key: string,
  calls: readonly Call[],
  evidence: Evidence,
  hasOneGeneration: boolean,
): Violation[] {
  const puts = calls.filter(({ request }) => request.method === 'PUT');
  const answered = puts.filter(
    (call) => fateOf(call.answer) === 'done' && !mayBeLost(call, evidence.incidents),
  );
  const greatest = Math.max(-1, ...answered.map(({ answer }) => answer.version ?? -1));
  const shown = evidence.maps[0]?.get(key);
  if (shown === undefined)
    return greatest < 0
      ? []
      : [{ check: 'survival', key, text: `version ${greatest} was stored, and the key is absent` }];
  if (hasOneGeneration && shown.version < greatest)
    return [
      {
        check: 'survival',
        key,
        text: `version ${greatest} was stored, and version ${shown.version} is shown`,
      },
    ];
  const writer = puts.find(({ request }) => request.value === shown.value);
  const isRight =
    writer !== undefined &&
    fateOf(writer.answer) !== 'refused' &&
    (writer.answer.version === null || writer.answer.version === shown.version);
  if (isRight) return [];
  const text = `${shown.value} with version ${shown.version} is shown, and no PUT stored that`;
  return [{ check: 'survival', key, text }];
}

/** Compares each answer with what the same node had shown before the call began. */
function checkDecisions(
  key: string,
  calls: readonly Call[],
  hasOneGeneration: boolean,
): Violation[] {
  const wrong: Violation[] = [];
  const tell = (text: string): void => {
    wrong.push({ check: 'decisions', key, text });
  };
  const versions = new Set(calls.flatMap(({ answer }) => answer.version ?? []));
  for (const call of calls) {
    const { request, answer } = call;
    if (call.crossedLives) continue;
    const { version } = request;
    const seen = hasOneGeneration ? seenBefore(call, calls) : -1;
    const where = `${call.worker} at node${request.node + 1}`;
    if (request.method === 'PUT' && answer.status === 409) {
      const current = answer.currentVersion ?? -1;
      if (typeof version !== 'number' || current < version)
        tell(`${where}: 409 to version ${version}, with the lower current version ${current}`);
      else if (current < seen)
        tell(`${where}: 409 with version ${current}, after the node had shown ${seen}`);
      else if (!versions.has(current) && !calls.some((other) => mayHaveStored(other, current)))
        tell(`${where}: 409 with version ${current}, which nobody wrote`);
    }
    if (request.method === 'PUT' && answer.status === 200 && (answer.version ?? -1) <= seen)
      tell(`${where}: 200 to version ${answer.version}, after the node had shown ${seen}`);
    if (request.method === 'GET' && answer.status === 200 && (answer.version ?? -1) < seen)
      tell(`${where}: version ${answer.version} is read, after the node had shown ${seen}`);
  }
  return wrong;
}

function mayHaveStored({ request, answer }: Call, version: number): boolean {
  if (request.method !== 'PUT' || fateOf(answer) !== 'unknown') return false;
  return request.version === 'next' || request.version === version;
}

/** The greatest version that the node had shown in this life before the call began; −1: none. */
function seenBefore(call: Call, calls: readonly Call[]): number {
  let seen = -1;
  for (const other of calls) {
    const isBefore =
      other.endMs < call.startMs &&
      other.request.node === call.request.node &&
      other.life === call.life &&
      !other.crossedLives;
    if (!isBefore) continue;
    const shown = Math.max(other.answer.version ?? -1, other.answer.currentVersion ?? -1);
    seen = Math.max(seen, shown);
  }
  return seen;
}
