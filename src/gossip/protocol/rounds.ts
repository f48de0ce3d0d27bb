/**
 * Rounds (rule 9): beyond a full mesh no node hears all members itself. A round floods over the links; each node waits
 * for the answers of those it passed it to, adds its own report, and answers the link that the round came by (the echo
 * algorithm of Chang, "Echo Algorithms: Depth Parallel Operations on General Graphs", 1982). No tree is kept. The
 * node that began it floods the result, which is a certificate.
 *
 * Invariants: a report is the vector and the clock of one moment, after the answers; only members' messages count; a
 * node answers each round by one report at most, and passes each certificate on once.
 */
import { merged, type Report, reportOf } from '../../rules/certificate.ts';
import type { Stability } from '../../rules/stability.ts';
import { nextRandom } from '../../words/random.ts';
import { seqOf } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { Confirmations } from './confirmations.ts';
import type { CoreState } from './coreState.ts';
import {
  type CertificateMessage,
  type EchoMessage,
  MESH_PROTOCOL,
  type RoundMessage,
} from './messages.ts';
import type { Greeted } from './peer.ts';
import {
  ASKED_ROUND_MS,
  HOP_MS,
  ROUND_INTERVAL_MS,
  ROUND_MS,
  ROUND_PATIENCE_MS,
} from './roundTimes.ts';
import type { Tree } from './tree.ts';

/** Rounds that this node takes part in at one time. */
const MAX_OPEN = 8;
/** The last rounds and certificates whose ids are remembered. */
const MAX_SEEN = 256;

interface OpenRound {
  readonly id: string;
  /** The link that it came by; null if this node began it. */
  readonly parent: ConnectionId | null;
  /** Links that have not answered yet. */
  readonly waits: Set<ConnectionId>;
  readonly endsAt: number;
  /** The merged reports of the links. */
  report: Report | null;
  /** The hops that this node tells its links; null where it knows none. */
  readonly hops: number | null;
  /** The hops that links told. */
  readonly told: Map<ConnectionId, number>;
}

/** Clients wait until all members hold this node's ops up to a seq. */
interface Asked {
  readonly seq: number;
  readonly untilMs: number;
  /** The time at which this node begins a round for them. */
  readonly beginsAt: number;
}

export class Rounds {
  readonly #state: CoreState;
  readonly #stability: Stability;
  readonly #confirmations: Confirmations;
  readonly #tree: Tree;
  #asked: Asked | null = null;
  readonly #open = new Map<string, OpenRound>();
  /** By the id of a round: the time at which it came by. */
  readonly #begunAt = new Map<string, number>();
  readonly #certified = new Map<string, number>();
  #number = 0;
  #nextAt: number;
  #lastCertificateAt: number;

  constructor(state: CoreState, stability: Stability, confirmations: Confirmations, tree: Tree) {
    this.#state = state;
    this.#stability = stability;
    this.#confirmations = confirmations;
    this.#tree = tree;
    this.#nextAt = state.startedAt;
    this.#lastCertificateAt = state.startedAt;
  }

