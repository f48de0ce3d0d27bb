/**
 * Rounds (rule 9): beyond a full mesh no node hears all members itself. A round floods over the links; each node waits
 * for the answers of those it passed it to, adds its own report, and answers the link that the round came by (the echo
 * algorithm of Chang, "Echo Algorithms: Depth Parallel Operations on General Graphs", 1982). No tree is kept. The
 * result at the node that began it is a certificate, which goes to all (`Certificates`).
 *
 * Invariants: a report is the vector and the clock of one moment, after the answers; only members' messages count; a
 * node answers each round by one report at most. A report that came as differences counts only if it has the hash that came
 * with them.
 */
import { merged, type Report, reportOf } from '../../rules/certificate.ts';
import { changedReport, type Hashed, hashed, reportChanges } from '../../rules/reportChanges.ts';
import type { Stability } from '../../rules/stability.ts';
import type { Hash } from '../../words/hash.ts';
import { nextRandom } from '../../words/random.ts';
import { seqOf } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import { Certificates, isLink, linksOf, remember } from './certificates.ts';
import type { Confirmations } from './confirmations.ts';
import type { CoreState } from './coreState.ts';
import type { EchoMessage, RoundMessage } from './messages.ts';
import type { Greeted, Peer } from './peer.ts';
import {
  ASKED_ROUND_MS,
  HOP_MS,
  ROUND_INTERVAL_MS,
  ROUND_MS,
  ROUND_PATIENCE_MS,
  START_ROUND_AGAIN_MS,
} from './roundTimes.ts';
import type { Tree } from './tree.ts';

/** Rounds that this node takes part in at one time. */
const MAX_OPEN = 8;
/** The last rounds whose ids are remembered. */
const MAX_SEEN = 256;

interface OpenRound {
  readonly id: string;
  /** The link that it came by; null if this node began it. */
  readonly parent: ConnectionId | null;
  /** The certificate from which the parent takes differences. */
  readonly parentBase: Hash | undefined;
  /** The one from which this node takes those of its links. */
  readonly base: Hashed | undefined;
  /** Links that have not answered yet. */
  readonly waits: Set<ConnectionId>;
  readonly endsAt: number;
  /** The merged reports of the links. */
  report: Report | null;
}

/** Clients wait until all members hold this node's ops up to a seq. */
interface Asked {
  readonly seq: number;
  readonly untilMs: number;
  /** The time at which this node begins a round for them. */
  readonly beginsAt: number;
}

export class Rounds {
  readonly certificates: Certificates;
  readonly #state: CoreState;
  readonly #stability: Stability;
  readonly #confirmations: Confirmations;
  readonly #tree: Tree;
  #asked: Asked | null = null;
  readonly #open = new Map<string, OpenRound>();
  /** By the id of a round: the time at which it came by. */
  readonly #begunAt = new Map<string, number>();
  /** Peers whose differences gave no report: they are asked for whole ones. */
  readonly #toldWrong = new WeakSet<Peer>();
  /** The time at which this node begins a round because it starts; null before its first tick beyond a full mesh, and before any round. */
  #startRoundAt: number | null = null;
  #number = 0;
  #nextAt: number;
  #lastCertificateAt: number;

