/** The messages that clients send in play: their forms, and how many a second count. */
import type { Step } from './simulation.ts';

export const MAX_MESSAGE_BYTES = 64;
/** An input is the longest message. */
export const MAX_MESSAGE_ELEMENTS = 4;

export type ClientMessage =
  | { readonly type: 'input'; readonly seq: number; readonly dx: Step; readonly dy: Step }
  | { readonly type: 'ping'; readonly time: number }
  | { readonly type: 'leave' };

/** @param value decoded from MessagePack. @returns null if it is no message of a client. */
export function readClientMessage(value: unknown): ClientMessage | null {
  if (!Array.isArray(value)) return null;
  const [type, a, b, c] = value as readonly unknown[];
  if (type === 0 && value.length === 4 && isCount(a) && isStep(b) && isStep(c))
    return { type: 'input', seq: a, dx: b, dy: c };
  if (type === 1 && value.length === 2 && typeof a === 'number' && Number.isFinite(a))
    return { type: 'ping', time: a };
  if (type === 2 && value.length === 1) return { type: 'leave' };
  return null;
}

const isStep = (value: unknown): value is Step => value === -1 || value === 0 || value === 1;
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

export interface MessageRates {
  /** Messages of one second beyond which inputs are ignored. */
  readonly inputsPerSecond: number;
  /** Messages of one second beyond which the connection is closed. */
  readonly messagesPerSecond: number;
}

export const MESSAGE_RATES: MessageRates = { inputsPerSecond: 40, messagesPerSecond: 200 };

/** The messages of one connection in the present second. */
export interface MessageCount {
  readonly sinceMs: number;
  readonly count: number;
}

export function countMessage(
  previous: MessageCount,
  nowMs: number,
  rates: MessageRates = MESSAGE_RATES,
): { readonly count: MessageCount; readonly verdict: 'take' | 'ignore' | 'close' } {
  const isSameSecond = nowMs - previous.sinceMs < 1000;
  const count = isSameSecond
    ? { sinceMs: previous.sinceMs, count: previous.count + 1 }
    : { sinceMs: nowMs, count: 1 };
  if (count.count > rates.messagesPerSecond) return { count, verdict: 'close' };
  return { count, verdict: count.count > rates.inputsPerSecond ? 'ignore' : 'take' };
}
