/** The regular work of a member: it dials others, retires silent ones, and moves the stable vector. */
import { FollowedVector } from '../../rules/closings.ts';
import { toldByForksOnly } from '../../rules/forkedMembership.ts';
import { type Member, memberValue, placeOf } from '../../rules/members.ts';
import { successorOf } from '../../rules/ring.ts';
import type { Stability } from '../../rules/stability.ts';
import type { OpId } from '../../words/op.ts';
import { covers, includes, type Vector } from '../../words/vector.ts';
import type { CoreState } from './coreState.ts';
import { Links } from './links.ts';
import { type Greeted, knowsClosing, type Peer } from './peer.ts';
import type { RingStatus } from './ringStatus.ts';
import { HEARD_BY_ROUND_MS } from './roundTimes.ts';
import { SilenceClock } from './silenceClock.ts';

/** Milliseconds between two looks at the members: at their addresses and their silence. */
const MEMBERS_INTERVAL_MS = 1000;
/**
 * A longer gap between two looks shows that the process was paused: the messages that peers sent
 * meanwhile are not read yet.
 */
const MAX_LOOK_GAP_MS = 1.5 * MEMBERS_INTERVAL_MS;
/** Milliseconds between two moves of the stable vector, with dead entries to collect and without. */
const STABLE_INTERVAL_MS = 500;
const IDLE_STABLE_INTERVAL_MS = 10_000;

/** The time after which a retired peer that stays connected is told again, in milliseconds. */
const TELL_INTERVAL_MS = 5000;

/** Origins closed, and facts said again, in one look at the members: the rest of a long history follows. */
const MAX_AT_ONCE = 64;

export class MemberKeeper {
  readonly #state: CoreState;
  readonly #links: Links;
  readonly #silence = new SilenceClock(MAX_LOOK_GAP_MS);
  readonly #stability: Stability;
  readonly #forked: ReadonlySet<string>;
  /** Members whose URL nobody can dial, and for which the log has warned. */
  readonly #warnedOfUrl = new Set<string>();
  /** The number of retired origins that have been forgotten. */
  #retiredForgotten = 0;
  #nextMembersAt = 0;
  #nextTellAt = 0;
  #nextStableAt = 0;
  #lastStableAt: number;
  /**
   * The time at which a majority was last heard, and the time since which it was heard without a break.
   */
  #majorityAt = Number.NEGATIVE_INFINITY;
  #majoritySince = Number.NEGATIVE_INFINITY;

  constructor(state: CoreState, stability: Stability, forked: ReadonlySet<string>) {
    this.#state = state;
    this.#links = new Links(state);
    this.#stability = stability;
    this.#forked = forked;
    this.#lastStableAt = state.startedAt;
  }

