/**
 * The network between the nodes: it decides the fate of each text on its way.
 *
 * It keeps less than the transport's port promises (src/gossip/transport.ts: texts in order, none lost
 * while the connection is open), because pushes and pulls must bear more than TCP does to them. Only
 * hello, which is sent once and not repeated, is kept as promised: it comes, and before any later text.
 * Invariants: no text reaches a connection's end before that end is open, or after it has closed.
 */
import type { Timeline } from './clock.ts';
import type { Dice, Span } from './dice.ts';
import type { Trace } from './trace.ts';
import { type Carrier, type End, SimTransport } from './transport.ts';

export interface NetworkOptions {
  readonly delayMs: Span;
  /** How likely a text is lost, overtakes others, comes twice, or comes very late. */
  readonly loss: number;
  readonly reordering: number;
  readonly duplication: number;
  readonly lateness: number;
  readonly lateMs: Span;
  /** How likely the end of a text is missing: its receiver counts a fault, and ends the connection. */
  readonly truncation: number;
  readonly dialFailures: number;
  readonly dialTimeoutMs: number;
  /** How long a silent connection stands before its ends give it up. */
  readonly idleMs: Span;
}

export interface NetworkCounts {
  sent: number;
  delivered: number;
  lost: number;
  truncated: number;
  connections: number;
}

export class Network implements Carrier {
  readonly counts: NetworkCounts = { sent: 0, delivered: 0, lost: 0, truncated: 0, connections: 0 };
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly #stormy: NetworkOptions;
  #options: NetworkOptions;
  /** Where nodes that run can be dialled. */
  readonly #listening = new Map<string, SimTransport>();
  /** `from>to` → how many cuts keep texts from going that way. */
  readonly #cuts = new Map<string, number>();

  constructor(timeline: Timeline, dice: Dice, trace: Trace, options: NetworkOptions) {
    this.timeline = timeline;
    this.dice = dice;
    this.trace = trace;
    this.#stormy = options;
    this.#options = calm(options);
  }

  /** From now on texts are lost, late and out of order as the options say. */
  storm(): void {
    this.#options = this.#stormy;
  }

  get options(): NetworkOptions {
    return this.#options;
  }

  /** A process at this address begins to listen. */
  attach(node: string, url: string): SimTransport {
    const transport = new SimTransport(this, node, url);
    this.#listening.set(url, transport);
    return transport;
  }

