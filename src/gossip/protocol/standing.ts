/**
 * The standing of this node (rule 8): a fresh node is unjoined; a member that starts catches up before
 * it writes; then the node is ready. Only the time and the peers heard decide it.
 */
import type { Member } from '../../rules/members.ts';
import { includes, type Vector } from '../../words/vector.ts';
import type { AddressBook } from './addressBook.ts';
import type { Greeted } from './peer.ts';

export type Phase = 'unjoined' | 'starting' | 'ready';

/** The past of a node with an empty log. */
export interface Past {
  /**
   * `none`: it has none. `alone`: only this node knew its log. `withOthers`: its cluster goes on without it. The others
   * may meanwhile have deleted a part of the log that it set aside; if it formed a cluster alone, it would offer these
   * entries to itself as new, and bring them back to the others later.
   */
  readonly kind: 'none' | 'alone' | 'withOthers';
  /** The other members of the clusters that it was in, as the logs that it set aside know them. */
  readonly members: readonly Member[];
}

export const NO_PAST: Past = { kind: 'none', members: [] };

export interface StandingSettings {
  /** The longest wait for peers before the node goes on alone, in milliseconds. */
  readonly joinTimeoutMs: number;
}

/**
 * The longest time between two ticks that counts as waiting, in milliseconds; nodes tick more often. A process that did
 * not run in between could not have heard anybody.
 */
const LONGEST_PAUSE_MS = 250;

export class Standing {
  /** Whether the log was that of a member when it was opened. */
  readonly wasMember: boolean;
  #phase: Phase;
  readonly #settings: StandingSettings;
  readonly #past: Past;
  /** The wait for peers counts from then on: later than the start by the time in which the node did not run. */
  #startedAt: number;
  /** The time of the last tick; null before the first. */
  #tickedAt: number | null = null;
  /** The time at which a fresh node last saw a joined peer. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** The time since which a fresh node has had peers without a break; null while it has none. */
  #peersSince: number | null = null;
  /** Origins of members whose vector we have included since the start. */
  readonly #caughtUpWith = new Set<string>();
  /** The greatest seqs that the first round since the start found at any member; null before one has ended. */
  #foundByRound: Vector | null = null;

  constructor(
    settings: StandingSettings,
    joined: boolean,
    startedAt: number,
    past: Past = NO_PAST,
  ) {
    this.wasMember = joined;
    this.#phase = joined ? 'starting' : 'unjoined';
    this.#settings = settings;
    this.#past = past;
    this.#startedAt = startedAt;
  }

  /**
   * Called at each tick, before any question. From the first on the node dials and listens, so the wait for peers begins
   * there; it rests while the process does not run (ADR 36). A machine that starts several nodes at once may give one of
   * them no processor for seconds.
   */
  ticks(nowMs: number): void {
    const sinceMs = this.#tickedAt ?? this.#startedAt;
    const countedMs = this.#tickedAt === null ? 0 : LONGEST_PAUSE_MS;
    const lostMs = Math.max(0, nowMs - sinceMs - countedMs);
    this.#tickedAt = nowMs;
    this.#startedAt += lostMs;
    this.#answeredAt += lostMs;
    if (this.#peersSince !== null) this.#peersSince += lostMs;
  }

  /** Unjoined or starting, then ready; never back. */
  get phase(): Phase {
    return this.#phase;
  }

  becomesReady(): void {
    this.#phase = 'ready';
  }

  hasCaughtUpWith(origin: string): boolean {
    return this.#caughtUpWith.has(origin);
  }

  /** This node holds all ops that the member was heard to hold since the start. */
  caughtUpWith(origin: string): void {
    this.#caughtUpWith.add(origin);
  }

  /** A round in which this node and others took part has ended. @param max the greatest seqs that it found. */
  roundEnded(max: Vector): void {
    this.#foundByRound ??= max;
  }

  /**
   * Beyond a full mesh, whether a member that starts still waits for a round: its links may lack what others hold of its own
   * ops. It waits no longer than for its peers.
   *
   * @param own the vector of this node.
   */
  awaitsRound(own: Vector, nowMs: number): boolean {
    const isHeld = this.#foundByRound !== null && includes(own, this.#foundByRound);
    return !isHeld && this.#hasTime(nowMs);
  }

  #hasTime(nowMs: number): boolean {
    return nowMs - this.#startedAt < this.#settings.joinTimeoutMs;
  }