  /** Beyond a full mesh, before anything is dialled. */
  chooseLinks(): void {
    const { isMesh, nowMs } = this.#state;
    if (!isMesh || nowMs < this.#nextMembersAt) return;
    this.#dialMembers();
    this.#links.tick();
  }

  /** See `Links.ring`. */
  get ring(): RingStatus | null {
    return this.#links.ring;
  }

  /** The peer has said hello. */
  greeted(peer: Peer): void {
    this.#links.greeted(peer);
  }

  tick(): void {
    if (this.#state.nowMs >= this.#nextMembersAt) {
      this.#nextMembersAt = this.#state.nowMs + MEMBERS_INTERVAL_MS;
      if (!this.#state.isMesh) {
        this.#dialMembers();
        this.#links.tick();
      }
      this.#tellRetired();
      if (this.#state.standing.phase === 'ready') {
        this.#announceItself();
        this.#retireReplaced();
        this.#retireSilent();
        this.#sayAgain();
        this.#closeRetired();
      }
    }
    if (this.#state.nowMs < this.#nextStableAt) return;
    this.#nextStableAt = this.#state.nowMs + STABLE_INTERVAL_MS;
    this.#moveStable();
  }

  /** A member that was started under another name or URL tells it. */
  #announceItself(): void {
    const { view, settings, ownUrl } = this.#state;
    const member = view.members.get(view.origin);
    if (member === undefined) return;
    const url = ownUrl ?? member.url;
    if (member.nodeId === settings.nodeId && member.url === url) return;
    this.#state.out({ kind: 'announce', value: memberValue(settings.nodeId, url) });
  }

  /** Every member dials every member. */
  #dialMembers(): void {
    const { members, origin } = this.#state.view;
    for (const member of members.all()) {
      if (member.origin === origin) continue;
      // A peer that has just moved says its new URL before its op arrives here.
      const url = this.#state.peers.ofOrigin(member.origin)?.hello.url ?? member.url;
      if (url !== null && url !== this.#state.ownUrl)
        this.#state.addresses.addMember(url, member.origin);
      if (url === null) this.#warnOfUrl(member);
    }
    this.#state.addresses.forgetStrangers((member) => members.has(member));
    for (const retired of members.retiredAfter(this.#retiredForgotten)) {
      this.#retiredForgotten++;
      this.#warnedOfUrl.delete(retired);
      this.#stability.forget(retired);
      this.#forgetPeer(retired);
    }
    // One that does not know it yet goes on saying hello.
    for (const { hello } of this.#state.peers.greeted())
      if (members.isRetired(hello.origin)) this.#forgetPeer(hello.origin);
  }

  /** Of two peers that retired each other neither asks the other for anything, and one has to rejoin. */
  #tellRetired(): void {
    const { peers, view, nowMs } = this.#state;
    if (nowMs < this.#nextTellAt) return;
    this.#nextTellAt = nowMs + TELL_INTERVAL_MS;
    for (const { connection, hello } of peers.greeted())
      if (hello.joined && view.members.isRetired(hello.origin))
        this.#state.tellToRejoin(connection, 'retired', `${hello.origin} was retired`);
  }

  #forgetPeer(origin: string): void {
    this.#state.addresses.removeMember(origin);
    this.#state.peers.forgetOrigin(origin);
  }

  #warnOfUrl({ origin }: Member): void {
    if (this.#warnedOfUrl.has(origin) || !this.#state.view.members.hasUnusableUrl(origin)) return;
    this.#warnedOfUrl.add(origin);
    this.#state.note(
      'warn',
      `${origin} joined with a URL that nobody can dial: give it --url with scheme, host and port`,
      { event: 'unusable-url', origin },
    );
  }

  /**
   * Retires a member if another origin with its name and URL is connected: the log of the old origin
   * was lost, or its start was cut off. If the old one comes back after all, it rejoins. Beyond a full mesh a link tells
   * nothing of most members, and who is heard counts in its place.
   */
  #retireReplaced(): void {
    const { view, isMesh, peers } = this.#state;
    const { members, origin } = view;
    const isThere = (other: string): boolean =>
      isMesh ? this.#state.hears(other) : peers.ofOrigin(other) !== undefined;
    const present = new Map<string, string>();
    const absent: Member[] = [];
    for (const member of members.all()) {
      const isPresent = member.origin === origin || isThere(member.origin);
      if (isPresent && member.origin < origin) return; // the smallest does it
      if (isPresent) present.set(placeOf(member), member.origin);
      else if (member.url !== null) absent.push(member);
    }
    for (const member of absent) {
      const successor = present.get(placeOf(member));
      if (successor === undefined) continue;
      // A node that has just ended counts as heard for longer than its next life takes to be.
      if (isMesh && !members.joinedLater(successor, member.origin)) continue;
      this.#state.note('info', `${member.origin} is retired: its node goes on as ${successor}`, {
        event: 'retires',
        origin: member.origin,
        reason: 'replaced',
      });
      this.#state.out({ kind: 'retire', origin: member.origin });
    }
  }

  /** Silence leads to retirement only while this node hears a majority of its members. */
  #retireSilent(): void {
    const others = this.#state.otherMembers();
    const { nowMs } = this.#state;
    const { memberTimeoutMs, hearingMs } = this.#silenceTimes();
    const lastHeardAt = (origin: string): number => this.#state.lastHeardAt(origin);
    // A member that others hear is not gone: only the link to it is broken.
    const lastHeardByAny = (origin: string): number =>
      Math.max(lastHeardAt(origin), this.#state.peers.lastHeardThrough(origin));
    this.#silence.look(others, lastHeardByAny, nowMs);
    const heard = others.filter((origin) => nowMs - lastHeardAt(origin) < hearingMs);
    if ((heard.length + 1) * 2 <= others.length + 1) return;
    // Silence counts only while a majority was heard: a node that comes back from a cut, or from a
    // pause of its own, hears one peer before another.
    const breakMs = Math.max(hearingMs, 2 * MEMBERS_INTERVAL_MS);
    if (nowMs - this.#majorityAt > breakMs) this.#majoritySince = nowMs;
    this.#majorityAt = nowMs;
    if (nowMs - this.#majoritySince < memberTimeoutMs) return;
    for (const origin of others) {
      if (this.#silence.silentMs(origin) < memberTimeoutMs) continue;
      if (!this.#retires(origin, heard)) continue;
      this.#state.note(
        'warn',
        `${origin} has been silent for longer than member-timeout and is retired`,
        { event: 'retires', origin, reason: 'silent' },
      );
      this.#state.out({ kind: 'retire', origin });
    }
  }

  /**
   * A node that was just cut off with few others still counts those beyond as heard for as long as a certificate
   * counts. So nobody is retired before that is over.
   */
  #silenceTimes(): { readonly memberTimeoutMs: number; readonly hearingMs: number } {
    const { settings, isMesh } = this.#state;
    const { memberTimeoutMs, hearingMs } = settings;
    if (!isMesh) return { memberTimeoutMs, hearingMs };
    return {
      memberTimeoutMs: Math.max(memberTimeoutMs, 2 * HEARD_BY_ROUND_MS),
      hearingMs: Math.max(hearingMs, HEARD_BY_ROUND_MS),
    };
  }

  /** The smallest member that is heard retires the silent ones; beyond a full mesh, the first one after each on the ring. */
  #retires(silent: string, heard: readonly string[]): boolean {
    const { view, isMesh } = this.#state;
    if (isMesh) return successorOf(silent, [view.origin, ...heard]) === view.origin;
    return !heard.some((origin) => origin < view.origin);
  }

  /** Rule 11: nobody takes ops of both histories of a forked origin, so each logs the membership of its own again. */
  #sayAgain(): void {
    if (this.#forked.size === 0) return;
    const told = toldByForksOnly(this.#state.view.members, (origin) => this.#isLeftOut(origin));
    for (const said of told.slice(0, MAX_AT_ONCE)) this.#state.out({ kind: 'sayAgain', said });
  }

  /**
   * Rule 13: of a retired origin that all members hold to its end, and whose `retire` they hold, none of them
   * takes ops any more. The smallest of those that are connected closes it.
   */
  #closeRetired(): void {
    const { members, origin, vector } = this.#state.view;
    let left = MAX_AT_ONCE;
    for (const [retired, seq] of vector) {
      if (!members.isRetired(retired)) continue;
      const by = this.#retireHeldByAll(retired, seq);
      if (by === undefined) continue;
      if (members.closingAt(retired) !== undefined || this.#forked.has(retired)) continue;
      if (left-- === 0 || !this.#mayClose(origin)) return;
      this.#state.out({ kind: 'closeOrigin', origin: retired, lastSeq: seq, by });
    }
  }

  /** A `retire` of the origin that all members hold, if they hold all its ops too. */
  #retireHeldByAll(retired: string, lastSeq: number): OpId | undefined {
    const { members, stable } = this.#state.view;
    if (!covers(stable.vector, { origin: retired, seq: lastSeq })) return undefined;
    // Some members hold another op in the place of one that a forked origin logged.
    return members
      .retiresOf(retired)
      .find((retire) => !this.#forked.has(retire.origin) && covers(stable.vector, retire));
  }

  /** Nodes of older protocols would be sent all that ever was, and don't take the cursors of newer ones. */
  #mayClose(ownOrigin: string): boolean {
    // Beyond a full mesh all members speak a protocol that knows closing.
    if (this.#state.isMesh) return this.#state.smallestHeard() === ownOrigin;
    return this.#state.otherMembers().every((member) => {
      const peer = this.#state.peers.ofOrigin(member);
      return peer !== undefined && knowsClosing(peer) && member > ownOrigin;
    });
  }

  /**
   * A log without any other member may be older than all their `join`s: it was put back, by hand or from a backup. Every
   * address of its node may be that of a member, until it answers as another or is silent for as long as members may be.
   */
  #mayLackMembers(): boolean {
    const { standing, addresses, peers, settings, view, startedAt, nowMs } = this.#state;
    if (!standing.wasMember || this.#state.otherMembers().length > 0) return false;
    if (nowMs - startedAt >= settings.memberTimeoutMs) return false;
    const isUnknown = ({ hello }: Greeted): boolean =>
      hello.joined && !view.members.has(hello.origin);
    return !addresses.allAnswered() || peers.greeted().some(isUnknown);
  }

  /** Rule 9. */
  #moveStable(): void {
    if (this.#mayLackMembers()) return;
    const { members, stable } = this.#state.view;
    const own = { vector: this.#withoutForks(), clock: this.#state.clockMs };
    this.#stability.settle(own.vector);
    const next = this.#stability.advance(
      this.#state.otherMembers(),
      { vector: this.#state.view.vector, clock: this.#state.clockMs },
      // Nobody will ever hold all ops of a forked origin, and all members hold those of a closed one.
      members.retires.filter(
        ({ origin }) => !this.#isLeftOut(origin) && !this.#state.view.closings.has(origin),
      ),
      stable,
      this.#state.view.closings.all(),
    );
    if (next === undefined) return;
    const idle = this.#state.nowMs - this.#lastStableAt < IDLE_STABLE_INTERVAL_MS;
    if (this.#state.view.deadEntries === 0 && idle) return;
    if (this.#state.view.deadEntries === 0 && includes(stable.vector, next.vector)) return;
    this.#lastStableAt = this.#state.nowMs;
    this.#state.out({ kind: 'collect', stable: next });
  }

  /**
   * Our vector, with every op of forked and retired origins taken as held: nobody will ever hold all of
   * them.
   */
  #withoutForks(): Vector {
    const { vector: held, closings } = this.#state.view;
    if (this.#forked.size === 0) return held;
    const vector = FollowedVector.ofAll(held, closings);
    for (const origin of this.#forked)
      if (this.#isLeftOut(origin)) vector.set(origin, Number.MAX_SAFE_INTEGER);
    return vector;
  }

  /** Rule 11: an origin that was forked, and whose node has rejoined. */
  #isLeftOut(origin: string): boolean {
    return this.#forked.has(origin) && this.#state.view.members.isRetired(origin);
  }
}
