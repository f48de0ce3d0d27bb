/**
 * The connections of this node and what it knows of whom they lead to. At most one greeted connection
 * a peer stays.
 */

import { type Random, shuffled } from '../../words/random.ts';
import { sameVector, type Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { Digest } from './digest.ts';
import type { Hello } from './messages.ts';

export interface Peer {
  readonly connection: ConnectionId;
  /** The URL that we dialled, or null where the peer dialled us. */
  readonly dialledUrl: string | null;
  readonly openedAt: number;
  /** Null until it has said who it is. */
  hello: Hello | null;
  lastHeardAt: number;
  /** Its last digest, as `readDigest` completes it. */
  digest: Digest | null;
  /** Whether the vector of that is exactly what it held; else some of it is taken as equal to ours. */
  digestIsExact: boolean;
  /** When the pull in flight was sent; null where none is. */
  pullSentAt: number | null;
  /** Whether to pull again as soon as the one in flight has ended. */
  pullAgain: boolean;
  /** Not before this is it pulled from again. */
  notBefore: number;
  /** Whether digests to it list retired origins. */
  listRetired: boolean;
  agrees: boolean | null;
  /** Vector of the answer being taken in: what we hold once it is. */
  answerVector: Vector | null;
  /** The part of a snapshot from it that comes next; null where none is under way. */
  snapshotPart: number | null;
  /** How often in a row equal vectors came with different map sums. */
  disagreements: number;
  /** The seq of its own origin that it asked us to confirm and that we do not hold yet; else null. */
  confirmSeq: number | null;
}

export type Greeted = Peer & { hello: Hello };

export const isGreeted = (peer: Peer | undefined): peer is Greeted => peer?.hello != null;

export class Peers {
  readonly #peers = new Map<ConnectionId, Peer>();
  /** By origin, when it was last heard, over whatever connection. */
  readonly #lastHeard = new Map<string, number>();
  /** By origin, the process that another one with that origin took the place of. */
  readonly #superseded = new Map<string, string>();
  #round: ConnectionId[] = [];

  get size(): number {
    return this.#peers.size;
  }

  get(connection: ConnectionId): Peer | undefined {
    return this.#peers.get(connection);
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

  open(connection: ConnectionId, dialledUrl: string | null, nowMs: number): void {
    this.#peers.set(connection, {
      connection,
      dialledUrl,
      openedAt: nowMs,
      hello: null,
      lastHeardAt: nowMs,
      digest: null,
      digestIsExact: false,
      pullSentAt: null,
      pullAgain: false,
      notBefore: 0,
      listRetired: false,
      agrees: null,
      answerVector: null,
      snapshotPart: null,
      disagreements: 0,
      confirmSeq: null,
    });
  }

  delete(connection: ConnectionId): void {
    this.#peers.delete(connection);
  }

  heard(peer: Peer, nowMs: number): void {
    peer.lastHeardAt = nowMs;
    if (peer.hello !== null) this.#lastHeard.set(peer.hello.origin, nowMs);
  }

  /** When the origin was last heard, UTC milliseconds; undefined where it never was. */
  lastHeard(origin: string): number | undefined {
    return this.#lastHeard.get(origin);
  }

  forgetOrigin(origin: string): void {
    this.#lastHeard.delete(origin);
    this.#superseded.delete(origin);
  }

  /**
   * A process says hello while another one with its origin is connected.
   *
   * @returns whether both live: a process that was started again never says hello as the one before.
   */
  bothLive(origin: string, newer: string, older: string): boolean {
    const isBack = this.#superseded.get(origin) === newer;
    this.#superseded.set(origin, older);
    return isBack;
  }

  /** In shuffled order, each once before any twice. */
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

/** Whether two vectors are equal but for some origins. */
export function sameBut(a: Vector, b: Vector, left: ReadonlySet<string>): boolean {
  return sameVector(without(a, left), without(b, left));
}

/** The vector without some origins. */
export function without(vector: Vector, left: ReadonlySet<string>): Vector {
  if (left.size === 0) return vector;
  return new Map([...vector].filter(([origin]) => !left.has(origin)));
}
