/**
 * What the parts of the core share: what they know, what they put out, and the few acts that all of
 * them need. One step has one clock; nothing here outlives a rejoin.
 */

import { memberValue } from '../../rules/members.ts';
import { Stability } from '../../rules/stability.ts';
import type { Random } from '../../words/random.ts';
import { RareNotes } from '../../words/rareNotes.ts';
import type { ConnectionId } from '../transport.ts';
import { AddressBook } from './addressBook.ts';
import { Confirmations } from './confirmations.ts';
import { ownHello } from './hello.ts';
import type { CoreSettings, Output, View } from './inputOutput.ts';
import type { ErrorMessage, Hello, RejoinMessage } from './messages.ts';
import { type Peer, Peers } from './peers.ts';
import { type Past, Standing } from './standing.ts';

export class CoreState {
  readonly settings: CoreSettings;
  readonly view: View;
  readonly random: Random;
  readonly addresses: AddressBook;
  readonly peers = new Peers();
  readonly standing: Standing;
  readonly stability = new Stability();
  readonly confirmations = new Confirmations();
  /** Origins of which two different ops bear one id: none of theirs are taken. */
  readonly forked = new Set<string>();
  readonly startedAt: number;
  outputs: Output[] = [];
  /** The time of the present step that intervals are measured by; it never jumps as wall clocks do. */
  nowMs: number;
  /** The wall clock of the present step, UTC milliseconds: for what peers and people are told. */
  clockMs: number;
  ownUrl: string | null;
  /** Whether `form` or `welcome` was put out and is not yet committed. */
  joining = false;
  /** Not before this is it tried again to form a cluster. */
  joinNotBefore = Number.NEGATIVE_INFINITY;
  /** When this core's node joined; null where it had before, or has not yet. */
  joinedAt: number | null = null;
  /** Whom an unjoined node asks to let it in. */
  sponsor: string | null = null;
  /** When this node and a peer last refused each other for a clock or a protocol; null before. */
  refusedAt: number | null = null;
  /** When each refusal was last told. */
  readonly #refusals = new RareNotes(
    (text) => this.note('warn', text),
    () => this.nowMs,
  );
  /** Whether something that ends this core's life was put out: a rejoin. */
  ended = false;

  constructor(
    settings: CoreSettings,
    view: View,
    random: Random,
    clockMs: number,
    nowMs: number,
    past: Past,
  ) {
    this.settings = settings;
    this.view = view;
    this.random = random;
    this.addresses = new AddressBook(settings.urls, settings);
    this.standing = new Standing(settings, view.joined, nowMs, past);
    this.startedAt = nowMs;
    this.nowMs = nowMs;
    this.clockMs = clockMs;
    this.ownUrl = settings.url;
  }

  out(output: Output): void {
    this.outputs.push(output);
  }

  note(level: 'info' | 'warn', text: string): void {
    this.out({ kind: 'note', level, text });
  }

  join(output: Extract<Output, { kind: 'form' | 'welcome' }>): void {
    this.joining = true;
    this.out(output);
  }

  ready(): void {
    this.standing.phase = 'ready';
    this.out({ kind: 'ready', value: this.ownValue() });
  }

  ownValue(): string {
    return memberValue(this.settings.nodeId, this.ownUrl);
  }

  /** @param keep whether what this node holds is set aside and offered again, or thrown away. */
  rejoin(reason: string, keep = true): void {
    this.ended = true;
    this.out({ kind: 'rejoin', reason, keep, ownOps: 'sound' });
  }

  /** Other ops bear the ids of ours: what peers hold of this origin says nothing of what we hold. */
  rejoinForked(reason: string, ownOps: 'forked' | 'shared' = 'forked'): void {
    this.ended = true;
    this.out({ kind: 'rejoin', reason, keep: true, ownOps });
  }

  /** Takes the peer off the list, once, whoever closed first. */
  forget(peer: Peer, reason: string, refused: boolean): void {
    this.peers.delete(peer.connection);
    if (peer.snapshotPart !== null) this.rejoin('a snapshot under way was cut off', false);
    const { hello, dialledUrl } = peer;
    const url = dialledUrl ?? (refused ? (hello?.url ?? null) : null);
    if (url !== null && (hello === null || refused))
      this.addresses.failed(url, reason, refused, this.nowMs, this.random);
    if (hello === null || this.peers.ofOrigin(hello.origin) !== undefined) return;
    if (!refused)
      this.note('info', `${hello.nodeId} (${hello.origin}) is no longer connected: ${reason}`);
    this.addresses.lost(hello.origin, reason, this.nowMs);
  }

  close(peer: Peer, reason: string, refused = false): void {
    this.forget(peer, reason, refused);
    this.out({ kind: 'close', connection: peer.connection, reason });
  }

  /** Tells the peer why, then closes; both logs say it. */
  refuse(connection: ConnectionId, code: ErrorMessage['code'], reason: string): void {
    const peer = this.peers.get(connection);
    if (peer === undefined) return;
    this.noteRefusal(code, `a peer is refused: ${reason}`);
    this.out({ kind: 'error', connection, error: { type: 'error', code, reason } });
    this.close(peer, reason, true);
  }

  /** Refusals go on for as long as their cause does, whoever dials: each is told once in a while. */
  noteRefusal(code: ErrorMessage['code'], text: string): void {
    if (code === 'clock' || code === 'protocol') this.refusedAt = this.nowMs;
    this.#refusals.tell(text);
  }

  tellToRejoin(connection: ConnectionId, code: RejoinMessage['code'], reason: string): void {
    const smallestMember = this.view.members.smallest();
    const reach = code === 'behind' ? this.view.reach() : new Map<string, number>();
    this.note('warn', `a peer is told to rejoin: ${reason}`);
    this.out({
      kind: 'tellToRejoin',
      connection,
      message: { type: 'rejoin', code, reason, smallestMember, reach },
    });
  }

  otherMembers(): string[] {
    const others: string[] = [];
    for (const { origin } of this.view.members.all())
      if (origin !== this.view.origin) others.push(origin);
    return others;
  }

  hello(): Hello {
    return ownHello(this.settings, this.view, this.ownUrl, this.clockMs);
  }

  /** The wall clock at a time that intervals are measured by. */
  toClockMs(timeMs: number): number {
    return this.clockMs - (this.nowMs - timeMs);
  }

  /** When the member was last heard; the start of this node where it never was. */
  lastHeardAt(origin: string): number {
    return this.peers.lastHeard(origin) ?? this.startedAt;
  }
}
