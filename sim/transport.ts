/** The transport port (src/gossip/transport.ts) of one process, on the simulated network. */
import type { ConnectionId, Transport, TransportEvent } from '../src/gossip/transport.ts';
import type { Timeline } from './clock.ts';
import type { Dice, Span } from './dice.ts';

/** The network as a transport uses it. */
export interface Carrier {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly options: { readonly delayMs: Span; readonly idleMs: Span };
  isCut(from: string, to: string): boolean;
  dial(from: SimTransport, url: string): void;
  send(end: End, text: string): void;
  closeLater(end: End, delayMs: number, reason: string): void;
}

/** One side of a connection, with the texts that go from here to the other side. */
export interface End {
  readonly transport: SimTransport;
  readonly id: ConnectionId;
  readonly dialledUrl: string | null;
  other: End;
  /** Whether the process here has been told `opened` and not yet `closed`. */
  isOpen: boolean;
  /** Whether the process here has asked to close it. */
  isClosing: boolean;
  /** Whether what is sent no longer arrives. */
  isBroken: boolean;
  /** When the last text in order arrives over there; the next may not overtake it. */
  lastArrivalMs: number;
  /** Before this nothing arrives over there: the connection opens then, or a hello comes. */
  notBeforeMs: number;
  /** Texts under way wait for this time: a hello that a cut has held arrives just before. */
  heldHelloMs: number;
  pendingBytes: number;
  /** Texts that wait for a cut to end. */
  held: string[];
}

/** How long a closing handshake may take before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 1000;

export class SimTransport implements Transport {
  readonly node: string;
  readonly url: string;
  readonly #network: Carrier;
  readonly #ends = new Map<ConnectionId, End>();
  #listener: (event: TransportEvent) => void = () => {};
  #lastId = 0;
  #stopped = false;
  #vanished = false;
  #allClosed: (() => void) | null = null;

  constructor(network: Carrier, node: string, url: string) {
    this.#network = network;
    this.node = node;
    this.url = url;
  }

  // ---- the port

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  dial(url: string): void {
    if (this.isListening) this.#network.dial(this, url);
  }

  send(connection: ConnectionId, text: string): void {
    const end = this.#ends.get(connection);
    if (end?.isOpen && !end.isClosing) this.#network.send(end, text);
  }

  bufferedBytes(connection: ConnectionId): number {
    return this.#ends.get(connection)?.pendingBytes ?? 0;
  }

  close(connection: ConnectionId, reason: string): void {
    const end = this.#ends.get(connection);
    if (end === undefined || end.isClosing) return;
    end.isClosing = true;
    const { timeline, dice, options } = this.#network;
    const isCut = this.#network.isCut(this.node, end.other.transport.node) || end.isBroken;
    const thereMs = Math.max(end.lastArrivalMs - timeline.nowMs, dice.within(options.delayMs));
    const hereMs = isCut ? CLOSE_TIMEOUT_MS : Math.min(CLOSE_TIMEOUT_MS, 2 * thereMs);
    this.#network.closeLater(end, hereMs, reason);
    this.#network.closeLater(end.other, isCut ? dice.within(options.idleMs) : thereMs, reason);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    for (const id of [...this.#ends.keys()]) this.close(id, 'the node is stopping');
    return new Promise((resolve) => {
      if (this.#ends.size === 0) resolve();
      else this.#allClosed = resolve;
    });
  }

  // ---- the network's side

  get isListening(): boolean {
    return !this.#stopped && !this.#vanished;
  }

  ends(): End[] {
    return [...this.#ends.values()].filter((end) => end.isOpen);
  }

  /** Makes one side of a connection; it counts as open when `opened` is called with it. */
  newEnd(dialledUrl: string | null): End {
    const end = {
      transport: this,
      id: ++this.#lastId,
      dialledUrl,
      isOpen: false,
      isClosing: false,
      isBroken: false,
      lastArrivalMs: 0,
      notBeforeMs: 0,
      heldHelloMs: 0,
      pendingBytes: 0,
      held: [],
    };
    // The caller joins the two sides before anything goes over them.
    return Object.assign(end, { other: end as unknown as End });
  }

  opened(end: End): void {
    end.isOpen = true;
    this.#ends.set(end.id, end);
    this.tell({
      kind: 'opened',
      connection: end.id,
      dialledUrl: end.dialledUrl,
      address: end.other.transport.node,
    });
  }

  closed(end: End, reason: string): void {
    if (!this.#ends.delete(end.id)) return;
    end.isOpen = false;
    if (!this.#stopped) this.tell({ kind: 'closed', connection: end.id, reason });
    if (this.#ends.size === 0) this.#allClosed?.();
  }

  /** @returns whether there was still somebody to take it. */
  receive(end: End, text: string): boolean {
    if (!end.isOpen || end.isClosing || !this.isListening) return false;
    this.tell({ kind: 'message', connection: end.id, text });
    return true;
  }

  tell(event: TransportEvent): void {
    if (!this.#vanished) this.#listener(event);
  }

  /** The process is gone, without a word to anybody. @returns the ends that it had open. */
  vanish(): End[] {
    const ends = this.ends();
    this.#vanished = true;
    for (const end of ends) end.isOpen = false;
    this.#ends.clear();
    return ends;
  }
}
