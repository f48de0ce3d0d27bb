/**
 * The links of a node beyond a full mesh: it dials the first member after it on the ring that answers, and a few at
 * random. Others do the same, so that a node has at most `MAX_LINKS`.
 *
 * Invariants: a node that is ready has a link to the first member after it that answers, so that the graph of the members
 * that reach one another is connected. Up to `mesh-limit` members nothing here acts, and every member dials every other.
 */
import {
  drawnLinks,
  MAX_LINKS,
  takenBeyondBound,
  towardsSuccessor,
  type Ways,
} from '../../rules/links.ts';
import { nextRandom } from '../../words/random.ts';
import { type Address, nameAt } from './addressBook.ts';
import type { CoreState } from './coreState.ts';
import { isGreeted, type Peer } from './peer.ts';
import { type RingStatus, ringStatus } from './ringStatus.ts';

/** One random link is drawn anew so often, in milliseconds: the graph does not age. */
const REDRAW_MS = 10 * 60_000;
/** A configured address is visited so often at least, in milliseconds, so that parts that do not know each other meet. */
const VISIT_MS = 60_000;
/** All members together visit so often at most, in milliseconds: a few addresses bear it, however many members visit them. */
const VISIT_OF_ANY_MS = 1000;
/**
 * So long, in milliseconds, a visit waits while the node has all its links; then it takes the place of one. At least half of the
 * nodes have room, since a link that one node has taken another one has dialled.
 */
const VISIT_WAITS_MS = 10 * 60_000;
/** So long after a failed dial, in milliseconds, a member may be drawn again. */
const FAILING_MS = 30_000;
/** A connection that is no link stays so long, in milliseconds: both say hello, and a joiner is answered. */
const STAY_MS = 10_000;

export class Links {
  readonly #state: CoreState;
  #drawn: readonly string[] = [];
  /** The members that it has chosen: its successor, perhaps one after that, and those drawn at random. */
  #wanted: ReadonlySet<string> = new Set();
  #isRestricted = false;
  #nextRedrawAt: number;
  /** Null before the first tick beyond a full mesh. */
  #nextVisitAt: number | null = null;
  /** The configured URL that is visited. */
  #visited: string | null = null;

  constructor(state: CoreState) {
    this.#state = state;
    this.#nextRedrawAt = state.startedAt + REDRAW_MS;
  }

  /** The ring after this node; null up to `mesh-limit` members, where every member links every other. */
  get ring(): RingStatus | null {
    const { isMesh, view, addresses } = this.#state;
    return isMesh ? ringStatus(this.#ways(), view.members, addresses) : null;
  }

  /** Called each second: chooses the addresses to dial, and closes what is no link. */
  tick(): void {
    const { isMesh, addresses, standing } = this.#state;
    if (!isMesh) {
      if (this.#isRestricted) for (const address of addresses.all) address.isWanted = true;
      this.#isRestricted = false;
      return;
    }
    this.#isRestricted = true;
    this.#refuseOld();
    const ways = this.#ways();
    this.#wanted = this.#chosen(ways);
    for (const peer of this.#state.peers.all()) peer.link.isVisit = this.#isVisit(peer);
    this.#visit();
    if (standing.phase === 'ready') {
      this.#closeUnwanted();
      this.#closeBeyondBound();
    }
    for (const address of addresses.all)
      address.isWanted = this.#isWanted(address, ways.linked.size > 0);
  }

  /**
   * The peer has said hello. A connection that is closed soon carries no op: the links whose place it took would be lazy
   * by then.
   */
  greeted(peer: Peer): void {
    const { isMesh, standing } = this.#state;
    if (!isMesh || standing.phase !== 'ready') return;
    peer.link.isVisit = this.#isVisit(peer);
    if (!peer.link.isVisit || !peer.link.isEager) return;
    peer.link.becomes('lazy');
    this.#state.send(peer.connection, { type: 'prune' });
  }

  /** Whether this node has dialled a member that it has not chosen. */
  #isVisit(peer: Peer): boolean {
    const origin = peer.dialledUrl === null ? null : this.#memberOf(peer);
    return origin !== null && !this.#wanted.has(origin);
  }

  /** Such peers were there before the cluster grew. */
  #refuseOld(): void {
    for (const { connection, hello } of this.#state.peers.greeted()) {
      const reason = this.#state.objectionToAge(hello);
      if (reason !== null) this.#state.refuse(connection, 'protocol', reason, hello);
    }
  }

  #ways(): Ways {
    const { peers, view, addresses, nowMs } = this.#state;
    const linked = new Set<string>();
    for (const peer of peers.all()) {
      const origin = this.#memberOf(peer);
      if (origin !== null) linked.add(origin);
    }
    const failing = new Set<string>();
    const known = new Set<string>();
    for (const address of addresses.all) {
      const { failures, state, nextDialAt } = address;
      const hasFailed = failures > 0 && state !== 'connected' && nowMs - nextDialAt < FAILING_MS;
      const name = nameAt(address);
      if (name !== null) known.add(name);
      if (name !== null && hasFailed) failing.add(name);
    }
    const others = [...view.members.all()]
      .map(({ origin }) => origin)
      .filter((origin) => origin !== view.origin && (known.has(origin) || linked.has(origin)));
    return { own: view.origin, others, linked, failing };
  }

