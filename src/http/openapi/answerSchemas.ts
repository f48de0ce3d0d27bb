/**
 * Schemas of answers, for the description (`openapi.ts`) and for tests. A value may be any JSON here
 * too.
 */
import { z } from 'zod';
import { RAW_MARK } from '../../words/rawValue.ts';

const node = z.string().meta({ description: 'The node that answered.', example: 'node1' });
const version = z.int().min(0);
const expiresAt = z
  .union([z.iso.datetime(), z.null()])
  .meta({ description: 'UTC (RFC 3339), or null: never.' });
const value = z.unknown().meta({ description: 'The JSON exactly as it was sent.' });
export const metaSchema = z
  .union([z.record(z.string(), z.unknown()), z.literal(RAW_MARK)])
  .optional()
  .meta({
    description:
      'Annotations of types (superjson); or `bytes`: the value is `{"bytes", "type"}`, raw bytes in base64 with their media type.',
  });
const meta = metaSchema;
const token = z
  .string()
  .meta({ description: 'For Hearsay-After: a read with it sees this write on any node.' });
const members = z.int().min(1).optional().meta({
  description:
    'The number of all members; only if the request asked for acks=all. With as many acks all of them had committed it.',
});
const acks = z.int().min(1).optional().meta({
  description:
    'The number of nodes that had committed it in time; only if the request asked for acks.',
});

export const problemSchema = z
  .looseObject({
    type: z
      .string()
      .meta({ description: '`about:blank`, but for refusals for load (429 and 503).' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    current_version: version.optional(),
    token: token.optional(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' });

export const entrySchema = z
  .object({ value, version, expires_at: expiresAt, meta })
  .meta({ id: 'Entry' });

export const readEntrySchema = z
  .object({
    ...entrySchema.shape,
    ttl_ms: z
      .union([z.int().min(0), z.null()])
      .optional()
      .meta({
        description: 'Only with fields=ttl: the milliseconds left, or null: never expires.',
      }),
  })
  .meta({ id: 'ReadEntry' });

export const storedSchema = z
  .object({
    status: z.literal('stored'),
    node,
    version,
    expires_at: expiresAt,
    token,
    acks,
    members,
  })
  .meta({ id: 'Stored' });

export const touchedSchema = storedSchema
  .extend({ status: z.literal('touched') })
  .meta({ id: 'Touched' });

const existed = z.boolean().meta({ description: 'Whether the key was live.' });

export const deletedSchema = z
  .object({ status: z.literal('deleted'), node, existed, token, acks, members })
  .meta({ id: 'Deleted' });

export const deletedManySchema = z
  .object({ status: z.literal('deleted'), node, count: z.int().min(0), token })
  .meta({ id: 'DeletedMany' });

const status = z.literal(200);

export const batchResultsSchema = z
  .object({
    results: z.array(
      z.union([
        z.object({ status, node, version, expires_at: expiresAt }),
        z.object({ status, node, existed }),
        z.object({ ...entrySchema.shape, status }),
        problemSchema,
      ]),
    ),
    token,
  })
  .meta({ id: 'BatchResults' });

export const manySchema = z
  .object({
    entries: z.array(z.union([z.object({ key: z.string(), ...entrySchema.shape }), z.null()])),
  })
  .meta({ id: 'Many' });

export const listSchema = z
  .object({
    entries: z.array(
      z.object({
        key: z.string(),
        ...entrySchema.shape,
        value: entrySchema.shape.value.optional(),
      }),
    ),
    prefixes: z
      .array(z.string())
      .optional()
      .meta({ description: 'Only with `delimiter`: those of the keys that are no entries here.' }),
    next: z.union([z.string(), z.null()]).meta({ description: 'The next page starts after it.' }),
  })
  .meta({ id: 'List' });

export const healthSchema = z
  .object({
    node,
    status: z.enum(['ok', 'degraded', 'failing']),
    reasons: z.array(z.string()).optional(),
    proved: z.number().min(0).max(1).optional().meta({
      description:
        'After a start from a checkpoint: the part of the log whose rows were checked since; absent once all were.',
    }),
  })
  .meta({ id: 'Health' });

const origin = z.string().meta({ description: 'A log that ops are born in.' });
const opCount = z.union([z.int().min(0), z.null()]);

const peerSchema = z
  .object({
    node: z.union([z.string(), z.null()]),
    origin: z.union([origin, z.null()]),
    url: z.union([z.string(), z.null()]),
    state: z.enum(['connected', 'connecting', 'unreachable', 'refused']),
    reason: z.union([z.string(), z.null()]),
    peer_lacks_ops: opCount,
    we_lack_ops: opCount,
    last_heard_at: z.union([z.iso.datetime(), z.null()]),
    agrees: z.union([z.boolean(), z.null()]),
  })
  .meta({ id: 'Peer' });

const memberSchema = z
  .object({
    node,
    origin,
    url: z.union([z.string(), z.null()]),
    last_heard_at: z.union([z.iso.datetime(), z.null()]),
    heard: z
      .boolean()
      .meta({ description: 'Whether this node has heard it lately: over a link, or by a round.' }),
    behind_ops: opCount.meta({ description: 'Ops held here that it has not acknowledged yet.' }),
    holds_back: z
      .boolean()
      .meta({ description: 'Whether this member keeps dead entries from being collected.' }),
    acknowledged: z.union([z.record(origin, z.int().min(0)), z.null()]),
  })
  .meta({ id: 'Member' });

const ringSchema = z
  .object({
    successor: z.union([origin, z.null()]).meta({
      description:
        'The first member after this node on the ring that is linked; null while none is.',
    }),
    broken: z
      .array(
        z.object({
          node,
          origin,
          url: z.union([z.string(), z.null()]),
          reason: z.union([z.string(), z.null()]),
        }),
      )
      .meta({
        description:
          'The members between this node and its successor, the nearest first: there the ring is broken.',
      }),
  })
  .meta({ id: 'Ring' });

export const clusterSchema = z
  .object({
    node,
    origin,
    cluster: z.object({ name: z.string(), id: z.union([z.string(), z.null()]) }),
    vector: z.record(origin, z.int().min(1)),
    map_sum: z.object({
      sum: z.string(),
      as_of: z.iso.datetime().meta({ description: 'Entries that expire by then do not count.' }),
    }),
    ring: z.union([ringSchema, z.null()]).meta({
      description: 'Null up to mesh-limit members, where every node links every other.',
    }),
    peers: z.array(peerSchema),
    members: z.array(memberSchema),
  })
  .meta({ id: 'Cluster' });
