/**
 * Pulls (rules 7, 8, 10 and 11): our digests out, peers' digests and answers in. One is in flight a
 * peer; each peer is asked once before any is asked twice; one exchange serves both sides.
 */

import { memberValue } from '../../rules/members.ts';
import { sameHash } from '../../words/hash.ts';
import { nextRandom } from '../../words/random.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { includes, missingOps, seqOf, type Vector } from '../../words/vector.ts';
import { admits } from './admission.ts';
import type { CoreState } from './coreState.ts';
import { type Digest, readDigest } from './digest.ts';
import { objectionTo } from './hello.ts';
import type { Input } from './inputOutput.ts';
import type { DeltaMessage, SnapshotMessage } from './messages.ts';
import { type Greeted, isGreeted, type Peer, sameBut, without } from './peers.ts';

/** How much longer each wait is than the last while digests are equal. */
const BACK_OFF = 1.1;
/** The longest back-off with eight peers or fewer, as a multiple of the interval. */
const MAX_BACK_OFF = 1.25;
const PEERS_A_BACK_OFF = 8;
/** Equal vectors with different map sums so often in a row mean damage (rule 11). */
const DISAGREEMENTS_TO_REPAIR = 2;

export class Puller {
  readonly #state: CoreState;
  /** Since when origins have asked that say they have joined and that we do not know. */
  readonly #unknownSince = new Map<string, number>();
  #nextPullAt = 0;
  #backOff = 1;

  constructor(state: CoreState) {
    this.#state = state;
  }

