/**
 * The protocol core: `step(input) → outputs`. It opens no socket, reads no clock and waits for
 * nothing; the driver carries its outputs out and brings it what came of them.
 *
 * Invariants: nothing but hello is taken from a connection before both sides have greeted; at most
 * one connection a peer stays; at most one pull is in flight a peer; each peer is pulled from once
 * before any is twice; an unjoined node takes nothing but answers to its own digest; nobody takes ops
 * from a retired origin directly. The pull is anti-entropy by push-pull of digests (Demers et al.,
 * "Epidemic Algorithms for Replicated Database Maintenance", 1987).
 */
import type { Member } from '../../rules/members.ts';
import type { Stability } from '../../rules/stability.ts';
import type { Random } from '../../words/random.ts';
import { includes } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import { rejoinsAfterMutualRetirement } from './admission.ts';
import { CoreState } from './coreState.ts';
import { Greeter } from './greeter.ts';
import type { CoreSettings, Input, Output, View } from './inputOutput.ts';
import { MemberKeeper } from './memberKeeper.ts';
import type { ErrorMessage, Hello, Message, RejoinMessage } from './messages.ts';
import type { PeerStatus } from './peerStatus.ts';
import { peerStatus } from './peerStatus.ts';
import { type Greeted, isGreeted, type Peer } from './peers.ts';
import { Puller } from './puller.ts';
import type { Past, Phase } from './standing.ts';

const HELLO_TIMEOUT_MS = 10_000;
/** A peer that starts a little later is no reason to warn. */
const FAILURES_TO_WARN = 5;
/** How long to wait after a cluster could not be formed for want of room. */
const JOIN_RETRY_MS = 2000;
const NO_URL =
  'the others do not know where to reach this node: give it --url, or its own address in --nodes';
const FORSAKEN = 'no member is left that could bring the rest of what this node has got a part of';
const LOST =
  'no node of its cluster answers: this node waits until one does, with what it held set aside; where ' +
  'they are lost for good, restore the database under aside/ into an empty directory and start on that';
/** How long to wait before asking a peer again that could not answer yet. */
const LATER_MS = 200;

export class Core {
  readonly #state: CoreState;
  readonly #puller: Puller;
  readonly #greeter: Greeter;
  readonly #keeper: MemberKeeper;
  #saidThatLost = false;

  /**
   * @param clockMs the wall clock when the node started, UTC milliseconds.
   * @param nowMs the time that intervals are measured by: it goes on evenly while clocks are set.
   * @param past what a node with an empty log was before.
   */
  constructor(
    settings: CoreSettings,
    view: View,
    random: Random,
    clockMs: number,
    nowMs: number = clockMs,
    past: Past = 'none',
  ) {
    this.#state = new CoreState(settings, view, random, clockMs, nowMs, past);
    this.#puller = new Puller(this.#state);
    this.#greeter = new Greeter(this.#state, this.#puller);
    this.#keeper = new MemberKeeper(this.#state);
  }

  get phase(): Phase {
    return this.#state.standing.phase;
  }

  get forked(): ReadonlySet<string> {
    return this.#state.forked;
  }

  get stability(): Stability {
    return this.#state.stability;
  }

  /** @param clockMs as for the constructor, now. @param nowMs likewise. */
  step(input: Input, clockMs: number, nowMs: number = clockMs): Output[] {
    const state = this.#state;
    state.outputs = [];
    state.clockMs = clockMs;
    state.nowMs = nowMs;
    if (!state.ended) this.#take(input);
    return state.outputs;
  }

  /** How many other members have committed this node's op of that seq. */
  acks(seq: number): number {
    const { confirmations, view } = this.#state;
    return confirmations.count(seq, (origin) => view.members.has(origin));
  }

  /** Members of the cluster that this node was of before it rejoined: they are dialled as well. */
  remember(members: readonly Member[]): void {
    for (const { url, origin } of members)
      if (url !== null) this.#state.addresses.addMember(url, origin);
  }

