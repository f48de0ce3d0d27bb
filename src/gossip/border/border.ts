/**
 * The border of this node towards its peers: every message of a peer passes here, once, before the core
 * sees it.
 *
 * Invariants: a text is parsed only if its type, its length, its shape and its rate keep their bounds.
 * Only hello and error may come before a hello. A fault counts against the peer that made it: against the URL of a
 * member at which this node reached it, since that is proved, or else against the name that it claims at
 * its address. A refusal of the one is none of the other. A refused peer gets no further than its hello. A hello says what
 * its sender has proved.
 *
 * The border outlives the core: a node that rejoins still remembers the faults of its peers.
 */
import type { Limits } from '../../words/limits.ts';
import type { NoteFacts } from '../../words/note.ts';
import { MINUTE_MS } from '../../words/time.ts';
import type { Input } from '../protocol/inputOutput.ts';
import { decodeMessage, type Hello, type Message } from '../protocol/messages.ts';
import { MalformedMessageError } from '../protocol/opCodec.ts';
import { PEER_FAULTS, type PeerFault } from '../protocol/peerFaults.ts';
import type { ConnectionId, ProvedPeer } from '../transport.ts';
import { type Bounds, boundsOf } from './bounds.ts';
import { Conduct, type Misdeed, type Refusal } from './conduct.ts';
import { Rates } from './rates.ts';
import { faultOfShape, typeIn } from './scan.ts';

export interface BorderOptions {
  readonly limits: Limits;
  /** The time for which a peer is refused, in milliseconds. */
  readonly refusalMs: number;
  readonly isMember: (origin: string) => boolean;
  /** Whether the settings or a member's `join` name the URL. */
  readonly isNamed: (url: string) => boolean;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /** Ends a connection of a peer that is refused from now on. */
  readonly refuse: (connection: ConnectionId, reason: string) => void;
  /** Tells people that a refusal begins. */
  readonly warn: (text: string, facts: NoteFacts) => void;
}

type Named = Pick<Hello, 'nodeId' | 'origin'>;

export type FaultCounts = Readonly<Record<PeerFault, number>>;

/** The place of a peer, as far as this node knows it without the peer's word. */
interface Place {
  readonly address: string;
  /** The URL at which this node reached it, if that is one of a member; otherwise null. */
  readonly reachedUrl: string | null;
}

/** One side of a connection that peers opened, or that led to them. */
interface Crossing extends Place {
  readonly rates: Rates;
  readonly proved: ProvedPeer;
  /** The origin of its hello; null before a hello. */
  named: Named | null;
}

export class Border {
  readonly #options: BorderOptions;
  readonly #bounds: Bounds;
  readonly #conduct: Conduct;
  readonly #crossings = new Map<ConnectionId, Crossing>();
  readonly #faults = noCounts();
  readonly #refused = noCounts();

  constructor(options: BorderOptions) {
    this.#options = options;
    this.#bounds = boundsOf(options.limits);
    this.#conduct = new Conduct(options.refusalMs);
  }

