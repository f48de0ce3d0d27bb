/**
 * A network of a script: it carries texts in order, one at a time, when the script says so. Each node has
 * a transport (src/gossip/transport.ts) of it.
 */
import type { ConnectionId, Transport, TransportEvent } from '../../src/gossip/transport.ts';

interface End {
  readonly owner: WireTransport;
  readonly id: ConnectionId;
  /** Null until the two sides are joined. */
  other: End | null;
  isOpen: boolean;
}

export interface Carried {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

export class Wires {
  /** Told of each text before it arrives. @returns whether it arrives. */
  onText: (carried: Carried) => boolean = () => true;
  readonly #listening = new Map<string, WireTransport>();
  readonly #events: (() => void)[] = [];
  readonly #cut = new Set<string>();

  attach(url: string): WireTransport {
    const transport = new WireTransport(this, url);
    this.#listening.set(url, transport);
    return transport;
  }

  detach(transport: WireTransport): void {
    this.#listening.delete(transport.url);
  }

  /** Nothing goes from or to this URL any more; its connections end. */
  cut(url: string): void {
    this.#cut.add(url);
    this.#listening.get(url)?.breakAll('the connection was reset');
  }

  mend(url: string): void {
    this.#cut.delete(url);
  }

  /** Lets the next thing happen. @returns false where nothing is under way. */
  next(): boolean {
    const event = this.#events.shift();
    event?.();
    return event !== undefined;
  }

  plan(event: () => void): void {
    this.#events.push(event);
  }

  dial(from: WireTransport, url: string): void {
    this.plan(() => {
      const to = this.#listening.get(url);
      if (to === undefined || this.#cut.has(url) || this.#cut.has(from.url)) {
        from.tell({ kind: 'dialFailed', url, reason: 'nobody answers' });
        return;
      }
      const [here, there] = [from.newEnd(), to.newEnd()];
      here.other = there;
      there.other = here;
      to.opened(there, null);
      from.opened(here, url);
    });
  }
}

export class WireTransport implements Transport {
  readonly url: string;
  readonly #wires: Wires;
  readonly #ends = new Map<ConnectionId, End>();
  #listener: (event: TransportEvent) => void = () => {};
  #lastId = 0;
  #isStopped = false;

  constructor(wires: Wires, url: string) {
    this.#wires = wires;
    this.url = url;
  }

  listen(listener: (event: TransportEvent) => void): void {
    this.#listener = listener;
  }

  dial(url: string): void {
    if (!this.#isStopped) this.#wires.dial(this, url);
  }

  send(connection: ConnectionId, text: string): void {
    const end = this.#ends.get(connection);
    const other = end?.other;
    if (!end?.isOpen || !other) return;
    this.#wires.plan(() => {
      const carried = { from: this.url, to: other.owner.url, text };
      if (other.isOpen && this.#wires.onText(carried))
        other.owner.tell({ kind: 'message', connection: other.id, text });
    });
  }

  bufferedBytes(): number {
    return 0;
  }

  close(connection: ConnectionId, reason: string): void {
    const end = this.#ends.get(connection);
    if (!end?.isOpen) return;
    end.isOpen = false;
    this.#wires.plan(() => {
      if (end.other !== null) end.other.owner.closed(end.other, reason);
      this.closed(end, reason);
    });
  }

  async stop(): Promise<void> {
    for (const id of [...this.#ends.keys()]) this.close(id, 'the node is stopping');
    this.#isStopped = true;
    this.#wires.detach(this);
  }

  // ---- the network's side

  breakAll(reason: string): void {
    for (const end of [...this.#ends.values()]) {
      if (end.other !== null) end.other.owner.closed(end.other, reason);
      this.closed(end, reason);
    }
  }

  newEnd(): End {
    return { owner: this, id: ++this.#lastId, other: null, isOpen: true };
  }

  opened(end: End, dialledUrl: string | null): void {
    this.#ends.set(end.id, end);
    this.tell({
      kind: 'opened',
      connection: end.id,
      dialledUrl,
      address: end.other?.owner.url ?? '',
    });
  }

  closed(end: End, reason: string): void {
    if (!this.#ends.delete(end.id)) return;
    end.isOpen = false;
    this.tell({ kind: 'closed', connection: end.id, reason });
  }

  tell(event: TransportEvent): void {
    if (!this.#isStopped) this.#listener(event);
  }
}
