/** The messages of a world to the fleet of its region, over the WebSocket `/link`. */
import { z } from 'zod';
import { INSTANCE_STATES } from '../rules/worldConfiguration.ts';

export const HEALTH_EVERY_MS = 1000;

/** The fleet knows a later epoch of the slot: the process has to end. */
export const CLOSE_SUPERSEDED = 4409;

export const worldMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('ready'),
    pid: z.int().min(1),
    controlUrl: z.url().max(200),
  }),
  z.strictObject({
    type: z.literal('health'),
    state: z.enum(INSTANCE_STATES),
    taken: z.int().min(0),
  }),
]);

export type WorldMessage = z.output<typeof worldMessageSchema>;

/** The name by which tokens name the fleet of a region as their target. */
export const fleetName = (region: string): string => `fleet-${region}`;
