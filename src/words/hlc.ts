/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) in one safe integer:
 * milliseconds × 1000 + counter. It never runs backwards, stays close to the wall clock, and is above
 * every stamp that this node has seen.
 */

const TICKS_PER_MS = 1000;

/** Peers refuse a stamp above this; at it, stamps stop growing (in the year 2112, or by a hostile peer). */
const MAX_HLC = 2 ** 52;

/** The stamp of a new op, given the last stamp seen and the wall clock in UTC milliseconds. */
export const nextHlc = (last: number, nowMs: number): number =>
  Math.min(MAX_HLC, Math.max(last + 1, nowMs * TICKS_PER_MS));

/** The wall-clock part of a stamp, in UTC milliseconds. */
export const hlcToMs = (hlc: number): number => Math.floor(hlc / TICKS_PER_MS);
