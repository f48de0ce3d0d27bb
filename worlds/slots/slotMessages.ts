/** The slots as maintenance and fleet name them over HTTP: `GET /slots`, `PUT /slots/{world}/{slot}`. */
import { z } from 'zod';
import type { SlotView } from '../rules/maintenancePlan.ts';
import { WANTED_STATES } from '../rules/worldConfiguration.ts';

const count = z.int().min(0);

export const slotsSchema = z.object({
  slots: z.array(
    z.object({
      world: z.string(),
      slot: z.int().min(1),
      wanted: z.enum(WANTED_STATES),
      state: z.enum(['starting', 'running', 'draining', 'ended']),
      configurationVersion: count,
      startedAtMs: count,
      taken: count,
      emptySinceMs: count.nullable(),
    }) satisfies z.ZodType<SlotView>,
  ),
});

export const wantedSchema = z.strictObject({
  desired: z.enum(WANTED_STATES),
  /** Version of the configuration that wants it. */
  config: count,
});