  #chosen(ways: Ways): Set<string> {
    const { nowMs, random } = this.#state;
    if (nowMs >= this.#nextRedrawAt) {
      this.#nextRedrawAt = nowMs + REDRAW_MS;
      this.#drawn = this.#drawn.slice(1);
    }
    const towards = towardsSuccessor(ways);
    this.#drawn = drawnLinks(ways, this.#drawn, towards, random);
    return new Set([...towards, ...this.#drawn]);
  }

  /**
   * Now and then one configured address: any node may answer there. Nodes that started together begin at different moments:
   * two parts meet as soon as one node of either has visited the other.
   */
  #visit(): void {
    const { nowMs, addresses, random, view } = this.#state;
    const everyMs = Math.max(VISIT_MS, view.members.size * VISIT_OF_ANY_MS);
    this.#nextVisitAt ??= nowMs + everyMs * nextRandom(random);
    if (nowMs < this.#nextVisitAt) return;
    const { chosen, taken } = this.#linked();
    const isFull = chosen + taken.size >= MAX_LINKS;
    if (isFull && nowMs < this.#nextVisitAt + VISIT_WAITS_MS) return;
    this.#nextVisitAt = nowMs + everyMs;
    const resting = [...addresses.all].filter(
      ({ isConfigured, state }) => isConfigured && state === 'idle',
    );
    this.#visited = resting[Math.floor(nextRandom(random) * resting.length)]?.url ?? null;
  }

  #isWanted(address: Address, isLinked: boolean): boolean {
    const { url, isConfigured, failures } = address;
    const name = nameAt(address);
    if (url === this.#visited || (name !== null && this.#wanted.has(name))) return true;
    // It may be the only way to a member that names no URL.
    const isUnknown = name === null && failures === 0;
    // Without any link, a node at a configured address may know the others.
    return isConfigured && (isUnknown || !isLinked);
  }

  #closeUnwanted(): void {
    const { peers, nowMs } = this.#state;
    for (const peer of [...peers.all()]) {
      if (nowMs - peer.openedAt < STAY_MS || !this.#isVisit(peer)) continue;
      if (peer.dialledUrl === this.#visited) this.#visited = null;
      this.#state.close(peer, 'it is no link of this node');
    }
  }

  #closeBeyondBound(): void {
    const { chosen, taken } = this.#linked();
    for (const origin of takenBeyondBound(this.#state.view.origin, [...taken.keys()], chosen)) {
      const peer = taken.get(origin);
      if (peer !== undefined) this.#refuse(peer);
    }
  }

  /** How many links that this node has chosen and visits it has, and the links that it has taken, by origin. */
  #linked(): { readonly chosen: number; readonly taken: ReadonlyMap<string, Peer> } {
    const taken = new Map<string, Peer>();
    let chosen = 0;
    for (const peer of this.#state.peers.all()) {
      const origin = this.#memberOf(peer);
      const isVisited = peer.dialledUrl !== null && peer.dialledUrl === this.#visited;
      if (isVisited || (origin !== null && this.#wanted.has(origin))) chosen++;
      else if (origin !== null && peer.dialledUrl === null) taken.set(origin, peer);
    }
    return { chosen, taken };
  }

  /** It is no fault: the peer looks for another member. */
  #refuse(peer: Peer): void {
    const reason = 'it has as many links as it takes';
    this.#state.send(peer.connection, { type: 'error', code: 'full', reason });
    this.#state.close(peer, reason);
  }

  #memberOf(peer: Peer): string | null {
    if (!isGreeted(peer) || !peer.hello.joined) return null;
    return this.#state.view.members.has(peer.hello.origin) ? peer.hello.origin : null;
  }
}