  /** Connections that pushes go to. */
  pushTargets(): ConnectionId[] {
    const targets: ConnectionId[] = [];
    for (const peer of this.#state.peers.all())
      if (peer.hello?.joined) targets.push(peer.connection);
    return targets;
  }

  /** Whether digests to the connection list retired origins. */
  listsRetired(connection: ConnectionId): boolean {
    // An unjoined node reads no digests, and so never learns that a peer differs in them.
    if (this.#state.standing.phase === 'unjoined') return true;
    return this.#state.peers.get(connection)?.listRetired ?? false;
  }

  /** For `GET /_cluster`: one row a peer, connected or configured. */
  status(): PeerStatus[] {
    const { view, peers, addresses, forked } = this.#state;
    return peerStatus(view, peers, addresses, forked, (timeMs) => this.#state.toClockMs(timeMs));
  }

  /** When the member was last heard, UTC milliseconds; the start of this node where it never was. */
  lastHeardAt(origin: string): number {
    return this.#state.toClockMs(this.#state.lastHeardAt(origin));
  }

  #take(input: Input): void {
    const state = this.#state;
    switch (input.kind) {
      case 'tick':
        this.#tick();
        break;
      case 'opened':
        state.peers.open(input.connection, input.dialledUrl, state.nowMs);
        state.out({ kind: 'hello', connection: input.connection, hello: state.hello() });
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
        state.refuse(input.connection, 'malformed', input.reason);
        break;
      case 'taken':
        this.#puller.taken(input);
        break;
      case 'differs': {
        const peer = state.peers.get(input.connection);
        if (isGreeted(peer)) this.#puller.differs(peer, [input.origin]);
        break;
      }
      case 'tookSnapshot':
        this.#puller.tookSnapshot(input);
        break;
      case 'joined':
        this.#joined();
        break;
      case 'joinFailed':
        state.joining = false;
        state.joinNotBefore = state.nowMs + JOIN_RETRY_MS;
        break;
      case 'admitted': {
        const peer = state.peers.get(input.connection);
        if (isGreeted(peer)) this.#puller.answerTo(peer, input.digest);
        break;
      }
    }
  }

  // ---- time

  #tick(): void {
    const { view, addresses, peers, standing, nowMs } = this.#state;
    if (view.members.isRetired(view.origin)) {
      this.#state.rejoin('this node was retired');
      return;
    }
    for (const url of addresses.takeDue(nowMs)) this.#state.out({ kind: 'dial', url });
    for (const peer of peers.all()) this.#tickPeer(peer);
    this.#tickStanding();
    this.#puller.tick();
    if (standing.phase !== 'unjoined') this.#keeper.tick();
  }

  #tickPeer(peer: Peer): void {
    const { nowMs, settings } = this.#state;
    if (peer.hello === null) {
      if (nowMs - peer.openedAt > HELLO_TIMEOUT_MS)
        this.#state.close(peer, 'the peer did not say hello in time');
      return;
    }
    if (peer.pullSentAt === null || nowMs - peer.pullSentAt <= settings.pullTimeoutMs) return;
    peer.pullSentAt = null;
    if (peer.snapshotPart !== null) this.#state.rejoin('a snapshot under way was cut off', false);
    else if (peer.pullAgain) this.#puller.pull(peer);
  }

