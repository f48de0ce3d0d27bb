/**
 * Keys that are written once. A worker PUTs a key at one node, reads it at others by the token of the
 * PUT, counts its holders if the PUT asked for acks, and perhaps deletes it in the knowledge of the
 * PUT.
 */
import { type Call, fateOf } from '../history/call.ts';
import { type Evidence, mayBeLost, type Violation, type WrongClock } from '../history/evidence.ts';
import { ONCE_PREFIX } from '../history/keys.ts';
import { byKey } from './byKey.ts';
import { EXPIRY_MARGIN_MS } from './exactModel.ts';

interface Story {
  readonly key: string;
  readonly put: Call;
  readonly remove: Call | undefined;
  readonly reads: readonly Call[];
}

export function checkOnceKeys(evidence: Evidence): Violation[] {
  return [...byKey(evidence.calls, ONCE_PREFIX)].flatMap(([key, calls]) => {
    const put = calls.find(({ request }) => request.method === 'PUT');
    if (put === undefined) return [];
    const remove = calls.find(({ request }) => request.method === 'DELETE');
    const reads = calls.filter(({ request }) => request.method === 'GET');
    const story = { key, put, remove, reads };
    return [
      ...checkTokens(story, evidence.wrongClocks),
      ...checkAcks(story, evidence),
      ...checkEnd(story, evidence),
    ];
  });
}

/** A read that names the token of a write shows it, or is not answered. */
function checkTokens(
  { key, put, remove, reads }: Story,
  wrongClocks: readonly WrongClock[],
): Violation[] {
  return reads.flatMap((read): Violation[] => {
    const { status, value } = read.answer;
    const { after, node } = read.request;
    if (after === null || (status !== 200 && status !== 404)) return [];
    const isOfDelete = remove !== undefined && after === remove.answer.token;
    const isOfPut = after === put.answer.token;
    const hasExpired = mayHaveExpired(put, read.endMs + aheadMs(read, wrongClocks));
    const isDeletedPerhaps = remove !== undefined && remove.startMs <= read.endMs;
    const tell = (text: string): Violation[] => [
      { check: 'tokens', key, text: `${text} (node${node + 1})` },
    ];
    if (isOfDelete && status === 200) return tell(`the token of the DELETE reads ${value}`);
    if (isOfPut && status === 404 && !hasExpired && !isDeletedPerhaps)
      return tell('the token of the PUT reads absent');
    if (status === 200 && value !== put.request.value)
      return tell(`${value} is read, and ${put.request.value} was written`);
    return [];
  });
}

/** As many nodes as the answer says held the write: of the others, none says that it does not. */
function checkAcks({ key, put, reads }: Story, { maps, incidents }: Evidence): Violation[] {
  const { acks, status } = put.answer;
  const wanted = put.request.acks;
  if (wanted === null || status !== 200) return [];
  const tell = (text: string): Violation[] => [{ check: 'acks', key, text }];
  if (acks === null || acks < 1 || acks > maps.length)
    return tell(`acks ${acks} is answered, and there are ${maps.length} nodes`);
  const lacking = new Set<number>();
  for (const read of reads) {
    const { node, after } = read.request;
    if (after !== null || read.answer.status !== 404 || read.crossedLives) continue;
    if (mayHaveExpired(put, read.endMs)) continue;
    const hasBegunAnew = incidents.some(
      (incident) =>
        incident.node === node &&
        incident.atMs >= put.startMs - 1000 &&
        incident.atMs <= read.endMs,
    );
    if (!hasBegunAnew) lacking.add(node);
  }
  if (acks <= maps.length - lacking.size) return [];
  const names = [...lacking].map((node) => `node${node + 1}`).join(', ');
  return tell(`acks ${acks} of ${maps.length} is answered, and then ${names} lack it`);
}

function checkEnd({ key, put, remove }: Story, evidence: Evidence): Violation[] {
  const shown = evidence.maps[0]?.get(key);
  const { incidents, readAt } = evidence;
  if (shown !== undefined && shown.value !== put.request.value)
    return [{ check: 'survival', key, text: `${shown.value} is shown, which nobody wrote` }];
  const isStored = fateOf(put.answer) === 'done' && !mayBeLost(put, incidents);
  const isKeptUntil = put.answer.expiresAt ?? Number.POSITIVE_INFINITY;
  const mustBeLive =
    isStored && isKeptUntil > readAt + EXPIRY_MARGIN_MS && mayNotHaveDeleted(remove);
  if (mustBeLive && shown === undefined)
    return [{ check: 'survival', key, text: 'it was stored, nobody deleted it, and it is absent' }];
  if (shown === undefined) return [];
  const isDeleted =
    remove !== undefined &&
    fateOf(remove.answer) === 'done' &&
    fateOf(put.answer) === 'done' &&
    !mayBeLost(remove, incidents);
  if (isDeleted) return [{ check: 'resurrection', key, text: 'it was deleted, and is back' }];
  if (fateOf(put.answer) === 'refused')
    return [{ check: 'decisions', key, text: 'its PUT was refused, and it is there' }];
  if (isKeptUntil < readAt - EXPIRY_MARGIN_MS)
    return [{ check: 'resurrection', key, text: 'it has expired, and is shown' }];
  return [];
}

const mayNotHaveDeleted = (remove: Call | undefined): boolean =>
  remove === undefined || fateOf(remove.answer) === 'refused';

function mayHaveExpired({ request, answer, startMs }: Call, atMs: number): boolean {
  if (request.ttlMs === null) return false;
  return (answer.expiresAt ?? startMs + request.ttlMs) <= atMs + EXPIRY_MARGIN_MS;
}

/** How far the clock of the asked node was ahead meanwhile: an entry expires by the clock of the node that shows it. */
function aheadMs({ request, startMs, endMs }: Call, wrongClocks: readonly WrongClock[]): number {
  const offsets = wrongClocks
    .filter(({ node, fromMs, toMs }) => node === request.node && fromMs <= endMs && toMs >= startMs)
    .map(({ offsetMs }) => offsetMs);
  return Math.max(0, ...offsets);
}
