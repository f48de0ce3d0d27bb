/**
 * Answers to peers' digests (rules 8 and 10): a delta, a snapshot, `later`, or `rejoin`. Before it
 * answers a fresh node, it admits it.
 */
import { memberValue } from '../../rules/members.ts';
import { sameHash } from '../../words/hash.ts';
import { covers, missingOps } from '../../words/vector.ts';
import { admits, canBeCompleted } from './admission.ts';
import { Admissions } from './admissions.ts';
import type { Comparison } from './comparison.ts';
import type { CoreState } from './coreState.ts';
import { type Digest, levelHash, readDigest } from './digest.ts';
import { baseOf, changedDigest } from './digestChanges.ts';
import type { Question } from './inputOutput.ts';
import type { AskMessage, LevelMessage } from './messages.ts';
import { type Greeted, knowsSame } from './peer.ts';
import type { Puller } from './puller.ts';
import type { RejoinClaims } from './rejoinClaims.ts';
import type { Spread } from './spread.ts';

type Asked = Pick<Question, 'digest' | 're'>;

export class Answerer {
  readonly #state: CoreState;
  readonly #puller: Puller;
  readonly #comparison: Comparison;
  readonly #claims: RejoinClaims;
  readonly #spread: Spread;
  readonly #admissions: Admissions;

  constructor(
    state: CoreState,
    puller: Puller,
    comparison: Comparison,
    claims: RejoinClaims,
    spread: Spread,
  ) {
    this.#state = state;
    this.#puller = puller;
    this.#comparison = comparison;
    this.#claims = claims;
    this.#spread = spread;
    this.#admissions = new Admissions(state);
  }

