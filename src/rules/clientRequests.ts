/** Rules 1 to 3: decides the requests of clients, one at a time. */
import { holds } from '../words/condition.ts';
import { BrokenInvariantError } from '../words/errors.ts';
import {
  admitsVersion,
  type Delete,
  type EntryHead,
  generationFor,
  isDead,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_PUT_VERSION,
  type Put,
  type PutHead,
  sameOp,
} from '../words/op.ts';
import {
  type DecidedOutcome,
  type DeleteRequest,
  found,
  type PutRequest,
  type Request,
  type TouchRequest,
} from '../words/requests.ts';
import { type Draft, UNHASHED } from './draft.ts';

/** @param draft sees the changes of the requests before, and takes those of this one. */
export function decideRequest(draft: Draft, request: Request): DecidedOutcome {
  if (request.kind !== 'get' && request.condition !== undefined) {
    const live = liveHead(draft, request.key);
    if (!holds(request.condition, live))
      return { kind: 'preconditionFailed', currentVersion: live?.version ?? null };
  }
  switch (request.kind) {
    case 'put':
      return decidePut(draft, request);
    case 'delete':
      return decideDelete(draft, request);
    case 'touch':
      return decideTouch(draft, request);
    case 'get':
      return decideGet(draft, request.key);
  }
}

/** The live entry with its value; `needed`: its value is only in the log. */
function wholeEntry(draft: Draft, { key, known }: TouchRequest): Put | 'needed' | undefined {
  const entry = draft.entry(key);
  if (entry?.kind !== 'put' || isDead(entry, draft.nowMs)) return undefined;
  if (entry.value !== undefined) return entry;
  return known !== undefined && sameOp(known, entry) ? known : 'needed';
}

/**
 * Rule 1: a touch is a put of the live entry once more, with a later HLC and another expiry. So a greater
 * version and a DELETE beat it, seen or unseen here, and of two touches of a version the later one wins.
 */
function decideTouch(draft: Draft, request: TouchRequest): DecidedOutcome {
  const entry = wholeEntry(draft, request);
  if (entry === 'needed') throw new BrokenInvariantError('a touch has the value of its entry');
  if (entry === undefined) {
    const expired = draft.head(request.key)?.kind === 'put';
    return { kind: 'absent', expired };
  }
  const birth = draft.birth();
  // Also above an HLC that this node does not follow.
  const hlc = Math.min(MAX_COUNTER, Math.max(birth.hlc, entry.hlc + 1));
  const expiresAt = request.ttlMs === null ? null : draft.nowMs + request.ttlMs;
  const op = draft.bear<Put>({ ...entry, ...birth, hlc, expiresAt }, entry);
  return { kind: 'stored', op, isTouch: true };
}

/** @param isOffered whether a log held it that another cluster gave up: memory does not refuse it. */
export function decidePut(draft: Draft, request: PutRequest, isOffered = false): DecidedOutcome {
  const entry = draft.head(request.key);
  const version = request.version === 'next' ? nextVersion(draft, entry) : request.version;
  if (version > MAX_PUT_VERSION)
    return { kind: 'conflict', currentVersion: MAX_PUT_VERSION, isExhausted: true };
  if (!admitsVersion(entry, version, draft.nowMs))
    return { kind: 'conflict', currentVersion: entry?.version ?? 0 };
  if (entry === undefined && !isOffered && draft.basis.isFullOfKeys())
    return { kind: 'memoryFull' };
  const { origin, seq, hlc } = draft.birth();
  const { key, ttlMs, value, meta } = request;
  const generation = generationFor(entry, draft.basis.horizon, draft.nowMs);
  const expiresAt = ttlMs === null ? null : draft.nowMs + ttlMs;
  const op = draft.bear<Put>(
    {
      origin,
      seq,
      hlc,
      kind: 'put',
      key,
      generation,
      version,
      expiresAt,
      value,
      meta,
      // Written out: a spread would cost as much as the rest of the object.
      hashHigh: 0,
      hashLow: 0,
    },
    entry,
  );
  return { kind: 'stored', op };
}

function nextVersion(draft: Draft, entry: EntryHead | undefined): number {
  return entry === undefined || isDead(entry, draft.nowMs) ? 1 : entry.version + 1;
}

/** Rule 3. */
function decideDelete(draft: Draft, { key, upToVersion }: DeleteRequest): DecidedOutcome {
  const entry = draft.head(key);
  const existed = entry !== undefined && !isDead(entry, draft.nowMs);
  if (upToVersion !== null) {
    if (!existed) return { kind: 'deleted', op: null, existed };
    if (entry.version > upToVersion) return { kind: 'conflict', currentVersion: entry.version };
  }
  const generation = generationFor(entry, draft.basis.horizon, draft.nowMs);
  const version = upToVersion ?? LAST_VERSION;
  const texts = { expiresAt: null, value: null, meta: null };
  const op = draft.bear<Delete>(
    { ...draft.birth(), kind: 'delete', key, generation, version, ...texts, ...UNHASHED },
    entry,
  );
  return { kind: 'deleted', op, existed };
}

function decideGet(draft: Draft, key: string): DecidedOutcome {
  const entry = draft.entry(key);
  if (entry?.kind !== 'put') return { kind: 'absent', expired: false };
  return isDead(entry, draft.nowMs) ? { kind: 'absent', expired: true } : found(entry);
}

function liveHead(draft: Draft, key: string): PutHead | undefined {
  const entry = draft.head(key);
  return entry?.kind === 'put' && !isDead(entry, draft.nowMs) ? entry : undefined;
}

/** Whether the touch can be decided: its entry has its value here, or the request brings that very entry. */
export const hasValueFor = (draft: Draft, request: TouchRequest): boolean =>
  wholeEntry(draft, request) !== 'needed';
