/**
 * Rule 8: one process a slot. What the fleet does next with one slot, from what is wanted there and what
 * is known of the process that it has started.
 *
 * Invariant: a process is started only after the one before it was seen to be gone.
 */
import type { SlotView } from './maintenancePlan.ts';
import type { InstanceState, WantedState } from './worldConfiguration.ts';

/** The process of a slot, as its fleet knows it. */
export type SlotProcess =
  | { readonly type: 'none'; readonly mayStartAtMs: number }
  /** Started by this fleet, or by one before it; it has not told yet that it is ready. */
  | { readonly type: 'awaited'; readonly untilMs: number }
  | {
      readonly type: 'linked';
      readonly state: InstanceState;
      readonly taken: number;
      readonly heardAtMs: number;
      /** The shortest grace that it was asked to drain with, and when; null: it was not. */
      readonly drain: { readonly graceMs: number; readonly askedAtMs: number } | null;
    }
  | { readonly type: 'killed' };

export interface SlotTimes {
  /** From the start of a process until it is ready. */
  readonly startMs: number;
  /** How long a fleet that returns waits for the processes that it finds. */
  readonly adoptMs: number;
  /** The longest silence of a process; it tells how it is each second. */
  readonly silentMs: number;
  /** How long players may stay when the world is drained. */
  readonly graceMs: number;
  /** From the end of the grace until the process is gone: it saves for 10 s at most. */
  readonly flushMs: number;
  /** Before the second start in a row of a process that ended early; it doubles from start to start. */
  readonly againMs: number;
  readonly mostAgainMs: number;
  /** A process that lived as long did not end early. */
  readonly steadyMs: number;
}

export const SLOT_TIMES: SlotTimes = {
  startMs: 20_000,
  adoptMs: 3000,
  silentMs: 5000,
  graceMs: 30_000,
  flushMs: 15_000,
  againMs: 500,
  mostAgainMs: 30_000,
  steadyMs: 10_000,
};

export type SlotStep =
  | { readonly type: 'nothing' | 'start' | 'kill' }
  | { readonly type: 'drain'; readonly graceMs: number };

const NOTHING: SlotStep = { type: 'nothing' };
const KILL: SlotStep = { type: 'kill' };

export function nextStep(
  wanted: WantedState,
  slotProcess: SlotProcess,
  nowMs: number,
  times: SlotTimes = SLOT_TIMES,
): SlotStep {
  switch (slotProcess.type) {
    case 'none':
      return wanted === 'running' && nowMs >= slotProcess.mayStartAtMs
        ? { type: 'start' }
        : NOTHING;
    case 'awaited':
      return nowMs >= slotProcess.untilMs ? KILL : NOTHING;
    case 'killed':
      // Until it is gone.
      return KILL;
    case 'linked': {
      const { drain, heardAtMs } = slotProcess;
      if (nowMs - heardAtMs >= times.silentMs) return KILL;
      if (drain !== null && nowMs >= drain.askedAtMs + drain.graceMs + times.flushMs) return KILL;
      if (wanted === 'running') return NOTHING;
      const graceMs = wanted === 'stopped' ? 0 : times.graceMs;
      return drain === null || graceMs < drain.graceMs ? { type: 'drain', graceMs } : NOTHING;
    }
  }
}

/** @param earlyEnds in a row, the last one included; 0: it did not end early. */
export function mayStartAgainAtMs(
  earlyEnds: number,
  nowMs: number,
  { againMs, mostAgainMs }: SlotTimes = SLOT_TIMES,
): number {
  // The first replacement is at once: players wait for it.
  if (earlyEnds <= 1) return nowMs;
  return nowMs + Math.min(mostAgainMs, againMs * 2 ** Math.min(20, earlyEnds - 2));
}

export function stateOf(wanted: WantedState, slotProcess: SlotProcess): SlotView['state'] {
  switch (slotProcess.type) {
    case 'none':
      return wanted === 'running' ? 'starting' : 'ended';
    case 'awaited':
      return 'starting';
    case 'killed':
      return 'draining';
    case 'linked':
      return slotProcess.drain !== null || slotProcess.state === 'draining'
        ? 'draining'
        : 'running';
  }
}

export interface WantedSlot {
  readonly wanted: WantedState;
  readonly configurationVersion: number;
}

export type SetVerdict = 'older' | 'no room' | 'as it is' | 'set';

/**
 * Decides about `PUT /slots/{world}/{slot}`.
 *
 * @param present null: the slot is new.
 * @param living slots that have a process, or want one, but for this one.
 */
export function decideSet(
  present: WantedSlot | null,
  { wanted, configurationVersion }: WantedSlot,
  living: number,
  maxProcesses: number,
): SetVerdict {
  if (present !== null && configurationVersion < present.configurationVersion) return 'older';
  if (wanted === 'running' && present?.wanted !== 'running' && living >= maxProcesses)
    return 'no room';
  const isSame =
    present?.wanted === wanted && present.configurationVersion === configurationVersion;
  return isSame ? 'as it is' : 'set';
}
