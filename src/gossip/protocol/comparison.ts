/**
 * Reads peers' digests (rules 9, 11 and 12): the vector of a member counts for the stable vector; equal
 * seqs with different sums are forks; equal vectors with different map sums are damage.
 */
import { minuteAhead } from '../../rules/mapSum.ts';
import type { Stability } from '../../rules/stability.ts';
import { sameHash } from '../../words/hash.ts';
import { MINUTE_MS } from '../../words/time.ts';
import {
  believedHorizon,
  includes,
  sameVector,
  seqOf,
  type Vector,
  without,
} from '../../words/vector.ts';
import type { Confirmations } from './confirmations.ts';
import { type CoreState, partyOf } from './coreState.ts';
import { type Digest, type ReadDigest, readDigest } from './digest.ts';
import { objectionTo } from './hello.ts';
import type { Greeted } from './peer.ts';
import type { Puller } from './puller.ts';
import type { RejoinClaims } from './rejoinClaims.ts';

/** If equal vectors have different map sums this often in a row, the map is damaged (rule 11). */
const DISAGREEMENTS_TO_REPAIR = 2;
/** Further forked origins are only counted, in the metrics and the health. */
const TOLD_FORKS = 10;
const OTHER_OPS = 'a peer holds other ops of this very origin';

export class Comparison {
  readonly #state: CoreState;
  readonly #claims: RejoinClaims;
  readonly #puller: Puller;
  readonly #confirmations: Confirmations;
  readonly #stability: Stability;
  readonly #forked = new Set<string>();

  constructor(
    state: CoreState,
    puller: Puller,
    confirmations: Confirmations,
    stability: Stability,
    claims: RejoinClaims,
  ) {
    this.#claims = claims;
    this.#state = state;
    this.#puller = puller;
    this.#confirmations = confirmations;
    this.#stability = stability;
  }

  /** Origins with two different ops under one id: this node takes none of their ops. */
  get forked(): ReadonlySet<string> {
    return this.#forked;
  }