  mayPull(peer: Greeted): boolean {
    const { hello } = peer;
    if (!hello.joined || peer.pullSentAt !== null || peer.notBefore > this.#state.nowMs)
      return false;
    if (this.#state.view.members.isRetired(hello.origin)) return false;
    if (this.#state.standing.phase !== 'unjoined') return true;
    // The `join` that a sponsor logs holds this node's URL: it should be known by then.
    if (this.#state.ownUrl === null && !this.#state.addresses.allTried()) return false;
    // One sponsor, until it is gone: to the others a node that holds something is a stranger still.
    const sponsor =
      this.#state.sponsor === null ? undefined : this.#state.peers.ofOrigin(this.#state.sponsor);
    return !this.#state.joining && (sponsor === undefined || sponsor === peer);
  }

  pull(peer: Peer): void {
    if (peer.pullSentAt !== null) {
      peer.pullAgain = true;
      return;
    }
    if (this.#state.standing.phase === 'unjoined') this.#state.sponsor = peer.hello?.origin ?? null;
    peer.pullSentAt = this.#state.nowMs;
    peer.pullAgain = false;
    this.#state.out({ kind: 'pull', connection: peer.connection });
  }

  /** Answers, and pulls in turn where the peer holds what we lack: one exchange serves both sides. */
  digestFrom(peer: Greeted, raw: Digest): void {
    const { connection, hello } = peer;
    const { members, vector } = this.#state.view;
    if (this.#state.standing.phase === 'unjoined') {
      this.#state.out({ kind: 'later', connection });
      return;
    }
    if (members.isRetired(hello.origin)) {
      this.#state.tellToRejoin(connection, 'retired', `${hello.origin} was retired`);
      return;
    }
    const digest = this.#readDigest(peer, raw);
    if (digest === undefined) return;
    if (!members.has(hello.origin)) {
      this.#stranger(peer, digest);
      return;
    }
    this.answerTo(peer, digest);
    const held = missingOps(vector, this.#leavingForks(digest.vector));
    if (held > 0 && this.mayPull(peer)) this.pull(peer);
  }

  answerTo(peer: Greeted, digest: Digest): void {
    const { connection } = peer;
    if (includes(digest.vector, this.#state.view.reach()))
      this.#state.out({ kind: 'answer', connection, digest });
    else if (peer.digestIsExact) this.#answerBelowReach(peer, digest);
    // What it lacks may be of an origin that it holds as retired, and this node does not.
    else this.#state.out({ kind: 'later', connection });
  }

  /** Rule 8: admitted before it is answered, told to rejoin, or asked to come again. */
  #stranger(peer: Greeted, digest: Digest): void {
    const { connection, hello } = peer;
    if (this.#state.standing.phase !== 'ready') {
      this.#state.out({ kind: 'later', connection });
      return;
    }
    const { origin, admittedBy, nodeId, url } = hello;
    const empty = digest.vector.size === 0;
    if (!admits(this.#state.view.members, { origin, empty, admittedBy })) {
      if (this.#mayYetBeKnown(peer)) this.#state.out({ kind: 'later', connection });
      else
        this.#state.tellToRejoin(
          connection,
          'stranger',
          `${origin} is no member and has a history of its own`,
        );
      return;
    }
    this.#state.note('info', `${nodeId} (${origin}) joins`);
    this.#state.out({ kind: 'admit', connection, origin, value: memberValue(nodeId, url), digest });
  }

  /**
   * A peer that has joined our cluster through a member whose own `join` is still on its way to us, as
   * when several nodes join at once: not before it has had its time is it a stranger.
   */
  #mayYetBeKnown({ hello }: Greeted): boolean {
    if (!hello.joined || hello.clusterId !== this.#state.view.clusterId) return false;
    const { nowMs, settings } = this.#state;
    const since = this.#unknownSince.get(hello.origin) ?? nowMs;
    this.#unknownSince.set(hello.origin, since);
    return nowMs - since < settings.joinTimeoutMs;
  }

  /** Rule 10: an empty log gets a snapshot; a member has lost what it had acknowledged. */
  #answerBelowReach({ connection, hello }: Greeted, digest: Digest): void {
    if (digest.vector.size === 0) this.#state.out({ kind: 'snapshot', connection, part: 0 });
    else
      this.#state.tellToRejoin(
        connection,
        'behind',
        `${hello.origin} lacks ops that were compacted away here after it had acknowledged them`,
      );
  }

  /**
   * Completes the digest, compares it with ours, and keeps it for what is stable.
   *
   * @returns undefined where it ended the connection, or this core.
   */
  #readDigest(peer: Greeted, raw: Digest): Digest | undefined {
    const { digest, exact, retiredDiffer } = readDigest(this.#state.view, raw);
    const { hello } = peer;
    if (digest.clock - this.#state.clockMs > this.#state.settings.maxClockSkewMs) {
      const objection = objectionTo(
        { ...hello, clock: digest.clock },
        this.#state.settings,
        this.#state.clockMs,
      );
      if (objection !== null) this.#state.refuse(peer.connection, objection.code, objection.reason);
      return undefined;
    }
    peer.listRetired = retiredDiffer;
    peer.digest = digest;
    peer.digestIsExact = exact;
    this.heldBy(peer, seqOf(digest.vector, this.#state.view.origin));
    this.#state.out({ kind: 'horizon', horizon: digest.horizon });
    this.#checkOwn(digest);
    if (this.#state.ended) return undefined;
    if (exact && hello.joined && this.#state.view.members.has(hello.origin))
      this.#state.stability.hear(hello.origin, digest.vector, digest.clock);
    if (exact) this.#compare(peer, digest);
    return digest;
  }

  /** Rule 12: a peer that holds more of our own origin than we do, or other ops, has met a copy of us. */
  #checkOwn(digest: Digest): void {
    const { origin, vector, bornHere } = this.#state.view;
    const ours = seqOf(vector, origin);
    const theirs = seqOf(digest.vector, origin);
    const sum = digest.sums.get(origin);
    if (theirs > ours && bornHere > 0)
      this.#state.rejoinForked('a peer holds later ops of this very origin');
    else if (theirs === ours && sum !== undefined && !sameHash(sum, this.#state.view.sumOf(origin)))
      this.#state.rejoinForked('a peer holds other ops of this very origin');
  }

  #compare(peer: Greeted, digest: Digest): void {
    this.#findForks(peer, digest);
    if (!sameBut(this.#state.view.vector, digest.vector, this.#state.forked)) {
      this.#backOff = 1;
      peer.disagreements = 0;
      return;
    }
    // Of what was dead by then, one side may have collected more: a peer whose clock is far behind says nothing.
    const deadBy = Math.max(this.#state.view.stable.clock, this.#state.clockMs);
    if (digest.asOf * MINUTE_MS < deadBy) return;
    const agrees = sameHash(this.#state.view.mapSum(digest.asOf), digest.mapSum);
    if (!agrees && peer.agrees !== false)
      this.#state.note('warn', `${peer.hello.nodeId} holds the same ops but another map`);
    peer.agrees = agrees;
    peer.disagreements = agrees ? 0 : peer.disagreements + 1;
    if (peer.disagreements >= DISAGREEMENTS_TO_REPAIR)
      this.#state.out({ kind: 'repair', connection: peer.connection });
    this.#backOff = Math.min(this.#maxBackOff(), this.#backOff * BACK_OFF);
  }

  /** Equal seqs with different sums (rule 11). */
  #findForks(peer: Greeted, digest: Digest): void {
    for (const [origin, sum] of digest.sums) {
      if (seqOf(digest.vector, origin) !== seqOf(this.#state.view.vector, origin)) continue;
      if (!sameHash(sum, this.#state.view.sumOf(origin))) this.#forkOf(peer, origin);
      // What its own node holds is what it is: whoever differed from us has met something else.
      else if (origin === peer.hello.origin) this.#state.forked.delete(origin);
    }
  }

  /** The peer holds other ops of the origins than we do. Of our own it is we who must go on otherwise. */
  differs(peer: Greeted, origins: readonly string[]): void {
    if (origins.includes(this.#state.view.origin)) {
      this.#state.rejoinForked('a peer holds other ops of this very origin');
      return;
    }
    for (const origin of origins) this.#forkOf(peer, origin);
  }

  #forkOf(peer: Greeted, origin: string): void {
    if (this.#state.forked.has(origin)) return;
    this.#state.forked.add(origin);
    this.#state.note(
      'warn',
      `${peer.hello.nodeId} holds other ops of ${origin} under the same ids: none of that origin are taken any more`,
    );
  }

  #leavingForks(vector: Vector): Vector {
    return without(vector, this.#state.forked);
  }

  deltaFrom(peer: Greeted, { delta, answer }: DeltaMessage): void {
    const { members } = this.#state.view;
    const { hello, connection } = peer;
    if (answer !== null) {
      const digest = this.#readDigest(peer, answer.digest);
      if (digest === undefined) return;
      peer.answerVector = digest.vector;
    }
    const joined = this.#state.standing.phase !== 'unjoined';
    const { origin, admittedBy } = hello;
    const isForeign = joined && !admits(members, { origin, empty: false, admittedBy });
    if (isForeign || members.isRetired(origin) || (!joined && answer === null)) {
      if (answer !== null) peer.pullSentAt = null;
      return;
    }
    const wasAnswer = answer !== null;
    this.#state.out({ kind: 'take', connection, delta, wasAnswer, more: answer?.more ?? false });
  }

  taken({ connection, outcome, wasAnswer, more }: Extract<Input, { kind: 'taken' }>): void {
    const peer = this.#state.peers.get(connection);
    if (!isGreeted(peer)) return;
    if (wasAnswer) peer.pullSentAt = null;
    for (const waiting of this.#state.peers.greeted()) this.confirm(waiting);
    switch (outcome.kind) {
      case 'applied':
        if (wasAnswer) this.#afterAnswer(peer, more);
        break;
      case 'gap':
        if (this.mayPull(peer)) this.pull(peer);
        else peer.pullAgain = true;
        break;
      case 'refused':
        break; // the queue or the disk is full: the next round tries again
      case 'fork':
        this.differs(peer, outcome.origins);
        // The peer has always more of what is forked: only what else was new is worth another pull.
        if (wasAnswer && !this.#state.ended) this.#afterAnswer(peer, more && outcome.ops > 0);
        break;
      case 'incomplete':
        this.#state.refuse(connection, 'malformed', 'a delta does not hold what its ranges say');
        break;
    }
  }

  #afterAnswer(peer: Greeted, more: boolean): void {
    const { hello, answerVector } = peer;
    if (more || peer.pullAgain) this.pull(peer);
    if (
      answerVector === null ||
      !includes(this.#state.view.vector, this.#leavingForks(answerVector))
    )
      return;
    peer.answerVector = null;
    this.#state.standing.caughtUpWith(hello.origin);
    if (this.#state.standing.phase !== 'unjoined' || hello.clusterId === null) return;
    if (this.#state.joining || !this.#state.view.members.has(this.#state.view.origin)) return;
    this.#state.join({
      kind: 'welcome',
      sponsor: hello.origin,
      clusterId: hello.clusterId,
      formedAt: hello.formedAt,
    });
  }

  /** Tells the peer that we hold what it asked about, as soon as we do. */
  confirm(peer: Greeted): void {
    const { connection, confirmSeq, hello } = peer;
    const seq = seqOf(this.#state.view.vector, hello.origin);
    if (confirmSeq === null || seq < confirmSeq) return;
    peer.confirmSeq = null;
    this.#state.out({ kind: 'confirmed', connection, seq });
  }

  /** The peer holds our own ops up to there. */
  heldBy({ hello }: Greeted, seq: number): void {
    if (this.#state.confirmations.note(hello.origin, seq)) this.#state.out({ kind: 'heldMore' });
  }

  snapshotFrom(peer: Greeted, { part, rows, end }: SnapshotMessage): void {
    const expected = peer.snapshotPart ?? 0;
    const begun = [...this.#state.peers.all()].some(
      (other) => other !== peer && other.snapshotPart !== null,
    );
    if (
      this.#state.standing.phase !== 'unjoined' ||
      part !== expected ||
      begun ||
      peer.pullSentAt === null
    )
      return;
    if (part === 0 && this.#state.view.lastLsn > 0) return;
    peer.snapshotPart = part + 1;
    this.#state.out({ kind: 'takeSnapshot', connection: peer.connection, part, rows, end });
  }

  tookSnapshot({ connection, part, ended, ok }: Extract<Input, { kind: 'tookSnapshot' }>): void {
    if (!ok) {
      this.#state.rejoin('a part of a snapshot could not be stored', false);
      return;
    }
    const peer = this.#state.peers.get(connection);
    if (!isGreeted(peer)) return;
    if (ended) {
      peer.snapshotPart = null;
      peer.pullSentAt = null;
      this.pull(peer);
      return;
    }
    peer.pullSentAt = this.#state.nowMs;
    this.#state.out({ kind: 'next', connection, part: part + 1 });
  }

  tick(): void {
    if (this.#state.nowMs < this.#nextPullAt) return;
    const next = this.#state.peers.nextOfRound((peer) => this.mayPull(peer), this.#state.random);
    if (next !== undefined) this.pull(next);
    const spread = 0.75 + nextRandom(this.#state.random) / 2;
    const intervals = Math.min(this.#backOff * spread, this.#maxBackOff());
    this.#nextPullAt = this.#state.nowMs + this.#state.settings.pullIntervalMs * intervals;
  }

  /** The longest wait between pulls, as a multiple of the interval, jitter included. */
  #maxBackOff(): number {
    return MAX_BACK_OFF * Math.max(1, this.#state.peers.size / PEERS_A_BACK_OFF);
  }
}
