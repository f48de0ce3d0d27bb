/** The connections of this node, and the time at which each origin was last heard over any of them. */
import { type Random, shuffled } from '../../words/random.ts';
import type { ConnectionId } from '../transport.ts';
import { PROTOCOL_WITH_NAMED_ANSWERS } from './messages.ts';
import { type Greeted, isGreeted, Peer } from './peer.ts';

/** Origins whose last message is remembered, before those that are no members and gone are forgotten. */
const MAX_ORIGINS_HEARD = 1024;

export class Peers {
  readonly #peers = new Map<ConnectionId, Peer>();
  /** By origin: the time at which it was last heard, over any connection. */
  readonly #lastHeard = new Map<string, number>();
  /** By origin: the time at which the last round began that it took part in. */
  readonly #reportedAt = new Map<string, number>();
  /** By origin: the process that another process with that origin has replaced. */
  readonly #superseded = new Map<string, string>();
  /** The peers that this round has not come to yet. */
  #round: ConnectionId[] = [];

  get size(): number {
    return this.#peers.size;
  }

  get(connection: ConnectionId): Peer | undefined {
    return this.#peers.get(connection);
  }

  /** The peer of the connection, if it has said hello. */
  greetedOn(connection: ConnectionId): Greeted | undefined {
    const peer = this.#peers.get(connection);
    return isGreeted(peer) ? peer : undefined;
  }

  all(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  greeted(): Greeted[] {
    return [...this.#peers.values()].filter(isGreeted);
  }

  ofOrigin(origin: string): Greeted | undefined {
    for (const peer of this.#peers.values())
      if (isGreeted(peer) && peer.hello.origin === origin) return peer;
    return undefined;
  }

  open(connection: ConnectionId, dialledUrl: string | null, nowMs: number): Peer {
    const peer = new Peer(connection, dialledUrl, nowMs);
    this.#peers.set(connection, peer);
    return peer;
  }

  delete(connection: ConnectionId): void {
    this.#peers.delete(connection);
  }

  heard(peer: Peer, nowMs: number): void {
    peer.heard(nowMs);
    if (peer.hello !== null) this.#lastHeard.set(peer.hello.origin, nowMs);
  }

  /** The time at which the origin was last heard, by the even clock; undefined if it never was. */
  lastHeard(origin: string): number | undefined {
    return this.#lastHeard.get(origin);
  }

  /** A certificate names the origin. @param beganAt when its round came by here, by the even clock. */
  reported(origin: string, beganAt: number): void {
    this.#reportedAt.set(origin, Math.max(beganAt, this.reportedAt(origin)));
  }

  /** The time at which the last round began that the origin took part in; never, if it took part in none. */
  reportedAt(origin: string): number {
    return this.#reportedAt.get(origin) ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * The time at which a peer last said that it hears the origin itself; never, if none has. So one
   * broken link is no silence. A peer of protocol 1 does not say it.
   */
  lastHeardThrough(origin: string): number {
    let lastAt = Number.NEGATIVE_INFINITY;
    for (const { hello, digest, digestAt } of this.greeted()) {
      if (digest === null || hello.protocol[1] < PROTOCOL_WITH_NAMED_ANSWERS) continue;
      const hears = hello.origin !== origin && digest.unheard?.includes(origin) !== true;
      if (hears) lastAt = Math.max(lastAt, digestAt);
    }
    return lastAt;
  }

  /** The last connection to an origin that is no member has ended. Such origins may be made up. */
  forgetStranger(origin: string): void {
    if (this.#lastHeard.size > MAX_ORIGINS_HEARD) this.forgetOrigin(origin);
  }

  forgetOrigin(origin: string): void {
    this.#lastHeard.delete(origin);
    this.#reportedAt.delete(origin);
    this.#superseded.delete(origin);
  }

  /**
   * A process says hello while another process with its origin is connected.
   *
   * @returns whether both live: after a restart, the old process never says hello again.
   */
  bothLive(origin: string, newer: string, older: string): boolean {
    const isBack = this.#superseded.get(origin) === newer;
    this.#superseded.set(origin, older);
    return isBack;
  }

  /** The peers in shuffled order, each once before any twice. */
  nextOfRound(mayPull: (peer: Greeted) => boolean, random: Random): Greeted | undefined {
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let id = this.#round.pop(); id !== undefined; id = this.#round.pop()) {
        const peer = this.#peers.get(id);
        if (isGreeted(peer) && mayPull(peer)) return peer;
      }
      const connections = this.greeted().map(({ connection }) => connection);
      this.#round = shuffled(connections, random);
    }
    return undefined;
  }
}
