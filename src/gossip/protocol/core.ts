/**
 * The protocol core: `step(input) → outputs`. It opens no socket, reads no clock and waits for nothing;
 * the driver carries out its outputs and gives it the outcomes as inputs.
 *
 * Invariants: before both sides have greeted, a connection carries only hello; at most one connection
 * to each peer stays; at most one pull to each peer is in flight; each peer is pulled from once before
 * any is twice; an unjoined node takes only answers to its own digest; nobody takes ops from a retired
 * origin directly. The pull is anti-entropy by push-pull of digests (Demers et al., "Epidemic
 * Algorithms for Replicated Database Maintenance", 1987).
 */
import type { Member } from '../../rules/members.ts';
import { Stability } from '../../rules/stability.ts';
import type { Random } from '../../words/random.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import { Answerer } from './answerer.ts';
import { Comparison } from './comparison.ts';
import { Confirmations } from './confirmations.ts';
import { CoreState } from './coreState.ts';
import type { Digest } from './digest.ts';
import { Greeter } from './greeter.ts';
import type { CoreSettings, Input, Output, View } from './inputOutput.ts';
import { Intake } from './intake.ts';
import { Joiner } from './joiner.ts';
import { MemberKeeper } from './memberKeeper.ts';
import { Mesh } from './mesh.ts';
import {
  type ComparedMessage,
  type CompareMessage,
  type ErrorMessage,
  type Hello,
  JUDGING_PROTOCOL,
  type Message,
} from './messages.ts';
import { type Greeted, isAnswer, isGreeted, type Peer } from './peer.ts';
import { type PeerStatus, peerStatus } from './peerStatus.ts';
import { Puller } from './puller.ts';
import { RejoinClaims } from './rejoinClaims.ts';
import type { RingStatus } from './ringStatus.ts';
import type { Targets } from './spread.ts';
import type { HaveMessage } from './spreadMessages.ts';
import { NO_PAST, type Past, type Phase } from './standing.ts';

const HELLO_TIMEOUT_MS = 10_000;
/** A peer that starts a little later than this node causes no warning. */
const FAILURES_TO_WARN = 5;
/** The wait before a peer that could not answer yet is asked again. */
const LATER_MS = 200;
/** The wait before a peer is asked again that lets this node in only when others have joined, or are gone. */
const JOIN_LATER_MS = 1000;
const NO_URL =
  'the others do not know where to reach this node: give it --url, or its own address in --nodes';

export class Core {
  readonly stability = new Stability();
  readonly #state: CoreState;
  readonly #claims: RejoinClaims;
  readonly #confirmations: Confirmations;
  readonly #joiner: Joiner;
  readonly #puller: Puller;
  readonly #comparison: Comparison;
  readonly #answerer: Answerer;
  readonly #intake: Intake;
  readonly #greeter: Greeter;
  readonly #keeper: MemberKeeper;
  readonly #mesh: Mesh;

