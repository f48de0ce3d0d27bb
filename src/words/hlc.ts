/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) in one safe integer:
 * milliseconds × 1000 + counter. It never runs backwards, stays close to the wall clock, and is above
 * every stamp that this node has seen.
 */
import { MINUTE_MS } from './time.ts';

const TICKS_PER_MS = 1000;

/**
 * Peers refuse a stamp above this; at it, stamps stop growing (in the year 2112, or by a hostile peer).
 */
const MAX_HLC = 2 ** 52;

/** The stamp of a new op, given the last stamp seen and the wall clock in UTC milliseconds. */
export const nextHlc = (last: number, nowMs: number): number =>
  Math.min(MAX_HLC, Math.max(last + 1, nowMs * TICKS_PER_MS));

/** Whether a node can have given the stamp while its clock showed that time: none is behind its own clock. */
export const isGivenBy = (hlc: number, nowMs: number): boolean =>
  hlc >= Math.min(MAX_HLC, nowMs * TICKS_PER_MS);

/** A stamp further ahead of the wall clock comes from a wrong clock. */
export const MAX_HLC_AHEAD_MS = 24 * 60 * MINUTE_MS;

/** Whether the stamp is more than a day ahead of the wall clock: its op is logged, and no clock follows it. */
export const isFarAhead = (hlc: number, nowMs: number): boolean =>
  hlc > (nowMs + MAX_HLC_AHEAD_MS) * TICKS_PER_MS;

/** The last stamp of this node after it has seen another one. */
export const followedHlc = (last: number, seen: number, nowMs: number): number =>
  isFarAhead(seen, nowMs) ? last : Math.max(last, seen);

/** The wall-clock part of a stamp, in UTC milliseconds. */
export const hlcToMs = (hlc: number): number => Math.floor(hlc / TICKS_PER_MS);
