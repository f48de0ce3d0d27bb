/** The messages from a node to the `hearsay cluster` that started it. */
import { z } from 'zod';

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('serving') }),
  z.object({ kind: z.literal('waiting'), reason: z.string() }),
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('failed'), sentence: z.string() }),
]);

/** A message from a node to the cluster command. */
export type ToParent = z.output<typeof messageSchema>;

/** The message of a child, or null if it is none of these. */
export function fromChild(message: unknown): ToParent | null {
  return messageSchema.safeParse(message).data ?? null;
}
