/**
 * Takes ops of peers in (rules 7, 8 and 10): pushes, answers to our digests, and parts of snapshots;
 * and decides the next step once each is committed or refused.
 */

import type { Delta } from '../../words/delta.ts';
import { isFarAhead } from '../../words/hlc.ts';
import { includes } from '../../words/vector.ts';
import { admits, canBeCompleted } from './admission.ts';
import type { Comparison } from './comparison.ts';
import type { Confirmations } from './confirmations.ts';
import { type CoreState, partyOf } from './coreState.ts';
import { levelHash } from './digest.ts';
import { changedDigest } from './digestChanges.ts';
import type { InputOf } from './inputOutput.ts';
import type { Joiner } from './joiner.ts';
import type {
  DeltaMessage,
  ReplyMessage,
  SameMessage,
  SnapshotMessage,
  UnlikeMessage,
} from './messages.ts';
import { type Greeted, isAnswer } from './peer.ts';
import type { Puller } from './puller.ts';
import type { Spread } from './spread.ts';

export class Intake {
  readonly #state: CoreState;
  readonly #puller: Puller;
  readonly #comparison: Comparison;
  readonly #confirmations: Confirmations;
  readonly #joiner: Joiner;
  readonly #spread: Spread;

  constructor(
    state: CoreState,
    puller: Puller,
    comparison: Comparison,
    confirmations: Confirmations,
    joiner: Joiner,
    spread: Spread,
  ) {
    this.#state = state;
    this.#puller = puller;
    this.#comparison = comparison;
    this.#confirmations = confirmations;
    this.#joiner = joiner;
    this.#spread = spread;
  }

  // ---- deltas