  /**
   * Answers, and also pulls if the peer holds ops that this node lacks: one exchange serves both sides. Beyond a full mesh
   * most of these are on their way along the tree, and only what is still missing later is pulled.
   */
  digestFrom(peer: Greeted, { digest: raw, re }: Asked): void {
    const { hello } = peer;
    peer.asks();
    peer.shows(raw);
    const { members, vector, closings } = this.#state.view;
    const { phase } = this.#state.standing;
    // A log that has just started may be an old one: nobody joins through it before it has caught up.
    if (phase === 'unjoined' || (phase === 'starting' && !hello.joined)) {
      this.#later(peer, re);
      return;
    }
    if (members.isRetired(hello.origin)) {
      this.#sealed(peer, { digest: raw, re });
      return;
    }
    const digest = this.#comparison.read(peer, raw);
    if (digest === undefined) return;
    const closedCount = closings.count;
    if (!members.has(hello.origin)) {
      this.#stranger(peer, { digest, closedCount, re });
      return;
    }
    this.answerTo(peer, { digest, closedCount, re, sent: knowsSame(peer) ? raw : undefined });
    const theirs = this.#comparison.leavingForks(digest.vector);
    if (missingOps(vector, theirs) === 0) return;
    if (this.#state.isMesh) this.#spread.lacks(peer, theirs);
    else this.#puller.pullIfFree(peer);
  }

  /** A question whose digest is this node's own is answered as that digest; any other has to come as a digest. */
  levelFrom(peer: Greeted, { hash, clock, re }: LevelMessage): void {
    const ours = this.#puller.digestFor(peer);
    const own = levelHash(ours);
    if (own !== null && sameHash(own, hash))
      this.digestFrom(peer, { digest: { ...ours, clock }, re });
    else this.#state.send(peer.connection, { type: 'unlike', re });
  }

  /** A question that is told from a digest which this node has sent, or would send; from any other, it has to come whole. */
  askFrom(peer: Greeted, { changes, re }: AskMessage): void {
    const base = baseOf(changes, peer.lastTold) ?? baseOf(changes, [this.#puller.digestFor(peer)]);
    const digest = base && changedDigest(base, changes);
    if (digest) this.digestFrom(peer, { digest, re });
    else this.#state.send(peer.connection, { type: 'unlike', re });
  }

  /**
   * Nothing is taken from a peer that was retired. It gets the ops that it lacks until it holds its `retire`, and
   * then rejoins by itself: a word alone would need a second member that says so.
   */
  #sealed({ connection, hello }: Greeted, { digest: raw, re }: Asked): void {
    const { view } = this.#state;
    const { digest, lackedClosed } = readDigest(view, raw);
    const retire = view.members.retireOf(hello.origin);
    const lacksRetire = retire !== undefined && !covers(digest.vector, retire);
    if (hello.joined && lacksRetire) this.#claims.lacksItsRetire(hello.origin);
    if (this.#state.hasEnded) return;
    const isAbove = canBeCompleted({ lackedClosed }, digest.vector, view.reach());
    if (hello.joined && lacksRetire && isAbove)
      this.#state.out({ kind: 'answer', connection, digest, closedCount: view.closings.count, re });
    else this.#state.tellToRejoin(connection, 'retired', `${hello.origin} was retired`, re);
  }

  answerTo(peer: Greeted, { digest, closedCount, re, sent }: Question): void {
    const { connection } = peer;
    if (this.#isAboveReach(peer, digest))
      this.#state.out({ kind: 'answer', connection, digest, closedCount, re, sent });
    else if (peer.digestIsExact) this.#answerBelowReach(peer, re);
    // The peer may hold an origin as retired that this node does not, and lack ops of that origin.
    else this.#later(peer, re);
  }

  #isAboveReach(peer: Greeted, { vector }: Digest): boolean {
    return canBeCompleted(peer, vector, this.#state.view.reach());
  }

  /** Rule 8: the peer is admitted before it is answered, told to rejoin, or told to ask later. */
  #stranger(peer: Greeted, question: Question): void {
    const { digest, re } = question;
    const { connection, hello } = peer;
    const { origin, admittedBy, nodeId, url } = hello;
    // Its time begins with its first digest, also while this node starts.
    const mayYetBeKnown = this.#admissions.mayYetBeKnown(hello);
    if (this.#state.standing.phase !== 'ready') {
      this.#later(peer, re);
      return;
    }
    const empty = peer.logIsEmpty;
    if (!admits(this.#state.view.members, { origin, empty, admittedBy })) {
      if (mayYetBeKnown) this.#later(peer, re);
      else {
        const reason = `${origin} is no member and has a history of its own`;
        this.#state.tellToRejoin(connection, 'stranger', reason, re);
      }
      return;
    }
    // A member that nobody can bring up to date would only hold back what is stable.
    if (!empty && !this.#isAboveReach(peer, digest)) {
      this.answerTo(peer, question);
      return;
    }
    // Its sponsor has logged its `join`, and it holds that itself. Beyond a full mesh each of its links would log another.
    if (this.#state.isMesh && hello.joined && mayYetBeKnown) {
      this.#puller.pullIfFree(peer);
      this.#later(peer, re);
      return;
    }
    const obstacle = this.#admissions.obstacleTo(hello);
    if (obstacle !== null) {
      this.#state.out({ kind: 'postponed' });
      this.#state.warnRarely(obstacle, {
        event: 'join-postponed',
        peer: nodeId,
        origin,
      });
      this.#later(peer, re, hello.joined ? undefined : obstacle);
      return;
    }
    this.#admissions.admitted(hello);
    this.#state.note('info', `${nodeId} (${origin}) joins`, {
      event: 'joins',
      peer: nodeId,
      origin,
    });
    const value = memberValue(nodeId, url);
    this.#state.out({ kind: 'admit', connection, origin, value, ...question });
  }

  /**
   * Rule 10: an empty log gets a snapshot; a member behind the reach has lost ops that it had
   * acknowledged.
   */
  #answerBelowReach(peer: Greeted, re: number | undefined): void {
    const { connection, hello, lackedClosed, logIsEmpty } = peer;
    if (logIsEmpty) {
      peer.isSentSnapshot();
      this.#state.out({ kind: 'snapshot', connection, part: 0, re });
      return;
    }
    const reach = new Map(this.#state.view.reach());
    if (lackedClosed !== null) reach.set(lackedClosed.origin, lackedClosed.seq);
    const reason = `${hello.origin} lacks ops that nobody sends any more, since it had acknowledged them`;
    this.#state.tellToRejoin(connection, 'behind', reason, re, reach);
  }

  #later({ connection }: Greeted, re: number | undefined, reason?: string): void {
    this.#state.send(connection, { type: 'later', re, ...(reason !== undefined && { reason }) });
  }
}