  /** Faults since the start, by kind. */
  get faults(): FaultCounts {
    return { ...this.#faults };
  }

  /** Refusals that began since the start, by the kind of the fault that filled the measure. */
  get refused(): FaultCounts {
    return { ...this.#refused };
  }

  /** The peers that are refused now. */
  refusals(): Refusal[] {
    return this.#conduct.refusals(this.#options.steadyMs());
  }

  /** @param address of the other side, without its port. @param dialledUrl null where the peer dialled. */
  opened(
    connection: ConnectionId,
    address: string,
    dialledUrl: string | null,
    proved: ProvedPeer = {},
  ): void {
    const reachedUrl = dialledUrl !== null && this.#options.isNamed(dialledUrl) ? dialledUrl : null;
    const rates = new Rates();
    this.#crossings.set(connection, { address, reachedUrl, rates, proved, named: null });
  }

  closed(connection: ConnectionId): void {
    this.#crossings.delete(connection);
  }

  /** @returns the input for the core. */
  inputOf(connection: ConnectionId, text: string): Input {
    const crossing = this.#crossings.get(connection);
    if (crossing === undefined) return faulty(connection, 'order', 'it comes over no connection');
    const type = typeIn(text);
    if (type === null || !isTyped(this.#bounds, type))
      return faulty(connection, 'form', 'it does not begin with a type of this protocol');
    if (crossing.named === null && type !== 'hello' && type !== 'error')
      return faulty(connection, 'order', 'the peer did not say hello first');
    const bounds = this.#bounds[type];
    if (!crossing.rates.take(type, bounds.maxPerSecond, this.#options.steadyMs()))
      return faulty(
        connection,
        'rate',
        `it sends more than ${bounds.maxPerSecond} ${type} a second`,
      );
    const fault =
      text.length > bounds.maxLength
        ? `has more than ${bounds.maxLength} characters`
        : faultOfShape(text, bounds);
    if (fault !== null) return faulty(connection, 'bound', `its ${type} ${fault}`);
    return this.#parsed(connection, crossing, type, text);
  }

  /** Called for each fault, before the connection is closed. */
  misbehaved(connection: ConnectionId, fault: PeerFault, reason: string): void {
    const crossing = this.#crossings.get(connection);
    if (crossing === undefined) return;
    this.#faults[fault]++;
    const { address, named, reachedUrl } = crossing;
    const party = named === null ? {} : { peer: named.nodeId, origin: named.origin };
    if (reachedUrl !== null) {
      const name = named === null ? `Somebody at ${reachedUrl}` : nameOf(named, reachedUrl);
      this.#charge(reachedUrl, { name, fault, reason }, { ...party, url: reachedUrl });
      return;
    }
    if (named !== null) {
      const name = nameOf(named, address);
      this.#charge(keyOf(named, address), { name, fault, reason }, { ...party, address });
    }
    // A peer that is no member may come under another name each time.
    if (named === null || !this.#options.isMember(named.origin)) {
      const name = `Somebody at ${address} who is no member`;
      this.#charge(address, { name, fault, reason }, { address });
    }
  }

  #charge(key: string, misdeed: Misdeed, party: Omit<NoteFacts, 'event'>): void {
    const refusal = this.#conduct.add(key, misdeed, this.#options.steadyMs());
    if (refusal === null) return;
    const { fault, reason } = misdeed;
    this.#refused[fault]++;
    this.#options.warn(textOf(refusal), {
      event: 'refuses-for-a-while',
      ...party,
      code: fault,
      reason,
    });
    for (const [connection, crossing] of this.#crossings)
      if (crossing.named !== null && this.#refusalOf(crossing.named, crossing) === refusal)
        this.#options.refuse(connection, textOf(refusal));
  }

  #parsed(
    connection: ConnectionId,
    crossing: Crossing,
    type: Message['type'],
    text: string,
  ): Input {
    const message = decoded(text);
    if (typeof message === 'string') return faulty(connection, 'form', message);
    if (message.type !== type) return faulty(connection, 'form', 'it has two types');
    if (message.type === 'hello') {
      const belied = beliedBy(message, crossing.proved);
      if (belied !== null)
        return faulty(connection, 'order', `its hello has another ${belied} than it has proved`);
      const refusal = this.#refusalOf(message, crossing);
      if (refusal !== null) return { kind: 'refused', connection, reason: textOf(refusal) };
      crossing.named ??= message;
    }
    return { kind: 'message', connection, message };
  }

  #refusalOf(named: Named, { address, reachedUrl }: Place): Refusal | null {
    const nowMs = this.#options.steadyMs();
    if (reachedUrl !== null) return this.#conduct.refusalOf(reachedUrl, nowMs);
    const own = this.#conduct.refusalOf(keyOf(named, address), nowMs);
    if (own !== null || this.#options.isMember(named.origin)) return own;
    return this.#conduct.refusalOf(address, nowMs);
  }
}

/**
 * The key holds the address too: otherwise a peer elsewhere could have a member refused by saying the
 * member's name.
 */
const keyOf = ({ nodeId, origin }: Named, address: string): string =>
  `${nodeId} ${origin} ${address}`;

const nameOf = ({ nodeId, origin }: Named, address: string): string =>
  `${nodeId} (${origin}) at ${address}`;

/** @returns the first field of the hello that is not as the peer has proved; null if there is none. */
function beliedBy(hello: Hello, proved: ProvedPeer): keyof ProvedPeer | null {
  for (const field of PROVED_FIELDS)
    if (proved[field] !== undefined && proved[field] !== hello[field]) return field;
  // The log of another node, copied.
  const { nodeId } = proved;
  return nodeId === undefined || hello.origin.startsWith(`${nodeId}.`) ? null : 'origin';
}

const PROVED_FIELDS = ['cluster', 'nodeId', 'origin', 'instance'] as const;

const textOf = ({ name, reason, forMs }: Refusal): string =>
  `${name} is refused for ${Math.ceil(forMs / MINUTE_MS)} min: ${reason}`;

const faulty = (connection: ConnectionId, fault: PeerFault, reason: string): Input => ({
  kind: 'malformed',
  connection,
  fault,
  reason,
});

const isTyped = (bounds: Bounds, type: string): type is Message['type'] =>
  Object.hasOwn(bounds, type);

function noCounts(): Record<PeerFault, number> {
  return Object.fromEntries(PEER_FAULTS.map((fault) => [fault, 0])) as Record<PeerFault, number>;
}

/** The message, or the fault of its text. */
function decoded(text: string): Message | string {
  try {
    return decodeMessage(text);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return error.message;
  }
}
