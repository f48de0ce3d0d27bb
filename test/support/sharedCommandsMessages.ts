/** The messages between a test and the process that runs commands for it. */
import { z } from 'zod';

export const requestSchema = z.object({
  id: z.number(),
  words: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  input: z.string(),
});

const endedSchema = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });

export const replySchema = z.object({ id: z.number(), ended: endedSchema });

export type Request = z.output<typeof requestSchema>;
export type Ended = z.output<typeof endedSchema>;
