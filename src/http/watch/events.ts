/**
 * The events of a watch, for the description (openapi.ts) and for tests. A value may be any JSON here
 * too.
 */
import { z } from 'zod';
import { metaSchema } from '../openapi/answerSchemas.ts';

const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .meta({
    description: 'The place after this event; opaque. A watch goes on from it on any node.',
  });
const key = z.string();
const none = z.null().optional();
const instant = z.iso.datetime();

export const putEventSchema = z
  .object({
    type: z.literal('put'),
    key,
    value: z
      .unknown()
      .meta({ description: 'The value as it was sent; left out with values=false.' }),
    meta: metaSchema,
    version: z.int().min(0),
    expires_at: z.union([instant, z.null()]),
    cursor,
  })
  .meta({ id: 'PutEvent', description: 'The key has this entry now.' });

export const touchEventSchema = z
  .object({
    type: z.literal('touch'),
    key,
    version: z.int().min(0),
    expires_at: z.union([instant, z.null()]),
    cursor,
  })
  .meta({
    id: 'TouchEvent',
    description:
      'Only with touches=true: the entry has this time to live now, and the value and version that were told last. ' +
      'A watcher that may not have been told them gets a put in its place.',
  });

export const deleteEventSchema = z
  .object({
    type: z.literal('delete'),
    key,
    value: none,
    version: z
      .int()
      .min(0)
      .meta({ description: 'The version of the delete; 2^53 − 1 unless it named one.' }),
    expires_at: z.null(),
    cursor,
  })
  .meta({ id: 'DeleteEvent', description: 'The key is absent: it was deleted.' });

export const expireEventSchema = z
  .object({
    type: z.literal('expire'),
    key,
    value: none,
    version: z.int().min(0).meta({ description: 'The version of the entry that has expired.' }),
    expires_at: instant,
    cursor,
  })
  .meta({ id: 'ExpireEvent', description: 'The key is absent: its entry has expired.' });

export const syncedEventSchema = z
  .object({ type: z.literal('synced'), cursor })
  .meta({ id: 'SyncedEvent', description: 'The state at the beginning of the watch is complete.' });

export const bookmarkEventSchema = z.object({ type: z.literal('bookmark'), cursor }).meta({
  id: 'BookmarkEvent',
  description: 'There was no event for a while; here is a newer cursor.',
});

export const resetEventSchema = z.object({ type: z.literal('reset'), cursor }).meta({
  id: 'ResetEvent',
  description: 'The log does not reach back to the cursor: forget all; the whole state follows.',
});

export const watchEventSchema = z
  .discriminatedUnion('type', [
    putEventSchema,
    touchEventSchema,
    deleteEventSchema,
    expireEventSchema,
    syncedEventSchema,
    bookmarkEventSchema,
    resetEventSchema,
  ])
  .meta({ id: 'WatchEvent' });
