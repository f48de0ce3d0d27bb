/**
 * Rules 1 to 3 and 5: decides waiting requests and deltas, in order, against the present map, and
 * numbers the ops to append.
 */
import type { Delta } from '../words/delta.ts';
import { type KeyOp, MAX_COUNTER, type Membership, type Op, sameOp } from '../words/op.ts';
import {
  type DecidedBatchOutcome,
  type DecidedOutcome,
  LEFT_OUT,
  type PutRequest,
  type Request,
  takenBytes,
} from '../words/requests.ts';
import type { TraceParent } from '../words/trace.ts';
import { decidePut, decideRequest, hasValueFor } from './clientRequests.ts';
import { beyondEnds } from './closings.ts';
import { type DeltaOutcome, decideDelta } from './delta.ts';
import { Draft, UNHASHED } from './draft.ts';
import { decideOffer, type Judged, type OfferOutcome } from './lostOps.ts';
import { crowdedOut, leavingOut } from './newOrigins.ts';

/** A batch that was decided ahead holds for so long, in milliseconds: its rows bear the time of its begin. */
export const MAX_AHEAD_MS = 20;

/** One batch: requests and deltas that are committed together. */
export class Batch extends Draft {
  /** A client's requests: each sees the changes of those before it. @param trace the span of the client's call. */
  requests(requests: readonly Request[], trace: TraceParent | null = null): DecidedOutcome[] {
    const first = this.rows.length;
    if (requests.length > 1) this.basis.foresee(requests.map(({ key }) => key));
    const outcomes = requests.map((request) => decideRequest(this, request));
    this.#trace(first, trace);
    return outcomes;
  }

  /** As `requests`, with a bound on what gets take: a short request of many long values would fill the memory. */
  boundedRequests(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): DecidedBatchOutcome[] {
    const whole = this.firstRequests(requests, maxBytes, trace);
    if (whole.length === requests.length) return whole;
    const first = this.rows.length;
    const others = requests
      .slice(whole.length)
      .map((request) => (request.kind === 'get' ? LEFT_OUT : decideRequest(this, request)));
    this.#trace(first, trace);
    return [...whole, ...others];
  }

  /**
   * As `requests`, up to the first get that comes after one which brought the entries of gets to a bound.
   *
   * @param maxBytes of keys, values and metas.
   */
  firstRequests(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): DecidedOutcome[] {
    const first = this.rows.length;
    const outcomes: DecidedOutcome[] = [];
    let bytes = 0;
    if (requests.length > 1) this.basis.foresee(requests.map(({ key }) => key));
    for (const request of requests) {
      if (request.kind === 'get' && bytes >= maxBytes) break;
      const outcome = decideRequest(this, request);
      bytes += takenBytes(outcome);
      outcomes.push(outcome);
    }
    this.#trace(first, trace);
    return outcomes;
  }

  /** The rows from that one on are of a traced call. */
  #trace(first: number, trace: TraceParent | null): void {
    if (trace !== null) for (const row of this.rows.slice(first)) this.traces.set(row, trace);
  }

  /**
   * Whether each touch can be decided now: if the value of its entry is not in memory, the request must
   * bring that very entry.
   */
  hasValuesFor(requests: readonly Request[]): boolean {
    return requests.every((request) => request.kind !== 'touch' || hasValueFor(this, request));
  }

  /** Puts of a log that another cluster gave up: memory refuses none of them, or they would be lost. */
  offeredPuts(requests: readonly PutRequest[]): DecidedOutcome[] {
    return requests.map((request) => decidePut(this, request, true));
  }

  /**
   * Whether this batch, decided ahead, would be decided alike now. Of the state that the batch before it was to leave, only the
   * horizon changes without a commit.
   *
   * @param horizon the present one. @param nowMs as in the constructor.
   */
  holdsFor(horizon: number, nowMs: number): boolean {
    const ageMs = nowMs - this.nowMs;
    return ageMs >= 0 && ageMs <= MAX_AHEAD_MS && horizon === this.basis.horizon;
  }

  /** The same op with a new birth: it is greater by its HLC alone. */
  bearAgain(entry: KeyOp): void {
    const present = this.head(entry.key);
    if (present === undefined || !sameOp(present, entry)) return;
    const birth = this.birth();
    // Also above an HLC that this node does not follow.
    const hlc = Math.min(MAX_COUNTER, Math.max(birth.hlc, entry.hlc + 1));
    this.bear({ ...entry, ...birth, hlc }, present);
  }

  /**
   * Rule 12: an op that a log held and its cluster lacks is born again as if it had never been lost:
   * with its own generation, version, HLC and expiry, so that it wins and loses as it would have.
   */
  offer(lost: KeyOp, judged: Judged): OfferOutcome {
    const { hlc: hlcNow, ...bornAs } = this.birth();
    const { horizon } = this.basis;
    const entry = this.head(lost.key);
    const decided = decideOffer(lost, judged, { entry, bornAs, horizon, nowMs: this.nowMs });
    const anew = { ...lost, ...bornAs };
    switch (decided) {
      case 'asItWas':
        this.keepsStamp(this.bear(anew, entry));
        break;
      case 'justAbove':
        this.keepsStamp(this.bear({ ...anew, hlc: Math.min(MAX_COUNTER, lost.hlc + 1) }, entry));
        break;
      case 'anew':
        // A client's put would get this generation now.
        this.bear({ ...anew, hlc: hlcNow, generation: horizon }, entry);
        break;
      default:
        return decided;
    }
    return 'offered';
  }

  /** A change of the members: the op is born here. */
  membership(kind: 'join' | 'retire', member: string, value: string | null): Op {
    const others = { key: member, generation: 0, version: 0, expiresAt: null, value, meta: null };
    return this.bear<Membership>({ ...this.birth(), kind, ...others, ...UNHASHED }, undefined);
  }

  /**
   * Rule 7: takes in a peer's ops, all of an origin's or none.
   *
   * @param from the origin of the node that sent them; null if no node did.
   */
  delta(delta: Delta, from: string | null = null): DeltaOutcome {
    if (this.isSnapshotUnderWay) return { kind: 'overtaken' };
    if (from !== null && this.isRetired(from)) return { kind: 'sealed' };
    const { vector, closings } = this.basis;
    const members = { has: this.isMember.bind(this), isRetired: this.isRetired.bind(this) };
    const crowded = crowdedOut(delta, { vector, added: this.records.keys(), members });
    const ended = beyondEnds(delta, closings);
    const taken = leavingOut(delta, new Set([...crowded, ...ended]));
    const { news, outcome } = decideDelta(taken, (origin) => this.record(origin));
    for (const op of news) {
      this.append(op, this.present(op));
      this.keepsStamp(op);
    }
    if (outcome.kind !== 'applied') return outcome;
    if (crowded.size > 0) return { ...outcome, kind: 'crowded' };
    return ended.size > 0 ? { ...outcome, kind: 'beyondEnds' } : outcome;
  }
}
