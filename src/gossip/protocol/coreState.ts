/**
 * The state that the parts of the core share: settings, the replica as they read it, the time of the
 * step, peers and addresses; and the acts that all of them need. Nothing here outlives a rejoin.
 */

import { type Member, memberValue } from '../../rules/members.ts';
import type { NoteFacts, NoteLevel } from '../../words/note.ts';
import type { Random } from '../../words/random.ts';
import { RareNotes } from '../../words/rareNotes.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import { AddressBook } from './addressBook.ts';
import { Departures } from './departures.ts';
import { type Digest, type Listing, makeDigest } from './digest.ts';
import { ownHello } from './hello.ts';
import type { CoreSettings, Output, OutputOf, View } from './inputOutput.ts';
import {
  type ErrorMessage,
  type Hello,
  MESH_PROTOCOL,
  type Message,
  type RejoinMessage,
} from './messages.ts';
import type { Peer } from './peer.ts';
import type { PeerFault } from './peerFaults.ts';
import { Peers } from './peers.ts';
import { HEARD_BY_ROUND_MS } from './roundTimes.ts';
import { type Past, Standing } from './standing.ts';

/** The two times of a step. */
export interface Times {
  /** Milliseconds that intervals are measured by: they go on evenly while wall clocks are set. */
  readonly nowMs: number;
  /** The wall clock, UTC milliseconds: for peers and people. */
  readonly clockMs: number;
}

