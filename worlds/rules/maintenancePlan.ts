/**
 * Rule 9: maintenance is a pure plan of wanted states. An action names a slot and a state, never a step,
 * so any number of runners that carry out the same plan have one effect.
 *
 * A runner whose copy of the cache is not current does nothing. A world whose configuration is missing
 * or malformed is left as it is, and reported: only the configuration `stopped` stops a world.
 */
import type { WantedState, WorldConfiguration } from './worldConfiguration.ts';

export interface ConfiguredWorld {
  readonly world: string;
  readonly version: number;
  /** Null: the value does not parse. */
  readonly configuration: WorldConfiguration | null;
}

/** A slot as the fleet tells it. */
export interface SlotView {
  readonly world: string;
  /** From 1. */
  readonly slot: number;
  readonly wanted: WantedState;
  /** `ended`: no process, and none is being started. */
  readonly state: 'starting' | 'running' | 'draining' | 'ended';
  readonly configurationVersion: number;
  readonly startedAtMs: number;
  /** Reserved, seated and held, as the world last told it. */
  readonly taken: number;
  /** Since when nobody has had a seat; null while somebody has one. */
  readonly emptySinceMs: number | null;
}

export interface SlotAction {
  readonly world: string;
  readonly slot: number;
  readonly wanted: WantedState;
  readonly configurationVersion: number;
}

export interface Plan {
  readonly actions: readonly SlotAction[];
  readonly reports: readonly PlanReport[];
}

export interface PlanReport {
  readonly world: string;
  readonly reason: 'configuration missing' | 'configuration malformed' | 'configuration older';
}

export interface PlanTimes {
  /** How long an instance that is no longer needed must have been empty before it goes. */
  readonly emptyMs: number;
}

export const PLAN_TIMES: PlanTimes = { emptyMs: 5 * 60_000 };

const HOUR_MS = 3_600_000;
const NOTHING: Plan = { actions: [], reports: [] };

/**
 * @param isCurrent whether the copy that `worlds` comes from is connected and caught up.
 * @param slots of this region, as its fleet tells them.
 */
export function planMaintenance(
  isCurrent: boolean,
  worlds: readonly ConfiguredWorld[],
  slots: readonly SlotView[],
  nowMs: number,
  times: PlanTimes = PLAN_TIMES,
): Plan {
  if (!isCurrent) return NOTHING;
  const slotsOf = Map.groupBy(slots, ({ world }) => world);
  const actions: SlotAction[] = [];
  const reports: PlanReport[] = [];
  for (const [world, present] of slotsOf) {
    // Of a world that was stopped and deleted, only ended slots are left.
    const isOver = present.every(({ state }) => state === 'ended');
    if (!isOver && !isConfigured(worlds, world))
      reports.push({ world, reason: 'configuration missing' });
  }
  for (const { world, version, configuration } of worlds) {
    const present = slotsOf.get(world) ?? [];
    if (configuration === null) {
      reports.push({ world, reason: 'configuration malformed' });
      continue;
    }
    if (present.some(({ configurationVersion }) => configurationVersion > version)) {
      reports.push({ world, reason: 'configuration older' });
      continue;
    }
    const wanted = wantedStates(configuration, present, nowMs, times);
    actions.push(...changesTo(world, version, present, wanted));
  }
  return { actions, reports };
}

const isConfigured = (worlds: readonly ConfiguredWorld[], name: string): boolean =>
  worlds.some(({ world }) => world === name);

/** Slot by slot; a slot that is absent is left as it is. */
function wantedStates(
  configuration: WorldConfiguration,
  slots: readonly SlotView[],
  nowMs: number,
  times: PlanTimes,
): Map<number, WantedState> {
  const wanted = new Map<number, WantedState>();
  if (configuration.desired !== 'running') {
    for (const { slot } of slots) wanted.set(slot, configuration.desired);
    return wanted;
  }
  const count = instancesNeeded(configuration, slots);
  for (let slot = 1; slot <= count; slot += 1) wanted.set(slot, 'running');
  const surplus = slots.filter(({ slot, state }) => slot > count && state !== 'ended');
  for (const slot of surplus) wanted.set(slot.slot, slot.wanted);
  const highest = surplus.toSorted((a, b) => b.slot - a.slot)[0];
  if (highest !== undefined && mayGo(highest, configuration, nowMs, times))
    wanted.set(highest.slot, 'drained');
  const old = oldestToRefresh(configuration, slots, nowMs);
  if (old !== undefined) wanted.set(old.slot, 'drained');
  // An instance that drains ends first: its slot is filled again afterwards.
  for (const { slot, state } of slots) if (state === 'draining') wanted.set(slot, 'drained');
  return wanted;
}

/** `ceil((taken + spareSeats) / maxPlayers)` between the configured bounds; one for a static world. */
export function instancesNeeded(
  { mode, maxPlayers, minInstances, maxInstances, spareSeats }: WorldConfiguration,
  slots: readonly Pick<SlotView, 'taken'>[],
): number {
  if (mode === 'static') return 1;
  const taken = slots.reduce((sum, slot) => sum + slot.taken, 0);
  const needed = Math.ceil((taken + spareSeats) / maxPlayers);
  return Math.min(maxInstances, Math.max(minInstances, needed));
}

/** An instance above the configured most goes even if somebody plays there. */
function mayGo(
  { slot, emptySinceMs }: SlotView,
  { mode, maxInstances }: WorldConfiguration,
  nowMs: number,
  { emptyMs }: PlanTimes,
): boolean {
  if (slot > (mode === 'static' ? 1 : maxInstances)) return true;
  return emptySinceMs !== null && nowMs - emptySinceMs >= emptyMs;
}

/** One at a time, and only while all others run. */
function oldestToRefresh(
  { restartEveryHours }: WorldConfiguration,
  slots: readonly SlotView[],
  nowMs: number,
): SlotView | undefined {
  if (restartEveryHours === null) return undefined;
  const due = slots
    .filter(
      ({ state, startedAtMs }) =>
        state === 'running' && nowMs - startedAtMs >= restartEveryHours * HOUR_MS,
    )
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs || a.slot - b.slot);
  // One that was told to go, and has not begun, is not called back because another one goes meanwhile.
  const told = due.find(({ wanted }) => wanted === 'drained');
  if (told !== undefined) return told;
  const isOneBusy = slots.some(({ state }) => state === 'starting' || state === 'draining');
  return isOneBusy ? undefined : due[0];
}

function changesTo(
  world: string,
  configurationVersion: number,
  slots: readonly SlotView[],
  wanted: ReadonlyMap<number, WantedState>,
): SlotAction[] {
  return [...wanted].flatMap(([slot, state]) => {
    const present = slots.find((candidate) => candidate.slot === slot);
    const isAsWanted =
      present?.wanted === state && present.configurationVersion === configurationVersion;
    return isAsWanted ? [] : [{ world, slot, wanted: state, configurationVersion }];
  });
}