  /**
   * Completes the digest, compares it with ours, and keeps it for the stable vector.
   *
   * @returns undefined if it ended the connection, or this core, or is at odds with this node's own ops.
   */
  read(peer: Greeted, raw: Digest): Digest | undefined {
    const { view } = this.#state;
    const { origin, joined } = peer.hello;
    if (this.#isRefusedForClock(peer, raw.clock)) return undefined;
    const read = readDigest(view, raw);
    const { digest, exact } = read;
    peer.digestCame(read, this.#closesOthers(read), this.#state.nowMs);
    this.believeHorizon(peer);
    if (!this.#agreesOnOwn(peer, digest)) return undefined;
    const { origin: own } = view;
    this.#confirmations.heldBy(peer, seqOf(digest.vector, own), digest.sums.get(own));
    if (this.#state.hasEnded) return undefined;
    if (exact && joined && view.members.has(origin)) {
      this.#stability.hear(origin, digest.vector, digest.clock);
      // As good as an answer: this node holds all ops of the member.
      if (includes(view.vector, this.leavingForks(digest.vector)))
        this.#state.standing.caughtUpWith(origin);
    }
    if (exact) this.#compare(peer, digest);
    return digest;
  }

  /**
   * Takes over the horizon of a member, as far as the member's ops, or ours, can have raised it. A node
   * that has joined ignores the horizon of any other peer.
   */
  believeHorizon({ digest, hello }: Greeted): void {
    const { view, standing } = this.#state;
    if (digest === null) return;
    if (standing.phase !== 'unjoined' && !view.members.has(hello.origin)) return;
    const { ops } = view.closings;
    const horizon = Math.max(
      believedHorizon(digest.horizon, digest.vector, ops),
      believedHorizon(digest.horizon, view.vector, ops),
    );
    this.#state.out({ kind: 'horizon', horizon });
  }

  leavingForks(vector: Vector): Vector {
    return without(vector, this.#forked);
  }

  /**
   * The peer holds other ops of these origins than this node. If its own is among them, this node
   * rejoins.
   */
  differs(peer: Greeted, origins: readonly string[]): void {
    if (origins.includes(this.#state.view.origin)) {
      this.#claims.claim(peer.hello.origin, OTHER_OPS, 'forked');
      return;
    }
    for (const origin of origins) this.#forkOf(peer, origin);
  }

  /**
   * Rule 13: the peer's pair is not known here, or ours is none that the peer knows: it holds all that is
   * open here, and has not closed the same.
   */
  #closesOthers({ digest, hasUnknownPair, lacksClosings }: ReadDigest): boolean {
    if (hasUnknownPair) return true;
    return lacksClosings && includes(digest.vector, this.leavingForks(this.#state.view.vector));
  }

  #isRefusedForClock({ hello, connection }: Greeted, clock: number): boolean {
    const { settings, clockMs } = this.#state;
    const objection = objectionTo({ ...hello, clock }, settings, clockMs);
    if (objection === null) return false;
    this.#state.refuse(connection, objection.code, objection.reason, hello);
    return true;
  }

  /**
   * Rule 12: a peer that holds more ops of our own origin than we do, or other ops, has met a copy of
   * this node.
   */
  #agreesOnOwn({ hello }: Greeted, digest: Digest): boolean {
    const { origin, vector, bornHere, sumOf } = this.#state.view;
    const ours = seqOf(vector, origin);
    const theirs = seqOf(digest.vector, origin);
    const sum = digest.sums.get(origin);
    if (theirs > ours && bornHere > 0)
      this.#claims.claim(hello.origin, 'a peer holds later ops of this very origin', 'forked');
    else if (theirs === ours && sum !== undefined && !sameHash(sum, sumOf(origin)))
      this.#claims.claim(hello.origin, OTHER_OPS, 'forked');
    else return true;
    return false;
  }

  #compare(peer: Greeted, digest: Digest): void {
    const { view, clockMs, settings, standing } = this.#state;
    this.#findForks(peer, digest);
    const isLevel = sameVector(this.leavingForks(view.vector), this.leavingForks(digest.vector));
    // The vectors leave out closed origins, and it may lack ops of those.
    if (!isLevel || peer.lackedClosed !== null) {
      this.#puller.speedUp();
      peer.vectorsDiffer();
      return;
    }
    // One side may have collected more of the entries that were dead by `asOf`, so a peer whose clock
    // is far behind proves nothing. Our own clock decides: a stable clock ahead of it comes from a time
    // when all clocks were ahead.
    if (digest.asOf * MINUTE_MS < clockMs) return;
    const agrees = sameHash(view.mapSum(digest.asOf), digest.mapSum);
    if (!agrees && peer.agrees !== false)
      this.#state.note('warn', `${peer.hello.nodeId} holds the same ops but another map`, {
        event: 'disagrees',
        ...partyOf(peer),
      });
    const disagreements = peer.mapsCompared(agrees);
    if (!agrees) this.#state.out({ kind: 'disagrees' });
    // Only a node that may write repairs.
    if (disagreements >= DISAGREEMENTS_TO_REPAIR && standing.phase === 'ready')
      this.#state.out({
        kind: 'repair',
        connection: peer.connection,
        asOf: minuteAhead(clockMs, settings.maxClockSkewMs),
      });
    this.#puller.slowDown();
  }

  /** Equal seqs with different sums (rule 11). */
  #findForks(peer: Greeted, digest: Digest): void {
    const { vector, sumOf } = this.#state.view;
    for (const [origin, sum] of digest.sums) {
      if (seqOf(digest.vector, origin) !== seqOf(vector, origin)) continue;
      if (!sameHash(sum, sumOf(origin))) this.#forkOf(peer, origin);
      // The peer is the node of this origin, so its own ops are the true ones, and they are ours too.
      else if (origin === peer.hello.origin) this.#forked.delete(origin);
    }
  }

  #forkOf(peer: Greeted, origin: string): void {
    // An origin without ops here can't have two histories.
    if (this.#forked.has(origin) || seqOf(this.#state.view.vector, origin) === 0) return;
    this.#forked.add(origin);
    if (this.#forked.size > TOLD_FORKS) return;
    this.#state.note(
      'warn',
      `${peer.hello.nodeId} holds other ops of ${origin} under the same ids: this node takes no more ops of that origin`,
      { event: 'forked', peer: peer.hello.nodeId, origin },
    );
  }
}