export class CoreState {
  readonly settings: CoreSettings;
  readonly view: View;
  readonly random: Random;
  readonly addresses: AddressBook;
  readonly peers = new Peers();
  readonly standing: Standing;
  readonly departures: Departures;
  readonly startedAt: number;
  /** Null until a dial has led to this very node, unless a setting gives the URL. */
  ownUrl: string | null;
  #times: Times;
  #outputs: Output[] = [];
  #hasEnded = false;
  #refusedAt: number | null = null;
  readonly #refusals = new RareNotes(
    (text, facts) => this.note('warn', text, facts),
    () => this.nowMs,
  );

  constructor(settings: CoreSettings, view: View, random: Random, times: Times, past: Past) {
    this.settings = settings;
    this.view = view;
    this.random = random;
    this.addresses = new AddressBook(settings.urls, settings);
    this.departures = new Departures(settings);
    const isOther = ({ nodeId }: Member): boolean => nodeId !== settings.nodeId;
    const others = { ...past, members: past.members.filter(isOther) };
    this.standing = new Standing(settings, view.joined, times.nowMs, others);
    this.startedAt = times.nowMs;
    this.ownUrl = settings.url;
    this.#times = times;
  }

  // ---- the step

  get nowMs(): number {
    return this.#times.nowMs;
  }

  get clockMs(): number {
    return this.#times.clockMs;
  }

  /** Whether a rejoin was put out: from then on this core takes no input. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  begins(times: Times): void {
    this.#times = times;
    this.#outputs = [];
  }

  get outputs(): Output[] {
    return this.#outputs;
  }

  out(output: Output): void {
    this.#outputs.push(output);
  }

  send(connection: ConnectionId, message: Message): void {
    this.out({ kind: 'send', connection, message });
  }

  note(level: NoteLevel, text: string, facts: NoteFacts): void {
    this.out({ kind: 'note', level, text, facts });
  }

  // ---- this node

  ownValue(): string {
    return memberValue(this.settings.nodeId, this.ownUrl);
  }

  /** Whether it has begun anew, and members of its cluster may be left. */
  get waits(): boolean {
    if (this.standing.phase !== 'unjoined') return false;
    return this.standing.mayBeLeft(this.peers.greeted()).length > 0;
  }

  hello(): Hello {
    const size = this.clusterSize();
    return ownHello(this.settings, this.view, this.ownUrl, size, this.clockMs, this.waits);
  }

  /** The digest for a peer, as of now, for a pull or an answer. */
  digest(listing: Listing, isShort: boolean): Digest {
    const unheard = this.otherMembers().filter((origin) => !this.hears(origin));
    const digest = makeDigest(this.view, this.clockMs, this.settings.maxClockSkewMs, listing);
    return { ...digest, ...(isShort && { isShort }), ...(unheard.length > 0 && { unheard }) };
  }

  /** Whether this node has heard the member lately: over a link, or by a certificate. */
  hears(origin: string): boolean {
    if (this.nowMs - this.peers.reportedAt(origin) < HEARD_BY_ROUND_MS) return true;
    const lastAt = this.peers.lastHeard(origin);
    return lastAt !== undefined && this.nowMs - lastAt < this.settings.hearingMs;
  }

  /** Whether the cluster is beyond a full mesh, so that nodes hear one another over several hops. */
  get isMesh(): boolean {
    return this.view.joined && this.view.members.size > this.settings.meshLimit;
  }

  /** The level of the notes that a peer is connected or no longer is: beyond a full mesh nodes visit one another all the time. */
  get linkLevel(): NoteLevel {
    return this.isMesh ? 'debug' : 'info';
  }

  otherMembers(): string[] {
    const others: string[] = [];
    for (const { origin } of this.view.members.all())
      if (origin !== this.view.origin) others.push(origin);
    return others;
  }

  /** The number of members, but for those that have gone to another cluster. */
  clusterSize(): number {
    let size = 0;
    for (const member of this.view.members.all())
      if (!this.departures.hasGone(member, this.lastHeardAt(member.origin), this.nowMs)) size++;
    return size;
  }

  /** The smallest member of this node's side: of itself and of the members that it hears. Null if it is no member. */
  smallestHeard(): string | null {
    const { members, origin } = this.view;
    if (!members.has(origin)) return null;
    const heard = this.otherMembers().filter((other) => this.hears(other));
    return [origin, ...heard].sort()[0] ?? null;
  }

  /**
   * Beyond a full mesh a node that takes no part in rounds would hold back collection. @returns the reason to refuse the
   * peer, as a sentence; null if it may stay.
   */
  objectionToAge({ nodeId, origin, protocol }: Hello): string | null {
    const { members } = this.view;
    const { meshLimit } = this.settings;
    if (!this.view.joined || protocol[1] >= MESH_PROTOCOL) return null;
    const size = members.size + (members.has(origin) ? 0 : 1);
    if (size <= meshLimit) return null;
    return `${nodeId} speaks protocol ${protocol[0]} to ${protocol[1]}, and a cluster of more than ${meshLimit} members, which is mesh-limit, needs ${MESH_PROTOCOL}: bring that node up to date, or give all nodes a greater --mesh-limit`;
  }

  /** The wall clock, UTC milliseconds, at a time of the even clock. */
  toClockMs(timeMs: number): number {
    return this.clockMs - (this.nowMs - timeMs);
  }

  /** The time at which the member was last heard; the start of this node if it never was. */
  lastHeardAt(origin: string): number {
    return Math.max(this.peers.lastHeard(origin) ?? this.startedAt, this.peers.reportedAt(origin));
  }

  // ---- ends: of a connection, of this core

  /**
   * This core's last output.
   *
   * @param keep whether this node's entries are set aside and offered again, or thrown away.
   * @param ownOps whether other ops bear the ids of this node's own.
   * @param isClaimed whether peers claimed the reason (`RejoinClaims`).
   * @param leaves members that are not asked at first to let it in.
   */
  rejoin(
    reason: string,
    keep = true,
    ownOps: OutputOf<'rejoin'>['ownOps'] = 'sound',
    isClaimed = false,
    leaves: readonly string[] = [],
  ): void {
    this.#hasEnded = true;
    this.out({ kind: 'rejoin', reason, keep, ownOps, isClaimed, leaves });
  }

  /** Takes the peer off the list, once, whichever side closed first. */
  forget(peer: Peer, reason: string, refused: boolean): void {
    this.peers.delete(peer.connection);
    if (peer.snapshotPart !== null) this.rejoin('a snapshot under way was cut off', false);
    const { hello, dialledUrl } = peer;
    const url = dialledUrl ?? (refused ? (hello?.url ?? null) : null);
    if (url !== null && (hello === null || refused))
      this.addresses.failed(url, reason, refused, this.nowMs, this.random);
    if (hello === null || this.peers.ofOrigin(hello.origin) !== undefined) return;
    if (!refused)
      this.note(
        this.linkLevel,
        `${hello.nodeId} (${hello.origin}) is no longer connected: ${reason}`,
        {
          event: 'disconnected',
          peer: hello.nodeId,
          origin: hello.origin,
          reason,
        },
      );
    this.addresses.lost(hello.origin, reason, this.nowMs);
    if (!this.view.members.has(hello.origin)) this.peers.forgetStranger(hello.origin);
  }

  close(peer: Peer, reason: string, refused = false): void {
    this.forget(peer, reason, refused);
    this.out({ kind: 'close', connection: peer.connection, reason });
  }

  /** A peer that has enough links closes this one: the node looks for another member. */
  isNoLink(peer: Peer, reason: string): void {
    if (peer.dialledUrl !== null)
      this.addresses.failed(peer.dialledUrl, reason, false, this.nowMs, this.random);
    this.close(peer, reason);
  }

  /** The peer broke the protocol: the fault is counted against it, and its connection ends. */
  misbehaves(connection: ConnectionId, fault: PeerFault, reason: string): void {
    if (this.peers.get(connection) === undefined) return;
    this.out({ kind: 'misbehaved', connection, fault, reason });
    this.refuse(connection, 'malformed', reason);
  }

  /**
   * Tells the peer the reason, then closes; both logs say it. @param said the hello that is refused.
   */
  refuse(
    connection: ConnectionId,
    code: ErrorMessage['code'],
    reason: string,
    said: Hello | null = null,
  ): void {
    const peer = this.peers.get(connection);
    if (peer === undefined) return;
    const party = partyOf({ hello: said ?? peer.hello });
    const facts = { event: 'refuses', ...party, code, reason };
    this.noteRefusal(code, `a peer is refused: ${reason}`, said?.joined ?? false, facts);
    this.send(connection, { type: 'error', code, reason });
    this.close(peer, reason, true);
    if (said !== null && said.url !== null) this.addresses.refusedFrom(said.url, reason);
  }

  /**
   * The last time at which this node and a joined peer refused each other for a clock or a protocol;
   * null before.
   */
  get refusedAt(): number | null {
    return this.#refusedAt;
  }

  /**
   * A refusal comes again for as long as its cause lasts, whichever side dials. So each is logged only
   * once in a while.
   */
  noteRefusal(code: ErrorMessage['code'], text: string, isMember: boolean, facts: NoteFacts): void {
    if (isMember && (code === 'clock' || code === 'protocol')) this.#refusedAt = this.nowMs;
    this.warnRarely(text, facts);
  }

  warnRarely(text: string, facts: NoteFacts): void {
    this.#refusals.tell(text, facts);
  }

  /**
   * @param re the number of the digest that this answers; undefined if it answers none.
   * @param reach for `behind`: ops that the peer lacks and that no node sends any more.
   */
  tellToRejoin(
    connection: ConnectionId,
    code: RejoinMessage['code'],
    reason: string,
    re?: number,
    reach: Vector = new Map(),
  ): void {
    const smallestMember = this.smallestHeard();
    const peer = this.peers.get(connection);
    const facts = { event: 'tells-to-rejoin', ...(peer && partyOf(peer)), code, reason };
    this.warnRarely(`a peer is told to rejoin: ${reason}`, facts);
    this.send(connection, { type: 'rejoin', code, reason, smallestMember, reach, re });
  }
}

/** The node and the origin of a peer, as far as it has named them. */
export const partyOf = ({
  hello,
}: Pick<Peer, 'hello'>): { readonly peer?: string; readonly origin?: string } =>
  hello === null ? {} : { peer: hello.nodeId, origin: hello.origin };
