/** The names of slots and of their processes, as requests spell them. */
import { z } from 'zod';
import { MAX_INSTANCES, nameSchema } from '../tables/schemas.ts';

const numberSchema = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);

export const slotSchema = z.object({
  world: nameSchema,
  slot: numberSchema.pipe(z.int().min(1).max(MAX_INSTANCES)),
});

export const linkSchema = slotSchema.extend({ epoch: numberSchema.pipe(z.int().min(1)) });

export type LinkName = z.output<typeof linkSchema>;
