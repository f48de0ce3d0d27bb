/**
 * A request of a client, and its answer, as the checks read it.
 *
 * Times are UTC milliseconds of this machine, so that they compare with the expiries of entries.
 */

/** Asked for by `If-None-Match: *` and `If-Match: *`. */
export type Condition = 'absent' | 'live';

export interface Request {
  readonly method: 'PUT' | 'GET' | 'DELETE';
  readonly key: string;
  /** Index of the node that is asked. */
  readonly node: number;
  /** Of a PUT: unique in the run, so that a value names its PUT. */
  readonly value: string | null;
  /** Of a PUT or a conditional DELETE. */
  readonly version: number | 'next' | null;
  readonly ttlMs: number | null;
  readonly condition: Condition | null;
  /** The token of a write that the node must hold first. */
  readonly after: string | null;
  /** How many nodes a PUT waits for. */
  readonly acks: number | null;
}

export interface Answer {
  /** null: no answer came, for the reason given. */
  readonly status: number | null;
  readonly reason: string | null;
  readonly value: string | null;
  readonly version: number | null;
  readonly currentVersion: number | null;
  /** UTC milliseconds. */
  readonly expiresAt: number | null;
  readonly token: string | null;
  readonly acks: number | null;
}

export interface Call {
  readonly request: Request;
  readonly answer: Answer;
  /** Name of the worker that made it; a worker makes one call after another. */
  readonly worker: string;
  /** Life of the node's log when the call began; it grows when the log is lost or begun anew. */
  readonly life: number;
  /** Whether the log began another life before the answer. */
  readonly crossedLives: boolean;
  /** Whether no fault held the node itself from the beginning of the call to its end. */
  readonly nodeWasWell: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

export const PLAIN_REQUEST: Request = {
  method: 'GET',
  key: '',
  node: 0,
  value: null,
  version: null,
  ttlMs: null,
  condition: null,
  after: null,
  acks: null,
};

export const NO_ANSWER: Answer = {
  status: null,
  reason: null,
  value: null,
  version: null,
  currentVersion: null,
  expiresAt: null,
  token: null,
  acks: null,
};

/** Answers that say for certain that nothing was stored. */
const REFUSED: readonly (number | null)[] = [409, 412, 422, 425, 429, 503, 504, 507];

/** How a write ended: it was carried out, it was not, or nobody can tell. */
export function fateOf({ status }: Answer): 'done' | 'refused' | 'unknown' {
  if (status === 200) return 'done';
  return REFUSED.includes(status) ? 'refused' : 'unknown';
}

/** A line that tells a call to a person. @param originMs when the run began. */
export function callText(call: Call, originMs: number): string {
  const { request, answer } = call;
  const at = `${((call.startMs - originMs) / 1000).toFixed(3)}s +${call.endMs - call.startMs}ms`;
  const wish = [
    request.version === null ? '' : ` version ${request.version}`,
    request.value === null ? '' : ` value ${request.value}`,
    request.ttlMs === null ? '' : ` ttl ${request.ttlMs}ms`,
    request.condition === null ? '' : ` if ${request.condition}`,
    request.after === null ? '' : ' after a token',
    request.acks === null ? '' : ` acks ${request.acks}`,
  ].join('');
  const said = [
    answer.status === null ? `no answer (${answer.reason ?? 'unknown'})` : String(answer.status),
    answer.value === null ? '' : ` value ${answer.value}`,
    answer.version === null ? '' : ` version ${answer.version}`,
    answer.acks === null ? '' : ` acks ${answer.acks}`,
    answer.currentVersion === null ? '' : ` current ${answer.currentVersion}`,
  ].join('');
  const node = `node${request.node + 1} life ${call.life}`;
  return `${at} ${call.worker} ${node}: ${request.method} ${request.key}${wish} → ${said}`;
}