  constructor(state: CoreState, stability: Stability, confirmations: Confirmations, tree: Tree) {
    this.#state = state;
    this.#stability = stability;
    this.#confirmations = confirmations;
    this.#tree = tree;
    this.certificates = new Certificates(state, (id, report) => this.#certified(id, report));
    this.#nextAt = state.startedAt;
    this.#lastCertificateAt = state.startedAt;
  }

  tick(): void {
    this.certificates.tick();
    for (const round of [...this.#open.values()]) this.#endIfDue(round);
    const { nowMs, standing, isMesh } = this.#state;
    if (isMesh && standing.phase === 'starting' && this.#isDueForStart()) this.#begin(null);
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

  /** Also if a whole cluster starts, the round of one serves all that have links by then. */
  #isDueForStart(): boolean {
    const { nowMs, random } = this.#state;
    this.#startRoundAt ??= nowMs + ASKED_ROUND_MS * (1 + nextRandom(random));
    return nowMs >= this.#startRoundAt && linksOf(this.#state, null).length > 0;
  }

  #begin(hops: number | null): void {
    this.#number++;
    const id = `${this.#state.settings.instance}.${this.#number}`;
    this.#enter({ id, timeMs: ROUND_MS, ...(hops !== null && { hops }) }, null);
  }

  /** The smallest member that is heard begins; any other one only if no certificate has come for long. */
  #isRoot(): boolean {
    return this.#state.smallestHeard() === this.#state.view.origin;
  }

  roundFrom(peer: Greeted, asked: RoundMessage): void {
    if (!isLink(this.#state, peer)) return;
    const { connection, link } = peer;
    const { id, hops, base } = asked;
    if (base !== undefined) link.namesCertificate(base);
    if (hops !== undefined && !link.isVisit) this.#tree.hears(id, connection, hops);
    if (this.#open.get(id)?.parent === connection) return;
    const mayEnter =
      this.#state.standing.phase !== 'unjoined' && this.#open.size < MAX_OPEN && !link.isVisit;
    if (this.#begunAt.has(id) || !mayEnter) this.#state.send(connection, { type: 'echo', id });
    else this.#enter(asked, connection);
  }

  echoFrom(peer: Greeted, echo: EchoMessage): void {
    const { id } = echo;
    const { connection } = peer;
    const round = this.#open.get(id);
    if (round === undefined || !isLink(this.#state, peer) || !round.waits.delete(connection))
      return;
    const report = this.#reportIn(echo, round.base, peer);
    if (echo.changes !== undefined) peer.link.namesCertificate(echo.changes.base);
    if (report !== undefined) {
      this.certificates.reportedBy(connection, id, echo.changes?.base ?? null);
      round.report = round.report ? merged(round.report, report) : report;
    }
    this.#endIfDue(round);
  }

  #reportIn({ report, changes }: EchoMessage, base: Hashed | undefined, peer: Peer) {
    if (changes === undefined) return report;
    const told = base && changedReport(base, changes);
    // The next round asks it for the whole.
    if (!told) this.#toldWrong.add(peer);
    return told?.report;
  }

  /** @param asked as the parent sent it; its hops are 0 where this node begins, and absent if the tree does not follow it. */
  #enter(asked: Omit<RoundMessage, 'type'>, parent: ConnectionId | null): void {
    const { id, timeMs, base: parentBase, hops: told } = asked;
    const { nowMs, peers } = this.#state;
    remember(this.#begunAt, id, nowMs, MAX_SEEN);
    // Its certificate may tell the clients what they wait for, also where another node began it.
    if (this.#asked !== null) this.#asked = { ...this.#asked, beginsAt: this.#askedRoundAt() };
    this.#startRoundAt = nowMs + START_ROUND_AGAIN_MS;
    const links = linksOf(this.#state, parent);
    const waits = new Set(links);
    const { last: base } = this.certificates;
    const endsAt = nowMs + timeMs;
    const round: OpenRound = { id, parent, parentBase, base, waits, endsAt, report: null };
    this.#open.set(id, round);
    if (told !== undefined) this.#tree.begins(id, parent, told);
    const hops = told !== undefined && { hops: parent === null ? told : told + 1 };
    const goesOn = { id, timeMs: Math.max(0, timeMs - HOP_MS), ...hops };
    for (const link of links) {
      const peer = peers.get(link);
      const isTrusted = base !== undefined && peer !== undefined && !this.#toldWrong.has(peer);
      this.#state.send(link, {
        type: 'round',
        ...goesOn,
        ...(isTrusted && { base: base.hash }),
      });
    }
    this.#endIfDue(round);
  }

  /** All links have answered or are gone, or the time is over. */
  #endIfDue(round: OpenRound): void {
    const { id, parent, parentBase, waits, endsAt } = round;
    const { peers, nowMs, view, clockMs } = this.#state;
    for (const link of waits) if (peers.get(link) === undefined) waits.delete(link);
    if (waits.size > 0 && nowMs < endsAt) return;
    this.#open.delete(id);
    if (!view.members.has(view.origin)) return;
    const own = reportOf(view.origin, view.vector, clockMs);
    const report = round.report === null ? own : merged(round.report, own);
    if (parent === null) this.certificates.take(id, hashed(report), null);
    else if (peers.get(parent) !== undefined)
      this.#state.send(parent, { type: 'echo', id, ...this.#told(report, parentBase) });
  }

  #told(report: Report, parentBase: Hash | undefined): Pick<EchoMessage, 'report' | 'changes'> {
    const base = this.certificates.ofHash(parentBase);
    return base ? { changes: reportChanges(base, hashed(report)) } : { report };
  }

  #certified(id: string, report: Report): void {
    const { peers, nowMs, view, standing } = this.#state;
    this.#lastCertificateAt = nowMs;
    // A certificate of a round that never came by here tells nothing about when its members were heard.
    const begunAt = this.#begunAt.get(id) ?? nowMs - ROUND_MS;
    if (this.#begunAt.has(id) && report.members.size > 1) standing.roundEnded(report.max);
    const members = new Set<string>();
    for (const origin of report.members) {
      if (!view.members.has(origin) || origin === view.origin) continue;
      members.add(origin);
      peers.reported(origin, begunAt);
    }
    this.#stability.certify({ ...report, members }, nowMs);
    this.#confirmations.reportedBy(members, seqOf(report.min, view.origin));
  }
}
