/** When the last entry with a time to live expires. */
import type { WrongClock } from './history/evidence.ts';

/** The longest TTL that a worker gives, and a little. */
const LAST_TTL_MS = 5_000;

/**
 * An entry that was written at a node whose clock was ahead lives for longer, by as much.
 *
 * @param nowMs UTC milliseconds, after the last write. @returns how long it takes until none expires any more, in
 *   milliseconds.
 */
export function untilLastExpiryMs(wrongClocks: readonly WrongClock[], nowMs: number): number {
  const ahead = wrongClocks.map(({ offsetMs, toMs }) => offsetMs - (nowMs - toMs));
  return LAST_TTL_MS + Math.max(0, ...ahead);
}
