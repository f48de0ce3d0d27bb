/**
 * How fast frames go out, and to whom. A connection that reads slowly loses frames, then its place; a
 * world whose ticks take long thins its frames before its ticks are late.
 */
export interface DeliveryLimits {
  /** Bytes that may wait for one connection; above it, the connection gets no frame. */
  readonly maxWaitingBytes: number;
  /** Time without a frame after which a slow connection is closed. */
  readonly slowMs: number;
}

export const DELIVERY_LIMITS: DeliveryLimits = { maxWaitingBytes: 256 * 1024, slowMs: 10_000 };

/** One connection's. */
export interface Delivery {
  /** Since when it has got no frames; null: it got the last one. */
  readonly skippingSinceMs: number | null;
}

export const FRESH_DELIVERY: Delivery = { skippingSinceMs: null };

export interface DeliveryDecision {
  readonly delivery: Delivery;
  readonly send: 'changes' | 'whole' | 'nothing' | 'close';
}

export function decideDelivery(
  { skippingSinceMs }: Delivery,
  waitingBytes: number,
  nowMs: number,
  { maxWaitingBytes, slowMs }: DeliveryLimits = DELIVERY_LIMITS,
): DeliveryDecision {
  if (waitingBytes <= maxWaitingBytes)
    return { delivery: FRESH_DELIVERY, send: skippingSinceMs === null ? 'changes' : 'whole' };
  const sinceMs = skippingSinceMs ?? nowMs;
  const send = nowMs - sinceMs >= slowMs ? 'close' : 'nothing';
  return { delivery: { skippingSinceMs: sinceMs }, send };
}

/** Ticks from one frame to the next: 2 is 10 frames a second, 5 is 4. */
export interface Pace {
  readonly ticksOfFrame: number;
  /** Since when ticks have been on one side of half their budget. */
  readonly sinceMs: number;
  readonly isHeavy: boolean;
}

const USUAL_TICKS_OF_FRAME = 2;
const MOST_TICKS_OF_FRAME = 5;
const LONG_ENOUGH_MS = 2000;

export const usualPace = (nowMs: number): Pace => ({
  ticksOfFrame: USUAL_TICKS_OF_FRAME,
  sinceMs: nowMs,
  isHeavy: false,
});

/** @param tickMs the time that the last tick took. */
export function decidePace(pace: Pace, tickMs: number, budgetMs: number, nowMs: number): Pace {
  const isHeavy = tickMs > budgetMs / 2;
  if (isHeavy !== pace.isHeavy) return { ...pace, isHeavy, sinceMs: nowMs };
  if (nowMs - pace.sinceMs < LONG_ENOUGH_MS) return pace;
  const wanted = pace.ticksOfFrame + (isHeavy ? 1 : -1);
  const ticksOfFrame = Math.min(MOST_TICKS_OF_FRAME, Math.max(USUAL_TICKS_OF_FRAME, wanted));
  return { ticksOfFrame, isHeavy, sinceMs: nowMs };
}
