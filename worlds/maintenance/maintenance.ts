/**
 * A runner of maintenance: it reads the slots, plans, and sets what the plan says (rule 9). Any number of
 * them may run, as each action names a wanted state.
 */

import type { SlotAction, SlotView } from '../rules/maintenancePlan.ts';
import { type ConfiguredWorld, type Plan, planMaintenance } from '../rules/maintenancePlan.ts';

export interface MaintenanceOptions {
  /** Whether `worlds` is connected and caught up. */
  readonly isCurrent: () => boolean;
  readonly worlds: () => readonly ConfiguredWorld[];
  /** @throws Error if the fleet does not answer. */
  readonly readSlots: () => Promise<readonly SlotView[]>;
  /** @throws Error if the fleet refuses it, or does not answer. */
  readonly setSlot: (action: SlotAction) => Promise<void>;
  /** UTC milliseconds. */
  readonly now: () => number;
  readonly onFault: (error: unknown) => void;
}

/** @returns what was planned; an action that fails is planned again by the next run. */
export async function runMaintenance(options: MaintenanceOptions): Promise<Plan> {
  const slots = await options.readSlots();
  // The copy is looked at after the fleet has answered: nothing is awaited between it and the plan.
  const plan = planMaintenance(options.isCurrent(), options.worlds(), slots, options.now());
  for (const action of plan.actions) await options.setSlot(action).catch(options.onFault);
  return plan;
}