  pushFrom(peer: Greeted, { delta, traces }: Pick<DeltaMessage, 'delta' | 'traces'>): void {
    if (this.#takesFrom(peer, false)) this.#take(peer, delta, null, false, traces);
  }

  deltaFrom(peer: Greeted, { delta, answer, re, traces }: DeltaMessage): void {
    if (answer === null) {
      this.pushFrom(peer, { delta, traces });
      return;
    }
    if (!isAnswer(peer, re)) return;
    peer.shows(answer.digest);
    const digest = this.#comparison.read(peer, answer.digest);
    if (digest === undefined) {
      peer.pull.ends();
      return;
    }
    if (!this.#takesFrom(peer, true)) {
      peer.pull.ends();
      return;
    }
    // An inexact digest proves nothing: origins that it does not list are only taken as held (rule 13).
    if (peer.digestIsExact) peer.answerBegins(digest.vector);
    else peer.answerIsHeld();
    this.#take(peer, delta, peer.pull.isAnswered(this.#state.nowMs), answer.more);
  }

  /** The peer's digest is told from the question, which both sides hold: no honest one has another hash. */
  replyFrom(peer: Greeted, { delta, changes, more, re }: ReplyMessage): void {
    const { asked } = peer.pull;
    if (asked === null || !isAnswer(peer, re)) return;
    const digest = changedDigest(asked, changes);
    if (digest !== null)
      this.deltaFrom(peer, { type: 'delta', delta, answer: { digest, more }, re });
    else
      this.#state.misbehaves(peer.connection, 'claim', 'its digest is another than its hash says');
  }

  /** The peer's digest is the question with another clock. */
  sameFrom(peer: Greeted, { clock, re }: SameMessage): void {
    const { asked } = peer.pull;
    if (asked === null || !isAnswer(peer, re)) return;
    peer.wasLevel(levelHash(asked));
    const answer = { digest: { ...asked, clock }, more: false };
    this.deltaFrom(peer, { type: 'delta', delta: { ranges: [], ops: [] }, answer, re });
  }

  /**
   * The peer's digest says something else than the hash that it was asked by: it is asked by the whole digest, now. Over a
   * lazy link that waits for its turn: most such peers have come to look whether anybody is there, and are gone by then. But a
   * member that starts has clients waiting for what it lacks.
   */
  unlikeFrom(peer: Greeted, { re }: UnlikeMessage): void {
    if (!isAnswer(peer, re)) return;
    peer.wasLevel(null);
    peer.knowsNoBase();
    peer.pull.ends();
    const { isMesh, view, standing } = this.#state;
    const isServing = isMesh && standing.phase === 'ready';
    const mayWait = isServing && !peer.link.isEager && view.members.has(peer.hello.origin);
    if (!mayWait) this.#puller.pullIfFree(peer);
  }

  #take(
    peer: Greeted,
    delta: Delta,
    pull: number | null,
    more: boolean,
    traces?: DeltaMessage['traces'],
  ): void {
    const { connection, hello } = peer;
    this.#spread.came(peer, delta);
    if (pull !== null) this.#joiner.answerComes();
    if (delta.ops.some(({ hlc }) => isFarAhead(hlc, this.#state.clockMs)))
      this.#state.warnRarely(
        `${hello.nodeId} sends ops that are stamped more than a day ahead: they are kept, and this node's stamps do not follow theirs`,
        { event: 'far-ahead', peer: hello.nodeId, origin: hello.origin },
      );
    const traced = traces !== undefined && { traces };
    this.#state.out({ kind: 'take', connection, delta, from: hello.origin, pull, more, ...traced });
  }

  /**
   * Whether ops are taken from the peer directly: not from strangers and retired origins (rule 8). The ops of a member
   * to be bring its `join`, so it has to hold what this node sends no more.
   */
  #takesFrom(peer: Greeted, wasAnswer: boolean): boolean {
    const { members, reach } = this.#state.view;
    const { origin, admittedBy } = peer.hello;
    if (members.isRetired(origin)) return false;
    if (this.#state.standing.phase === 'unjoined') return wasAnswer;
    if (members.has(origin)) return true;
    if (!admits(members, { origin, empty: false, admittedBy })) return false;
    return peer.digest !== null && canBeCompleted(peer, peer.digest.vector, reach());
  }

  taken({ connection, outcome, pull, more }: InputOf<'taken'>): void {
    const wasAnswer = pull !== null;
    if (wasAnswer) this.#joiner.answerIsOver();
    const peer = this.#state.peers.greetedOn(connection);
    if (peer === undefined) return;
    if (wasAnswer) peer.pull.isTakenIn(pull);
    this.#confirmations.confirmAll();
    switch (outcome.kind) {
      case 'applied':
        if (wasAnswer) this.#afterAnswer(peer, more);
        else this.#spread.pushTaken(peer, outcome.ops);
        break;
      case 'gap':
        if (this.#puller.mayPull(peer)) this.#puller.pull(peer);
        else peer.pull.wantAgain();
        break;
      case 'refused': // the queue or the disk is full: the next round tries again
      case 'sealed':
      case 'overtaken':
        break;
      case 'crowded':
        this.#state.warnRarely(
          `${peer.hello.nodeId} holds ops of more origins than a cluster can have, and those of new ones are not taken: see GET /_cluster, and retire those that are nobody`,
          { event: 'crowded', ...partyOf(peer) },
        );
        if (wasAnswer) this.#afterAnswer(peer, more && outcome.ops > 0);
        break;
      case 'beyondEnds':
        this.#state.warnRarely(
          `${peer.hello.nodeId} sends ops of retired origins that are closed here, and those are not taken: nobody holds them who was a member then`,
          { event: 'beyond-ends', ...partyOf(peer) },
        );
        if (wasAnswer) this.#afterAnswer(peer, more && outcome.ops > 0);
        break;
      case 'fork':
        this.#comparison.differs(peer, outcome.origins);
        // A forked origin always leaves a difference, so only other new ops are worth another pull.
        if (wasAnswer && !this.#state.hasEnded) this.#afterAnswer(peer, more && outcome.ops > 0);
        break;
      case 'incomplete':
        this.#state.misbehaves(connection, 'claim', 'a delta does not hold the ops of its ranges');
        break;
    }
  }

  #afterAnswer(peer: Greeted, more: boolean): void {
    const { pull, answerVector, hello } = peer;
    if (more || pull.isWantedAgain) this.#puller.pull(peer);
    if (answerVector === null) return;
    if (!includes(this.#state.view.vector, this.#comparison.leavingForks(answerVector))) return;
    peer.answerIsHeld();
    this.#comparison.believeHorizon(peer);
    this.#state.standing.caughtUpWith(hello.origin);
    if (this.#state.standing.phase === 'unjoined') this.#joiner.holdsAnswerOf(peer);
  }

  // ---- snapshots

  snapshotFrom(peer: Greeted, { part, rows, origins, end, re }: SnapshotMessage): void {
    const { standing, view } = this.#state;
    const isAsked = standing.phase === 'unjoined' && isAnswer(peer, re);
    if (!isAsked || part !== (peer.snapshotPart ?? 0)) return;
    if (part === 0 && view.lastLsn > 0) return;
    if (rows.length === 0 && end === null && !(origins !== null && origins.vector.size > 0)) {
      this.#state.misbehaves(peer.connection, 'claim', 'a part of its snapshot holds nothing');
      return;
    }
    peer.snapshotGoesOn(part);
    const { connection } = peer;
    this.#state.out({ kind: 'takeSnapshot', connection, part, rows, origins, end });
  }

  tookSnapshot({ connection, part, ended, ok, fault }: InputOf<'tookSnapshot'>): void {
    if (fault !== null) this.#state.misbehaves(connection, 'claim', fault);
    if (this.#state.hasEnded) return;
    if (!ok) {
      this.#state.rejoin('a part of a snapshot could not be stored', false);
      return;
    }
    const peer = this.#state.peers.greetedOn(connection);
    if (peer === undefined) return;
    if (ended) {
      peer.snapshotEnds();
      peer.pull.ends();
      this.#puller.pull(peer);
      return;
    }
    peer.pull.goesOn(this.#state.nowMs);
    this.#state.send(connection, { type: 'next', part: part + 1 });
  }
}