  /** The process is gone, and its peers notice at once, or only by its silence. */
  detach(transport: SimTransport): void {
    if (this.#listening.get(transport.url) === transport) this.#listening.delete(transport.url);
    const noticed = this.dice.chance(0.5);
    for (const end of transport.vanish()) {
      end.other.isBroken = true;
      const delayMs = noticed ? this.#delayMs() : this.dice.within(this.#options.idleMs);
      this.closeLater(end.other, delayMs, 'the connection was reset');
    }
  }

  isCut(from: string, to: string): boolean {
    return (this.#cuts.get(`${from}>${to}`) ?? 0) > 0;
  }

  /** Lets nothing more go this way. Connections that it silences for long are given up. */
  cut(from: string, to: string): void {
    const way = `${from}>${to}`;
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + 1);
    const idleMs = this.dice.within(this.#options.idleMs);
    this.timeline.plan(idleMs, '', `silence ${way}`, () => {
      if (!this.isCut(from, to)) return;
      for (const end of this.#endsBetween(from, to)) this.break(end, 'the peer is silent');
    });
  }

  mend(from: string, to: string): void {
    const way = `${from}>${to}`;
    this.#cuts.set(way, Math.max(0, (this.#cuts.get(way) ?? 0) - 1));
    if (this.isCut(from, to)) return;
    for (const end of this.#endsBetween(from, to)) {
      const { held } = end;
      end.held = [];
      for (const text of held) {
        this.#carryInOrder(end, text);
        // Texts under way that would arrive sooner wait for it.
        if (kindOf(text) === 'hello') end.heldHelloMs = end.lastArrivalMs + 1;
      }
    }
  }

  /** Nothing is cut, lost, doubled, reordered or refused any more; what is under way still comes. */
  heal(): void {
    this.#options = calm(this.#options);
    for (const [way, cuts] of this.#cuts) {
      const [from = '', to = ''] = way.split('>');
      for (let count = 0; count < cuts; count++) this.mend(from, to);
    }
  }

  /** One side of each connection that is open. */
  openEnds(): End[] {
    return [...this.#listening.values()].flatMap((transport) =>
      transport.ends().filter((end) => end.dialledUrl !== null),
    );
  }

  /** Both ends find the connection broken, one of them perhaps much later; what is under way is lost. */
  break(end: End, reason: string): void {
    const isHalfOpen = this.dice.chance(0.3);
    this.closeLater(end, this.#delayMs(), reason);
    const otherMs = isHalfOpen ? this.dice.within(this.#options.idleMs) : this.#delayMs();
    this.closeLater(end.other, otherMs, reason);
    end.isBroken = true;
    end.other.isBroken = true;
  }

  closeLater(end: End, delayMs: number, reason: string): void {
    const { transport } = end;
    this.timeline.plan(delayMs, transport.node, `closed #${end.id}: ${reason}`, () =>
      transport.closed(end, reason),
    );
  }

  dial(from: SimTransport, url: string): void {
    const to = this.#listening.get(url);
    const isCut =
      to !== undefined && (this.isCut(from.node, to.node) || this.isCut(to.node, from.node));
    const thereMs = this.#delayMs();
    if (isCut || this.dice.chance(this.#options.dialFailures))
      this.#dialFails(from, url, this.#options.dialTimeoutMs, 'the dial timed out');
    else if (to === undefined) this.#dialFails(from, url, thereMs, 'connection refused');
    else
      this.timeline.plan(thereMs, to.node, `dialled by ${from.node}`, () => {
        if (to.isListening) this.#connect(from, to, url);
        else this.#dialFails(from, url, this.#delayMs(), 'connection refused');
      });
  }

  #dialFails(from: SimTransport, url: string, delayMs: number, reason: string): void {
    this.timeline.plan(delayMs, from.node, `dial ${url} failed: ${reason}`, () =>
      from.tell({ kind: 'dialFailed', url, reason }),
    );
  }

  #connect(from: SimTransport, to: SimTransport, url: string): void {
    const backMs = this.#delayMs();
    this.counts.connections++;
    const dialled = from.newEnd(url);
    const accepted = to.newEnd(null);
    dialled.other = accepted;
    accepted.other = dialled;
    accepted.lastArrivalMs = this.timeline.nowMs + backMs;
    accepted.notBeforeMs = accepted.lastArrivalMs;
    // Planned before the other end can say anything: nothing comes before the connection is open.
    this.timeline.plan(backMs, from.node, `opened #${dialled.id} to ${to.node}`, () => {
      if (from.isListening && !dialled.isBroken) {
        from.opened(dialled);
        return;
      }
      this.closeLater(accepted, this.#delayMs(), 'the peer is gone');
      from.tell({ kind: 'dialFailed', url, reason: 'the connection was reset' });
    });
    to.opened(accepted);
  }

  /** Takes a text from its sender and decides what becomes of it. */
  send(end: End, text: string): void {
    const { loss, reordering, duplication, lateness, lateMs, truncation } = this.#options;
    this.counts.sent++;
    this.trace.detail(text);
    const isSafe = kindOf(text) === 'hello';
    if (end.isBroken || (this.dice.chance(loss) && !isSafe)) {
      this.counts.lost++;
      return;
    }
    // Worlds without this fault throw no dice for it, so that their seeds stay as they were.
    if (truncation > 0 && this.dice.chance(truncation)) {
      this.counts.truncated++;
      this.#carryInOrder(end, text.slice(0, this.dice.below(text.length)));
      return;
    }
    if (isSafe) {
      this.#carryInOrder(end, text);
      end.notBeforeMs = end.lastArrivalMs;
      return;
    }
    if (this.dice.chance(duplication)) this.#carry(end, text, this.#delayMs() + this.#delayMs());
    if (this.dice.chance(lateness)) this.#carry(end, text, this.dice.within(lateMs));
    else if (this.dice.chance(reordering)) this.#carry(end, text, 2 * this.#delayMs());
    else this.#carryInOrder(end, text);
  }

  #carryInOrder(end: End, text: string): void {
    const atMs = Math.max(end.lastArrivalMs, this.timeline.nowMs + this.#delayMs());
    end.lastArrivalMs = atMs;
    this.#carry(end, text, atMs - this.timeline.nowMs);
  }

  #carry(end: End, text: string, delayMs: number): void {
    const from = end.transport.node;
    const to = end.other.transport;
    const what = `${kindOf(text)} from ${from} #${end.other.id}, ${text.length} characters`;
    end.pendingBytes += text.length;
    const earliestMs = Math.max(delayMs, end.notBeforeMs - this.timeline.nowMs);
    this.timeline.plan(earliestMs, to.node, what, () => {
      end.pendingBytes -= text.length;
      const waitMs = kindOf(text) === 'hello' ? 0 : end.heldHelloMs - this.timeline.nowMs;
      if (waitMs > 0) this.#carry(end, text, waitMs);
      // Once its sender has died nothing that is held goes on, and so nothing behind it.
      else if (this.isCut(from, to.node) || end.held.length > 0) end.held.push(text);
      else if (end.isBroken) this.counts.lost++;
      else if (to.receive(end.other, text)) this.counts.delivered++;
      else this.counts.lost++;
    });
  }

  #endsBetween(from: string, to: string): End[] {
    return [...this.#listening.values()]
      .filter((transport) => transport.node === from)
      .flatMap((transport) => transport.ends())
      .filter((end) => end.other.transport.node === to);
  }

  #delayMs(): number {
    return this.dice.within(this.#options.delayMs);
  }
}

const calm = (options: NetworkOptions): NetworkOptions => ({
  ...options,
  loss: 0,
  reordering: 0,
  duplication: 0,
  lateness: 0,
  truncation: 0,
  dialFailures: 0,
});

/** `{"type":"delta",…` → `delta`. */
export const kindOf = (text: string): string => text.slice(9, text.indexOf('"', 9));
