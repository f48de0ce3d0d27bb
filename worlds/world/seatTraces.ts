/** The span in which each seat was reserved: the connection that follows belongs to the same trace. */
import {
  inSpan,
  outsideOfSpans,
  presentSpan,
  type Span,
  spanAfter,
  traceparentOf,
} from '../process/spans.ts';

export class SeatTraces {
  readonly #byPlayer = new Map<string, Span>();

  /** The seat is reserved by the work under way. */
  keep(player: string): void {
    const span = presentSpan();
    if (span !== undefined) this.#byPlayer.set(player, span);
  }

  forget(player: string): void {
    this.#byPlayer.delete(player);
  }

  /** Does the work in a span below that of the reservation, if it was the first since then. */
  resume(player: string, work: () => void): void {
    const span = this.#byPlayer.get(player);
    this.#byPlayer.delete(player);
    if (span === undefined) outsideOfSpans(work);
    else inSpan(spanAfter(traceparentOf(span)), work);
  }
}