  /**
   * @param clockMs the wall clock when the node started, UTC milliseconds.
   * @param nowMs the time that intervals are measured by: it goes on evenly while clocks are set.
   * @param past the state of the node before its log was empty.
   * @param claimedRejoinAt the time of its last rejoin that peers claimed; null if there was none.
   */
  constructor(
    settings: CoreSettings,
    view: View,
    random: Random,
    clockMs: number,
    nowMs: number = clockMs,
    past: Past = NO_PAST,
    claimedRejoinAt: number | null = null,
  ) {
    const state = new CoreState(settings, view, random, { clockMs, nowMs }, past);
    this.#state = state;
    this.#claims = new RejoinClaims(state, claimedRejoinAt);
    this.#confirmations = new Confirmations(state, this.#claims);
    this.#joiner = new Joiner(state, this.#claims);
    this.#puller = new Puller(state, this.#joiner);
    this.#mesh = new Mesh(state, this.#puller, this.stability, this.#confirmations);
    this.#comparison = new Comparison(
      state,
      this.#puller,
      this.#confirmations,
      this.stability,
      this.#claims,
    );
    this.#answerer = new Answerer(
      state,
      this.#puller,
      this.#comparison,
      this.#claims,
      this.#mesh.spread,
    );
    this.#intake = new Intake(
      state,
      this.#puller,
      this.#comparison,
      this.#confirmations,
      this.#joiner,
      this.#mesh.spread,
    );
    this.#greeter = new Greeter(state, this.#puller, this.#claims);
    this.#keeper = new MemberKeeper(state, this.stability, this.#comparison.forked);
  }

  get phase(): Phase {
    return this.#state.standing.phase;
  }

  /** A claim that this node must rejoin and did not follow, as a sentence; null if there was none lately. */
  get doubt(): string | null {
    return this.#claims.doubt;
  }

  get forked(): ReadonlySet<string> {
    return this.#comparison.forked;
  }

  /**
   * @param clockMs the wall clock now, UTC milliseconds. @param nowMs the even time now, milliseconds.
   */
  step(input: Input, clockMs: number, nowMs: number = clockMs): readonly Output[] {
    this.#state.begins({ clockMs, nowMs });
    if (!this.#state.hasEnded) this.#takeUnlessRetired(input);
    return this.#state.outputs;
  }

  /** The number of other members that have committed this node's op of that seq. */
  acks(seq: number): number {
    return this.#confirmations.count(seq);
  }

  /** Whether every member that this node counts has committed this node's op of that seq. */
  isHeldByAll(seq: number): boolean {
    return this.#confirmations.isHeldByAll(seq);
  }

  /** The number of other nodes that are members. */
  others(): number {
    return this.#confirmations.others();
  }

  /**
   * A client waits until all members hold this node's op of that seq. Beyond a full mesh the members that have no link here
   * report in a round, which this node begins soon if none comes by.
   *
   * @param forMs how long the client waits, in milliseconds.
   */
  askAll(seq: number, forMs: number): void {
    if (this.#state.isMesh) this.#mesh.isAskedFor(seq, forMs);
  }

  /** Members of the cluster that this node belonged to before it rejoined: it dials them as well. */
  remember(members: readonly Member[]): void {
    for (const { url, origin } of members)
      if (url !== null) this.#state.addresses.addMember(url, origin);
  }

  /** The name of a configured URL leads to these URLs now. */
  resolved(url: string, addresses: readonly string[]): void {
    this.#state.addresses.resolved(url, addresses);
  }

  /** This node has left these members: for a while it asks others to let it in. */
  hasLeft(members: readonly string[]): void {
    this.#joiner.hasLeft(members);
  }

  /** Connections that pushes go to. */
  pushTargets(): ConnectionId[] {
    const targets: ConnectionId[] = [];
    for (const peer of this.#state.peers.all())
      if (peer.hello?.joined) targets.push(peer.connection);
    return targets;
  }

  /** Whether the cluster is beyond a full mesh, so that what others wrote is pushed on. */
  get isMesh(): boolean {
    return this.#state.isMesh;
  }

  /**
   * Beyond a full mesh: the connections that ops of an origin go to.
   *
   * @param to the seq up to which this node has just committed.
   */
  spreadTargets(origin: string, to: number): Targets {
    return this.#mesh.spread.targets(origin, to);
  }

  /** Beyond a full mesh: whether the peer has shown that it holds the origin's ops up to the seq. */
  isHeld(connection: ConnectionId, origin: string, seq: number): boolean {
    return this.#mesh.spread.isHeld(connection, origin, seq);
  }

  /** Beyond a full mesh: how the peer is told of these seqs over a lazy link. */
  haveFor(connection: ConnectionId, seqs: Vector): HaveMessage {
    return this.#mesh.haveFor(connection, seqs);
  }

  /** Connections to members that judge lost ops. */
  judges(): ConnectionId[] {
    const judges: ConnectionId[] = [];
    for (const { connection, hello } of this.#state.peers.greeted())
      if (this.#state.view.members.has(hello.origin) && hello.protocol[1] >= JUDGING_PROTOCOL)
        judges.push(connection);
    return judges;
  }

  /**
   * The digest that an answer to the peer carries, from which the peer may tell differences from now on.
   *
   * @param clockMs now, UTC milliseconds.
   */
  digestFor(connection: ConnectionId, clockMs: number): Digest {
    const { nowMs, peers } = this.#state;
    this.#state.begins({ clockMs, nowMs });
    const peer = peers.greetedOn(connection);
    const digest = this.#puller.digestFor(peer);
    peer?.isTold(digest);
    return digest;
  }

  /** Whether answers to the peer tell their digest as differences. */
  tellsDifferences(connection: ConnectionId): boolean {
    const peer = this.#state.peers.greetedOn(connection);
    return peer !== undefined && this.#puller.tellsDifferences(peer);
  }

  /** For `GET /_cluster`: one row for each peer, connected or configured. */
  status(): PeerStatus[] {
    const { view, peers, addresses } = this.#state;
    return peerStatus(view, peers, addresses, this.forked, (timeMs) =>
      this.#state.toClockMs(timeMs),
    );
  }

  /** For `GET /_cluster`: the ring after this node; null in a full mesh. */
  get ring(): RingStatus | null {
    return this.#keeper.ring;
  }

  /**
   * The time at which the member was last heard, in UTC milliseconds; the start of this node if it
   * never was.
   */
  lastHeardAt(origin: string): number {
    return this.#state.toClockMs(this.#state.lastHeardAt(origin));
  }

  /** Whether this node has heard the member lately: over a link, or by a round. */
  hears(origin: string): boolean {
    return this.#state.hears(origin);
  }

  /** From its `retire` on this node's log proves nothing to others, and nothing that they say counts for it. */
  #takeUnlessRetired(input: Input): void {
    const { view } = this.#state;
    if (view.members.isRetired(view.origin)) this.#state.rejoin('this node was retired');
    else this.#take(input);
  }

  #take(input: Input): void {
    const state = this.#state;
    switch (input.kind) {
      case 'tick':
        this.#tick();
        break;
      case 'opened':
        state.peers.open(input.connection, input.dialledUrl, state.nowMs);
        state.send(input.connection, state.hello());
        break;
      case 'dialFailed':
        this.#dialFailed(input.url, input.reason);
        break;
      case 'closed': {
        const peer = state.peers.get(input.connection);
        if (peer !== undefined) state.forget(peer, input.reason, false);
        break;
      }
      case 'message':
        this.#message(input.connection, input.message);
        break;
      case 'malformed':
        state.misbehaves(input.connection, input.fault, input.reason);
        break;
      case 'refused':
        state.refuse(input.connection, 'malformed', input.reason);
        break;
      case 'taken':
        this.#intake.taken(input);
        break;
      case 'tookSnapshot':
        this.#intake.tookSnapshot(input);
        break;
      case 'differs': {
        const peer = state.peers.greetedOn(input.connection);
        if (peer !== undefined) this.#comparison.differs(peer, [input.origin]);
        break;
      }
      case 'admitted': {
        const peer = state.peers.greetedOn(input.connection);
        if (peer !== undefined) this.#answerer.answerTo(peer, input);
        break;
      }
      case 'joined':
        this.#joined();
        break;
      case 'joinFailed':
        this.#joiner.failed();
        break;
      default:
        input satisfies never;
    }
  }

  // ---- time

  #tick(): void {
    const { addresses, peers, standing, nowMs } = this.#state;
    standing.ticks(nowMs);
    this.#keeper.chooseLinks();
    for (const url of addresses.takeDue(nowMs)) this.#state.out({ kind: 'dial', url });
    for (const peer of peers.all()) this.#tickPeer(peer);
    this.#greeter.tick();
    this.#joiner.tick();
    if (this.#claims.takeWantsOthers())
      for (const peer of peers.greeted()) this.#puller.pullIfFree(peer);
    this.#puller.tick();
    if (standing.phase !== 'unjoined') this.#keeper.tick();
    this.#mesh.tick();
  }

  #tickPeer(peer: Peer): void {
    const { nowMs, settings } = this.#state;
    if (!isGreeted(peer)) {
      if (nowMs - peer.openedAt > HELLO_TIMEOUT_MS)
        this.#state.close(peer, 'the peer did not say hello in time');
      return;
    }
    const { pull } = peer;
    if (pull.sentAt === null || nowMs - pull.sentAt <= settings.pullTimeoutMs) return;
    pull.isLost();
    if (peer.snapshotPart !== null) {
      this.#state.rejoin('a snapshot under way was cut off', false);
      return;
    }
    this.#joiner.wasLeftWaiting(peer);
    if (pull.isWantedAgain) this.#puller.pullIfFree(peer);
  }

  /** The cluster is formed, or this node is welcomed: it tells all peers, and asks each for new ops. */
  #joined(): void {
    const state = this.#state;
    this.#joiner.joined();
    if (state.ownUrl === null && state.otherMembers().length > 0)
      state.note('warn', NO_URL, { event: 'no-url' });
    this.#greeter.sayHelloAgain();
    for (const peer of state.peers.greeted()) this.#puller.pullIfFree(peer);
  }

  #dialFailed(url: string, reason: string): void {
    const { addresses, nowMs, random } = this.#state;
    const address = addresses.get(url);
    // Its node has dialled this one meanwhile.
    if (address?.state === 'connected') return;
    if (address !== undefined && address.failures + 1 === FAILURES_TO_WARN)
      this.#state.note(
        'warn',
        `there is no connection with ${url}: ${reason}; it is dialled again until there is one`,
        {
          event: 'unanswered',
          ...(address.nodeId !== null && { peer: address.nodeId }),
          url,
          reason,
        },
      );
    addresses.failed(url, reason, false, nowMs, random);
  }

  // ---- messages

  #message(connection: ConnectionId, message: Message): void {
    const { peers, nowMs } = this.#state;
    const peer = peers.get(connection);
    if (peer === undefined) return;
    peers.heard(peer, nowMs);
    if (message.type === 'hello') {
      this.#greeter.helloFrom(peer, message);
      this.#keeper.greeted(peer);
    } else if (message.type === 'error') this.#greeter.errorFrom(peer, message);
    else if (isGreeted(peer)) this.#messageFrom(peer, message);
    else this.#state.misbehaves(connection, 'order', 'the peer did not say hello first');
  }

  /** Answers a member's question. The answer makes this node write, so it must be ready. */
  #mayRepair({ type }: CompareMessage | ComparedMessage, { origin }: Hello): boolean {
    const { standing, view } = this.#state;
    if (!view.members.has(origin)) return false;
    return type === 'compare' || standing.phase === 'ready';
  }

  #messageFrom(peer: Greeted, message: Exclude<Message, Hello | ErrorMessage>): void {
    const { connection, hello } = peer;
    const { standing, nowMs, addresses } = this.#state;
    addresses.accepted(hello.origin);
    switch (message.type) {
      case 'digest':
        this.#answerer.digestFrom(peer, message);
        break;
      case 'delta':
        this.#intake.deltaFrom(peer, message);
        break;
      case 'push':
        this.#intake.pushFrom(peer, message);
        break;
      case 'snapshot':
        this.#intake.snapshotFrom(peer, message);
        break;
      case 'next':
        this.#state.out({ kind: 'snapshot', connection, part: message.part, re: undefined });
        break;
      case 'same':
        this.#intake.sameFrom(peer, message);
        break;
      case 'level':
        this.#answerer.levelFrom(peer, message);
        break;
      case 'ask':
        this.#answerer.askFrom(peer, message);
        break;
      case 'reply':
        this.#intake.replyFrom(peer, message);
        break;
      case 'unlike':
        this.#intake.unlikeFrom(peer, message);
        break;
      case 'later':
        if (!isAnswer(peer, message.re)) break;
        peer.pull.postpone(nowMs + (message.reason === undefined ? LATER_MS : JOIN_LATER_MS));
        this.#joiner.isPutOff(peer, message.reason);
        break;
      case 'confirm':
        peer.asksToConfirm(message.seq);
        this.#confirmations.confirm(peer);
        break;
      case 'confirmed':
        this.#confirmations.confirmedBy(peer, message);
        break;
      case 'rejoin':
        this.#joiner.told(peer, message);
        break;
      case 'judge':
      case 'judged':
        if (standing.phase !== 'unjoined') this.#state.out({ kind: 'judge', connection, message });
        break;
      case 'deletes':
        if (standing.phase !== 'unjoined')
          this.#state.out({ kind: 'deletes', connection, message });
        break;
      case 'deleted':
        break; // this node asks peers to judge
      case 'compare':
      case 'compared':
        if (this.#mayRepair(message, hello))
          this.#state.out({ kind: 'repairStep', connection, from: hello.origin, message });
        break;
      case 'round':
      case 'echo':
      case 'certificate':
      case 'certified':
      case 'certify':
      case 'prune':
      case 'graft':
      case 'have':
        this.#mesh.messageFrom(peer, message);
        break;
      default:
        message satisfies never;
    }
  }
}
