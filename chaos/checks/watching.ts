/**
 * Watchers: the events of a key come in order and none twice, from whichever node; and the watchers'
 * mirrors equal the map at the end.
 */
import type { Call } from '../history/call.ts';
import type { Evidence, Incident, Violation, Watched } from '../history/evidence.ts';
import { EXACT_PREFIX, RACE_PREFIX } from '../history/keys.ts';
import { EXPIRY_MARGIN_MS } from './exactModel.ts';
import { type GenerationOf, generationsOf, isLess, shownBy } from './ranks.ts';

type GenerationsOf = (key: string) => GenerationOf;

const MAX_TOLD_KEYS = 10;

export function checkWatching(evidence: Evidence): Violation[] {
  const writers = new Map<string, Call>();
  for (const call of evidence.calls)
    if (call.request.value !== null) writers.set(call.request.value, call);
  const known = new Map<string, GenerationOf>();
  const generationOf = (key: string): GenerationOf => {
    const ofKey = known.get(key) ?? generationsOf(key, evidence);
    known.set(key, ofKey);
    return ofKey;
  };
  return evidence.watched.flatMap((watched) => [
    ...checkOrder(watched, writers, evidence, generationOf),
    ...checkMirror(watched, evidence),
  ]);
}

function checkOrder(
  { name, sightings }: Watched,
  writers: ReadonlyMap<string, Call>,
  { incidents }: Evidence,
  generationOf: GenerationsOf,
): Violation[] {
  const wrong: Violation[] = [];
  let told = new Map<string, number>();
  let last = new Map<string, Call>();
  for (const { type, key, value } of sightings) {
    if (type === 'reset' || type === 'anew') {
      told = new Map();
      last = new Map();
    }
    if (type !== 'put' || key === null || value === null) continue;
    const tell = (text: string): void => {
      wrong.push({ check: 'watching', key, text: `${name}: ${text}` });
    };
    const writer = writers.get(value);
    if (writer === undefined || writer.request.key !== key) {
      tell(`told ${value}, which nobody wrote`);
      continue;
    }
    // A node that began anew offers an entry again as another op of the same value: its own,
    if (incidents.some(({ node }) => node === writer.request.node)) continue;
    // and another node's op that it held, if the member that let it in had not got that op yet.
    const timesTold = (told.get(value) ?? 0) + 1;
    if (timesTold > 1 + livesEndedSince(writer, incidents)) tell(`told ${value} twice`);
    told.set(value, timesTold);
    const before = last.get(key);
    if (before !== undefined && isBefore(writer, before, generationOf))
      tell(`told ${before.request.value}, and the older ${value} after it`);
    last.set(key, writer);
  }
  return wrong;
}

/** The number of lives of logs that ended after the write began: each may have held its op. */
function livesEndedSince({ startMs }: Call, incidents: readonly Incident[]): number {
  return incidents.filter(({ atMs }) => atMs > startMs).length;
}

/** Whether the first is certainly the older of two writes of one key. */
function isBefore(a: Call, b: Call, generationsOfKey: GenerationsOf): boolean {
  const { key } = a.request;
  // Each key of this kind has one writer, which makes one call after another.
  if (key.startsWith(EXACT_PREFIX)) return a.endMs < b.startMs;
  if (!key.startsWith(RACE_PREFIX)) return false;
  const generationOf = generationsOfKey(key);
  const [rankA, rankB] = [shownBy(a, generationOf), shownBy(b, generationOf)];
  return rankA !== null && rankB !== null && isLess(rankA, rankB);
}

function checkMirror({ name, mirror }: Watched, { maps, readAt }: Evidence): Violation[] {
  const map = maps[0];
  if (map === undefined) return [];
  const keys = new Set([...map.keys(), ...mirror.keys()]);
  const wrong = [...keys].filter((key) => {
    const shown = map.get(key);
    const isAtItsEnd =
      shown !== undefined &&
      shown.expiresAt !== null &&
      shown.expiresAt < readAt + 20 * EXPIRY_MARGIN_MS;
    return shown?.value !== mirror.get(key) && !isAtItsEnd;
  });
  return wrong.slice(0, MAX_TOLD_KEYS).map((key) => ({
    check: 'watching',
    key,
    text: `${name}: the mirror has ${mirror.get(key) ?? 'nothing'}, the map ${map.get(key)?.value ?? 'nothing'} (${wrong.length} such keys)`,
  }));
}
