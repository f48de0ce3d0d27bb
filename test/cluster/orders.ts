/** Orders of a test to a scripted node: at its start, and while it runs. */
import { z } from 'zod';

export const planSchema = z.object({
  environment: z.record(z.string(), z.string()),
  /** How far its clock is ahead; negative where it is behind. */
  clockAheadMs: z.number(),
  /** How many of its pushes get lost, from 0 to 1. */
  lostShare: z.number(),
});

export type Plan = z.output<typeof planSchema>;

export const orderSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('losePushes'), share: z.number() }),
  /** Takes an entry out of the map, past the log: damage. */
  z.object({ kind: z.literal('dropEntry'), key: z.string() }),
  /** Origin → highest seq that was compacted away. */
  z.object({ kind: z.literal('reach') }),
  /** Bytes in use once all that nobody needs is gone. */
  z.object({ kind: z.literal('memory') }),
]);

export type Order = z.output<typeof orderSchema>;
