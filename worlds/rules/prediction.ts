/**
 * The place at which a page shows its own figure before the server's word arrives: the last one that the server told,
 * and from there the ticks that it can't have counted yet, walked by the server's own function.
 * (Bernier, Latency Compensating Methods, 2001.)
 */
import type { GameMap } from './maps.ts';
import { type Position, type Step, walk } from './simulation.ts';

/** One tick that the page has walked by itself. */
export interface WalkedTick {
  /** Of the input that held in it. */
  readonly seq: number;
  readonly dx: Step;
  readonly dy: Step;
  /** By the page's clock, in milliseconds. */
  readonly atMs: number;
}

/** Ten seconds: a page that hears nothing for three goes elsewhere. */
export const MAX_UNCONFIRMED_TICKS = 200;

/**
 * The ticks that the server's last word does not hold.
 *
 * @param ackedSeq the last input that the server has counted.
 * @param confirmedUntilMs when that word came, less one round trip. By then the page had walked what the
 *   server has walked.
 */
export function unconfirmedTicks(
  ticks: readonly WalkedTick[],
  ackedSeq: number,
  confirmedUntilMs: number,
): WalkedTick[] {
  const isOpen = ({ seq, atMs }: WalkedTick): boolean =>
    seq > ackedSeq || (seq === ackedSeq && atMs > confirmedUntilMs);
  return ticks.filter(isOpen).slice(-MAX_UNCONFIRMED_TICKS);
}

/** @param at the place that the server told. */
export function predictPosition(
  map: GameMap,
  at: Position,
  ticks: readonly WalkedTick[],
): Position {
  return ticks.reduce((place, { dx, dy }) => walk(map, place, dx, dy), at);
}