  /** Rule 8: whether a member that starts has caught up, or a fresh node forms the cluster. */
  #tickStanding(): void {
    const { standing, peers, addresses, view, nowMs, joining } = this.#state;
    if (standing.phase === 'ready') return;
    const greeted = peers.greeted();
    if (standing.phase === 'starting') {
      if (standing.isCaughtUp(this.#state.otherMembers(), greeted, addresses, nowMs))
        this.#state.ready();
      return;
    }
    if (joining || nowMs < this.#state.joinNotBefore) return;
    if (view.lastLsn > 0) {
      // Nobody forms a cluster with a part of another's log.
      if (standing.isForsaken(greeted, nowMs)) this.#state.rejoin(FORSAKEN);
      return;
    }
    if (this.#wasRefused()) return;
    if (standing.forms(view.origin, greeted, addresses, nowMs))
      this.#state.join({ kind: 'form', value: this.#state.ownValue() });
    else if (!this.#saidThatLost && standing.isLost(greeted, nowMs)) {
      this.#saidThatLost = true;
      this.#state.note('warn', LOST);
    }
  }

  /** A peer that refuses this node for its clock is there all the same: it would be met again and again. */
  #wasRefused(): boolean {
    const { refusedAt, nowMs, settings } = this.#state;
    const waitMs = Math.max(settings.joinTimeoutMs, 2 * settings.maxRedialMs);
    return refusedAt !== null && nowMs - refusedAt < waitMs;
  }

  /** Formed or welcomed: everybody is told, and asked for what is new. */
  #joined(): void {
    const state = this.#state;
    state.joining = false;
    state.joinedAt = state.nowMs;
    if (state.standing.phase === 'unjoined') state.ready();
    if (state.ownUrl === null && state.otherMembers().length > 0) state.note('warn', NO_URL);
    this.#greeter.sayHelloAgain();
    for (const peer of state.peers.greeted())
      if (this.#puller.mayPull(peer)) this.#puller.pull(peer);
  }

  #dialFailed(url: string, reason: string): void {
    const { addresses, nowMs, random } = this.#state;
    const address = addresses.get(url);
    if (address !== undefined && address.failures + 1 === FAILURES_TO_WARN)
      this.#state.note(
        'warn',
        `${url} does not answer: ${reason}; it is tried again until it does`,
      );
    addresses.failed(url, reason, false, nowMs, random);
  }

  // ---- messages

  #message(connection: ConnectionId, message: Message): void {
    const { peers, nowMs } = this.#state;
    const peer = peers.get(connection);
    if (peer === undefined) return;
    peers.heard(peer, nowMs);
    if (message.type === 'hello') this.#greeter.helloFrom(peer, message);
    else if (message.type === 'error') this.#greeter.errorFrom(peer, message);
    else if (!isGreeted(peer))
      this.#state.refuse(connection, 'malformed', 'the peer did not say hello first');
    else this.#messageFrom(peer, message);
  }

  #messageFrom(peer: Greeted, message: Exclude<Message, Hello | ErrorMessage>): void {
    const { connection, hello } = peer;
    switch (message.type) {
      case 'digest':
        this.#puller.digestFrom(peer, message.digest);
        break;
      case 'delta':
        this.#puller.deltaFrom(peer, message);
        break;
      case 'snapshot':
        this.#puller.snapshotFrom(peer, message);
        break;
      case 'next':
        this.#state.out({ kind: 'snapshot', connection, part: message.part });
        break;
      case 'later':
        peer.pullSentAt = null;
        peer.notBefore = this.#state.nowMs + LATER_MS;
        break;
      case 'confirm':
        peer.confirmSeq = message.seq;
        this.#puller.confirm(peer);
        break;
      case 'confirmed':
        this.#puller.heldBy(peer, message.seq);
        break;
      case 'rejoin':
        this.#rejoinFrom(peer, message);
        break;
      case 'deletes':
      case 'deleted':
        if (this.#state.standing.phase !== 'unjoined')
          this.#state.out({ kind: 'deletes', connection, message });
        break;
      case 'compare':
      case 'compared':
        if (this.#state.view.members.has(hello.origin))
          this.#state.out({ kind: 'repairStep', connection, message });
        break;
    }
  }

  #rejoinFrom(peer: Greeted, message: RejoinMessage): void {
    const { view, standing, joinedAt } = this.#state;
    const { members, origin, vector } = view;
    const { hello } = peer;
    const askedAt = peer.pullSentAt;
    peer.pullSentAt = null;
    const text = `${hello.nodeId} says: ${message.reason}`;
    switch (message.code) {
      case 'retired': {
        const mutual = members.isRetired(hello.origin);
        if (!mutual || rejoinsAfterMutualRetirement(members.smallest(), message.smallestMember))
          this.#state.rejoin(text);
        return;
      }
      case 'stranger':
        // It may have judged what this node was before another member let it in.
        if (joinedAt !== null && askedAt !== null && askedAt < joinedAt) return;
        if (vector.size > 0 && !members.isRetired(hello.origin)) this.#state.rejoin(text);
        return;
      case 'behind':
        if (includes(vector, message.reach)) return;
        // A fresh node holds a part of a history whose rest was compacted away meanwhile: from the start.
        if (standing.phase === 'unjoined') this.#state.rejoin(text, false);
        else if (members.has(origin)) this.#state.rejoin(text);
        return;
    }
  }
}
