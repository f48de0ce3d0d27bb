/**
 * How a client comes back into play by itself: what it does when a connection has ended, and when a join was
 * refused.
 *
 * Invariant: only a person's own act, or a newer window, ends play for good; all else leads to another try.
 */
import { CLOSE } from './seat.ts';

/** A client that has heard nothing for so long takes its connection for dead. */
export const SILENT_MS = 3000;

export type Ending =
  /** With a close code of the WebSocket; 1006 where the network has cut it. */
  { readonly type: 'closed'; readonly code: number } | { readonly type: 'silent' };

export type ReturnStep =
  /** By the resume token of the last welcome, in the same instance. */
  | { readonly type: 'resume'; readonly afterMs: number }
  /** `isElsewhere`: in any instance but this one. `isAlive`: the instance has said itself that it ends, and saves. */
  | { readonly type: 'join'; readonly isElsewhere: boolean; readonly isAlive: boolean }
  | { readonly type: 'stop'; readonly reason: 'left' | 'revoked' | 'replaced' | 'malformed' };

const FLOOD_PAUSE_MS = 2000;

/** @param mayResume whether there is a resume token that no connection has used. */
export function stepAfter(ending: Ending, mayResume: boolean): ReturnStep {
  const resume = (afterMs: number): ReturnStep =>
    mayResume ? { type: 'resume', afterMs } : { type: 'join', isElsewhere: true, isAlive: false };
  if (ending.type === 'silent') return resume(0);
  switch (ending.code) {
    case 1000:
      return { type: 'stop', reason: 'left' };
    case CLOSE.revoked:
      return { type: 'stop', reason: 'revoked' };
    case CLOSE.replaced:
      return { type: 'stop', reason: 'replaced' };
    case CLOSE.malformed:
      return { type: 'stop', reason: 'malformed' };
    case CLOSE.token:
      return { type: 'join', isElsewhere: false, isAlive: false };
    case CLOSE.closed:
      return { type: 'join', isElsewhere: true, isAlive: true };
    case CLOSE.failed:
      return { type: 'join', isElsewhere: true, isAlive: false };
    case CLOSE.flooding:
      return resume(FLOOD_PAUSE_MS);
    default:
      return resume(0);
  }
}

export interface JoinRefusal {
  /** Of HTTP; 0: no answer came. */
  readonly status: number;
  /** Of Retry-After; null for none. */
  readonly retryAfterSeconds: number | null;
}

export type RejoinStep =
  /** `isAnyWorld`: in whichever world has a seat. */
  | { readonly type: 'again'; readonly isAnyWorld: boolean; readonly afterMs: number }
  | { readonly type: 'stop' };

const FIRST_PAUSE_MS = 250;
const MOST_PAUSE_MS = 5000;

/**
 * After a refused join of a player who was in play. His own world is asked first; then any.
 *
 * @param tries joins that were refused since he was in play last, this one included.
 */
export function stepAfterRefusal(
  { status, retryAfterSeconds }: JoinRefusal,
  tries: number,
): RejoinStep {
  const isOfClient = status >= 400 && status < 500 && ![404, 408, 409, 429].includes(status);
  if (isOfClient) return { type: 'stop' };
  // His own world has no seat: the first question to all worlds is asked at once.
  if (tries <= 1 && status !== 429 && status !== 0)
    return { type: 'again', isAnyWorld: true, afterMs: 0 };
  const doubled = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, tries - 1));
  // Refusals pass within a second or two where a slot is refilled: only a limit is taken at its word.
  const afterMs = status === 429 ? Math.max(doubled, (retryAfterSeconds ?? 1) * 1000) : doubled;
  return { type: 'again', isAnyWorld: true, afterMs };
}