  tick(): void {
    for (const round of [...this.#open.values()]) this.#endIfDue(round);
    const { nowMs, standing, isMesh } = this.#state;
    if (!isMesh || standing.phase !== 'ready') return;
    if (this.#isDueForClients()) this.#begin(null);
    if (nowMs < this.#nextAt) return;
    this.#nextAt = nowMs + ROUND_INTERVAL_MS;
    if (this.#isRoot()) this.#begin(0);
    else if (nowMs - this.#lastCertificateAt > ROUND_PATIENCE_MS) this.#begin(null);
  }

  /**
   * Clients wait until all members hold this node's own ops up to the seq.
   *
   * @param forMs how long they wait, in milliseconds.
   */
  isAskedFor(seq: number, forMs: number): void {
    const { nowMs } = this.#state;
    const untilMs = nowMs + forMs;
    const asked = this.#asked;
    this.#asked = {
      seq: Math.max(seq, asked?.seq ?? 0),
      untilMs: Math.max(untilMs, asked?.untilMs ?? untilMs),
      beginsAt: asked?.beginsAt ?? this.#askedRoundAt(),
    };
  }

  #askedRoundAt(): number {
    const { nowMs, random } = this.#state;
    return nowMs + ASKED_ROUND_MS * (1 + nextRandom(random));
  }

  #isDueForClients(): boolean {
    const { nowMs } = this.#state;
    const asked = this.#asked;
    if (asked === null) return false;
    if (nowMs >= asked.untilMs || this.#confirmations.isHeldByAll(asked.seq)) {
      this.#asked = null;
      return false;
    }
    return nowMs >= asked.beginsAt;
  }

  #begin(hops: number | null): void {
    this.#number++;
    this.#enter(`${this.#state.settings.instance}.${this.#number}`, null, ROUND_MS, hops);
  }

  /** The smallest member that is heard begins; any other one only if no certificate has come for long. */
  #isRoot(): boolean {
    return this.#state.smallestHeard() === this.#state.view.origin;
  }

  roundFrom(peer: Greeted, { id, timeMs, hops }: RoundMessage): void {
    if (!this.#isMember(peer)) return;
    const { connection, link } = peer;
    const open = this.#open.get(id);
    if (open?.parent === connection) return;
    const mayEnter =
      this.#state.standing.phase !== 'unjoined' && this.#open.size < MAX_OPEN && !link.isVisit;
    if (this.#begunAt.has(id) || !mayEnter) {
      if (hops !== undefined && !link.isVisit) open?.told.set(connection, hops);
      this.#state.send(connection, { type: 'echo', id });
    } else this.#enter(id, connection, timeMs, hops ?? null);
  }

  echoFrom(peer: Greeted, { id, report }: EchoMessage): void {
    const round = this.#open.get(id);
    if (round === undefined || !this.#isMember(peer) || !round.waits.delete(peer.connection))
      return;
    if (report !== undefined) round.report = round.report ? merged(round.report, report) : report;
    this.#endIfDue(round);
  }

  certificateFrom(peer: Greeted, { id, report }: CertificateMessage): void {
    if (this.#isMember(peer)) this.#take(id, report, peer.connection);
  }

  /** @param told the hops of the sender; at the beginner 0, or null if the tree does not follow the round. */
  #enter(id: string, parent: ConnectionId | null, timeMs: number, told: number | null): void {
    const { nowMs } = this.#state;
    remember(this.#begunAt, id, nowMs);
    // Its certificate may tell the clients what they wait for, also where another node began it.
    if (this.#asked !== null) this.#asked = { ...this.#asked, beginsAt: this.#askedRoundAt() };
    const links = this.#links(parent);
    const waits = new Set(links);
    const hops = told === null || parent === null ? told : told + 1;
    const round = {
      id,
      parent,
      waits,
      endsAt: nowMs + timeMs,
      report: null,
      hops,
      told: new Map(),
    };
    if (told !== null && parent !== null) round.told.set(parent, told);
    this.#open.set(id, round);
    const goesOn = { id, timeMs: Math.max(0, timeMs - HOP_MS), ...(hops !== null && { hops }) };
    for (const link of links) this.#state.send(link, { type: 'round', ...goesOn });
    this.#endIfDue(round);
  }

  /** All links have answered or are gone, or the time is over. */
  #endIfDue(round: OpenRound): void {
    const { id, parent, waits, endsAt, hops, told } = round;
    const { peers, nowMs, view, clockMs } = this.#state;
    for (const link of waits) if (peers.get(link) === undefined) waits.delete(link);
    if (waits.size > 0 && nowMs < endsAt) return;
    this.#open.delete(id);
    if (hops !== null) this.#tree.settles(hops, told);
    if (!view.members.has(view.origin)) return;
    const own = reportOf(view.origin, view.vector, clockMs);
    const report = round.report === null ? own : merged(round.report, own);
    if (parent === null) this.#take(id, report, null);
    else if (peers.get(parent) !== undefined)
      this.#state.send(parent, { type: 'echo', id, report });
  }

  #take(id: string, report: Report, from: ConnectionId | null): void {
    const { peers, nowMs, view, standing } = this.#state;
    if (this.#certified.has(id) || standing.phase === 'unjoined') return;
    remember(this.#certified, id, nowMs);
    this.#lastCertificateAt = nowMs;
    for (const link of this.#links(from))
      this.#state.send(link, { type: 'certificate', id, report });
    // A certificate of a round that never came by here tells nothing about when its members were heard.
    const begunAt = this.#begunAt.get(id) ?? nowMs - ROUND_MS;
    const members = new Set<string>();
    for (const origin of report.members) {
      if (!view.members.has(origin) || origin === view.origin) continue;
      members.add(origin);
      peers.reported(origin, begunAt);
    }
    this.#stability.certify({ ...report, members }, nowMs);
    this.#confirmations.reportedBy(members, seqOf(report.min, view.origin));
  }

  /** A visit is closed soon, and no branch of the tree may lead over it. */
  #links(except: ConnectionId | null): ConnectionId[] {
    return this.#state.peers
      .greeted()
      .filter((peer) => peer.connection !== except && !peer.link.isVisit && this.#isMember(peer))
      .map(({ connection }) => connection);
  }

  #isMember({ hello }: Greeted): boolean {
    const isMember = hello.joined && this.#state.view.members.has(hello.origin);
    return isMember && hello.protocol[1] >= MESH_PROTOCOL;
  }
}

function remember(seen: Map<string, number>, id: string, nowMs: number): void {
  seen.set(id, nowMs);
  for (const oldest of seen.keys()) {
    if (seen.size <= MAX_SEEN) break;
    seen.delete(oldest);
  }
}
