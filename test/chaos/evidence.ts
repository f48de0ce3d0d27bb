/** Small histories for the tests of the checks: what is not said is as in a run that went well. */
import { type Call, NO_ANSWER, PLAIN_REQUEST, type Request } from '../../chaos/history/call.ts';
import type { Evidence, LoggedOp, Shown, Watched } from '../../chaos/history/evidence.ts';
import type { Sighting } from '../../chaos/watchers/sighting.ts';
import { encodeToken } from '../../src/words/cursor.ts';

export const NODES = 3;
const CALL_MS = 10;

interface Wish extends Partial<Omit<Call, 'request' | 'answer'>> {
  readonly request: Partial<Request>;
  readonly answer?: Partial<Call['answer']>;
}

export function callOf({ request, answer = {}, ...others }: Wish): Call {
  const startMs = others.startMs ?? 0;
  return {
    worker: 'worker',
    life: 1,
    crossedLives: false,
    nodeWasWell: true,
    startMs,
    endMs: startMs + CALL_MS,
    ...others,
    request: { ...PLAIN_REQUEST, ...request },
    answer: { ...NO_ANSWER, ...answer },
  };
}

export const tokenOf = (origin: string, seq: number): string => encodeToken('id', { origin, seq });

export const shown = (value: string, version: number, expiresAt: number | null = null): Shown => ({
  value,
  version,
  expiresAt,
});

/** The same map on every node. */
export const everywhere = (entries: Readonly<Record<string, Shown>>): Evidence['maps'] =>
  Array.from({ length: NODES }, () => new Map(Object.entries(entries)));

export function opOf(wish: Partial<LoggedOp>): LoggedOp {
  return {
    origin: 'node1.aaaaaa',
    seq: 1,
    hlc: 1,
    kind: 'put',
    key: 'mixed/1',
    generation: 0,
    version: 1,
    expiresAt: null,
    value: 'a',
    won: true,
    ...wish,
  };
}

export const watchedOf = (
  sightings: readonly Partial<Sighting>[],
  mirror: Readonly<Record<string, string>> = {},
): Watched => ({
  name: 'watcher1',
  mirror: new Map(Object.entries(mirror)),
  sightings: sightings.map((sighting) => ({
    type: 'put',
    key: null,
    value: null,
    version: null,
    atMs: 0,
    from: 'http://node1',
    toldUntilMs: 0,
    ...sighting,
  })),
});

/** Read long after the calls. */
export const evidenceOf = (wish: Partial<Evidence>): Evidence => ({
  startedAt: 0,
  calls: [],
  incidents: [],
  wrongClocks: [],
  maps: everywhere({}),
  readAt: 60_000,
  watched: [],
  logs: [],
  isCompacted: false,
  ...wish,
});