  /**
   * Whether a member that starts may write: it includes the vector of every member that it reaches, or
   * none answered in time.
   */
  isCaughtUp(
    others: readonly string[],
    peers: readonly Greeted[],
    addresses: AddressBook,
    nowMs: number,
  ): boolean {
    const hasTime = this.#hasTime(nowMs);
    // Any configured address may be that of a member that has not said hello yet.
    if (hasTime && !addresses.allTried()) return false;
    // Any joined peer may be a member: the end of this log, and with it the peer's `join`, may be lost.
    const isUnknown = ({ hello: { joined, origin } }: Greeted): boolean =>
      joined && !others.includes(origin) && !this.#caughtUpWith.has(origin);
    if (hasTime && peers.some(isUnknown)) return false;
    if (others.length === 0) return true;
    // A peer that has not joined holds no ops of its own, and answers no question.
    const connected = new Set(
      peers.filter(({ hello }) => hello.joined).map(({ hello }) => hello.origin),
    );
    let answered = false;
    for (const origin of others) {
      if (this.#caughtUpWith.has(origin)) {
        answered = true;
        continue;
      }
      if (connected.has(origin) || addresses.isUndecided(origin)) {
        if (connected.has(origin) || hasTime) return false;
      }
    }
    return answered || !hasTime;
  }

  /**
   * Whether a node with an empty log forms the cluster. Only the smallest origin does. It forms it at
   * once if every configured peer answers and is fresh too, and after the join timeout if only fresh
   * peers or none answer. The join timeout begins anew when a joined peer is gone, perhaps for a new
   * origin. After a rejoin the node never forms one at once, because the cluster that it gave way to
   * need not be configured. A node of a cluster with others waits as long as it hears nobody, and then for the join
   * timeout: who rejoined just now may reach members that this node does not. And nobody forms one while a member
   * of such a cluster may be left, of this node's own or of that of a peer: deletes that one node alone had answered can
   * come back to that cluster only.
   */
  forms(
    ownOrigin: string,
    peers: readonly Greeted[],
    addresses: AddressBook,
    nowMs: number,
  ): boolean {
    this.#peersSince = peers.length === 0 ? null : (this.#peersSince ?? nowMs);
    if (this.#hearsMember(peers, nowMs)) return false;
    if (peers.some(({ hello }) => hello.origin < ownOrigin)) return false;
    if (this.mayBeLeft(peers).length > 0) return false;
    if (peers.some(({ hello }) => hello.waits === true)) return false;
    if (this.#isTimeOver(nowMs)) return !this.#wasWithOthers || this.#hasHadPeers(nowMs);
    return this.#past.kind === 'none' && addresses.allAnswered();
  }

  /**
   * The members of the cluster that this node was in which may go on with it: who bears the name or the URL of one and
   * has not joined has begun anew as well.
   */
  mayBeLeft(peers: readonly Greeted[]): readonly Member[] {
    const fresh = peers.map(({ hello }) => hello).filter(({ joined }) => !joined);
    const hasBegunAnew = ({ nodeId, url }: Member): boolean =>
      fresh.some((hello) => hello.nodeId === nodeId || (url !== null && hello.url === url));
    return this.#past.members.filter((member) => !hasBegunAnew(member));
  }

  /**
   * Whether the node waits for others of its cluster, and has heard no member for the join timeout.
   */
  isLost(peers: readonly Greeted[], nowMs: number): boolean {
    if (!this.#wasWithOthers || !this.isForsaken(peers, nowMs)) return false;
    return peers.length === 0 || this.mayBeLeft(peers).length > 0;
  }

  /**
   * Whether the node holds a part of its sponsor's log, and has heard no member for the join timeout.
   */
  isForsaken(peers: readonly Greeted[], nowMs: number): boolean {
    return !this.#hearsMember(peers, nowMs) && this.#isTimeOver(nowMs);
  }

  get #wasWithOthers(): boolean {
    return this.#past.kind === 'withOthers';
  }

  #hasHadPeers(nowMs: number): boolean {
    return this.#peersSince !== null && nowMs - this.#peersSince >= this.#settings.joinTimeoutMs;
  }

  #hearsMember(peers: readonly Greeted[], nowMs: number): boolean {
    const hears = peers.some(({ hello }) => hello.joined);
    if (hears) this.#answeredAt = nowMs;
    return hears;
  }

  #isTimeOver(nowMs: number): boolean {
    return nowMs - Math.max(this.#startedAt, this.#answeredAt) >= this.#settings.joinTimeoutMs;
  }
}
