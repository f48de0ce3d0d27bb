/**
 * Certificates on their way to all (rule 9). A certificate goes along the links by which the reports of its round came; the
 * others are told that it is there, and ask for it if nobody else brings it. It is told as differences from the last one that
 * the receiver has named.
 *
 * Invariants: a certificate is passed on once. One that was put together from differences counts only if it has the hash
 * that came with them; otherwise the whole is asked for.
 */
import type { Report } from '../../rules/certificate.ts';
import { changedReport, type Hashed, hashed, reportChanges } from '../../rules/reportChanges.ts';
import { type Hash, sameHash } from '../../words/hash.ts';
import type { ConnectionId } from '../transport.ts';
import type { CoreState } from './coreState.ts';
import {
  type CertificateMessage,
  type CertifiedMessage,
  type CertifyMessage,
  MESH_PROTOCOL,
} from './messages.ts';
import type { Greeted } from './peer.ts';

/** The last certificates from which differences are told. */
const MAX_HELD = 4;
/** The last certificates whose ids are remembered. */
const MAX_SEEN = 256;
/** The last rounds whose certificates are waited for. */
const MAX_AWAITED = 32;
/** After so long without a certificate that a link has told of, in milliseconds, that link is asked for it. */
const ASK_AFTER_MS = 500;

/** A certificate that some links hold, and this node does not. */
interface Awaited {
  readonly tellers: Set<ConnectionId>;
  readonly asked: Set<ConnectionId>;
  readonly askedForWhole: Set<ConnectionId>;
  askAtMs: number;
}

export class Certificates {
  readonly #state: CoreState;
  readonly #taken: (id: string, report: Report) => void;
  /** By the id of the round, the oldest first. */
  readonly #held = new Map<string, Hashed>();
  readonly #seen = new Map<string, true>();
  readonly #awaited = new Map<string, Awaited>();
  /** By the id of a round: the links that reported, and the certificate that each has shown that it holds. */
  readonly #reporters = new Map<string, Map<ConnectionId, Hash | null>>();

  /** @param taken is given each certificate once. */
  constructor(state: CoreState, taken: (id: string, report: Report) => void) {
    this.#state = state;
    this.#taken = taken;
  }

  /** The last one that came; undefined before the first. */
  get last(): Hashed | undefined {
    return [...this.#held.values()].at(-1);
  }

  /** @returns undefined if this node does not hold it, or no longer. */
  ofHash(hash: Hash | undefined): Hashed | undefined {
    if (hash === undefined) return undefined;
    return [...this.#held.values()].find((held) => sameHash(held.hash, hash));
  }

  /** A link has reported in a round, so its certificate goes there. @param base what the link holds; null: nothing known. */
  reportedBy(link: ConnectionId, id: string, base: Hash | null): void {
    const reporters = this.#reporters.get(id) ?? new Map<ConnectionId, Hash | null>();
    remember(this.#reporters, id, reporters.set(link, base), MAX_AWAITED);
  }

  /** @param from the link that brought it; null if this node's own round made it. */
  take(id: string, certificate: Hashed, from: ConnectionId | null): void {
    remember(this.#seen, id, true, MAX_SEEN);
    const tellers = this.#awaited.get(id)?.tellers;
    const reporters = this.#reporters.get(id);
    for (const link of linksOf(this.#state, from)) {
      const base = reporters?.get(link);
      if (base !== undefined) this.#send(link, id, certificate, base);
      else if (tellers?.has(link) !== true) this.#state.send(link, { type: 'certified', id });
    }
    this.#awaited.delete(id);
    this.#reporters.delete(id);
    remember(this.#held, id, certificate, MAX_HELD);
    this.#taken(id, certificate.report);
  }

  certificateFrom(peer: Greeted, { id, report, changes }: CertificateMessage): void {
    if (!this.#isNew(peer, id)) return;
    const base = this.ofHash(changes?.base);
    const told = changes && base && changedReport(base, changes);
    const certificate = report === undefined ? told : hashed(report);
    if (certificate) this.take(id, certificate, peer.connection);
    else this.#askForWhole(peer, id);
  }

  certifiedFrom(peer: Greeted, { id }: CertifiedMessage): void {
    if (this.#isNew(peer, id)) this.#awaitedOf(id).tellers.add(peer.connection);
  }

  certifyFrom(peer: Greeted, { id, base }: CertifyMessage): void {
    const certificate = this.#held.get(id);
    if (certificate !== undefined && isLink(this.#state, peer))
      this.#send(peer.connection, id, certificate, base ?? null);
  }

  /** Asks for what has not come. */
  tick(): void {
    const { nowMs, peers } = this.#state;
    for (const [id, awaited] of this.#awaited) {
      if (nowMs < awaited.askAtMs) continue;
      const isLeft = (one: ConnectionId): boolean =>
        !awaited.asked.has(one) && peers.get(one) !== undefined;
      const next = [...awaited.tellers].find(isLeft);
      if (next === undefined) {
        this.#awaited.delete(id);
        continue;
      }
      awaited.asked.add(next);
      awaited.askAtMs = nowMs + ASK_AFTER_MS;
      const { last } = this;
      this.#state.send(next, { type: 'certify', id, ...(last && { base: last.hash }) });
    }
  }

  #isNew(peer: Greeted, id: string): boolean {
    if (this.#state.standing.phase === 'unjoined') return false;
    return !this.#seen.has(id) && isLink(this.#state, peer);
  }

  #send(link: ConnectionId, id: string, certificate: Hashed, base: Hash | null): void {
    const held = this.ofHash(base ?? undefined);
    const told = held ? { changes: reportChanges(held, certificate) } : certificate.report;
    const content = 'changes' in told ? told : { report: told };
    this.#state.send(link, { type: 'certificate', id, ...content });
  }

  /** The sender's differences are none from a certificate that this node holds. */
  #askForWhole({ connection }: Greeted, id: string): void {
    const awaited = this.#awaitedOf(id);
    if (awaited.askedForWhole.has(connection)) return;
    awaited.askedForWhole.add(connection);
    awaited.asked.add(connection);
    awaited.askAtMs = this.#state.nowMs + ASK_AFTER_MS;
    this.#state.send(connection, { type: 'certify', id });
  }

  #awaitedOf(id: string): Awaited {
    const awaited = this.#awaited.get(id) ?? {
      tellers: new Set(),
      asked: new Set(),
      askedForWhole: new Set(),
      askAtMs: this.#state.nowMs + ASK_AFTER_MS,
    };
    remember(this.#awaited, id, awaited, MAX_AWAITED);
    return awaited;
  }
}

/** Whether rounds and certificates go over the connection. */
export function isLink(state: CoreState, { hello }: Greeted): boolean {
  const isMember = hello.joined && state.view.members.has(hello.origin);
  return isMember && hello.protocol[1] >= MESH_PROTOCOL;
}

/** A visit is closed soon, and no branch of the tree may lead over it. */
export const linksOf = (state: CoreState, except: ConnectionId | null): ConnectionId[] =>
  state.peers
    .greeted()
    .filter((peer) => peer.connection !== except && !peer.link.isVisit && isLink(state, peer))
    .map(({ connection }) => connection);

/** Keeps the last ones alone. */
export function remember<Value>(
  kept: Map<string, Value>,
  id: string,
  value: Value,
  most: number,
): void {
  kept.set(id, value);
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break;
    kept.delete(oldest);
  }
}
